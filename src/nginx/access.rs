//! The access phase: is there a token here, and does it pass?

use std::rc::Rc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_WARN};

use super::challenge_header::refuse;
use super::conf::{AuthJwt, Effective, LocationConf};
use super::context::Context;
use super::ffi::complex_value::{ComplexValue, EvaluationFailed};
use super::ffi::guard::Entry;
use super::ffi::phase::{Answer, PhaseHandler};
use super::ffi::request::Request;
use super::ffi::time;
use super::gather::{Gathered, KeysNeeded};
use super::token_source;
use super::worker;
use crate::auth::judgement::{Judgement, Pending};
use crate::auth::numeric_date::NumericDate;
use crate::auth::outcome::{Refusal, Verdict};
use crate::auth::require::{self, Failure};
use crate::auth::verification::VerifiedToken;

/// The handler of the access phase.
pub struct Access;

impl PhaseHandler for Access {
    const ENTRY: Entry = Entry::Access;

    fn handle(request: Request<'_>) -> Answer {
        // Core runs no access phase for subrequests; a verdict on one would bind its parent.
        if request.is_subrequest() {
            return Answer::Declined;
        }
        authenticate(request).unwrap_or(Answer::Error)
    }
}

fn authenticate(request: Request<'_>) -> Result<Answer, EvaluationFailed> {
    let conf = request.location_conf::<LocationConf>().and_then(|conf| conf.effective.get());
    let Some((conf, (auth, realm))) = conf.and_then(|conf| Some((conf, conf.enabled()?))) else {
        return Ok(Answer::Declined);
    };
    let realm = realm.evaluate(request)?;
    if realm == b"off" {
        return Ok(Answer::Declined);
    }
    let context = Context::of(request).ok_or(EvaluationFailed)?;
    let Some(judged) = judge(request, conf, auth, context)? else { return Ok(Answer::Again) };
    context.verdict.set(Some(Verdict::from(judged)));
    match judged {
        Ok(()) => Ok(Answer::Ok),
        Err(refusal) => refuse(request, context, realm, refusal).ok_or(EvaluationFailed),
    }
}

/// `None` while keys are being fetched.
fn judge(
    request: Request<'_>,
    conf: &Effective,
    auth: &AuthJwt,
    context: &Context,
) -> Result<Option<Result<(), Refusal>>, EvaluationFailed> {
    let token = token_source::presented(request, auth)?;
    let judgement = worker::with(|worker| {
        worker.with_memory(conf.token_cache, |memory| {
            let bytes = token.map(|token| token.bytes);
            Judgement::begin(bytes, conf.verification, memory, |verified| {
                let sources = conf.verification.sources;
                worker.holds(verified, sources, time::monotonic_milliseconds())
            })
        })
    });
    let verified = match judgement {
        Judgement::Settled(settled) => {
            if settled.as_ref().is_err_and(|refusal| *refusal == Refusal::KeysUnavailable) {
                request.log(NGX_LOG_ERR, format_args!("no key source to decrypt the JWT with"));
            }
            settled
        }
        Judgement::NeedsKeys(pending) => match verify(request, conf, context, pending) {
            Some(verified) => verified,
            None => return Ok(None),
        },
    };
    let (token, verified) = match (token, verified) {
        (Some(token), Ok(verified)) => (token, verified),
        (_, Err(refusal)) => return Ok(Some(Err(refusal))),
        (None, Ok(_)) => return Ok(Some(Err(Refusal::NoToken))),
    };
    context.tokens.keep_verified(token, verified.clone(), || token_source::in_header(request));
    let (seconds, milliseconds) = time::now();
    let now = NumericDate::new(seconds, milliseconds);
    let accepted = verified.accept(conf.acceptance, now, || requirements(request, conf));
    Ok(Some(accepted.map(|_| ())))
}

/// Gathers keys and verifies the token with them; `None` while they are being fetched. It stands apart, as
/// does whatever a token that comes again does not need: the way of most requests is short.
#[inline(never)]
fn verify(
    request: Request<'_>,
    conf: &Effective,
    context: &Context,
    pending: Pending<'_>,
) -> Option<Result<Rc<VerifiedToken>, Refusal>> {
    let sources = conf.settings.key_sources.as_deref()?;
    let now = time::monotonic_milliseconds();
    let at_hand = worker::with(|worker| worker.recent_sets(sources.id, now));
    // Only who may fetch ahead of time asks what the keys at hand lack.
    let kid = conf.key_rules.refresh_every.and_then(|_| pending.kid());
    let (token, rules) = (pending.token(), conf.key_rules);
    let needed = KeysNeeded { sources, rules, token, kid: kid.as_deref() };
    let gather = || context.gathering.gather(request, needed);
    let gathered = at_hand.map_or_else(gather, Gathered::Ready);
    drop(kid);
    let sets = match gathered {
        Gathered::Ready(sets) => sets,
        Gathered::Pending => return None,
        Gathered::Unavailable => return Some(Err(Refusal::KeysUnavailable)),
    };
    let verified = worker::with(|worker| {
        worker.with_memory(conf.token_cache, |memory| pending.with_keys(&sets, memory))
    });
    if let Ok(verified) = &verified
        && verified.is_anybodys()
        && worker::with(|worker| !worker.told_anybodys.replace(true))
    {
        request.log(
            NGX_LOG_WARN,
            format_args!(
                "\"auth_jwt_type encrypted\" with a public key authenticates nobody: whoever has the key can make such a token; use \"nested\" or a symmetric key"
            ),
        );
    }
    Some(verified)
}

/// The first requirement that is not met decides. A value that cannot be evaluated is not met.
fn requirements(request: Request<'_>, conf: &Effective) -> Result<(), Failure> {
    let met = |value: &ComplexValue| value.evaluate(request).is_ok_and(require::met);
    let mut requirements = conf.settings.requirements.iter().flat_map(|own| &own.list);
    match requirements.find(|requirement| !requirement.values.iter().all(met)) {
        Some(failed) => Err(failed.failure),
        None => Ok(()),
    }
}
