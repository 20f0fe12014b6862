//! What `auth_jwt_key_file` and `auth_jwt_key_request` share: they add to one list.

use super::{Conf, LocationConf};
use crate::nginx::conf::{KeySources, Needs};
use crate::nginx::lint;
use crate::nginx::sources::key_source::KeySource;

/// Adds `source` to the level's list.
pub fn add(source: Box<dyn KeySource>, cf: &Conf<'_>, conf: &LocationConf) {
    let mut sources = conf.typed.key_sources.borrow_mut();
    let sources = sources.get_or_insert_with(|| KeySources::new(lint::note(cf, Needs::AuthJwt)));
    if !source.is_literal() {
        sources.with_variables.get_or_insert_with(|| cf.place());
    }
    sources.list.push(source);
}
