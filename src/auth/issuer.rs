//! An issuer, as its block describes it: which tokens are its own, and what it asks of them. And the
//! issuers of a level, of which the `iss` of a token picks one.

use std::collections::HashMap;
use std::rc::Rc;

use super::audience;
use super::claim_path::ClaimPath;
use super::numeric_date::{NumericDate, Validity, issued_at};
use super::outcome::Refusal;
use crate::jose::algorithm::SignatureAlgorithm;
use crate::jose::claims::Claims;
use crate::jose::header::Header;

/// An `auth_jwt_issuer` block, but for its keys.
#[derive(Debug, Default)]
pub struct Issuer {
    /// No other has it.
    pub id: u64,
    pub name: String,
    /// A token whose `iss` is one of them is its own.
    pub issuers: Vec<String>,
    /// `None`: any.
    pub audience: Option<Vec<String>>,
    /// `None`: all that its keys serve.
    pub algorithms: Option<Vec<SignatureAlgorithm>>,
    pub typ: Typ,
    pub may_lack_exp: bool,
    /// In seconds, as are those that follow.
    pub leeway: Option<u64>,
    pub max_lifetime: Option<u64>,
    pub max_age: Option<u64>,
    pub scope_claim: Option<Vec<ClaimPath>>,
}

/// What a token's `typ` may be, if it has one and the issuer does not say otherwise.
const USUAL: [&str; 2] = ["JWT", "at+jwt"];

/// Which `typ` a token may have.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Typ {
    /// None, `JWT` or `at+jwt`.
    #[default]
    Usual,
    Any,
    /// Without `application/`; case does not matter.
    Of(Vec<String>),
}

/// The issuers of a level: however many they are, it takes one look-up to find a token's.
#[derive(Debug)]
pub struct Issuers {
    by_iss: HashMap<String, Rc<Issuer>, foldhash::quality::RandomState>,
    /// The issuer, where there is only one.
    only: Option<Rc<Issuer>>,
}

/// Two issuers that claim the same `iss`.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict {
    pub iss: String,
    pub names: [String; 2],
}

impl Issuers {
    /// A table of `issuers`.
    pub fn new(issuers: &[Rc<Issuer>]) -> Result<Self, Conflict> {
        let mut by_iss = HashMap::<_, Rc<Issuer>, _>::default();
        for issuer in issuers {
            for iss in &issuer.issuers {
                let earlier = by_iss.insert(iss.clone(), issuer.clone());
                if let Some(earlier) = earlier.filter(|earlier| !Rc::ptr_eq(earlier, issuer)) {
                    let names = [earlier.name.clone(), issuer.name.clone()];
                    return Err(Conflict { iss: iss.clone(), names });
                }
            }
        }
        let only = match issuers {
            [only] => Some(only.clone()),
            _ => None,
        };
        Ok(Self { by_iss, only })
    }

    /// The issuer whose `iss` it is.
    pub fn find(&self, iss: &str) -> Option<&Rc<Issuer>> {
        self.by_iss.get(iss)
    }

    /// The issuer, where there is only one: a token that is encrypted does not say whose it is.
    pub fn only(&self) -> Option<&Rc<Issuer>> {
        self.only.as_ref()
    }
}

impl Issuer {
    /// Judges `iss`.
    pub fn judge_origin(&self, claims: &Claims) -> Result<(), Refusal> {
        let iss = claims.value("iss").and_then(|iss| iss.as_str());
        let is_own = iss.is_some_and(|iss| self.issuers.iter().any(|own| *own == iss));
        if is_own { Ok(()) } else { Err(Refusal::UnknownIssuer) }
    }

