//! The claims of a token (RFC 7519 §4): the payload as an object.

use super::error::Malformed;
use super::json::{Object, Value};

/// The payload of a token.
#[derive(Debug)]
pub struct Claims(Object);

impl Claims {
    /// Reads a decoded payload.
    pub fn parse(payload: Vec<u8>) -> Result<Self, Malformed> {
        Object::parse(payload).map(Self).map_err(Malformed::Payload)
    }

    /// Reads a payload that was encrypted: it is wiped when dropped.
    pub fn parse_secret(payload: &[u8]) -> Result<Self, Malformed> {
        Object::parse_secret(payload).map(Self).map_err(Malformed::Payload)
    }

    /// The claim of exactly that name.
    pub fn value(&self, name: &str) -> Option<Value<'_>> {
        self.0.value(name)
    }

    /// The claims as an object, for variables.
    pub fn object(&self) -> &Object {
        &self.0
    }
}
