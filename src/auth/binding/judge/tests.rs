mod each_claim;

use std::borrow::Cow;
use std::cell::RefCell;

use super::super::holder::Use;
use super::*;
use crate::jose::algorithm::SignatureAlgorithm;
use crate::jose::crypto::Fingerprint;
use crate::jose::error::Malformed;
use crate::jose::proof::ProofError;
use crate::jose::proof::minted::Minter;

const NOW: f64 = 1_767_225_600.0;
const TOKEN: &[u8] = b"header.payload.signature";
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----";

/// A request.
struct Request<'r> {
    scheme: Option<Scheme>,
    certificate: Option<&'r [u8]>,
    proof: Presented<'r>,
    method: &'r [u8],
    base: &'r [u8],
    path: &'r [u8],
    recorded: Use,
    /// What was recorded.
    records: RefCell<Vec<(Fingerprint, u64, u64, u64)>>,
}

impl Request<'_> {
    fn new<'r>(proof: Presented<'r>) -> Request<'r> {
        Request {
            scheme: Some(Scheme::Dpop),
            certificate: None,
            proof,
            method: b"GET",
            base: b"https://api.example.com",
            path: b"/orders?page=2",
            recorded: Use::First,
            records: RefCell::default(),
        }
    }
}

impl Holder for Request<'_> {
    fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    fn certificate(&self) -> Option<Cow<'_, [u8]>> {
        self.certificate.map(Cow::Borrowed)
    }

    fn proof(&self) -> Presented<'_> {
        self.proof
    }

    fn token(&self) -> &[u8] {
        TOKEN
    }

    fn method(&self) -> &[u8] {
        self.method
    }

    fn base(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.base)
    }

    fn path(&self) -> &[u8] {
        self.path
    }

    fn first_use(&self, id: Fingerprint, issued: u64, reach: u64, now: u64) -> Use {
        self.records.borrow_mut().push((id, issued, reach, now));
        self.recorded
    }
}

fn level(certificate: Mode, proof: Mode) -> Binding {
    Binding { certificate, proof, window: 60 }
}

fn minter() -> Minter {
    Minter::new(SignatureAlgorithm::Es256)
}

fn bound_to_certificate(text: &[u8]) -> Option<Member> {
    certificate::fingerprint(text).map(Member::Digest)
}

