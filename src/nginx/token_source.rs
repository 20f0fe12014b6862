//! Where a location finds its token: `token=` or `Authorization`.

use super::conf::{AuthJwt, LocationConf};
use super::context::Context;
use super::ffi::complex_value::EvaluationFailed;
use super::ffi::request::Request;
use super::tokens::Token;
use super::worker;
use crate::auth::authorization;

/// The token that `auth_jwt` is to judge.
pub fn presented<'r>(
    request: Request<'r>,
    auth: &AuthJwt,
) -> Result<Option<Token<'r>>, EvaluationFailed> {
    match &auth.token {
        Some(source) => source.evaluate(request).map(elsewhere),
        None => Ok(in_header(request)),
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
    let Some(source) = auth.and_then(|auth| auth.token.as_ref()) else { return in_header(request) };
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

/// The token of `Authorization`.
pub fn in_header(request: Request<'_>) -> Option<Token<'_>> {
    let bytes = request.authorization().and_then(authorization::bearer)?;
    Some(Token { bytes, in_header: true })
}

fn elsewhere(bytes: &[u8]) -> Option<Token<'_>> {
    if bytes.is_empty() { None } else { Some(Token { bytes, in_header: false }) }
}
