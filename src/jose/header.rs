//! The JOSE header of a token (RFC 7515 §4, RFC 7516 §4, RFC 8725 §3).

use std::borrow::Cow;

use super::algorithm::SignatureAlgorithm;
use super::base64url;
use super::error::{Malformed, TokenError};
use super::json::Object;

/// Members that must be strings where they are present. `jwk`, `jku`, `x5u` and `x5c` are not
/// among them: they are never looked at.
const STRINGS: [&str; 4] = ["kid", "enc", "typ", "cty"];

/// Members that change how a token is to be read, in ways we do not support.
const REFUSED: [&str; 3] = ["crit", "b64", "zip"];

/// A header whose members have the types the RFCs ask for.
#[derive(Debug)]
pub struct Header(Object);

impl Header {
    /// Reads the first segment of a token.
    pub fn parse(segment: &[u8]) -> Result<Self, Malformed> {
        let bytes = base64url::decode(segment).map_err(|_| Malformed::Base64)?;
        let object = Object::parse(bytes).map_err(Malformed::Header)?;
        if object.value("alg").is_none_or(|value| value.as_str().is_none()) {
            return Err(Malformed::HeaderMember("alg"));
        }
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
        Ok(Self(object))
    }

    /// `alg` as that of a JWS.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, TokenError> {
        self.text("alg")
            .and_then(|name| SignatureAlgorithm::from_name(&name))
            .ok_or(TokenError::UnsupportedAlgorithm)
    }

    /// `kid`.
    pub fn kid(&self) -> Option<Cow<'_, str>> {
        self.text("kid")
    }

    /// The header as an object, for variables.
    pub fn object(&self) -> &Object {
        &self.0
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.value(name)?.as_str()
    }
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
    fn none_is_not_supported() {
        let header = parse(r#"{"alg":"none"}"#);
        let algorithm = header.map(|header| header.signature_algorithm());
        assert_eq!(algorithm, Ok(Err(TokenError::UnsupportedAlgorithm)));
    }
}
