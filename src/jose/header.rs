//! The JOSE header of a token (RFC 7515 §4, RFC 7516 §4, RFC 8725 §3).

use std::borrow::Cow;
use std::rc::Rc;

use super::algorithm::{
    ContentEncryption, Curve, CurveUse, KeyManagement, Mode, SignatureAlgorithm,
};
use super::base64url;
use super::crypto::{KeyParameters, PublicPoint};
use super::error::{Malformed, TokenError};
use super::json::{Object, Value};

/// Members that must be strings where they are present. `jwk`, `jku`, `x5u` and `x5c` are not
/// among them: they are never looked at, but for the `jwk` of a proof.
const STRINGS: [&str; 4] = ["kid", "enc", "typ", "cty"];

/// Members that change how a token is to be read, in ways we do not support.
const REFUSED: [&str; 3] = ["crit", "b64", "zip"];

/// A header whose members have the types the RFCs ask for.
#[derive(Debug)]
pub struct Header {
    object: Object,
    signature_algorithm: Option<SignatureAlgorithm>,
}

/// How many headers are remembered.
const REMEMBERED: usize = 8;

/// Longer ones are not. In bytes.
const LONGEST_REMEMBERED: usize = 1024;

/// A memo of the headers parsed last: tokens signed with one key mostly have the very same header.
#[derive(Debug, Default)]
pub struct Headers {
    known: Vec<(Box<[u8]>, Rc<Header>)>,
    oldest: usize,
}

impl Headers {
    /// As [`Header::parse`].
    pub fn read(&mut self, segment: &[u8]) -> Result<Rc<Header>, Malformed> {
        if let Some((_, header)) = self.known.iter().find(|(known, _)| **known == *segment) {
            return Ok(header.clone());
        }
        let header = Rc::new(Header::parse(segment)?);
        if segment.len() <= LONGEST_REMEMBERED {
            let entry = (segment.into(), header.clone());
            match self.known.get_mut(self.oldest) {
                Some(oldest) => *oldest = entry,
                None => self.known.push(entry),
            }
            self.oldest = self.oldest.wrapping_add(1) % REMEMBERED;
        }
        Ok(header)
    }
}

impl Header {
    /// Reads the first segment of a token.
    pub fn parse(segment: &[u8]) -> Result<Self, Malformed> {
        let object = Object::parse(base64url::decode(segment)?).map_err(Malformed::Header)?;
        let alg = object.value("alg").and_then(Value::as_str);
        let alg = alg.ok_or(Malformed::HeaderMember("alg"))?;
        let signature_algorithm = SignatureAlgorithm::from_name(&alg);
        for name in STRINGS {
            if object.value(name).is_some_and(|value| value.as_str().is_none()) {
                return Err(Malformed::HeaderMember(name));
            }
        }
        for name in REFUSED {
            if object.value(name).is_some() {
                return Err(Malformed::HeaderExtension(name));
            }
        }
        Ok(Self { object, signature_algorithm })
    }

