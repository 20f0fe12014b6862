//! The tokens that a request meets, each decoded at most once.

use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;

use crate::auth::authorization::Scheme;
use crate::auth::unverified::Unverified;
use crate::auth::verification::VerifiedToken;
use crate::jose::json::Object;

/// A request meets few tokens; the oldest of more is decoded again when it is asked for.
const MAX_TOKENS: usize = 4;

/// What is known of a request's tokens, the newest first.
#[derive(Default)]
pub struct Tokens(RefCell<[Option<Kept>; MAX_TOKENS]>);

/// A token of the request.
#[derive(Clone, Copy)]
pub struct Token<'r> {
    pub bytes: &'r [u8],
    /// That of `Authorization`, if it stands there: its memory does not change while the request lives.
    pub scheme: Option<Scheme>,
}

/// What is known of a token.
struct Kept {
    token: Name,
    content: Content,
}

/// What tells a token from others of the same request.
enum Name {
    /// Its place in the header: it need be neither copied nor compared.
    InHeader(*const [u8]),
    Bytes(Box<[u8]>),
}

/// What a token holds.
#[derive(Clone)]
pub enum Content {
    Unverified(Rc<Unverified>),
    Verified(Rc<VerifiedToken>),
}

impl Tokens {
    /// What `token` holds, decoded at most once; `header` gives the token of `Authorization`.
    pub fn content<'r>(&self, token: Token<'r>, header: impl Fn() -> Option<Token<'r>>) -> Content {
        let mut tokens = self.0.borrow_mut();
        match tokens.iter().flatten().find(|kept| kept.token.is(token, &header)) {
            Some(kept) => kept.content.clone(),
            None => {
                let content = Content::Unverified(Rc::new(Unverified::decode(token.bytes)));
                keep(tokens.as_mut_slice(), token, content.clone());
                content
            }
        }
    }

    /// Keeps what a verified token holds; `header` as for [`Tokens::content`].
    pub fn keep_verified<'r>(
        &self,
        token: Token<'r>,
        verified: Rc<VerifiedToken>,
        header: impl Fn() -> Option<Token<'r>>,
    ) {
        let content = Content::Verified(verified);
        let mut tokens = self.0.borrow_mut();
        match tokens.iter_mut().flatten().find(|kept| kept.token.is(token, &header)) {
            Some(kept) => kept.content = content,
            None => keep(tokens.as_mut_slice(), token, content),
        }
    }
}

fn keep(tokens: &mut [Option<Kept>], token: Token<'_>, content: Content) {
    // Most requests meet one.
    if tokens.first().is_some_and(Option::is_some) {
        tokens.rotate_right(1);
    }
    if let Some(first) = tokens.first_mut() {
        let token = match token.scheme {
            Some(_) => Name::InHeader(token.bytes),
            None => Name::Bytes(token.bytes.into()),
        };
        *first = Some(Kept { token, content });
    }
}

impl Name {
    fn is<'r>(&self, token: Token<'r>, header: impl Fn() -> Option<Token<'r>>) -> bool {
        match self {
            Self::InHeader(place) if token.scheme.is_some() => ptr::eq(*place, token.bytes),
            Self::InHeader(place) => header()
                .is_some_and(|header| ptr::eq(*place, header.bytes) && header.bytes == token.bytes),
            Self::Bytes(bytes) => **bytes == *token.bytes,
        }
    }
}

impl Content {
    /// The JOSE header.
    pub fn header(&self) -> Option<&Object> {
        match self {
            Self::Unverified(token) => token.header(),
            Self::Verified(verified) => Some(verified.token().header().object()),
        }
    }

    /// The claims.
    pub fn claims(&self) -> Option<&Object> {
        match self {
            Self::Unverified(token) => token.claims(),
            Self::Verified(verified) => Some(verified.token().claims().object()),
        }
    }

    /// The claims as JSON, or the JWS inside a nested token.
    pub fn payload(&self) -> Option<&str> {
        match self {
            Self::Unverified(token) => token.claims().map(Object::text),
            Self::Verified(verified) => Some(verified.token().payload()),
        }
    }
}
