//! What the module knows of one request. It is bound to the main request, survives internal
//! redirects, and dies with the request's pool.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::ffi::header::ResponseHeader;
use super::ffi::request::{Address, Request};
use crate::auth::outcome::Verdict;
use crate::auth::unverified::Unverified;
use crate::jose::json::Object;
use crate::jose::jws::Verified;

/// A request meets few tokens; the oldest of more is decoded again when it is asked for.
const MAX_TOKENS: usize = 4;

/// The state of a request.
#[derive(Default)]
pub struct Context {
    /// The last verdict, for `$auth_jwt_status`.
    pub verdict: Cell<Option<Verdict>>,
    /// The challenge in the answer, and the location that put it there.
    pub challenge: Cell<Option<(ResponseHeader, Address)>>,
    /// The request or subrequest, and its location, for which a token was last looked up.
    pub token_site: Cell<Option<(Address, Address)>>,
    tokens: RefCell<Vec<Token>>,
}

struct Token {
    text: Box<[u8]>,
    content: Rc<Content>,
}

/// What a token holds.
pub enum Content {
    Unverified(Unverified),
    Verified(Rc<Verified>),
}

impl Context {
    /// The state of `request`, made at its first use; `None` where memory has run out.
    pub fn of(request: Request<'_>) -> Option<&Self> {
        request.context()
    }

    /// What `token` holds, decoded at most once.
    pub fn content(&self, token: &[u8]) -> Rc<Content> {
        let known =
            self.tokens.borrow().iter().find(|known| *known.text == *token).map(Token::content);
        known.unwrap_or_else(|| {
            let content = Rc::new(Content::Unverified(Unverified::decode(token)));
            self.keep(token, content.clone());
            content
        })
    }

    /// Keeps what a verified token holds.
    pub fn keep_verified(&self, token: &[u8], verified: Rc<Verified>) {
        self.tokens.borrow_mut().retain(|known| *known.text != *token);
        self.keep(token, Rc::new(Content::Verified(verified)));
    }

    fn keep(&self, token: &[u8], content: Rc<Content>) {
        let mut tokens = self.tokens.borrow_mut();
        if tokens.len() >= MAX_TOKENS {
            tokens.remove(0);
        }
        tokens.push(Token { text: token.into(), content });
    }
}

impl Token {
    fn content(&self) -> Rc<Content> {
        self.content.clone()
    }
}

impl Content {
    /// The JOSE header.
    pub fn header(&self) -> Option<&Object> {
        match self {
            Self::Unverified(token) => token.header(),
            Self::Verified(token) => Some(token.header().object()),
        }
    }

    /// The claims.
    pub fn claims(&self) -> Option<&Object> {
        match self {
            Self::Unverified(token) => token.claims(),
            Self::Verified(token) => Some(token.claims().object()),
        }
    }

    /// The claims as JSON, or the JWS inside a nested token.
    pub fn payload(&self) -> Option<&str> {
        match self {
            Self::Unverified(token) => token.claims().map(Object::text),
            Self::Verified(token) => Some(token.payload()),
        }
    }
}
