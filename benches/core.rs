//! What the core takes for each step of a request:
//! `cargo bench --no-default-features [-- FILTER]`. scripts/bench measures whole requests.

#[expect(dead_code, reason = "scripts/bench uses the rest")]
#[path = "../bench/material/mod.rs"]
mod material;

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use divan::Bencher;
use material::{KINDS, Kind, Outcome, claims};
use ngx_http_auth_jwt_module::auth::judgement::{Judgement, Memory, Pending};
use ngx_http_auth_jwt_module::auth::numeric_date::NumericDate;
use ngx_http_auth_jwt_module::auth::policy::{Acceptance, TokenType, Verification};
use ngx_http_auth_jwt_module::auth::token_cache::TokenCache;
use ngx_http_auth_jwt_module::auth::verification::{VerifiedToken, generations};
use ngx_http_auth_jwt_module::jose::claims::Claims;
use ngx_http_auth_jwt_module::jose::header::Headers;
use ngx_http_auth_jwt_module::jose::key_set::KeySet;

/// 2026-01-01, when the tokens are valid.
const NOW: i64 = 1_767_225_600;

fn main() {
    divan::main();
}

/// What a worker and a location have, and what a request brings.
struct Case {
    token: String,
    sets: Vec<Arc<KeySet>>,
    verification: Verification,
    headers: RefCell<Headers>,
}

impl Case {
    fn new(name: &str) -> Outcome<Self> {
        let kind = Kind::new(name)?;
        let set = KeySet::parse(kind.key_set()?.to_string().into_bytes(), |_| ());
        let set = set.map_err(|error| error.to_string())?;
        let token_type = if name.contains('+') { TokenType::Nested } else { TokenType::Signed };
        Ok(Self {
            token: kind.token(0)?,
            sets: vec![Arc::new(set)],
            verification: Verification { token_type, sources: Some(1) },
            headers: RefCell::default(),
        })
    }

    /// What is judged before any key is had.
    fn begin(&self) -> Outcome<Pending<'_>> {
        let (cache, headers): (Option<&mut TokenCache>, _) =
            (None, &mut *self.headers.borrow_mut());
        let mut memory = Memory::new(cache, headers);
        let token = Some(self.token.as_bytes());
        match Judgement::begin(token, self.verification, None, &mut memory, |_| false) {
            Judgement::NeedsKeys(pending) => Ok(*pending),
            Judgement::Settled(settled) => Err(settled
                .err()
                .map_or("settled".to_owned(), |refusal| refusal.to_string())
                .into()),
        }
    }

    fn verify(&self) -> Outcome<Rc<VerifiedToken>> {
        let pending = self.begin()?;
        let (cache, headers): (Option<&mut TokenCache>, _) =
            (None, &mut *self.headers.borrow_mut());
        let verified = pending.with_keys(&self.sets, &mut Memory::new(cache, headers));
        verified.map_err(|refusal| refusal.to_string().into())
    }
}

/// What is measured must succeed: a refused token is no measurement.
fn ready<T>(made: Outcome<T>) -> T {
    made.unwrap_or_else(|error| fail(error))
}

fn fail(error: impl std::fmt::Display) -> ! {
    eprintln!("core: {error}");
    std::process::exit(1)
}

/// Segments and header, before any key is had.
#[divan::bench(args = KINDS)]
fn parse(bencher: Bencher<'_, '_>, name: &str) {
    let case = ready(Case::new(name));
    bencher.bench_local(|| ready(case.begin().map(|pending| drop(black_box(pending)))));
}

/// The whole cold path of the core: parse, choose the key, decrypt, verify, read the claims.
#[divan::bench(args = KINDS)]
fn verify(bencher: Bencher<'_, '_>, name: &str) {
    let case = ready(Case::new(name));
    bencher.bench_local(|| ready(case.verify()));
}

/// The library alone, to compare `verify` with.
#[divan::bench(args = KINDS)]
fn cryptography(bencher: Bencher<'_, '_>, name: &str) {
    let judge = ready(Kind::new(name).and_then(|kind| kind.cryptography("")));
    bencher.bench_local(|| {
        if !judge() {
            fail("refused")
        }
    });
}

/// The payload as an object.
#[divan::bench]
fn read_claims(bencher: Bencher<'_, '_>) {
    let payload = claims(0).to_string().into_bytes();
    bencher
        .with_inputs(|| payload.clone())
        .bench_local_values(|payload| Claims::parse(payload).unwrap_or_else(|error| fail(error)));
}

/// `exp` and `nbf` of a verified token.
#[divan::bench]
fn accept(bencher: Bencher<'_, '_>) {
    let case = ready(Case::new("HS256"));
    let verified = ready(case.verify());
    let now = NumericDate::new(NOW, 0);
    bencher.bench_local(|| {
        black_box(&verified)
            .accept_fixed(Acceptance::without_rules(0), now, || Ok(()))
            .unwrap_or_else(|refusal| fail(refusal))
    });
}

/// A token that has been seen, among a thousand others.
#[divan::bench(args = ["HS256", "ES256"])]
fn token_cache_hit(bencher: Bencher<'_, '_>, name: &str) {
    let (kind, mut case) = (ready(Kind::new(name)), ready(Case::new(name)));
    let mut cache = TokenCache::new(16 << 20);
    for number in 0..1000 {
        case.token = ready(kind.token(number));
        let verified = ready(case.verify());
        // It is kept when it is seen again.
        for _ in 0..2 {
            let (key, _) = cache.get(case.verification, case.token.as_bytes());
            cache.insert(&key, verified.clone());
        }
    }
    bencher.bench_local(|| {
        match cache.get(case.verification, black_box(case.token.as_bytes())).1 {
            Some(verified) if verified.holds_under(generations(&case.sets)) => verified,
            _ => fail("not in the cache"),
        }
    });
}
