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
use super::worker;
use crate::auth::key_cache::Rules;
use crate::auth::outcome::Verdict;
use crate::auth::token_cache::Known;
use crate::auth::unverified::Unverified;
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
    tokens: RefCell<[Option<Content>; MAX_TOKENS]>,
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
    pub waiting: Option<Waiting>,
}

/// A source the request waits for.
pub enum Waiting {
    Own { fetch: Own, deadline: Rc<Deadline>, rules: Rules },
    Shared { fetch: Rc<Fetch>, rules: Rules, _waiter: Rc<Waiter> },
}

/// What a token holds.
#[derive(Clone)]
pub enum Content {
    Unverified(Rc<(Box<[u8]>, Unverified)>),
    Verified(Rc<Known>),
}

impl Context {
    /// The state of `request`, made at its first use; `None` where memory has run out.
    pub fn of(request: Request<'_>) -> Option<&Self> {
        request.context()
    }

    /// What `token` holds, decoded at most once.
    pub fn content(&self, token: &[u8]) -> Content {
        let known =
            self.tokens.borrow().iter().flatten().find(|known| known.token() == token).cloned();
        known.unwrap_or_else(|| {
            let content = Content::Unverified(Rc::new((token.into(), Unverified::decode(token))));
            keep(self.tokens.borrow_mut().as_mut_slice(), content.clone());
            content
        })
    }

    /// Keeps what a verified token holds.
    pub fn keep_verified(&self, known: Rc<Known>) {
        let content = Content::Verified(known);
        let mut tokens = self.tokens.borrow_mut();
        let same = |other: &&mut Option<Content>| {
            other.as_ref().is_some_and(|other| other.token() == content.token())
        };
        match tokens.iter_mut().find(same) {
            Some(other) => *other = Some(content),
            None => keep(tokens.as_mut_slice(), content),
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
            waiting: None,
        })
    }

    /// Keeps what has been gathered until the access phase is run again.
    pub fn keep_gathering(&self, gathering: Gathering) {
        self.gathering.replace(Some(Box::new(gathering)));
    }

    /// Calls `body` with the fetch that the request has made `subrequest` for, if it is one.
    pub fn with_own_fetch<T>(
        &self,
        subrequest: Request<'_>,
        body: impl FnOnce(&Fetch) -> T,
    ) -> Option<T> {
        let gathering = self.gathering.borrow();
        match gathering.as_ref()?.waiting.as_ref()? {
            Waiting::Own { fetch, .. } if fetch.0.subrequest.get()?.is(subrequest) => {
                Some(body(&fetch.0))
            }
            _ => None,
        }
    }
}

fn keep(tokens: &mut [Option<Content>], content: Content) {
    // Most requests meet one.
    if tokens.first().is_some_and(Option::is_some) {
        tokens.rotate_right(1);
    }
    if let Some(first) = tokens.first_mut() {
        *first = Some(content);
    }
}

/// A fetch of the request's own; dropped before its end, it is given up.
pub struct Own(pub Rc<Fetch>);

impl Drop for Own {
    fn drop(&mut self) {
        worker::with(|worker| worker.key_requests.borrow_mut().abandon(&self.0));
    }
}

impl Content {
    fn token(&self) -> &[u8] {
        match self {
            Self::Unverified(token) => &token.0,
            Self::Verified(known) => known.token(),
        }
    }

    /// The JOSE header.
    pub fn header(&self) -> Option<&Object> {
        match self {
            Self::Unverified(token) => token.1.header(),
            Self::Verified(known) => Some(known.verified().token().header().object()),
        }
    }

    /// The claims.
    pub fn claims(&self) -> Option<&Object> {
        match self {
            Self::Unverified(token) => token.1.claims(),
            Self::Verified(known) => Some(known.verified().token().claims().object()),
        }
    }

    /// The claims as JSON, or the JWS inside a nested token.
    pub fn payload(&self) -> Option<&str> {
        match self {
            Self::Unverified(token) => token.1.claims().map(Object::text),
            Self::Verified(token) => Some(token.verified().token().payload()),
        }
    }
}
