//! The phase handlers. Access: is there a token here, and does it pass? Precontent: where another
//! module has granted access under `satisfy any`, our challenge goes.

use std::rc::Rc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_INFO};

use super::conf::{AuthJwt, Effective, LocationConf};
use super::context::Context;
use super::ffi::complex_value::{ComplexValue, EvaluationFailed};
use super::ffi::phase::{Answer, PhaseHandler};
use super::ffi::request::Request;
use super::ffi::time;
use super::keys::gather::gather;
use super::token;
use crate::auth::challenge::challenge;
use crate::auth::check::{Accepted, Keys, Parsed};
use crate::auth::numeric_date::NumericDate;
use crate::auth::outcome::{Fault, Refusal, Verdict};
use crate::auth::require::{self, Failure};

/// The access phase.
pub struct Access;

/// The precontent phase, which only a request that has been granted access reaches.
pub struct Precontent;

impl PhaseHandler for Access {
    fn handle(request: Request<'_>) -> Answer {
        // Core runs no access phase for subrequests; a verdict on one would bind its parent.
        if request.is_subrequest() {
            return Answer::Declined;
        }
        authenticate(request).unwrap_or(Answer::Error)
    }
}

impl PhaseHandler for Precontent {
    fn handle(request: Request<'_>) -> Answer {
        let conf = request.location_conf::<LocationConf>();
        let enabled = conf.and_then(|conf| conf.effective.as_ref()?.enabled()).is_some();
        if enabled
            && !request.is_subrequest()
            && let Some(context) = Context::of(request)
        {
            hide_challenge(request, context);
        }
        Answer::Declined
    }
}

fn authenticate(request: Request<'_>) -> Result<Answer, EvaluationFailed> {
    let conf = request.location_conf::<LocationConf>().and_then(|conf| conf.effective.as_ref());
    let Some((conf, (auth, realm))) = conf.and_then(|conf| Some((conf, conf.enabled()?))) else {
        return Ok(Answer::Declined);
    };
    let realm = realm.evaluate(request)?;
    if realm == b"off" {
        return Ok(Answer::Declined);
    }
    let context = Context::of(request).ok_or(EvaluationFailed)?;
    let judged = judge(request, conf, auth, context)?;
    Ok(match judged {
        Ok(_) => {
            context.verdict.set(Some(Verdict::Accepted));
            Answer::Ok
        }
        Err(refusal) => {
            context.verdict.set(Some(Verdict::Refused(refusal)));
            refuse(request, context, realm, refusal).ok_or(EvaluationFailed)?
        }
    })
}

fn judge(
    request: Request<'_>,
    conf: &Effective,
    auth: &AuthJwt,
    context: &Context,
) -> Result<Result<Accepted, Refusal>, EvaluationFailed> {
    let Some(token) = token::presented(request, auth)? else { return Ok(Err(Refusal::NoToken)) };
    let verify = || {
        let parsed = Parsed::new(token, conf.policy)?;
        let verified = match &conf.key_sources {
            None => parsed.verify(Keys::None).inspect_err(|refusal| {
                if refusal.fault() == Fault::KeySource {
                    request.log(NGX_LOG_ERR, format_args!("no key source for an encrypted JWT"));
                }
            })?,
            Some(sources) => {
                let sets = gather(request, sources, conf.key_cache)
                    .map_err(|_| Refusal::KeysUnavailable)?;
                parsed.verify(Keys::Sets(&sets))?
            }
        };
        let verified = Rc::new(verified);
        context.keep_verified(token, verified.clone());
        let (seconds, milliseconds) = time::now();
        let now = NumericDate::new(seconds, milliseconds);
        Accepted::new(verified, conf.policy, now, || requirements(request, conf))
    };
    Ok(verify())
}

/// The first requirement that is not met decides. A value that cannot be evaluated is not met.
fn requirements(request: Request<'_>, conf: &Effective) -> Result<(), Failure> {
    let met = |value: &ComplexValue| value.evaluate(request).is_ok_and(require::met);
    let requirements = conf.requirements.as_deref().map(Vec::as_slice).unwrap_or_default();
    match requirements.iter().find(|requirement| !requirement.values.iter().all(met)) {
        Some(failed) => Err(failed.failure),
        None => Ok(()),
    }
}

fn refuse(
    request: Request<'_>,
    context: &Context,
    realm: &[u8],
    refusal: Refusal,
) -> Option<Answer> {
    if refusal.fault() == Fault::Client {
        request.log(NGX_LOG_INFO, format_args!("{refusal}"));
    }
    if let Some((earlier, _)) = context.challenge.take() {
        earlier.hide();
    }
    if refusal.challenges() {
        let value = request.copy(&challenge(realm, refusal.error_code()))?;
        let header = request.add_challenge(value)?;
        context.challenge.set(Some((header, request.location())));
    }
    Some(Answer::Status(refusal.status()))
}

/// Core clears the challenge under `satisfy any`, but only where nginx's pointer still leads to it.
fn hide_challenge(request: Request<'_>, context: &Context) {
    if let Some((header, location)) = context.challenge.get() {
        // After an error page's redirect the challenge stays, as that of auth_basic does.
        if location == request.location() {
            header.hide();
        }
    }
}