    /// Judges `alg` and `typ`; `algorithm` is that of the signature, where there is one.
    pub fn judge_header(
        &self,
        header: &Header,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<(), Refusal> {
        let is_listed =
            |algorithm| self.algorithms.as_ref().is_none_or(|allowed| allowed.contains(&algorithm));
        if !algorithm.is_none_or(is_listed) {
            return Err(Refusal::AlgorithmNotAllowed);
        }
        let typ = header.typ();
        let typ = typ.as_deref().map(media_type);
        let allowed = match (&self.typ, typ) {
            (Typ::Any, _) | (Typ::Usual, None) => true,
            (Typ::Usual, Some(typ)) => USUAL.iter().any(|own| own.eq_ignore_ascii_case(typ)),
            (Typ::Of(allowed), typ) => {
                typ.is_some_and(|typ| allowed.iter().any(|own| own.eq_ignore_ascii_case(typ)))
            }
        };
        if allowed { Ok(()) } else { Err(Refusal::WrongTyp) }
    }

    /// Judges for how long the token was issued.
    pub fn judge_lifetime(&self, claims: &Claims, validity: Validity) -> Result<(), Refusal> {
        let expires = validity.expires();
        let fits = match (expires, self.max_lifetime) {
            (expires, None) => self.may_lack_exp || expires.is_some(),
            (None, Some(_)) => false,
            (Some(expires), Some(longest)) => issued_at(claims)
                .is_some_and(|issued| expires.seconds_since(issued) <= longest as f64),
        };
        if fits { Ok(()) } else { Err(Refusal::WrongLifetime) }
    }

    /// Judges how long ago the token was issued.
    pub fn judge_age(&self, claims: &Claims, now: NumericDate, leeway: u64) -> Result<(), Refusal> {
        let Some(oldest) = self.max_age else { return Ok(()) };
        let age = issued_at(claims).map(|issued| now.seconds_since(issued));
        let leeway = leeway as f64;
        let fits = age.is_some_and(|age| -leeway <= age && age <= oldest as f64 + leeway);
        if fits { Ok(()) } else { Err(Refusal::WrongLifetime) }
    }

    /// Whether the token is for one of the issuer's audiences.
    pub fn has_audience(&self, claims: &Claims) -> bool {
        let is_for = |own: &Vec<String>| audience::is_for(claims, own.iter().map(String::as_bytes));
        self.audience.as_ref().is_none_or(is_for)
    }
}

/// A media type without `application/`, which RFC 7515 §4.1.9 lets tokens leave out.
pub fn media_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => typ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::base64url::encode;

    fn claims(json: &str) -> Claims {
        let Ok(claims) = Claims::parse(json.as_bytes().to_vec()) else { unreachable!("{json}") };
        claims
    }

    fn issuer(name: &str, issuers: &[&str]) -> Rc<Issuer> {
        let issuers = issuers.iter().map(|iss| (*iss).to_owned()).collect();
        Rc::new(Issuer { name: name.to_owned(), issuers, ..Issuer::default() })
    }

    #[test]
    fn one_look_up_finds_it() {
        let (a, b) = (issuer("a", &["https://a", "a", "a"]), issuer("b", &["https://b"]));
        let Ok(both) = Issuers::new(&[a.clone(), b.clone()]) else { unreachable!("no conflict") };
        for (iss, found) in [
            ("https://a", Some("a")),
            ("a", Some("a")),
            ("https://b", Some("b")),
            ("https://b/", None),
            ("HTTPS://b", None),
            ("", None),
        ] {
            assert_eq!(both.find(iss).map(|issuer| issuer.name.as_str()), found, "{iss:?}");
        }
        assert!(both.only().is_none());
        let only = Issuers::new(std::slice::from_ref(&a));
        assert!(only.is_ok_and(|only| only.only().is_some_and(|only| Rc::ptr_eq(only, &a))));
        assert!(Issuers::new(&[]).is_ok_and(|none| none.only().is_none()));
        let names = ["b".to_owned(), "c".to_owned()];
        let conflict = Conflict { iss: "https://b".to_owned(), names };
        let c = issuer("c", &["c", "https://b"]);
        assert_eq!(Issuers::new(&[a, b, c]).err(), Some(conflict));
    }

