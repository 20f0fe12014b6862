//! What the module knows of one request. It is bound to the main request, survives internal
//! redirects, and dies with the request's pool.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::ffi::deadline::Deadline;
use super::ffi::header::ResponseHeader;
use super::ffi::request::{Address, Request};
use super::ffi::wait::Waiter;
use super::keys::KeySets;
use super::keys::fetch::Fetch;
use super::keys::flight::Flight;
use super::keys::source::SourceId;
use super::worker;
use crate::auth::key_cache::Rules;
use crate::auth::outcome::Verdict;
use crate::auth::unverified::Unverified;
use crate::auth::verification::VerifiedToken;
use crate::jose::json::Object;

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
    /// The newest first.
    tokens: RefCell<[Option<Kept>; MAX_TOKENS]>,
    gathering: RefCell<Option<Box<Gathering>>>,
}

/// The keys of a location, as far as they have been gathered.
pub struct Gathering {
    location: Address,
    pub sets: KeySets,
    /// Where those stand that were fetched while this request waited: there are no newer ones.
    pub newest: Vec<usize>,
    /// How many sources have been asked, those asked once more included.
    pub step: usize,
    /// Whether a fetch of another request's has failed at this step.
    pub failed_once: bool,
    /// How many have begun a fetch that it waited for at this step, and left.
    pub left: u32,
    pub waiting: Option<Waiting>,
}

/// A source the request waits for.
pub enum Waiting {
    Own(Own),
    Shared { flight: Rc<Flight>, _waiter: Rc<Waiter> },
}

/// A fetch of the request's own.
pub struct Own {
    pub fetch: Fetch,
    pub deadline: Rc<Deadline>,
    pub source: SourceId,
    /// Whether its answer is everybody's, so that nothing of this request decides it.
    pub serves_all: bool,
    /// Where others may wait for it.
    pub lead: Option<Lead>,
}

/// A fetch that others may wait for; dropped before its end, it is given up.
pub struct Lead {
    pub flight: Rc<Flight>,
    pub rules: Rules,
}

/// A token of the request.
#[derive(Clone, Copy)]
pub struct Token<'r> {
    pub bytes: &'r [u8],
    /// Whether it stands in `Authorization`, whose memory does not change while the request lives.
    pub in_header: bool,
}

/// What is known of a token.
struct Kept {
    token: Name,
    content: Content,
}

/// What tells a token from others of the same request.
enum Name {
    /// Its place in the header: it need be neither copied nor compared.
    InHeader(Address, usize),
    Bytes(Box<[u8]>),
}

/// What a token holds.
#[derive(Clone)]
pub enum Content {
    Unverified(Rc<Unverified>),
    Verified(Rc<VerifiedToken>),
}

impl Context {
    /// The state of `request`, made at its first use; `None` where memory has run out.
    pub fn of(request: Request<'_>) -> Option<&Self> {
        request.context()
    }

    /// What `token` holds, decoded at most once; `header` gives the token of `Authorization`.
    pub fn content<'r>(&self, token: Token<'r>, header: impl Fn() -> Option<Token<'r>>) -> Content {
        let mut tokens = self.tokens.borrow_mut();
        match tokens.iter().flatten().find(|kept| kept.token.is(token, &header)) {
            Some(kept) => kept.content.clone(),
            None => {
                let content = Content::Unverified(Rc::new(Unverified::decode(token.bytes)));
                keep(tokens.as_mut_slice(), token, content.clone());
                content
            }
        }
    }

    /// Keeps what a verified token holds; `header` as for [`Context::content`].
    pub fn keep_verified<'r>(
        &self,
        token: Token<'r>,
        verified: Rc<VerifiedToken>,
        header: impl Fn() -> Option<Token<'r>>,
    ) {
        let content = Content::Verified(verified);
        let mut tokens = self.tokens.borrow_mut();
        match tokens.iter_mut().flatten().find(|kept| kept.token.is(token, &header)) {
            Some(kept) => kept.content = content,
            None => keep(tokens.as_mut_slice(), token, content),
        }
    }

    /// What has been gathered for `location` so far; what was for another one is given up.
    pub fn take_gathering(&self, location: Address) -> Gathering {
        let earlier = self.gathering.take().filter(|gathering| gathering.location == location);
        earlier.map(|gathering| *gathering).unwrap_or_else(|| Gathering {
            location,
            sets: KeySets::new(),
            newest: Vec::new(),
            step: 0,
            failed_once: false,
            left: 0,
            waiting: None,
        })
    }

    /// Keeps what has been gathered until the access phase is run again.
    pub fn keep_gathering(&self, gathering: Gathering) {
        self.gathering.replace(Some(Box::new(gathering)));
    }

    /// Calls `body` with the fetch that the request has under way, if it has one of its own.
    pub fn with_own_fetch<T>(&self, body: impl FnOnce(&Own) -> T) -> Option<T> {
        match self.gathering.borrow().as_ref()?.waiting.as_ref()? {
            Waiting::Own(own) => Some(body(own)),
            Waiting::Shared { .. } => None,
        }
    }
}

fn keep(tokens: &mut [Option<Kept>], token: Token<'_>, content: Content) {
    // Most requests meet one.
    if tokens.first().is_some_and(Option::is_some) {
        tokens.rotate_right(1);
    }
    if let Some(first) = tokens.first_mut() {
        *first = Some(Kept { token: token.name(), content });
    }
}

impl Token<'_> {
    fn place(self) -> (Address, usize) {
        (Address::of(self.bytes), self.bytes.len())
    }

    fn name(self) -> Name {
        match (self.in_header, self.place()) {
            (true, (address, length)) => Name::InHeader(address, length),
            (false, _) => Name::Bytes(self.bytes.into()),
        }
    }
}

impl Name {
    fn is<'r>(&self, token: Token<'r>, header: impl Fn() -> Option<Token<'r>>) -> bool {
        match self {
            Self::InHeader(address, length) if token.in_header => {
                token.place() == (*address, *length)
            }
            Self::InHeader(address, length) => header().is_some_and(|header| {
                header.place() == (*address, *length) && header.bytes == token.bytes
            }),
            Self::Bytes(bytes) => **bytes == *token.bytes,
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        worker::with(|worker| worker.shared_sources.borrow_mut().abandon(&self.flight));
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
