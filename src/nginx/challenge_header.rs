//! The challenges in an answer: put there where a request is refused, taken out again where another
//! module grants access under `satisfy any`.

use ngx::ffi::NGX_LOG_INFO;

use super::conf::{Effective, LocationConf};
use super::context::Context;
use super::ffi::complex_value::ComplexValue;
use super::ffi::guard::Entry;
use super::ffi::phase::{Decision, PhaseHandler};
use super::ffi::request::Request;
use crate::auth::authorization::Scheme;
use crate::auth::challenge::challenge;
use crate::auth::outcome::Refusal;
use crate::auth::scope_rule::each_once;

/// The handler of the precontent phase, which only a request that has been granted access reaches.
pub struct Precontent;

impl PhaseHandler for Precontent {
    const ENTRY: Entry = Entry::Precontent;

    fn handle(request: Request<'_>) -> Decision {
        let conf = request.location_conf::<LocationConf>();
        let enabled = conf.and_then(|conf| conf.effective.get()?.enabled()).is_some();
        if enabled
            && !request.is_subrequest()
            && let Some(context) = Context::of(request)
        {
            hide_challenges(request, context);
        }
        Decision::Declined
    }
}

/// Logs the refusal, and challenges the client; `None` where memory has run out.
#[cold]
pub fn refuse(
    request: Request<'_>,
    conf: &Effective,
    context: &Context,
    realm: &[u8],
    refusal: &Refusal,
) -> Option<Decision> {
    if let Some((earlier, _)) = context.challenges.take() {
        request.hide(earlier);
    }
    if refusal.is_the_clients() {
        request.log(NGX_LOG_INFO, format_args!("{refusal}"));
        let scopes = scopes(request, conf);
        let metadata = conf.resource().map(|(own, _)| own.metadata_url.as_str());
        let of = |scheme| {
            request.copy(&challenge(scheme, realm, refusal.error_code(), &scopes, metadata))
        };
        let dpop = match conf.stated_binding().proof.is_on() {
            true => Some(of(Scheme::Dpop)?),
            false => None,
        };
        let challenges = request.add_challenges(of(Scheme::Bearer)?, dpop)?;
        context.challenges.set(Some((challenges, request.location())));
    }
    Some(Decision::Status(refusal.status()))
}

/// The scopes that the location asks for, each once.
fn scopes<'r>(request: Request<'r>, conf: &'r Effective) -> Vec<&'r [u8]> {
    let rules = conf.acceptance().rules.map(|rules| rules.scopes).unwrap_or_default();
    let scopes = rules.iter().flat_map(|rule| &rule.scopes);
    each_once(scopes.map(|scope| scope.text(&|value: &'r ComplexValue| value.text(request))))
}

/// Core clears challenges under `satisfy any`, but only where nginx's pointer still leads to them.
fn hide_challenges(request: Request<'_>, context: &Context) {
    if let Some((challenges, location)) = context.challenges.get() {
        // After an error page's redirect they stay, as that of auth_basic does.
        if location == request.location() {
            request.hide(challenges);
        }
    }
}
