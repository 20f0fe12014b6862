//! What was typed, level by level, and what it means. Cells are filled while the configuration is
//! read: nginx lends a level to each directive in it, and to the levels below. Nothing here belongs
//! to a request.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ffi::complex_value::ComplexValue;
use super::ffi::server_name::ServerNames;
use crate::auth::key_cache::Rules;
use crate::auth::policy::{Acceptance, TokenType, Verification};
use crate::auth::require::Failure;

/// The configuration of the level `http`.
#[derive(Default)]
pub struct MainConf {
    /// `auth_jwt_claim_set` and `auth_jwt_header_set`; a variable knows its place here.
    pub set_variables: RefCell<Vec<SetVariable>>,
    /// Until `lint` has seen them: the directives that have an effect only beside others.
    pub dependent: RefCell<Vec<Dependent>>,
    /// Until `lint` has seen them: all levels below `http`.
    pub levels: RefCell<Vec<Effective>>,
}

/// Where a directive stands: `file:line`.
pub type Place = Rc<str>;

/// A directive that has an effect only beside another one.
pub struct Dependent {
    /// Its name.
    pub directive: String,
    pub place: Place,
    pub needs: Needs,
}

/// What a directive needs beside it to have an effect.
#[derive(Clone, Copy)]
pub enum Needs {
    /// An `auth_jwt` that is not off.
    AuthJwt,
    /// A key request, as `refresh=` and `stale=` do.
    KeyRequest,
}

/// The configuration of a server.
pub struct ServerConf {
    /// No other server has it, one of an earlier configuration included: keys that were fetched
    /// from one are never taken for those of another.
    pub id: u64,
    pub names: OnceCell<ServerNames>,
}

impl ServerConf {
    pub fn names(&self) -> &ServerNames {
        self.names.get_or_init(ServerNames::default)
    }
}

impl Default for ServerConf {
    fn default() -> Self {
        Self { id: unique(), names: OnceCell::new() }
    }
}

/// A number that nothing else in this process has, of this configuration or an earlier one.
pub fn unique() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// A variable that leads to one value of a token.
pub struct SetVariable {
    /// In lower case, without `$`.
    pub name: String,
    pub part: Part,
    /// Names from the root of the part, one a level.
    pub path: Vec<String>,
}

/// A part of a token that is a JSON object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Header,
    Claims,
}

/// `auth_jwt`.
pub struct AuthJwt {
    pub realm: Realm,
    /// `token=`: where the token is, if not in `Authorization`.
    pub token: Option<ComplexValue>,
    pub place: Place,
}

/// The first argument of `auth_jwt`.
pub enum Realm {
    Off,
    On(ComplexValue),
}

/// The key sources of one level, in order.
pub struct KeySources {
    /// No other list has it, one of an earlier configuration included.
    pub id: u64,
    pub list: Vec<KeySource>,
    /// Of the first.
    pub place: Place,
    /// Of the first whose name has variables.
    pub with_variables: Option<Place>,
}

impl KeySources {
    /// A list of which the first stands at `place`.
    pub fn new(place: Place) -> Self {
        Self { id: unique(), list: Vec::new(), place, with_variables: None }
    }
}

/// Where keys come from.
pub enum KeySource {
    /// `auth_jwt_key_file`; its name has so many segments `..` before variables bring in any.
    File { name: ComplexValue, climbs: usize },
    /// `auth_jwt_key_request`.
    Request(ComplexValue),
}

impl KeySource {
    /// Whether its name holds no variable.
    pub fn is_literal(&self) -> bool {
        let (Self::File { name, .. } | Self::Request(name)) = self;
        name.is_literal()
    }
}

/// `auth_jwt_cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenCache {
    Off,
    /// Each directive has a cache of its own in each worker, which all share that inherit it.
    On {
        id: u64,
        /// In bytes.
        size: usize,
    },
}

impl Default for TokenCache {
    fn default() -> Self {
        Self::On { id: 0, size: 16 << 20 }
    }
}

/// The requirements of one level, in order.
pub struct Requirements {
    pub list: Vec<Requirement>,
    /// Of the first.
    pub place: Place,
}

/// One `auth_jwt_require`: met when all its values are.
pub struct Requirement {
    pub values: Vec<ComplexValue>,
    pub failure: Failure,
}

/// One level's configuration: `http`, `server`, `location`, `if` or `limit_except`.
#[derive(Default)]
pub struct LocationConf {
    pub typed: Typed,
    pub effective: OnceCell<Effective>,
}

/// What stands on the level itself; an empty cell is "not there". Lists are collected while the level
/// is read, and are inherited as a whole: they move to [`Effective`].
#[derive(Default)]
pub struct Typed {
    pub auth: OnceCell<Rc<AuthJwt>>,
    pub key_sources: RefCell<Option<KeySources>>,
    pub requirements: RefCell<Option<Requirements>>,
    pub token_type: OnceCell<TokenType>,
    /// In seconds.
    pub leeway: OnceCell<u64>,
    pub key_cache: OnceCell<(Rules, Place)>,
    pub token_cache: OnceCell<TokenCache>,
}

/// What holds on the level, inheritance included.
#[derive(Clone, Default)]
pub struct Effective {
    pub auth: Option<Rc<AuthJwt>>,
    pub key_sources: Option<Rc<KeySources>>,
    pub requirements: Option<Rc<Requirements>>,
    pub verification: Verification,
    pub acceptance: Acceptance,
    pub key_cache: Rules,
    pub key_cache_place: Option<Place>,
    pub token_cache: TokenCache,
}

impl Effective {
    /// `auth_jwt`, where it is not `off`, with its realm.
    pub fn enabled(&self) -> Option<(&AuthJwt, &ComplexValue)> {
        let auth = self.auth.as_deref()?;
        match &auth.realm {
            Realm::On(realm) => Some((auth, realm)),
            Realm::Off => None,
        }
    }
}
