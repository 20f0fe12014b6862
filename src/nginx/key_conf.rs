//! Where the keys of a level come from, as it is typed: sources of its own, or issuers.

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::server::unique;
use super::sources::key_source::KeySource;
use super::sources::url::KeyUrl;
use crate::auth::issuer::{Issuer, Issuers};
use crate::auth::key_cache::Rules as KeyRules;
use crate::metrics::counters::Pair;

/// Where a directive stands: `file:line`.
pub type Place = Rc<str>;

/// Where a level's keys come from. The directives of the group are inherited and replaced together.
pub enum Keys {
    /// `auth_jwt_key_file` and `auth_jwt_key_request`.
    Sources(KeySources),
    /// `auth_jwt_issuers`.
    Issuers(IssuerNames),
    /// `auth_jwt_issuers off`.
    Off(Place),
}

/// The key sources of one level, or of one issuer, in order.
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

    /// Whether a token whose `kid` no key at hand has makes some source look for newer ones.
    pub fn refreshes(&self, rules: KeyRules) -> bool {
        rules.refresh_every.is_some() || self.list.iter().any(|source| source.refreshes())
    }
}

/// The names of one `auth_jwt_issuers`. Their blocks may stand behind it.
pub struct IssuerNames {
    pub names: Vec<String>,
    pub place: Place,
    /// The issuers of those names, once the whole configuration is read.
    pub issuers: OnceCell<Rc<LevelIssuers>>,
}

/// The issuers of a level.
pub struct LevelIssuers {
    /// No other `auth_jwt_issuers` has it, one of an earlier configuration included.
    pub id: u64,
    pub table: Issuers,
    /// In the order in which they are named.
    pub list: Vec<Rc<Issuer>>,
    /// The keys of each, by its number.
    pub sources: HashMap<u64, Rc<KeySources>, foldhash::fast::RandomState>,
}

/// An `auth_jwt_issuer` block.
pub struct IssuerConf {
    pub issuer: Rc<Issuer>,
    pub sources: Rc<KeySources>,
    /// Those among its sources that are URLs.
    pub urls: Vec<Rc<KeyUrl>>,
    pub place: Place,
    pub is_used: Cell<bool>,
    /// How long the keys of its files are used without being looked at, of several levels the longest time; known where
    /// metrics tell of them. In milliseconds.
    pub files_kept_for: Cell<u64>,
    /// Where fetches of its keys are counted, once the configuration is taken into use.
    pub fetches: Cell<Option<Pair>>,
}