    #[test]
    fn origin_is_a_string_byte_by_byte() {
        let issuer = issuer("a", &["https://a", "\u{e9}"]);
        for (json, is_own) in [
            (r#"{"iss":"https://a"}"#, true),
            (r#"{"iss":"https:\/\/\u0061"}"#, true),
            (r#"{"iss":"\u00e9"}"#, true),
            (r#"{"iss":"e\u0301"}"#, false),
            (r#"{"iss":"https://a/"}"#, false),
            (r#"{"iss":["https://a"]}"#, false),
            (r#"{"iss":""}"#, false),
            (r#"{"iss":null}"#, false),
            ("{}", false),
        ] {
            let expected = if is_own { Ok(()) } else { Err(Refusal::UnknownIssuer) };
            assert_eq!(issuer.judge_origin(&claims(json)), expected, "{json}");
        }
    }

    #[test]
    fn header_by_algorithm_and_type() {
        use SignatureAlgorithm::*;
        let of =
            |types: &[&str]| Typ::Of(types.iter().map(|typ| media_type(typ).to_owned()).collect());
        let any = |algorithms, typ| Issuer { algorithms, typ, ..Issuer::default() };
        let (usual, es256) = (any(None, Typ::Usual), any(Some(vec![Es256, EdDsa]), Typ::Any));
        let (all, listed) = (any(None, Typ::Any), any(None, of(&["JOSE", "Application/AT+jwt"])));
        let algorithm = Err(Refusal::AlgorithmNotAllowed);
        let typ = Err(Refusal::WrongTyp);
        for (issuer, header, signature, expected) in [
            (&usual, "", Some(Hs256), Ok(())),
            (&usual, r#","typ":"JWT""#, Some(Hs256), Ok(())),
            (&usual, r#","typ":"jwt""#, None, Ok(())),
            (&usual, r#","typ":"at+JWT""#, None, Ok(())),
            (&usual, r#","typ":"APPLICATION/at+jwt""#, None, Ok(())),
            (&usual, r#","typ":"JOSE""#, None, typ.clone()),
            (&usual, r#","typ":"""#, None, typ.clone()),
            (&usual, r#","typ":"application/application/jwt""#, None, typ.clone()),
            (&usual, r#","typ":"jwt ""#, None, typ.clone()),
            (&all, "", None, Ok(())),
            (&all, r#","typ":"whatever""#, None, Ok(())),
            (&listed, "", None, typ.clone()),
            (&listed, r#","typ":"jose""#, None, Ok(())),
            (&listed, r#","typ":"application/JOSE""#, None, Ok(())),
            (&listed, r#","typ":"at+jwt""#, None, Ok(())),
            (&listed, r#","typ":"JWT""#, None, typ.clone()),
            (&es256, "", Some(Es256), Ok(())),
            (&es256, "", Some(EdDsa), Ok(())),
            // Each name stands for itself alone.
            (&es256, "", Some(Ed25519), algorithm.clone()),
            (&es256, "", Some(Es384), algorithm.clone()),
            // What was encrypted has no signature.
            (&es256, "", None, Ok(())),
            // The algorithm comes first.
            (&any(Some(vec![]), of(&["x"])), "", Some(Es256), algorithm),
        ] {
            let json = format!("{{\"alg\":\"x\"{header}}}");
            let Ok(parsed) = Header::parse(encode(json.as_bytes()).as_bytes()) else {
                unreachable!("{json}")
            };
            let judged = issuer.judge_header(&parsed, signature);
            assert_eq!(judged, expected, "{json} {signature:?} by {issuer:?}");
        }
    }

    #[test]
    fn lifetime_at_its_bounds() {
        let by =
            |may_lack_exp, max_lifetime| Issuer { may_lack_exp, max_lifetime, ..Issuer::default() };
        let (required, optional) = (by(false, None), by(true, None));
        let (hour, optional_hour) = (by(false, Some(3600)), by(true, Some(3600)));
        for (issuer, json, fits) in [
            (&required, r#"{"exp":1}"#, true),
            (&required, r#"{"iat":1}"#, false),
            (&required, r#"{"exp":1e300,"iat":-1e300}"#, true),
            (&optional, "{}", true),
            (&optional, r#"{"exp":1}"#, true),
            (&hour, r#"{"exp":3700,"iat":100}"#, true),
            (&hour, r#"{"exp":3700.5,"iat":100.5}"#, true),
            (&hour, r#"{"exp":3700.001,"iat":100}"#, false),
            (&hour, r#"{"exp":3701,"iat":100}"#, false),
            (&hour, r#"{"exp":100,"iat":3701}"#, true),
            (&hour, r#"{"exp":3700}"#, false),
            (&hour, r#"{"exp":3700,"iat":"100"}"#, false),
            (&hour, r#"{"exp":3700,"iat":null}"#, false),
            (&hour, r#"{"exp":3700,"iat":1e999}"#, false),
            (&hour, r#"{"exp":1e308,"iat":-1e308}"#, false),
            (&hour, r#"{"iat":100}"#, false),
            (&optional_hour, r#"{"iat":100}"#, false),
            (&optional_hour, "{}", false),
            (&by(false, Some(0)), r#"{"exp":100,"iat":100}"#, true),
            (&by(false, Some(u64::MAX)), r#"{"exp":1e18,"iat":0}"#, true),
        ] {
            let claims = claims(json);
            let Ok(validity) = Validity::of(&claims) else { unreachable!("{json}") };
            let expected = if fits { Ok(()) } else { Err(Refusal::WrongLifetime) };
            let judged = issuer.judge_lifetime(&claims, validity);
            assert_eq!(judged, expected, "{json} by {issuer:?}");
        }
    }

    #[test]
    fn age_at_its_bounds() {
        // Now is 1000.
        for (max_age, leeway, json, fits) in [
            (None, 0, "{}", true),
            (None, 0, r#"{"iat":1e300}"#, true),
            (Some(100), 0, r#"{"iat":900}"#, true),
            (Some(100), 0, r#"{"iat":899.999}"#, false),
            (Some(100), 10, r#"{"iat":890}"#, true),
            (Some(100), 10, r#"{"iat":889.999}"#, false),
            (Some(100), 0, r#"{"iat":1000}"#, true),
            (Some(100), 0, r#"{"iat":1000.001}"#, false),
            (Some(100), 10, r#"{"iat":1010}"#, true),
            (Some(100), 10, r#"{"iat":1010.001}"#, false),
            (Some(0), 0, r#"{"iat":1000}"#, true),
            (Some(0), 0, r#"{"iat":999}"#, false),
            (Some(100), 0, "{}", false),
            (Some(100), 0, r#"{"iat":"900"}"#, false),
            (Some(100), 0, r#"{"iat":null}"#, false),
            (Some(100), u64::MAX, r#"{"iat":-1e18}"#, true),
            (Some(u64::MAX), u64::MAX, r#"{"iat":-1e300}"#, false),
            (Some(u64::MAX), u64::MAX, r#"{"iat":1e300}"#, false),
        ] {
            let issuer = Issuer { max_age, ..Issuer::default() };
            let expected = if fits { Ok(()) } else { Err(Refusal::WrongLifetime) };
            let judged = issuer.judge_age(&claims(json), NumericDate::new(1000, 0), leeway);
            assert_eq!(judged, expected, "{json}, {max_age:?} and {leeway}");
        }
    }

    #[test]
    fn audience_of_the_issuer() {
        let of = |audience: Option<&[&str]>| Issuer {
            audience: audience.map(|own| own.iter().map(|own| (*own).to_owned()).collect()),
            ..Issuer::default()
        };
        for (audience, json, expected) in [
            (None, "{}", true),
            (Some(&["a", "b"][..]), r#"{"aud":"b"}"#, true),
            (Some(&["a", "b"]), r#"{"aud":["c","a"]}"#, true),
            (Some(&["a", "b"]), r#"{"aud":["c"]}"#, false),
            (Some(&["a", "b"]), "{}", false),
        ] {
            assert_eq!(of(audience).has_audience(&claims(json)), expected, "{json}");
        }
    }
}
