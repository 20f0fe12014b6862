//! Has the token of a request judged, from its bytes to who has issued it. Whatever a token that comes
//! again does not need stands elsewhere: the way of most requests is short.

use std::rc::Rc;

use ngx::ffi::NGX_LOG_ERR;

use super::conf::Effective;
use super::context::Context;
use super::ffi::complex_value::ComplexValue;
use super::ffi::request::Request;
use super::ffi::time;
use super::ffi::turn::turn;
use super::holder::Sender;
use super::token_source;
use super::tokens::Token;
use super::verify::verify;
use super::worker;
use crate::auth::issuer::Issuer;
use crate::auth::judgement::{Judgement, Lookup};
use crate::auth::numeric_date::NumericDate;
use crate::auth::outcome::Refusal;
use crate::auth::require;

/// Who has issued the token, where it passes; `None` while keys are being fetched.
pub fn judge(
    request: Request<'_>,
    conf: &Effective,
    context: &Context,
    token: Option<Token<'_>>,
) -> Option<Result<Option<Rc<Issuer>>, Refusal>> {
    let issuers = conf.issuers.as_deref().map(|issuers| &issuers.table);
    let worker = worker::this();
    let mut lent = worker.lend_memory(conf.token_cache);
    let mut memory = lent.memory();
    let bytes = token.map(|token| token.bytes);
    let judgement = Judgement::begin(bytes, conf.verification, issuers, &mut memory, |verified| {
        let (sources, fresh_for) = (conf.verification.sources, conf.key_rules.fresh_for);
        worker.recent_keys.borrow().hold(verified, sources, fresh_for, turn())
    });
    let verified = match judgement {
        Judgement::Settled(settled) => {
            if settled.as_ref().is_err_and(|refusal| *refusal == Refusal::KeysUnavailable) {
                request.log(NGX_LOG_ERR, format_args!("no key source to decrypt the JWT with"));
            }
            settled
        }
        Judgement::NeedsKeys(pending) => verify(request, conf, context, *pending, &mut memory)?,
    };
    let lookup = memory.lookup;
    drop(lent);
    if let (Some(lookup), Some(counters)) = (lookup, conf.zone.counters.get()) {
        counters.lookups.count(lookup == Lookup::Hit);
    }
    let (token, verified) = match (token, verified) {
        (Some(token), Ok(verified)) => (token, verified),
        (_, Err(refusal)) => return Some(Err(refusal)),
        (None, Ok(_)) => return Some(Err(Refusal::NoToken)),
    };
    context
        .tokens
        .keep_verified(token, verified.clone(), || token_source::of_authorization(request));
    let (seconds, milliseconds) = time::now();
    let now = NumericDate::new(seconds, milliseconds);
    let text = |value: &ComplexValue| value.text(request);
    let requirements = || require::judge(conf.requirements(), text);
    let sender = Sender { request, conf, context, token };
    let accepted = verified.accept(conf.acceptance(), now, text, &sender, requirements);
    Some(accepted.map(|_| verified.issuer().cloned()))
}
