//! The phase handlers. Access: is there a token here, and does it pass? Precontent: where another
//! module has granted access under `satisfy any`, our challenge goes.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_INFO, NGX_LOG_WARN};

use super::conf::{AuthJwt, Effective, LocationConf};
use super::context::Context;
use super::ffi::complex_value::{ComplexValue, EvaluationFailed};
use super::ffi::guard::Entry;
use super::ffi::phase::{Answer, PhaseHandler};
use super::ffi::request::Request;
use super::ffi::time;
use super::keys::gather::{Gathered, Need, gather};
use super::token;
use super::worker;
use crate::auth::challenge::challenge;
use crate::auth::check::{Accepted, Keys, Parsed};
use crate::auth::numeric_date::NumericDate;
use crate::auth::outcome::{Fault, Refusal, Verdict};
use crate::auth::require::{self, Failure};
use crate::auth::token_cache::{Known, Sought, Terms, generations};
use crate::jose::key_set::KeySet;

/// The access phase.
pub struct Access;

/// The precontent phase, which only a request that has been granted access reaches.
pub struct Precontent;

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

impl PhaseHandler for Precontent {
    const ENTRY: Entry = Entry::Precontent;

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
    let Some(token) = token::presented(request, auth)? else {
        return Ok(Some(Err(Refusal::NoToken)));
    };
    let sources = conf.key_sources.as_deref();
    let terms = Terms { sources: sources.map_or(0, |sources| sources.id), policy: conf.policy };
    let known = match recalled(conf, terms, token.bytes) {
        Recalled::Holding(known) => known,
        Recalled::Possibly(known, sought) => {
            match find_out(request, conf, context, token.bytes, known, sought) {
                Some(Ok(known)) => known,
                Some(Err(refusal)) => return Ok(Some(Err(refusal))),
                None => return Ok(None),
            }
        }
    };
    context.keep_verified(token, known.clone(), || token::in_header(request));
    let (seconds, milliseconds) = time::now();
    let now = NumericDate::new(seconds, milliseconds);
    let requirements = || requirements(request, conf);
    let accepted = Accepted::new(known.verified(), conf.policy, now, requirements);
    Ok(Some(accepted.map(|_| ())))
}

/// What the worker knows of a token.
enum Recalled<'t> {
    /// It was verified, with the very keys that serve in this millisecond.
    Holding(Rc<Known>),
    /// It may have been verified before. By what to keep it, if there is a cache.
    Possibly(Option<Rc<Known>>, Option<Sought<'t>>),
}

fn recalled<'t>(conf: &Effective, terms: Terms, token: &'t [u8]) -> Recalled<'t> {
    worker::with(|worker| {
        let found = worker.with_token_cache(conf.token_cache, |cache| cache.get(terms, token));
        let Some((sought, known)) = found else { return Recalled::Possibly(None, None) };
        let Some(known) = known else { return Recalled::Possibly(None, Some(sought)) };
        let sources = conf.key_sources.as_deref().map(|sources| sources.id);
        match worker.holds(&known, sources, time::monotonic_milliseconds()) {
            true => Recalled::Holding(known),
            false => Recalled::Possibly(Some(known), Some(sought)),
        }
    })
}

