//! What was typed, level by level, and what it means. Nothing here changes after the
//! configuration is read, and nothing here belongs to a request.

use std::cell::Cell;
use std::rc::Rc;

use super::ffi::complex_value::ComplexValue;
use crate::auth::policy::Policy;

/// `auth_jwt`, as typed.
pub struct AuthJwt {
    pub realm: Realm,
    /// `token=`: where the token is, if not in `Authorization`.
    pub token: Option<ComplexValue>,
    /// `file:line`.
    pub place: String,
    /// Whether somebody has been warned that no key source goes with it.
    pub warned: Cell<bool>,
}

/// The first argument of `auth_jwt`.
pub enum Realm {
    Off,
    On(ComplexValue),
}

/// Where keys come from.
pub enum KeySource {
    /// `auth_jwt_key_file`.
    File(ComplexValue),
}

/// One level's configuration: `http`, `server`, `location`, `if` or `limit_except`.
#[derive(Default)]
pub struct LocationConf {
    pub typed: Typed,
    /// `None` on the level `http` only, which no request is handled on.
    pub effective: Option<Effective>,
}

/// What stands on the level itself; `None` is "not there".
#[derive(Default)]
pub struct Typed {
    pub auth: Option<Rc<AuthJwt>>,
    /// Collected while the level is read; inherited as a whole.
    pub key_sources: Option<Rc<Vec<KeySource>>>,
}

/// What holds on the level, inheritance included.
#[derive(Clone)]
pub struct Effective {
    pub auth: Option<Rc<AuthJwt>>,
    pub key_sources: Option<Rc<Vec<KeySource>>>,
    pub policy: Policy,
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
