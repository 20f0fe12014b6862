//! The access phase: is there a token here, and does it pass?

use ngx::ffi::NGX_LOG_NOTICE;

use super::challenge_header::refuse;
use super::conf::LocationConf;
use super::context::Context;
use super::ffi::complex_value::EvaluationFailed;
use super::ffi::guard::Entry;
use super::ffi::phase::{Decision, PhaseHandler};
use super::ffi::request::Request;
use super::judge::judge;
use super::token_source;
use crate::auth::outcome::Verdict;

/// The handler of the access phase.
pub struct Access;

impl PhaseHandler for Access {
    const ENTRY: Entry = Entry::Access;

    fn handle(request: Request<'_>) -> Decision {
        // Core runs no access phase for subrequests; a verdict on one would bind its parent.
        if request.is_subrequest() {
            return Decision::Declined;
        }
        authenticate(request).unwrap_or_else(|EvaluationFailed| {
            give_up(request);
            Decision::Error
        })
    }
}

fn authenticate(request: Request<'_>) -> Result<Decision, EvaluationFailed> {
    let conf = request.location_conf::<LocationConf>().and_then(|conf| conf.effective.get());
    let Some((conf, (auth, realm))) = conf.and_then(|conf| Some((conf, conf.enabled()?))) else {
        return Ok(Decision::Declined);
    };
    let realm = realm.evaluate(request)?;
    if realm == b"off" {
        give_up(request);
        return Ok(Decision::Declined);
    }
    let context = Context::of(request).ok_or(EvaluationFailed)?;
    // What an earlier location has found says nothing of this one.
    drop(context.issuer.take());
    context.without_claims.set(None);
    let token = token_source::presented(request, auth, conf.binding)?;
    let Some(judged) = judge(request, conf, context, token) else { return Ok(Decision::Again) };
    // It may have waited for keys that it does not need any more, as its token is another one now.
    context.gathering.give_up();
    let (issuer, judged) = judged.map_or_else(|refusal| (None, Err(refusal)), |by| (by, Ok(())));
    let number = issuer.as_ref().map(|issuer| issuer.id);
    context.issuer.replace(issuer);
    let verdict = Verdict::new(judged, conf.leniency);
    if let Some(counters) = conf.zone.counters.get() {
        counters.count(&verdict, number);
    }
    context.status.set(Some(verdict.word()));
    match verdict {
        Verdict::Accepted => return Ok(Decision::Ok),
        Verdict::Refused(refusal) => {
            return refuse(request, conf, context, realm, &refusal).ok_or(EvaluationFailed);
        }
        Verdict::Anonymous => {}
        Verdict::DryRun(refusal) => {
            request.log(NGX_LOG_NOTICE, format_args!("{refusal} (dry run)"));
        }
    }
    // Whoever else is asked decides: a token that is missing or bad grants nothing.
    context.without_claims.set(Some(request.location()));
    Ok(Decision::Declined)
}

/// A request that does not come to the keys it has waited for must not keep others waiting, who share them.
#[cold]
fn give_up(request: Request<'_>) {
    if let Some(context) = Context::known(request) {
        context.gathering.give_up();
    }
}
