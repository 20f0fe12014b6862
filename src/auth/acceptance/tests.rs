use std::borrow::Cow;
use std::cell::Cell;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::sync::Arc;

use aws_lc_rs::hmac;

use super::*;
use crate::auth::binding::{BindingFault, Missing, Mode, Presented, Use};
use crate::auth::issuer::{Issuer, Issuers};
use crate::auth::judgement::{Judgement, Memory};
use crate::auth::operand::Operand;
use crate::auth::policy::{TokenType, Verification};
use crate::auth::token_cache::TokenCache;
use crate::jose::base64url;
use crate::jose::crypto::Fingerprint;
use crate::jose::header::Headers;
use crate::jose::key_set::KeySet;

const BOUND: &str = r#""cnf":{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}"#;

/// A request with nothing but a scheme; it counts what it is asked for.
struct Counting {
    scheme: Scheme,
    asked: Cell<usize>,
}

impl Counting {
    fn new(scheme: Scheme) -> Self {
        Self { scheme, asked: Cell::new(0) }
    }

    fn count(&self) {
        self.asked.set(self.asked.get().saturating_add(1));
    }
}

impl Holder for Counting {
    fn scheme(&self) -> Option<Scheme> {
        Some(self.scheme)
    }

    fn certificate(&self) -> Option<Cow<'_, [u8]>> {
        self.count();
        None
    }

    fn proof(&self) -> Presented<'_> {
        self.count();
        Presented::None
    }

    fn token(&self) -> &[u8] {
        unreachable!("there is no proof")
    }

    fn method(&self) -> &[u8] {
        unreachable!("there is no proof")
    }

    fn base(&self) -> Cow<'_, [u8]> {
        unreachable!("there is no proof")
    }

    fn path(&self) -> &[u8] {
        unreachable!("there is no proof")
    }

    fn first_use(&self, _: Fingerprint, _: u64, _: u64, _: u64) -> Use {
        unreachable!("there is no proof")
    }
}

