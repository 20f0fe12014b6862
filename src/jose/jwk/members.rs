//! The members of a JWK, by the types the RFCs give them, and more leniently than those of a token
//! where issuers err and no verdict can change: `null` is no member, padding is ignored, and an EC
//! coordinate may lack leading zero octets.

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::jose::algorithm::Curve;
use crate::jose::base64url;
use crate::jose::error::{KeyError, Malformed, MemberFault};
use crate::jose::json::{Object, Value};
use crate::jose::secret::Secret;

/// The member, unless it is `null`.
pub fn member<'j>(jwk: &'j Object, name: &str) -> Option<Value<'j>> {
    jwk.value(name).filter(|value| !value.is_null())
}

/// Whether the member is there, whatever it holds.
pub fn has(jwk: &Object, name: &str) -> bool {
    member(jwk, name).is_some()
}

/// The bytes that a member of a JWK holds, whose base64url may be padded.
pub fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    base64url::decode(text.trim_end_matches('=').as_bytes())
}

/// A member of any type serde reads; `fault` is what is wrong where it is of another.
pub fn optional<T: DeserializeOwned>(
    jwk: &Object,
    name: &'static str,
    fault: MemberFault,
) -> Result<Option<T>, KeyError> {
    let parse = |value: Value<'_>| serde_json::from_str(value.text());
    member(jwk, name).map(parse).transpose().map_err(|_| KeyError::Member(name, fault))
}

/// A string.
pub fn optional_text(jwk: &Object, name: &'static str) -> Result<Option<Box<str>>, KeyError> {
    optional(jwk, name, MemberFault::NotAString)
}

/// A string that must be there.
pub fn required_text(jwk: &Object, name: &'static str) -> Result<Box<str>, KeyError> {
    optional_text(jwk, name)?.ok_or(KeyError::Member(name, MemberFault::Missing))
}

/// Bytes in base64url that must be there. They may be secret, and so are wiped when dropped.
pub fn required_bytes(jwk: &Object, name: &'static str) -> Result<Secret, KeyError> {
    let value = member(jwk, name).ok_or(KeyError::Member(name, MemberFault::Missing))?;
    let text = value.as_str().ok_or(KeyError::Member(name, MemberFault::NotAString))?;
    decode(&text).map(Zeroizing::new).map_err(|_| KeyError::Member(name, MemberFault::NotBase64Url))
}

/// A coordinate of an EC key, of the length that `curve` asks for; leading zero octets that are
/// missing are put back. Whether the point is on the curve is still to be judged.
pub fn required_coordinate(
    jwk: &Object,
    name: &'static str,
    curve: Curve,
) -> Result<Secret, KeyError> {
    let bytes = required_bytes(jwk, name)?;
    let (found, wanted) = (bytes.len(), curve.coordinate_length());
    match wanted.checked_sub(found) {
        _ if found == 0 => Err(KeyError::Member(name, MemberFault::Empty)),
        Some(0) => Ok(bytes),
        Some(short) => Ok(Zeroizing::new([vec![0; short].as_slice(), bytes.as_slice()].concat())),
        None => Err(KeyError::Member(name, MemberFault::Length { found, wanted })),
    }
}
