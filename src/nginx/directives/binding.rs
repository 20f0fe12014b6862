//! What `auth_jwt_certificate` and `auth_jwt_dpop` share: a mode, and parameters behind it.

use super::{Conf, ConfError};
use crate::auth::binding::Mode;
use crate::nginx::conf::Needs;
use crate::nginx::key_conf::Place;
use crate::nginx::lint;

/// A parameter, and what stands behind its `=`.
#[derive(Clone, Copy)]
pub struct Parameter<'c> {
    pub whole: &'c [u8],
    pub value: &'c [u8],
}

/// The first argument, and where the directive stands.
pub fn mode(cf: &Conf<'_>) -> Result<(Mode, Place), ConfError> {
    match cf.argument() {
        b"off" => Ok((Mode::Off, cf.place())),
        b"optional" => Ok((Mode::Optional, lint::note(cf, Needs::AuthJwt))),
        b"required" => Ok((Mode::Required, lint::note(cf, Needs::AuthJwt))),
        value => Err(cf.invalid_value(value, "\"off\", \"optional\" or \"required\"")),
    }
}

/// The other arguments: of each name in `names` at most one, and none behind `off`. `allowed` completes "allowed is".
pub fn parameters<'c, const COUNT: usize>(
    cf: &Conf<'c>,
    mode: Mode,
    names: [&str; COUNT],
    allowed: &str,
) -> Result<[Option<Parameter<'c>>; COUNT], ConfError> {
    let mut found = [None; COUNT];
    for whole in cf.arguments().into_iter().skip(1) {
        if mode == Mode::Off {
            return Err(cf.invalid_parameter(whole, "none behind \"off\""));
        }
        let named = names
            .iter()
            .zip(&mut found)
            .find_map(|(name, place)| Some((whole.strip_prefix(name.as_bytes())?, place)));
        let (value, place) = named.ok_or_else(|| cf.invalid_parameter(whole, allowed))?;
        if place.replace(Parameter { whole, value }).is_some() {
            return Err(cf.duplicate_parameter(whole));
        }
    }
    Ok(found)
}