/// The claims of a good proof, with changes: a name and what it is then, empty for nothing.
fn claims(changes: &[(&str, &str)]) -> String {
    let ath = format!("\"{}\"", Fingerprint::of(TOKEN).base64url());
    let good = [
        ("jti", r#""a""#),
        ("htm", r#""GET""#),
        ("htu", r#""https://api.example.com/orders""#),
        ("iat", "1767225600"),
        ("ath", &ath),
    ];
    let value = |name: &str| changes.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
    let own = good.iter().map(|(name, usual)| (*name, value(name).unwrap_or(usual)));
    let more = changes.iter().copied();
    let more = more.filter(|(name, _)| !good.iter().any(|(usual, _)| usual == name));
    let members = own.chain(more).filter(|(_, value)| !value.is_empty());
    let members = members.map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// What becomes of `request`, whose token is bound to the key of `minter`.
fn judged(request: &Request<'_>, leeway: u64) -> Result<(), BindingFault> {
    let key = Some(Member::Digest(minter().thumbprint()));
    let bound = Confirmation::Bound { certificate: None, key };
    let level = level(Mode::Off, Mode::Optional);
    judge(level, Some(&bound), request, NumericDate::new(NOW as i64, 0), leeway)
}

/// What is wrong with a good request whose proof has these changes.
fn fault(changes: &[(&str, &str)], leeway: u64) -> Option<BindingFault> {
    let proof = minter().proof(&claims(changes));
    judged(&Request::new(Presented::One(&proof)), leeway).err()
}

#[test]
fn a_good_proof_is_recorded_once() {
    let proof = minter().proof(&claims(&[]));
    let request = Request::new(Presented::One(&proof));
    assert_eq!(judged(&request, 5), Ok(()));
    let id = Fingerprint::of(&[&minter().thumbprint().bytes()[..], b"a"].concat());
    // Window and leeway.
    assert_eq!(request.records.take(), [(id, NOW as u64, 65, NOW as u64)]);
    let other = minter().proof(&claims(&[("iat", "1767225610.25")]));
    let request = Request { proof: Presented::One(&other), ..request };
    assert_eq!(judged(&request, 0), Ok(()));
    assert_eq!(request.records.take(), [(id, NOW as u64 + 11, 60, NOW as u64)]);
    for (recorded, expected) in [
        (Use::Seen, ProofFault::Replayed),
        (Use::Unknown, ProofFault::MaybeReplayed),
        (Use::NoRoom, ProofFault::NoRoom),
    ] {
        let request = Request { recorded, ..Request::new(Presented::One(&proof)) };
        assert_eq!(judged(&request, 0), Err(expected.into()));
    }
}

#[test]
fn the_window_and_leeway_on_both_sides() {
    use ProofFault::*;
    for (iat, leeway, expected) in [
        ("1767225540", 0, None),
        ("1767225539.9", 0, Some(TooOld)),
        ("1767225660", 0, None),
        ("1767225660.1", 0, Some(TooNew)),
        ("1767225530", 10, None),
        ("1767225529", 10, Some(TooOld)),
        ("1767225670", 10, None),
        ("1767225671", 10, Some(TooNew)),
        ("0", 0, Some(TooOld)),
        ("-1e308", u64::MAX, Some(TooOld)),
        ("1e308", u64::MAX, Some(TooNew)),
        // A day at the most.
        ("1767139200", u64::MAX, None),
        ("1767139199", u64::MAX, Some(TooOld)),
        ("1767312000", u64::MAX, None),
        ("1767312001", 86_400, Some(TooNew)),
    ] {
        let found = fault(&[("iat", iat)], leeway);
        assert_eq!(found, expected.map(BindingFault::Proof), "{iat} {leeway}");
    }
    // Leeway of `exp` and `nbf`.
    assert_eq!(fault(&[("exp", "1767225600"), ("nbf", "1767225601")], 1), None);
}

#[test]
fn what_a_request_has_to_be() {
    use ProofFault::*;
    let proof = minter().proof(&claims(&[]));
    let good = || Request::new(Presented::One(&proof));
    for (request, expected) in [
        (good(), None),
        (Request { scheme: None, ..good() }, None),
        (Request { path: b"/orders", ..good() }, None),
        (Request { path: b"/x/../%6Frders?y#z", ..good() }, None),
        (Request { base: b"HTTPS://API.EXAMPLE.COM:443/", ..good() }, None),
        (Request { method: b"get", ..good() }, Some(Method)),
        (Request { method: b"", ..good() }, Some(Method)),
        (Request { path: b"/orders/1", ..good() }, Some(Target)),
        (Request { path: b"/", ..good() }, Some(Target)),
        (Request { path: b"*", ..good() }, Some(Target)),
        (Request { path: b"/orders%", ..good() }, Some(Target)),
        (Request { path: b"/orders#y", ..good() }, Some(Target)),
        (Request { path: b"//../orders", ..good() }, Some(Target)),
        (Request { base: b"https://api.example.com/v1", ..good() }, Some(Target)),
        (Request { base: b"https://", ..good() }, Some(Base)),
        (Request { base: b"", ..good() }, Some(Base)),
        (Request { base: b"https://api.example.com?a", ..good() }, Some(Base)),
        (Request { proof: Presented::Several, ..good() }, Some(Several)),
        (Request { proof: Presented::One(b""), ..good() }, Some(Error(ProofError::NotAJws))),
        (
            Request { proof: Presented::One(TOKEN), ..good() },
            Some(Error(ProofError::Malformed(Malformed::Base64))),
        ),
    ] {
        assert_eq!(judged(&request, 0).err(), expected.map(BindingFault::Proof));
        assert_eq!(request.records.take().len(), usize::from(expected.is_none()));
    }
    for (request, missing) in [
        (Request { scheme: Some(Scheme::Bearer), ..good() }, Missing::Scheme),
        (Request { proof: Presented::None, ..good() }, Missing::Proof),
        (Request { proof: Presented::None, scheme: None, ..good() }, Missing::Proof),
    ] {
        assert_eq!(judged(&request, 0), Err(missing.into()));
    }
}

#[test]
fn the_key_that_the_token_is_bound_to() {
    let other = Minter::new(SignatureAlgorithm::EdDsa).proof(&claims(&[]));
    let found = judged(&Request::new(Presented::One(&other)), 0);
    assert_eq!(found, Err(ProofFault::Error(ProofError::OtherKey).into()));
}

/// Modes and what the token is bound to, against what the request brings.
#[test]
fn who_must_prove_what() {
    use Mode::*;
    let good = minter().proof(&claims(&[]));
    let key = Some(Member::Digest(minter().thumbprint()));
    let own = bound_to_certificate(PEM);
    let other = bound_to_certificate(b"-----BEGIN CERTIFICATE-----AAAB-----END CERTIFICATE-----");
    assert!(own.is_some() && other.is_some() && own != other);
    let malformed = Some(Member::Malformed);
    let nobody = || Request::new(Presented::None);
    let bearer = || Request { scheme: Some(Scheme::Bearer), ..nobody() };
    let with_certificate = || Request { certificate: Some(PEM), ..bearer() };
    let with_proof = || Request::new(Presented::One(&good));
    let with_both = || Request { certificate: Some(PEM), ..with_proof() };
    let bound = |certificate, key| Some(Confirmation::Bound { certificate, key });
    let missing = |missing| Err(BindingFault::Missing(missing));
    let proof = |fault| Err(BindingFault::Proof(fault));
    let elsewhere = || Request { scheme: None, ..with_proof() };
    for (certificate, dpop, confirmation, request, expected) in [
        // `cnf` means nothing where both are off.
        (Off, Off, Some(Confirmation::Unknown), nobody(), Ok(())),
        (Off, Off, bound(other, key), nobody(), Ok(())),
        // An unbound token.
        (Optional, Optional, None, bearer(), Ok(())),
        (Optional, Optional, None, with_certificate(), Ok(())),
        (Required, Optional, None, with_certificate(), missing(Missing::CertificateBinding)),
        (Optional, Required, None, with_proof(), missing(Missing::KeyBinding)),
        (Optional, Required, None, bearer(), missing(Missing::KeyBinding)),
        (Required, Required, None, bearer(), missing(Missing::CertificateBinding)),
        (Off, Optional, None, with_proof(), proof(ProofFault::Unbound)),
        (Off, Optional, None, nobody(), missing(Missing::Proof)),
        (Off, Optional, None, elsewhere(), Ok(())),
        (Off, Optional, None, Request { scheme: Some(Scheme::Bearer), ..with_proof() }, Ok(())),
        (Optional, Off, None, with_proof(), Ok(())),
        // `cnf` that says nothing, wherever one of the two is on.
        (Optional, Off, Some(Confirmation::Unknown), with_both(), missing(Missing::Confirmation)),
        (Off, Optional, Some(Confirmation::Unknown), with_both(), missing(Missing::Confirmation)),
        // A certificate.
        (Optional, Off, bound(own, None), with_certificate(), Ok(())),
        (Required, Off, bound(own, None), with_certificate(), Ok(())),
        (Optional, Off, bound(own, None), bearer(), missing(Missing::Certificate)),
        (
            Optional,
            Off,
            bound(own, None),
            Request { certificate: Some(b" "), ..bearer() },
            missing(Missing::Certificate),
        ),
        (
            Optional,
            Off,
            bound(other, None),
            with_certificate(),
            Err(BindingFault::OtherCertificate),
        ),
        (
            Optional,
            Off,
            bound(malformed, None),
            with_certificate(),
            Err(BindingFault::OtherCertificate),
        ),
        (
            Optional,
            Off,
            bound(own, None),
            Request { certificate: Some(b"x"), ..bearer() },
            Err(BindingFault::Certificate),
        ),
        // What is not honoured means nothing.
        (Off, Optional, bound(other, None), bearer(), Ok(())),
        (Optional, Off, bound(None, key), bearer(), Ok(())),
        (Off, Optional, bound(other, key), with_proof(), Ok(())),
        (Optional, Off, bound(own, key), with_certificate(), Ok(())),
        // But it does not bind either.
        (Off, Required, bound(own, None), with_both(), missing(Missing::KeyBinding)),
        (Required, Off, bound(None, key), with_both(), missing(Missing::CertificateBinding)),
        (Off, Optional, bound(own, None), with_both(), proof(ProofFault::Unbound)),
        // Both, where both are there.
        (Optional, Optional, bound(own, key), with_both(), Ok(())),
        (Required, Required, bound(own, key), with_both(), Ok(())),
        (Optional, Optional, bound(own, key), with_proof(), missing(Missing::Certificate)),
        (Optional, Optional, bound(own, key), with_certificate(), missing(Missing::Scheme)),
        (Optional, Optional, bound(other, key), with_both(), Err(BindingFault::OtherCertificate)),
        // A key.
        (Off, Required, bound(None, key), with_proof(), Ok(())),
        (Off, Optional, bound(None, malformed), with_proof(), proof(ProofFault::Confirmation)),
        (Off, Optional, bound(None, malformed), nobody(), missing(Missing::Proof)),
    ] {
        let level = level(certificate, dpop);
        let now = NumericDate::new(NOW as i64, 0);
        let found = judge(level, confirmation.as_ref(), &request, now, 0);
        assert_eq!(found, expected, "{level:?}, {confirmation:?}");
    }
}

#[test]
fn each_reason_has_words_of_its_own() {
    use ProofFault::*;
    let missing = [
        Missing::Confirmation,
        Missing::CertificateBinding,
        Missing::KeyBinding,
        Missing::Certificate,
        Missing::Proof,
        Missing::Scheme,
    ];
    let proof = [
        Several,
        Unbound,
        Confirmation,
        Error(ProofError::Typ),
        Claim("jti"),
        Claim("htu"),
        Time(Malformed::NumericDate("exp")),
        Method,
        Base,
        Target,
        Token,
        TooOld,
        TooNew,
        Expired,
        NotYetValid,
        Replayed,
        NoRoom,
    ];
    let others = [BindingFault::OtherCertificate, BindingFault::Certificate];
    let all: Vec<BindingFault> =
        missing.map(Into::into).into_iter().chain(proof.map(Into::into)).chain(others).collect();
    let texts: std::collections::HashSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), all.len());
}
