//! Gathers the keys of a token that is not settled without, and verifies it with them. It stands apart, as does
//! whatever a token that comes again does not need: the way of most requests is short.

use std::rc::Rc;

use ngx::ffi::NGX_LOG_WARN;

use super::conf::Effective;
use super::context::Context;
use super::ffi::request::Request;
use super::ffi::turn::turn;
use super::gather::{Gathered, KeysNeeded, has_kid};
use super::key_conf::KeySources;
use super::key_store::recent::{KeptSources, KeySets};
use super::worker;
use crate::auth::judgement::{Memory, Pending};
use crate::auth::outcome::Refusal;
use crate::auth::verification::VerifiedToken;

/// The verified token; `None` while keys are being fetched.
#[inline(never)]
pub fn verify(
    request: Request<'_>,
    conf: &Effective,
    context: &Context,
    pending: Pending<'_>,
    memory: &mut Memory<'_>,
) -> Option<Result<Rc<VerifiedToken>, Refusal>> {
    let Some(sources) = sources(conf, &pending) else {
        return Some(Err(Refusal::KeysUnavailable));
    };
    let worker = worker::this();
    let kept = KeptSources { sources: sources.id, fresh_for: conf.key_rules.fresh_for };
    // Only who may have newer keys asks what the keys at hand lack.
    let may_refresh = sources.refreshes(conf.key_rules);
    let kid = if may_refresh { pending.kid() } else { None };
    let has_kid = |sets: &KeySets| kid.as_ref().is_none_or(|kid| has_kid(sets, kid));
    let at_hand = worker.recent_keys.borrow().sets(kept, turn()).filter(has_kid);
    let (token, rules) = (pending.token(), conf.key_rules);
    let needed = KeysNeeded { sources, rules, token, kid: kid.as_deref() };
    if at_hand.is_some() {
        // What it waited for is there.
        context.gathering.give_up();
    }
    let gather = || context.gathering.gather(request, needed);
    let gathered = at_hand.map_or_else(gather, Gathered::Ready);
    drop(kid);
    let sets = match gathered {
        Gathered::Ready(sets) => sets,
        Gathered::Pending => return None,
        Gathered::Unavailable => return Some(Err(Refusal::KeysUnavailable)),
    };
    let verified = pending.with_keys(&sets, memory);
    if let Ok(verified) = &verified
        && verified.is_anybodys()
        && !worker.told_anybodys.replace(true)
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

/// The issuer's key sources, or the level's own.
fn sources<'c>(conf: &'c Effective, pending: &Pending<'_>) -> Option<&'c KeySources> {
    match (pending.issuer(), conf.issuers.as_deref()) {
        (Some(issuer), Some(issuers)) => issuers.sources.get(&issuer.id).map(Rc::as_ref),
        (None, None) => conf.sources(),
        (Some(_), None) | (None, Some(_)) => None,
    }
}