/// A token of the issuer `https://id`, who wants an audience and tokens of ten seconds at most.
fn verified(members: &str) -> Rc<VerifiedToken> {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    let signed = [r#"{"alg":"HS256"}"#, &format!(r#"{{"iss":"https://id",{members}}}"#)]
        .map(|part| base64url::encode(part.as_bytes()))
        .join(".");
    let signature = base64url::encode(hmac::sign(&secret, signed.as_bytes()).as_ref());
    let token = format!("{signed}.{signature}");
    let jwk = br#"{"kty":"oct","k":"c2VjcmV0"}"#.to_vec();
    let issuer = Rc::new(Issuer {
        issuers: vec!["https://id".to_owned()],
        audience: Some(vec!["shop".to_owned()]),
        max_lifetime: Some(20),
        max_age: Some(10),
        ..Issuer::default()
    });
    let (Ok(set), Ok(issuers)) = (KeySet::parse(jwk, |_| ()), Issuers::new(&[issuer])) else {
        unreachable!("a key and an issuer")
    };
    let (cache, headers) = (None::<&mut TokenCache>, &mut Headers::default());
    let mut memory = Memory::new(cache, headers);
    let verification = Verification { token_type: TokenType::Signed, sources: Some(1) };
    let token = Some(token.as_bytes());
    match Judgement::begin(token, verification, Some(&issuers), &mut memory, |_| false) {
        Judgement::NeedsKeys(pending) => match pending.with_keys(&[Arc::new(set)], &mut memory) {
            Ok(verified) => verified,
            Err(refusal) => unreachable!("{members}: {refusal}"),
        },
        Judgement::Settled(_) => unreachable!("{members}: settled without keys"),
    }
}

/// Judged at second 100.
fn accept(
    token: &VerifiedToken,
    binding: Binding,
    holder: &impl Holder,
) -> Result<Accepted, Refusal> {
    let audience = None::<&[Operand<NoVariables>]>;
    let id = NonZeroU64::MIN;
    let rules = Rules { id, audience, scopes: &[], claims: &[], are_fixed: true };
    let acceptance = Acceptance { leeway: 0, rules: Some(rules), binding };
    token.accept(
        acceptance,
        NumericDate::new(100, 0),
        |none| match *none {},
        holder,
        || Err(Failure::Forbidden),
    )
}

const OPTIONAL: Binding =
    Binding { certificate: Mode::Optional, proof: Mode::Optional, window: 60 };

/// A good token fails the last check alone, that of requirements.
const LAST: Refusal = Refusal::RequirementFailed(Failure::Forbidden);

#[test]
fn behind_times_and_before_rules() {
    let missing = Refusal::Unproven(BindingFault::Missing(Missing::Certificate));
    for (members, expected) in [
        (r#""iat":95,"exp":100"#, Refusal::Expired),
        (r#""iat":95,"exp":110,"nbf":101"#, Refusal::NotYetValid),
        (r#""iat":95"#, Refusal::WrongLifetime),
        (r#""iat":95,"exp":116"#, Refusal::WrongLifetime),
        (r#""iat":89,"exp":101"#, Refusal::WrongLifetime),
        (r#""iat":95,"exp":110"#, missing.clone()),
        (r#""iat":95,"exp":110,"aud":"shop""#, missing),
    ] {
        let token = verified(&format!("{BOUND},{members}"));
        let holder = Counting::new(Scheme::Bearer);
        let found = accept(&token, OPTIONAL, &holder).err();
        assert_eq!(found, Some(expected), "{members}");
        // Without the binding the rules are next.
        if matches!(found, Some(Refusal::Unproven(_))) {
            let next = if members.contains("aud") { LAST } else { Refusal::WrongAudience };
            assert_eq!(accept(&token, Binding::OFF, &holder).err(), Some(next), "{members}");
        }
    }
}

#[test]
fn judged_for_each_request() {
    let token = verified(&format!(r#"{BOUND},"iat":95,"exp":110,"aud":"shop""#));
    // The token is known to keep the rules.
    assert_eq!(accept(&token, Binding::OFF, &Nobody).err(), Some(LAST));
    for asked in 1..4 {
        let holder = Counting::new(Scheme::Bearer);
        let found = accept(&token, OPTIONAL, &holder).err();
        assert!(matches!(found, Some(Refusal::Unproven(_))), "{asked}");
        assert_eq!(holder.asked.get(), 1);
        assert_eq!(accept(&token, Binding::OFF, &holder).err(), Some(LAST), "{asked}");
    }
}

#[test]
fn nothing_is_asked_for_where_nothing_is_bound() {
    let token = verified(r#""iat":95,"exp":110,"aud":"shop""#);
    for _ in 0..2 {
        let holder = Counting::new(Scheme::Bearer);
        assert_eq!(accept(&token, OPTIONAL, &holder).err(), Some(LAST));
        assert_eq!(holder.asked.get(), 0);
    }
    // But for who says that there is a proof, or where a token must be bound.
    let holder = Counting::new(Scheme::Dpop);
    let missing = |missing| Some(Refusal::Unproven(BindingFault::Missing(missing)));
    assert_eq!(accept(&token, OPTIONAL, &holder).err(), missing(Missing::Proof));
    let certificate_only = Binding { proof: Mode::Off, ..OPTIONAL };
    assert_eq!(accept(&token, certificate_only, &holder).err(), Some(LAST));
    for (certificate, proof, expected) in [
        (Mode::Required, Mode::Off, Missing::CertificateBinding),
        (Mode::Off, Mode::Required, Missing::KeyBinding),
    ] {
        let required = Binding { certificate, proof, window: 60 };
        assert_eq!(accept(&token, required, &Nobody).err(), missing(expected));
    }
}

#[test]
fn of_tokens_with_and_without_rules_alike() {
    let token = verified(&format!(r#"{BOUND},"iat":95,"exp":110"#));
    let acceptance = Acceptance { binding: OPTIONAL, ..Acceptance::without_rules(0) };
    let found = token.accept_fixed(acceptance, NumericDate::new(100, 0), || Ok(()));
    let missing = Refusal::Unproven(BindingFault::Missing(Missing::Certificate));
    assert_eq!(found.err(), Some(missing));
    let acceptance = Acceptance::without_rules(0);
    assert!(token.accept_fixed(acceptance, NumericDate::new(100, 0), || Ok(())).is_ok());
}
