//! What the module knows of one request. It is bound to the main request, survives internal
//! redirects, and dies with the request's pool.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use super::ffi::header::Challenges;
use super::ffi::request::{Address, Request};
use super::gather::Gathering;
use super::tokens::Tokens;
use crate::auth::issuer::Issuer;
use crate::jose::crypto::Fingerprint;

/// The state of a request.
#[derive(Default)]
pub struct Context {
    /// The last verdict, as `$auth_jwt_status` tells it.
    pub status: Cell<Option<&'static str>>,
    /// Who has issued the token that has passed, for `$auth_jwt_issuer`.
    pub issuer: RefCell<Option<Rc<Issuer>>>,
    /// The location that has let the request pass without a good token: claims are empty there, whatever
    /// token they are asked of.
    pub without_claims: Cell<Option<Address>>,
    /// The challenges in the answer, and the location that put them there.
    pub challenges: Cell<Option<(Challenges, Address)>>,
    /// The proof that came with it, once it has been used. Boxed: most requests have none.
    pub used_proof: OnceCell<Box<Fingerprint>>,
    /// The request or subrequest, and its location, for which a token was last looked up.
    pub token_site: Cell<Option<(Address, Address)>>,
    pub tokens: Tokens,
    pub gathering: Gathering,
}

impl Context {
    /// The state of `request`, made at its first use; `None` where memory has run out.
    pub fn of(request: Request<'_>) -> Option<&Self> {
        request.context()
    }

    /// The state of `request`; `None` where it has none yet.
    pub fn known(request: Request<'_>) -> Option<&Self> {
        request.known_context()
    }
}
