//! What a token says. What is proven of it is told by the type that holds it.

use std::rc::Rc;

use zeroize::Zeroizing;

use super::claims::Claims;
use super::header::Header;

/// The parts of a token that has been read.
#[derive(Debug)]
pub struct Token {
    pub(super) header: Rc<Header>,
    pub(super) claims: Claims,
    /// The JWS that was encrypted, where there is one.
    pub(super) nested: Option<Zeroizing<String>>,
}

impl Token {
    /// The JOSE header; of a JWE the outer one.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What it carries: the claims as JSON, or the JWS that was encrypted.
    pub fn payload(&self) -> &str {
        match &self.nested {
            Some(jws) => jws,
            None => self.claims.object().text(),
        }
    }

    /// How long its texts are, in bytes.
    pub fn text_length(&self) -> usize {
        let nested = self.nested.as_ref().map_or(0, |jws| jws.len());
        let claims = self.claims.object().text_length().saturating_add(nested);
        self.header.object().text_length().saturating_add(claims)
    }

    /// How many members its objects have.
    pub fn member_count(&self) -> usize {
        self.header.object().member_count().saturating_add(self.claims.object().member_count())
    }
}
