//! What `auth_jwt_key_file` and `auth_jwt_key_request` share: they add to one list.

use std::rc::Rc;

use crate::nginx::conf::{Ineffective, KeySource, LocationConf};
use crate::nginx::ffi::conf::{Conf, ConfError};
use crate::nginx::merge::watch;

/// Adds `source`, whose name is `literal` or has variables, to the level's list.
pub fn add(
    source: KeySource,
    literal: bool,
    cf: &mut Conf<'_>,
    conf: &mut LocationConf,
) -> Result<(), ConfError> {
    // While the level is read nobody shares the list.
    let sources = Rc::get_mut(conf.typed.key_sources.get_or_insert_default())
        .ok_or_else(|| ConfError::Message("key sources are in use".to_owned()))?;
    let name = match source {
        KeySource::File { .. } => "auth_jwt_key_file",
        KeySource::Request(_) => "auth_jwt_key_request",
    };
    if sources.watched.is_none() {
        sources.watched = watch(cf, Ineffective::WhileOff(name));
    }
    sources.list.push(source);
    if !literal && sources.with_variables.is_none() {
        sources.with_variables = Some(cf.place());
    }
    Ok(())
}
