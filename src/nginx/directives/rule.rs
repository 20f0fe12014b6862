//! What the directives of rules share: their arguments, and the lists that a level has of them.

use std::cell::RefCell;

use super::{Conf, ConfError};
use crate::auth::operand::Operand;
use crate::auth::require::Failure;
use crate::nginx::conf::{List, Needs, Switch};
use crate::nginx::ffi::complex_value::ComplexValue;
use crate::nginx::lint;

/// The values of `error=`.
pub const FAILURES: [(&[u8], Failure); 2] =
    [(b"401", Failure::Unauthorized), (b"403", Failure::Forbidden)];

/// Adds `item` to the level's list.
pub fn add<T>(level: &RefCell<Option<List<T>>>, item: T, cf: &Conf<'_>) {
    let mut level = level.borrow_mut();
    let new = || List { list: Vec::new(), place: lint::note(cf, Needs::AuthJwt) };
    level.get_or_insert_with(new).list.push(item);
}

/// A value that may hold variables.
pub fn operand<'c>(cf: &mut Conf<'c>, value: &'c [u8]) -> Result<Operand<ComplexValue>, ConfError> {
    Ok(match value.contains(&b'$') {
        true => Operand::Variables(cf.complex_value(value)?),
        false => Operand::Text(value.into()),
    })
}

/// The parameters that rules have, each its own.
const PARAMETERS: [&[u8]; 2] = [b"match=", b"error="];

/// Takes the parameter `name` out of `arguments`; `rows` are its values. One that another rule has is a
/// mistake, not a value.
pub fn parameter<'c, T: Copy>(
    name: &str,
    rows: &[(&[u8], T)],
    arguments: Vec<&'c [u8]>,
    cf: &Conf<'_>,
) -> Result<(Option<T>, Vec<&'c [u8]>), ConfError> {
    let mut found = None;
    let mut others = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let invalid = || {
            let allowed =
                rows.iter().map(|(value, _)| format!("\"{name}{}\"", value.escape_ascii()));
            cf.invalid_parameter(argument, &allowed.collect::<Vec<_>>().join(" or "))
        };
        let Some(value) = argument.strip_prefix(name.as_bytes()) else {
            if PARAMETERS.iter().any(|other| argument.starts_with(other)) {
                return Err(invalid());
            }
            others.push(argument);
            continue;
        };
        if found.is_some() {
            return Err(cf.duplicate_parameter(name.as_bytes()));
        }
        let row = rows.iter().find(|(known, _)| *known == value);
        found = Some(row.map(|(_, meaning)| *meaning).ok_or_else(invalid)?);
    }
    Ok((found, others))
}

/// `on` or `off`.
pub fn switch(cf: &mut Conf<'_>) -> Result<Switch, ConfError> {
    match cf.argument() {
        b"on" => Ok(Switch { on: true, place: lint::note(cf, Needs::AuthJwt) }),
        b"off" => Ok(Switch { on: false, place: cf.place() }),
        value => Err(cf.invalid_value(value, "\"on\" or \"off\"")),
    }
}
