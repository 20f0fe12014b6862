//! `$jwt_header_*`, `$jwt_claim_*`, `$jwt_payload`, `$auth_jwt_status`.

use std::borrow::Cow;

use super::conf::{LocationConf, Realm};
use super::context::{Content, Context};
use super::ffi::request::Request;
use super::ffi::variable::Variable;
use super::token;
use crate::auth::outcome::OFF;
use crate::auth::render::{harmless, render};
use crate::jose::json::Object;

/// `$jwt_header_NAME`: a member of the JOSE header.
pub struct JwtHeader;

/// `$jwt_claim_NAME`: a claim.
pub struct JwtClaim;

/// `$jwt_payload`: all claims as JSON.
pub struct JwtPayload;

/// `$auth_jwt_status`: why the request passed or failed.
pub struct AuthJwtStatus;

impl Variable for JwtHeader {
    const NAME: &'static str = "jwt_header_";

    fn value<'r>(request: Request<'r>, name: &str) -> Option<Cow<'r, [u8]>> {
        member(request, name, Content::header)
    }
}

impl Variable for JwtClaim {
    const NAME: &'static str = "jwt_claim_";

    fn value<'r>(request: Request<'r>, name: &str) -> Option<Cow<'r, [u8]>> {
        member(request, name, Content::claims)
    }
}

impl Variable for JwtPayload {
    const NAME: &'static str = "jwt_payload";

    fn value<'r>(request: Request<'r>, _name: &str) -> Option<Cow<'r, [u8]>> {
        let context = Context::of(request)?;
        let content = context.content(token::of_location(request, context)?);
        Some(Cow::Owned(harmless(content.claims()?.text())))
    }
}

impl Variable for AuthJwtStatus {
    const NAME: &'static str = "auth_jwt_status";

    fn value<'r>(request: Request<'r>, _name: &str) -> Option<Cow<'r, [u8]>> {
        let verdict = Context::of(request)?.verdict.get();
        let word = match verdict {
            Some(verdict) => Some(verdict.word()),
            None => off(request).then_some(OFF),
        };
        word.map(|word| Cow::Borrowed(word.as_bytes()))
    }
}

fn member<'r>(
    request: Request<'r>,
    name: &str,
    part: impl FnOnce(&Content) -> Option<&Object>,
) -> Option<Cow<'r, [u8]>> {
    let context = Context::of(request)?;
    let content = context.content(token::of_location(request, context)?);
    Some(Cow::Owned(render(part(&content)?.value_ignoring_case(name)?)))
}

fn off(request: Request<'_>) -> bool {
    let conf = request.location_conf::<LocationConf>().and_then(|conf| conf.effective.as_ref());
    match conf.and_then(|conf| conf.auth.as_deref()).map(|auth| &auth.realm) {
        None | Some(Realm::Off) => true,
        Some(Realm::On(realm)) => realm.evaluate_again(request).is_ok_and(|realm| realm == b"off"),
    }
}
