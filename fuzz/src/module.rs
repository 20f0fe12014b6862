//! The module's own decision, put together as its access handler does. The only file of these
//! targets that knows the order of the module's calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use ngx_http_auth_jwt_module::auth::check::{Accepted, Keys, Parsed, Verified};
use ngx_http_auth_jwt_module::auth::numeric_date::NumericDate;
use ngx_http_auth_jwt_module::auth::outcome::{Refusal, Verdict};
use ngx_http_auth_jwt_module::auth::policy::{Policy, TokenType};
use ngx_http_auth_jwt_module::auth::require::Failure;
use ngx_http_auth_jwt_module::jose::header::Headers;
use ngx_http_auth_jwt_module::jose::key_set::KeySet;

use crate::reference::{Question, Type, word as expected};

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

/// What a location asks of a token.
pub fn policy(question: &Question<'_>) -> Policy {
    let token_type = match question.token_type {
        Type::Signed => TokenType::Signed,
        Type::Encrypted => TokenType::Encrypted,
        Type::Nested => TokenType::Nested,
    };
    Policy { token_type, leeway: question.leeway }
}

/// The whole order of checks; form and header come before the keys.
fn decide(question: &Question<'_>, sources: Option<Vec<Source>>) -> Result<Accepted, Refusal> {
    let parsed = parse(question.token, policy(question))?;
    let sets = sources.map(gathered).transpose()?;
    let verified = parsed.verify(sets.as_deref().map_or(Keys::None, Keys::Sets))?;
    accept(question, &verified)
}

/// With the headers that earlier tokens had, as a worker remembers them.
pub fn parse(token: &[u8], policy: Policy) -> Result<Parsed<'_>, Refusal> {
    thread_local! {
        static HEADERS: RefCell<Headers> = RefCell::default();
    }
    HEADERS.with_borrow_mut(|headers| Parsed::new(token, policy, headers))
}

/// All of them, or none.
pub fn gathered(sources: Vec<Source>) -> Result<Vec<Arc<KeySet>>, Refusal> {
    sources.into_iter().collect::<Option<_>>().ok_or(Refusal::KeysUnavailable)
}

/// Times and requirements.
pub fn accept(question: &Question<'_>, verified: &Verified) -> Result<Accepted, Refusal> {
    let now = question.now_milliseconds;
    let now = NumericDate::new(now.div_euclid(1000), now.rem_euclid(1000) as u32);
    let met = if question.requirement_met { Ok(()) } else { Err(Failure::Unauthorized) };
    Accepted::new(verified, policy(question), now, || met)
}