    /// `alg` as that of a JWS.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, TokenError> {
        self.signature_algorithm.ok_or(TokenError::UnsupportedAlgorithm)
    }

    /// `alg` and `enc` as those of a JWE.
    pub fn encryption_algorithms(&self) -> Result<(KeyManagement, ContentEncryption), TokenError> {
        let (alg, enc) = (self.text("alg"), self.text("enc"));
        let (alg, enc) = (alg.unwrap_or_default(), enc.ok_or(Malformed::HeaderMember("enc"))?);
        let algorithms = KeyManagement::from_name(&alg).zip(ContentEncryption::from_name(&enc));
        algorithms.ok_or(TokenError::UnsupportedAlgorithm)
    }

    /// The members that `algorithm` needs (RFC 7518 §4.6.1, §4.7.1); others' are not looked at.
    pub fn key_parameters(&self, algorithm: KeyManagement) -> Result<KeyParameters, Malformed> {
        Ok(match algorithm.mode() {
            Mode::Direct | Mode::AesKeyWrap(_) | Mode::RsaOaep(_) => KeyParameters::None,
            Mode::AesGcm(_) => {
                KeyParameters::AesGcm { iv: self.array("iv")?, tag: self.array("tag")? }
            }
            Mode::Agreement(_) => KeyParameters::Agreement {
                ephemeral: self.ephemeral_key()?,
                party_u: self.bytes("apu")?.unwrap_or_default(),
                party_v: self.bytes("apv")?.unwrap_or_default(),
            },
        })
    }

    /// `kid`.
    pub fn kid(&self) -> Option<Cow<'_, str>> {
        self.text("kid")
    }

    /// `typ`.
    pub fn typ(&self) -> Option<Cow<'_, str>> {
        self.text("typ")
    }

    /// The header as an object, for variables.
    pub fn object(&self) -> &Object {
        &self.object
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.object.value(name)?.as_str()
    }

    fn bytes(&self, name: &'static str) -> Result<Option<Vec<u8>>, Malformed> {
        let decode = |value| decoded(value).ok_or(Malformed::HeaderValue(name));
        self.object.value(name).map(decode).transpose()
    }

    fn array<const LENGTH: usize>(&self, name: &'static str) -> Result<[u8; LENGTH], Malformed> {
        let bytes = self.bytes(name)?.and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or(Malformed::HeaderValue(name))
    }

    /// `epk`: a public JWK of a curve we serve (RFC 7518 §4.6.1.1).
    fn ephemeral_key(&self) -> Result<PublicPoint, Malformed> {
        let point = || {
            let epk = self.object.value("epk")?;
            let (kty, crv) = (epk.member("kty")?.as_str()?, epk.member("crv")?.as_str()?);
            let curve = Curve::of(&kty, &crv)?;
            let coordinate = |name| {
                decoded(epk.member(name)?).filter(|bytes| bytes.len() == curve.coordinate_length())
            };
            match curve.row().0 {
                CurveUse::Ec => Some(PublicPoint::ec(curve, &coordinate("x")?, &coordinate("y")?)),
                CurveUse::OkpAgrees => Some(PublicPoint::okp(curve, &coordinate("x")?)),
                CurveUse::OkpSigns => None,
            }
        };
        point().ok_or(Malformed::HeaderValue("epk"))
    }
}

fn decoded(value: Value<'_>) -> Option<Vec<u8>> {
    base64url::decode(value.as_str()?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Header, Malformed> {
        Header::parse(base64url::encode(json.as_bytes()).as_bytes())
    }

    #[test]
    fn reads_alg_and_kid() {
        let header = parse(r#"{"typ":"at+jwt","alg":"RS256","kid":"k\u0031","jwk":{"kty":1}}"#);
        let Ok(header) = header else { unreachable!("a good header") };
        assert_eq!(header.signature_algorithm(), Ok(SignatureAlgorithm::Rs256));
        assert_eq!(header.kid().as_deref(), Some("k1"));
    }

    #[test]
    fn refuses_what_the_contract_refuses() {
        assert_eq!(parse("{}").err(), Some(Malformed::HeaderMember("alg")));
        assert_eq!(parse(r#"{"alg":1}"#).err(), Some(Malformed::HeaderMember("alg")));
        for name in STRINGS {
            let header = format!(r#"{{"alg":"HS256","{name}":null}}"#);
            assert_eq!(parse(&header).err(), Some(Malformed::HeaderMember(name)));
        }
        for name in REFUSED {
            let header = format!(r#"{{"alg":"HS256","{name}":[]}}"#);
            assert_eq!(parse(&header).err(), Some(Malformed::HeaderExtension(name)));
        }
        assert_eq!(Header::parse(b"e30=").err(), Some(Malformed::Base64));
    }

    #[test]
    fn headers_are_read_once() {
        let segment = |kid: usize| {
            base64url::encode(format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#).as_bytes())
        };
        let mut headers = Headers::default();
        let mut read = |kid| headers.read(segment(kid).as_bytes());
        let Ok(first) = read(0) else { unreachable!("a good header") };
        assert!(read(0).is_ok_and(|again| Rc::ptr_eq(&first, &again)));
        for kid in 1..20 {
            let header = read(kid).ok();
            let expected = kid.to_string();
            assert_eq!(header.as_ref().and_then(|h| h.kid()).as_deref(), Some(&*expected));
        }
        assert!(read(0).is_ok_and(|again| !Rc::ptr_eq(&first, &again)), "it has made room");
        assert!(headers.known.len() <= REMEMBERED);
        assert_eq!(headers.read(b"e30").err(), Some(Malformed::HeaderMember("alg")));
        assert_eq!(headers.read(b"e30").err(), Some(Malformed::HeaderMember("alg")), "each time");
        let long = format!(r#"{{"alg":"HS256","x":"{}"}}"#, "x".repeat(LONGEST_REMEMBERED));
        let long = base64url::encode(long.as_bytes());
        let (one, other) = (headers.read(long.as_bytes()), headers.read(long.as_bytes()));
        assert!(one.is_ok_and(|one| other.is_ok_and(|other| !Rc::ptr_eq(&one, &other))));
    }
}
