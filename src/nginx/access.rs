//! The access phase: is there a token here, and does it pass?

use std::rc::Rc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_NOTICE};

use super::challenge_header::refuse;
use super::conf::{Effective, LocationConf};
use super::context::Context;
use super::ffi::complex_value::{ComplexValue, EvaluationFailed};
use super::ffi::guard::Entry;
use super::ffi::phase::{Decision, PhaseHandler};
use super::ffi::request::Request;
use super::ffi::time;
use super::token_source;
use super::tokens::Token;
use super::verify::verify;
use super::worker;
use crate::auth::issuer::Issuer;
use crate::auth::judgement::Judgement;
use crate::auth::numeric_date::NumericDate;
use crate::auth::outcome::{Refusal, Verdict};
use crate::auth::require;

/// The handler of the access phase.
pub struct Access;

impl PhaseHandler for Access {
    const ENTRY: Entry = Entry::Access;

    fn handle(request: Request<'_>) -> Decision {
        // Core runs no access phase for subrequests; a verdict on one would bind its parent.
        if request.is_subrequest() {
            return Decision::Declined;
        }
        authenticate(request).unwrap_or(Decision::Error)
    }
}

fn authenticate(request: Request<'_>) -> Result<Decision, EvaluationFailed> {
    let conf = request.location_conf::<LocationConf>().and_then(|conf| conf.effective.get());
    let Some((conf, (auth, realm))) = conf.and_then(|conf| Some((conf, conf.enabled()?))) else {
        return Ok(Decision::Declined);
    };
    let realm = realm.evaluate(request)?;
    if realm == b"off" {
        return Ok(Decision::Declined);
    }
    let context = Context::of(request).ok_or(EvaluationFailed)?;
    // What an earlier location has found says nothing of this one.
    drop(context.issuer.take());
    context.without_claims.set(None);
    let token = token_source::presented(request, auth)?;
    let Some(judged) = judge(request, conf, context, token) else { return Ok(Decision::Again) };
    let (issuer, judged) = judged.map_or_else(|refusal| (None, Err(refusal)), |by| (by, Ok(())));
    context.issuer.replace(issuer);
    let verdict = Verdict::new(judged, conf.leniency);
    context.status.set(Some(verdict.word()));
    match verdict {
        Verdict::Accepted => Ok(Decision::Ok),
        // Whoever else is asked decides: a token that is missing or bad grants nothing.
        Verdict::Anonymous => {
            context.without_claims.set(Some(request.location()));
            Ok(Decision::Declined)
        }
        Verdict::DryRun(refusal) => {
            request.log(NGX_LOG_NOTICE, format_args!("{refusal} (dry run)"));
            context.without_claims.set(Some(request.location()));
            Ok(Decision::Declined)
        }
        Verdict::Refused(refusal) => {
            refuse(request, conf, context, realm, &refusal).ok_or(EvaluationFailed)
        }
    }
}

/// Who has issued the token, where it passes; `None` while keys are being fetched.
fn judge(
    request: Request<'_>,
    conf: &Effective,
    context: &Context,
    token: Option<Token<'_>>,
) -> Option<Result<Option<Rc<Issuer>>, Refusal>> {
    let issuers = conf.issuers.as_deref().map(|issuers| &issuers.table);
    let worker = worker::this();
    let mut memory = worker.lend_memory(conf.token_cache);
    let bytes = token.map(|token| token.bytes);
    let judgement =
        Judgement::begin(bytes, conf.verification, issuers, &mut memory.memory(), |verified| {
            let (sources, fresh_for) = (conf.verification.sources, conf.key_rules.fresh_for);
            let now = time::monotonic_milliseconds();
            worker.recent_keys.borrow().hold(verified, sources, fresh_for, now)
        });
    drop(memory);
    let verified = match judgement {
        Judgement::Settled(settled) => {
            if settled.as_ref().is_err_and(|refusal| *refusal == Refusal::KeysUnavailable) {
                request.log(NGX_LOG_ERR, format_args!("no key source to decrypt the JWT with"));
            }
            settled
        }
        Judgement::NeedsKeys(pending) => verify(request, conf, context, *pending)?,
    };
    let (token, verified) = match (token, verified) {
        (Some(token), Ok(verified)) => (token, verified),
        (_, Err(refusal)) => return Some(Err(refusal)),
        (None, Ok(_)) => return Some(Err(Refusal::NoToken)),
    };
    context.tokens.keep_verified(token, verified.clone(), || token_source::in_header(request));
    let (seconds, milliseconds) = time::now();
    let now = NumericDate::new(seconds, milliseconds);
    let text = |value: &ComplexValue| value.text(request);
    let requirements = || require::judge(conf.requirements(), text);
    let accepted = verified.accept(conf.acceptance(), now, text, requirements);
    Some(accepted.map(|_| verified.issuer().cloned()))
}
