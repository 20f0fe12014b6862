//! The members of a JWK, by the types the RFCs give them.

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::jose::algorithm::Curve;
use crate::jose::base64url;
use crate::jose::error::KeyError;
use crate::jose::json::{Object, Value};

/// Whether the member is there, whatever it holds.
pub fn has(jwk: &Object, name: &str) -> bool {
    jwk.value(name).is_some()
}

/// A member of any type serde reads.
pub fn optional<T: DeserializeOwned>(
    jwk: &Object,
    name: &'static str,
) -> Result<Option<T>, KeyError> {
    let parse = |value: Value<'_>| serde_json::from_str(value.text());
    jwk.value(name).map(parse).transpose().map_err(|_| KeyError::Member(name))
}

/// A string.
pub fn optional_text(jwk: &Object, name: &'static str) -> Result<Option<Box<str>>, KeyError> {
    let text = |value: Value<'_>| value.as_str().map(|text| text.into_owned().into_boxed_str());
    jwk.value(name).map(|value| text(value).ok_or(KeyError::Member(name))).transpose()
}

/// A string that must be there.
pub fn required_text(jwk: &Object, name: &'static str) -> Result<Box<str>, KeyError> {
    optional_text(jwk, name)?.ok_or(KeyError::Member(name))
}

/// Bytes in base64url that must be there. They may be secret, and so are wiped when dropped.
pub fn required_bytes(jwk: &Object, name: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let text = jwk.value(name).and_then(Value::as_str).ok_or(KeyError::Member(name))?;
    let bytes = base64url::decode(text.as_bytes()).map_err(|_| KeyError::Member(name))?;
    Ok(Zeroizing::new(bytes))
}

/// A coordinate, a private key or an OKP public key: bytes of the length that `curve` asks for.
pub fn required_coordinate(
    jwk: &Object,
    name: &'static str,
    curve: Curve,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let bytes = required_bytes(jwk, name)?;
    if bytes.len() == curve.coordinate_length() { Ok(bytes) } else { Err(KeyError::Member(name)) }
}