/// Verifies the token, unless that has been done before with the very keys that now serve. `None`
/// while they are being fetched. It stands apart, as does whatever a token that comes again does not
/// need: the way of most requests is short, and fits a processor's caches.
#[inline(never)]
fn find_out(
    request: Request<'_>,
    conf: &Effective,
    context: &Context,
    token: &[u8],
    known: Option<Rc<Known>>,
    sought: Option<Sought<'_>>,
) -> Option<Result<Rc<Known>, Refusal>> {
    let candidate = match known {
        Some(known) => Candidate::Known(known),
        None => match parsed(token, conf) {
            Ok(parsed) => Candidate::Parsed(parsed),
            Err(refusal) => return Some(Err(refusal)),
        },
    };
    let sets = match conf.key_sources.as_deref() {
        None => None,
        Some(sources) => {
            let now = time::monotonic_milliseconds();
            let recent = worker::with(|worker| worker.recent_sets(sources.id, now));
            // Only who may fetch ahead of time asks what the keys at hand lack.
            let kid = conf.key_cache.refresh_every.and_then(|_| candidate.kid());
            let need = Need { conf, sources, token, kid: kid.as_deref() };
            match recent.map_or_else(|| gather(request, context, need), Gathered::Ready) {
                Gathered::Ready(sets) => Some(sets),
                Gathered::Pending => return None,
                Gathered::Unavailable => return Some(Err(Refusal::KeysUnavailable)),
            }
        }
    };
    let found = candidate.verify(request, conf, token, sets.as_deref(), sought);
    // Sources that failed have told so themselves; here there is none.
    if matches!(found, Err(Refusal::KeysUnavailable)) {
        tell_of_no_source(request);
    }
    Some(found)
}

#[cold]
fn tell_of_no_source(request: Request<'_>) {
    request.log(NGX_LOG_ERR, format_args!("no key source to decrypt the JWT with"));
}

/// A token that is well-formed: it was verified before, under keys that may have changed, or it
/// has been read just now.
enum Candidate<'t> {
    Known(Rc<Known>),
    Parsed(Parsed<'t>),
}

impl<'t> Candidate<'t> {
    fn kid(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Known(known) => known.verified().token().header().kid(),
            Self::Parsed(parsed) => parsed.kid(),
        }
    }

    /// Verifies the token with `sets`, unless that has been done before with the very same.
    fn verify(
        self,
        request: Request<'_>,
        conf: &Effective,
        token: &'t [u8],
        sets: Option<&[Arc<KeySet>]>,
        sought: Option<Sought<'_>>,
    ) -> Result<Rc<Known>, Refusal> {
        match self {
            Self::Known(known) if known.holds_under(generations(sets.unwrap_or_default())) => {
                Ok(known)
            }
            Self::Known(_) => verify(request, parsed(token, conf)?, conf, sets, sought),
            Self::Parsed(parsed) => verify(request, parsed, conf, sets, sought),
        }
    }
}

/// Verifies the token, and keeps what has been found.
fn verify(
    request: Request<'_>,
    parsed: Parsed<'_>,
    conf: &Effective,
    sets: Option<&[Arc<KeySet>]>,
    sought: Option<Sought<'_>>,
) -> Result<Rc<Known>, Refusal> {
    let verified = parsed.verify(sets.map_or(Keys::None, Keys::Sets))?;
    if verified.is_anybodys() && worker::with(|worker| !worker.told_anybodys.replace(true)) {
        warn_anybodys(request);
    }
    let known = Rc::new(Known::new(sets.unwrap_or_default(), verified));
    if let Some(sought) = sought {
        worker::with(|worker| {
            worker.with_token_cache(conf.token_cache, |cache| cache.insert(&sought, known.clone()))
        });
    }
    Ok(known)
}

#[cold]
fn warn_anybodys(request: Request<'_>) {
    request.log(
        NGX_LOG_WARN,
        format_args!(
            "\"auth_jwt_type encrypted\" with a public key authenticates nobody: whoever has the key can make such a token; use \"nested\" or a symmetric key"
        ),
    );
}

#[inline(never)]
fn parsed<'t>(token: &'t [u8], conf: &Effective) -> Result<Parsed<'t>, Refusal> {
    worker::with(|worker| Parsed::new(token, conf.policy, &mut worker.headers.borrow_mut()))
}

/// The first requirement that is not met decides. A value that cannot be evaluated is not met.
fn requirements(request: Request<'_>, conf: &Effective) -> Result<(), Failure> {
    let met = |value: &ComplexValue| value.evaluate(request).is_ok_and(require::met);
    let mut requirements = conf.requirements.iter().flat_map(|own| &own.list);
    match requirements.find(|requirement| !requirement.values.iter().all(met)) {
        Some(failed) => Err(failed.failure),
        None => Ok(()),
    }
}

#[cold]
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
