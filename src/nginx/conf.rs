//! What was typed, level by level, and what it means. Cells are filled while the configuration is
//! read: nginx lends a level to each directive in it, and to the levels below. Nothing here belongs
//! to a request.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use super::ffi::complex_value::ComplexValue;
use super::server::unique;
use super::sources::key_source::KeySource;
use super::worker::TokenCacheSetting;
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
    pub list: Vec<Box<dyn KeySource>>,
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

/// `auth_jwt_key_cache`.
pub struct KeyCache {
    pub rules: Rules,
    pub place: Place,
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

/// What may stand on a level, a row each. What a level has not is inherited, and what it has replaces
/// the inherited as a whole, lists too.
macro_rules! settings {
    ($($(#[$about:meta])* $name:ident: $type:ty,)*) => {
        /// What stands on the level itself, until the levels are merged.
        #[derive(Default)]
        pub struct Typed { $($(#[$about])* pub $name: RefCell<Option<$type>>,)* }

        /// What holds on the level, inheritance included.
        #[derive(Clone, Default)]
        pub struct Settings { $($(#[$about])* pub $name: Option<Rc<$type>>,)* }

        impl Typed {
            /// What holds on the level below `above`.
            pub fn below(&self, above: Settings) -> Settings {
                Settings { $($name: self.$name.take().map(Rc::new).or(above.$name),)* }
            }
        }
    };
}

settings! {
    auth: AuthJwt,
    key_sources: KeySources,
    requirements: Requirements,
    token_type: TokenType,
    /// In seconds.
    leeway: u64,
    key_cache: KeyCache,
    token_cache: TokenCacheSetting,
}

/// What holds on the level, and what follows from it.
#[derive(Clone, Default)]
pub struct Effective {
    pub settings: Settings,
    pub verification: Verification,
    pub acceptance: Acceptance,
    pub key_rules: Rules,
    pub token_cache: TokenCacheSetting,
}

impl Effective {
    /// What follows from `settings`.
    pub fn new(settings: Settings) -> Self {
        Self {
            verification: Verification {
                token_type: settings.token_type.as_deref().copied().unwrap_or_default(),
                sources: settings.key_sources.as_deref().map(|sources| sources.id),
            },
            acceptance: Acceptance {
                leeway: settings.leeway.as_deref().copied().unwrap_or_default(),
            },
            key_rules: settings.key_cache.as_deref().map(|cache| cache.rules).unwrap_or_default(),
            token_cache: settings.token_cache.as_deref().copied().unwrap_or_default(),
            settings,
        }
    }

    /// `auth_jwt`, where it is not `off`, with its realm.
    pub fn enabled(&self) -> Option<(&AuthJwt, &ComplexValue)> {
        let auth = self.settings.auth.as_deref()?;
        match &auth.realm {
            Realm::On(realm) => Some((auth, realm)),
            Realm::Off => None,
        }
    }
}
