//! The members of a JWK, by the types the RFCs give them.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::jose::algorithm::Curve;
use crate::jose::base64url;
use crate::jose::error::{KeyError, MemberFault};
use crate::jose::json::{Object, Value};

/// Whether the member is there, whatever it holds.
pub fn has(jwk: &Object, name: &str) -> bool {
    jwk.value(name).is_some()
}

/// A member of any type serde reads; `fault` is what is wrong where it is of another.
pub fn optional<T: DeserializeOwned>(
    jwk: &Object,
    name: &'static str,
    fault: MemberFault,
) -> Result<Option<T>, KeyError> {
    let parse = |value: Value<'_>| serde_json::from_str(value.text());
    jwk.value(name).map(parse).transpose().map_err(|_| KeyError::Member(name, fault))
}

/// A string.
pub fn optional_text(jwk: &Object, name: &'static str) -> Result<Option<Box<str>>, KeyError> {
    jwk.value(name).map(|value| Ok(text(name, value)?.into_owned().into_boxed_str())).transpose()
}

/// A string that must be there.
pub fn required_text(jwk: &Object, name: &'static str) -> Result<Box<str>, KeyError> {
    optional_text(jwk, name)?.ok_or(KeyError::Member(name, MemberFault::Missing))
}

/// Bytes in base64url that must be there. They may be secret, and so are wiped when dropped.
pub fn required_bytes(jwk: &Object, name: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let value = jwk.value(name).ok_or(KeyError::Member(name, MemberFault::Missing))?;
    let bytes = base64url::decode(text(name, value)?.as_bytes());
    bytes.map(Zeroizing::new).map_err(|_| KeyError::Member(name, MemberFault::NotBase64Url))
}

/// A coordinate, a private key or an OKP public key: bytes of the length that `curve` asks for.
pub fn required_coordinate(
    jwk: &Object,
    name: &'static str,
    curve: Curve,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let bytes = required_bytes(jwk, name)?;
    let (found, wanted) = (bytes.len(), curve.coordinate_length());
    match found == wanted {
        true => Ok(bytes),
        false => Err(KeyError::Member(name, MemberFault::Length { found, wanted })),
    }
}

fn text<'j>(name: &'static str, value: Value<'j>) -> Result<Cow<'j, str>, KeyError> {
    value.as_str().ok_or(KeyError::Member(name, MemberFault::NotAString))
}
