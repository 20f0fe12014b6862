//! `$jwt_header_*`, `$jwt_claim_*`, `$jwt_payload`, `$auth_jwt_status`, `$auth_jwt_issuer`, and the
//! variables of `auth_jwt_claim_set` and `auth_jwt_header_set`.

use super::conf::{LocationConf, MainConf, Part, Realm};
use super::context::Context;
use super::ffi::request::Request;
use super::ffi::variable::{NumberedVariable, OutOfMemory, Text, Variable};
use super::token_source;
use super::tokens::Content;
use crate::auth::outcome::OFF;
use crate::auth::render::{harmless, render};
use crate::jose::json::{Object, Value};

/// `$jwt_header_NAME`: a member of the JOSE header.
pub struct JwtHeader;

/// `$jwt_claim_NAME`: a claim.
pub struct JwtClaim;

/// `$jwt_payload`: all claims as JSON, or the JWS inside a nested token.
pub struct JwtPayload;

/// A variable of `auth_jwt_claim_set` or `auth_jwt_header_set`.
pub struct JwtSetVariable;

/// `$auth_jwt_status`: why the request passed or failed.
pub struct AuthJwtStatus;

/// `$auth_jwt_issuer`: whose token has passed.
pub struct AuthJwtIssuer;

impl Variable for JwtHeader {
    const NAME: &'static str = "jwt_header_";
    const IS_PREFIX: bool = true;

    fn value<'r>(request: Request<'r>, name: &str) -> Text<'r> {
        rendered(request, Part::Header, |object| object.value_ignoring_case(name))
    }
}

impl Variable for JwtClaim {
    const NAME: &'static str = "jwt_claim_";
    const IS_PREFIX: bool = true;

    fn value<'r>(request: Request<'r>, name: &str) -> Text<'r> {
        rendered(request, Part::Claims, |object| object.value_ignoring_case(name))
    }
}

impl Variable for JwtPayload {
    const NAME: &'static str = "jwt_payload";

    fn value<'r>(request: Request<'r>, _: &str) -> Text<'r> {
        copied(request, &harmless(content(request, Part::Claims)?.payload()?))
    }
}

impl NumberedVariable for JwtSetVariable {
    fn value<'r>(request: Request<'r>, number: usize) -> Text<'r> {
        let variables = request.main_conf::<MainConf>()?.set_variables.borrow();
        let variable = variables.get(number)?;
        let path = variable.path.iter().map(String::as_str);
        rendered(request, variable.part, |object| object.value_at(path))
    }
}

impl Variable for AuthJwtStatus {
    const NAME: &'static str = "auth_jwt_status";

    fn value<'r>(request: Request<'r>, _: &str) -> Text<'r> {
        let word = Context::of(request)?.status.get();
        word.or_else(|| off(request).then_some(OFF)).map(|word| Ok(word.as_bytes()))
    }
}

impl Variable for AuthJwtIssuer {
    const NAME: &'static str = "auth_jwt_issuer";

    fn value<'r>(request: Request<'r>, _: &str) -> Text<'r> {
        let issuer = Context::of(request)?.issuer.borrow();
        copied(request, &harmless(&issuer.as_ref()?.name))
    }
}

/// A text that outlives what it was made of.
fn copied<'r>(request: Request<'r>, text: &[u8]) -> Text<'r> {
    Some(request.copy(text).ok_or(OutOfMemory))
}

/// What the token of the current location holds, as far as `part` of it may be seen there.
fn content(request: Request<'_>, part: Part) -> Option<Content> {
    let context = Context::of(request)?;
    if part == Part::Claims && context.without_claims.get() == Some(request.location()) {
        return None;
    }
    let token = token_source::of_location(request, context)?;
    Some(context.tokens.content(token, || token_source::of_authorization(request)))
}

/// What `find` finds in one part of the token, as text.
fn rendered<'r>(
    request: Request<'r>,
    part: Part,
    find: impl FnOnce(&Object) -> Option<Value<'_>>,
) -> Text<'r> {
    let content = content(request, part)?;
    let object = match part {
        Part::Header => content.header(),
        Part::Claims => content.claims(),
    };
    copied(request, &render(find(object?)?))
}

fn off(request: Request<'_>) -> bool {
    let conf = request.location_conf::<LocationConf>().and_then(|conf| conf.effective.get());
    match conf.and_then(|conf| conf.settings.auth.as_deref()).map(|auth| &auth.realm) {
        None | Some(Realm::Off) => true,
        Some(Realm::On(realm)) => realm.evaluate_again(request).is_ok_and(|realm| realm == b"off"),
    }
}
