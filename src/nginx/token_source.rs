//! Where a location finds its token: `token=` or `Authorization`.

use super::conf::{AuthJwt, LocationConf};
use super::context::Context;
use super::ffi::complex_value::EvaluationFailed;
use super::ffi::request::Request;
use super::tokens::Token;
use super::worker;
use crate::auth::authorization::{self, Scheme};
use crate::auth::binding::{Binding, Mode};

/// The token that `auth_jwt` is to judge.
pub fn presented<'r>(
    request: Request<'r>,
    auth: &AuthJwt,
    binding: Binding,
) -> Result<Option<Token<'r>>, EvaluationFailed> {
    match &auth.token {
        Some(source) => source.evaluate(request).map(elsewhere),
        None => Ok(in_header(request, binding)),
    }
}

/// The token that variables speak of in the current location.
pub fn of_location<'r>(request: Request<'r>, context: &Context) -> Option<Token<'r>> {
    // Where keys are fetched, variables speak of the request they are fetched for; of none where the
    // keys are everybody's, as nobody has verified that token.
    let mut request = request;
    if request.is_subrequest() {
        match worker::this().fetch_of(request) {
            Some(fetch) if fetch.serves_all => return None,
            Some(_) => request = request.main(),
            None => {}
        }
    }
    let conf = request.location_conf::<LocationConf>().and_then(|conf| conf.effective.get());
    let auth = conf.and_then(|conf| conf.settings.auth.as_deref());
    let Some(source) = auth.and_then(|auth| auth.token.as_ref()) else {
        return in_header(request, conf.map(|conf| conf.binding).unwrap_or_default());
    };
    // nginx evaluates a string twice, for its length and for its text. Within one location the
    // token must not change in between, even where its variable gives another value each time.
    let site = Some((request.address(), request.location()));
    let token = if context.token_site.replace(site) == site {
        source.evaluate_again(request)
    } else {
        source.evaluate(request)
    };
    token.ok().and_then(elsewhere)
}

/// The token of `Authorization`; that of DPoP only where `binding` honours proofs.
fn in_header(request: Request<'_>, binding: Binding) -> Option<Token<'_>> {
    let authorization = request.authorization()?;
    match authorization::bearer(authorization) {
        Some(bytes) => Some(Token { bytes, scheme: Some(Scheme::Bearer) }),
        None if binding.proof.is_on() => with_proof(authorization),
        None => None,
    }
}

#[cold]
fn with_proof(authorization: &[u8]) -> Option<Token<'_>> {
    let bytes = authorization::dpop(authorization)?;
    Some(Token { bytes, scheme: Some(Scheme::Dpop) })
}

/// The token of `Authorization`, whatever the location makes of it.
pub fn of_authorization(request: Request<'_>) -> Option<Token<'_>> {
    in_header(request, Binding { proof: Mode::Optional, ..Binding::OFF })
}

fn elsewhere(bytes: &[u8]) -> Option<Token<'_>> {
    if bytes.is_empty() { None } else { Some(Token { bytes, scheme: None }) }
}
