//! What `auth_jwt_key_file` and `auth_jwt_key_request` share: they add to one list.

use std::rc::Rc;

use crate::nginx::conf::{KeySource, KeySources, LocationConf, Needs};
use crate::nginx::ffi::conf::{Conf, ConfError};
use crate::nginx::lint;

/// Adds `source`, whose name is `literal` or has variables, to the level's list.
pub fn add(
    source: KeySource,
    literal: bool,
    cf: &mut Conf<'_>,
    conf: &mut LocationConf,
) -> Result<(), ConfError> {
    let name = match source {
        KeySource::File { .. } => "auth_jwt_key_file",
        KeySource::Request(_) => "auth_jwt_key_request",
    };
    let sources = conf
        .typed
        .key_sources
        .get_or_insert_with(|| Rc::new(KeySources::new(lint::note(cf, Needs::AuthJwt(name)))));
    // While the level is read nobody shares the list.
    let sources = Rc::get_mut(sources)
        .ok_or_else(|| ConfError::Message("key sources are in use".to_owned()))?;
    sources.list.push(source);
    if !literal && sources.with_variables.is_none() {
        sources.with_variables = Some(cf.place());
    }
    Ok(())
}
