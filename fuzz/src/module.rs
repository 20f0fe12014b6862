//! The module's own decision, by the machine that its access handler drives.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use ngx_http_auth_jwt_module::auth::acceptance::Accepted;
use ngx_http_auth_jwt_module::auth::binding::{Binding, Nobody};
use ngx_http_auth_jwt_module::auth::issuer::Issuers;
use ngx_http_auth_jwt_module::auth::judgement::{Judgement, Memory};
use ngx_http_auth_jwt_module::auth::numeric_date::NumericDate;
use ngx_http_auth_jwt_module::auth::outcome::{Refusal, Verdict};
use ngx_http_auth_jwt_module::auth::policy::{Acceptance, TokenType, Verification};
use ngx_http_auth_jwt_module::auth::require::Failure;
use ngx_http_auth_jwt_module::auth::token_cache::TokenCache;
use ngx_http_auth_jwt_module::auth::verification::{VerifiedToken, generations};
use ngx_http_auth_jwt_module::jose::header::Headers;
use ngx_http_auth_jwt_module::jose::key_set::KeySet;

use crate::reference::{Question, Type, word as expected};
use crate::ruled::Rules;

/// What a key source gives.
pub type Source = Option<Arc<KeySet>>;

/// The word of `$auth_jwt_status`.
pub fn word(question: &Question<'_>) -> &'static str {
    let sources =
        question.sources.map(|sources| sources.iter().map(|json| remembered(json)).collect());
    Verdict::from(decide(question, sources)).word()
}

/// Asks both, and panics where they differ.
pub fn compare(question: &Question<'_>) -> &'static str {
    let found = word(question);
    if let Some(expected) = expected(question) {
        assert!(found == expected, "{found}, not {expected}: {}", describe(question));
    }
    found
}

pub fn describe(question: &Question<'_>) -> String {
    let texts = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let sources: Option<Vec<String>> =
        question.sources.map(|sources| sources.iter().map(texts).collect());
    format!(
        "type {:?}, now {} ms, leeway {} s, requirement met: {}\ntoken {}\nsources {:#?}",
        question.token_type,
        question.now_milliseconds,
        question.leeway,
        question.requirement_met,
        String::from_utf8_lossy(question.token),
        sources
    )
}

/// The keys of one source.
pub fn read(json: &[u8]) -> Source {
    KeySet::parse(json.to_vec(), |_| ()).ok().map(Arc::new)
}

/// As [`read`], but what was read before is not read again.
fn remembered(json: &[u8]) -> Source {
    thread_local! {
        static SOURCES: RefCell<HashMap<Vec<u8>, Source>> = RefCell::default();
    }
    SOURCES.with_borrow_mut(|sources| {
        if sources.len() > 256 {
            sources.clear();
        }
        sources.entry(json.to_vec()).or_insert_with(|| read(json)).clone()
    })
}

/// What a location asks of a token; `list` tells one list of sources from another.
pub fn verification(question: &Question<'_>, list: Option<u64>) -> Verification {
    let token_type = match question.token_type {
        Type::Signed => TokenType::Signed,
        Type::Encrypted => TokenType::Encrypted,
        Type::Nested => TokenType::Nested,
    };
    Verification { token_type, sources: list }
}

/// The whole order of checks, with the headers that earlier tokens had, as a worker remembers them.
fn decide(question: &Question<'_>, sources: Option<Vec<Source>>) -> Result<Accepted, Refusal> {
    thread_local! {
        static HEADERS: RefCell<Headers> = RefCell::default();
    }
    HEADERS.with_borrow_mut(|headers| {
        let cache: Option<&mut TokenCache> = None;
        judge(question, sources.map(|sources| (0, sources)), Memory::new(cache, headers))
    })
}

/// As a request is judged that finds the keys of a list of sources, or that none can be had.
pub fn judge(
    question: &Question<'_>,
    sources: Option<(u64, Vec<Source>)>,
    mut memory: Memory<'_, impl BuildHasher>,
) -> Result<Accepted, Refusal> {
    let token = Some(question.token).filter(|token| !token.is_empty());
    let verification = verification(question, sources.as_ref().map(|(list, _)| *list));
    let sets = sources.map(|(_, sources)| gathered(sources)).transpose();
    // Keys at hand are known now and then.
    let at_hand = |token: &VerifiedToken| match &sets {
        Ok(sets) if question.now_milliseconds % 2 == 0 => {
            token.holds_under(generations(sets.as_deref().unwrap_or_default()))
        }
        _ => false,
    };
    let verified = match Judgement::begin(token, verification, None, &mut memory, at_hand) {
        Judgement::Settled(verified) => verified?,
        Judgement::NeedsKeys(pending) => {
            pending.with_keys(&sets?.unwrap_or_default(), &mut memory)?
        }
    };
    let now = question.now_milliseconds;
    let now = NumericDate::new(now.div_euclid(1000), now.rem_euclid(1000) as u32);
    let met = if question.requirement_met { Ok(()) } else { Err(Failure::Unauthorized) };
    verified.accept_fixed(Acceptance::without_rules(question.leeway), now, || met)
}

/// A location, and what it is asked for in a request.
pub struct Visit<'v> {
    pub location: Verification,
    pub issuers: Option<&'v Issuers>,
    /// The keys of the location, or of an issuer by its number.
    pub keys: &'v dyn Fn(Option<u64>) -> Vec<Source>,
    pub rules: Option<&'v Rules>,
    pub question: &'v Question<'v>,
}

/// As a request is judged in a location with issuers and rules: the word, behind that of a rule for a
/// claim its status; and who has proven to have issued the token.
pub fn judge_by_rules(
    visit: &Visit<'_>,
    mut memory: Memory<'_, impl BuildHasher>,
) -> (String, Option<String>) {
    let question = visit.question;
    let verified = (|| {
        let token = Some(question.token).filter(|token| !token.is_empty());
        // Keys at hand are known now and then.
        let at_hand = |token: &VerifiedToken| {
            let id = token.issuer().map(|issuer| issuer.id);
            match gathered((visit.keys)(id)) {
                Ok(sets) if question.now_milliseconds % 2 == 0 => {
                    token.holds_under(generations(&sets))
                }
                _ => false,
            }
        };
        match Judgement::begin(token, visit.location, visit.issuers, &mut memory, at_hand) {
            Judgement::Settled(verified) => verified,
            Judgement::NeedsKeys(pending) => {
                let id = pending.issuer().map(|issuer| issuer.id);
                pending.with_keys(&gathered((visit.keys)(id))?, &mut memory)
            }
        }
    })();
    let issuer = verified.as_ref().ok().and_then(|verified| verified.issuer());
    let issuer = issuer.map(|issuer| issuer.name.clone());
    let judged = verified.and_then(|verified| {
        let now = question.now_milliseconds;
        let now = NumericDate::new(now.div_euclid(1000), now.rem_euclid(1000) as u32);
        let met = if question.requirement_met { Ok(()) } else { Err(Failure::Unauthorized) };
        let rules = visit.rules.map(Rules::of_location);
        let acceptance = Acceptance { leeway: question.leeway, rules, binding: Binding::OFF };
        let evaluate = |number: &usize| question.ruling.variables[*number].as_bytes();
        verified.accept(acceptance, now, evaluate, &Nobody, || met)
    });
    let status = match &judged {
        Err(refusal @ Refusal::ClaimMismatch(..)) => format!(" {}", refusal.status()),
        _ => String::new(),
    };
    (format!("{}{status}", Verdict::from(judged).word()), issuer)
}

/// All of them, or none.
fn gathered(sources: Vec<Source>) -> Result<Vec<Arc<KeySet>>, Refusal> {
    sources.into_iter().collect::<Option<_>>().ok_or(Refusal::KeysUnavailable)
}
