//! What `auth_jwt_key_file` and `auth_jwt_key_request` share: they add to one list.

use super::{Conf, ConfError, LocationConf};
use crate::nginx::conf::Needs;
use crate::nginx::key_conf::{IssuerNames, KeySources, Keys, Place};
use crate::nginx::lint;
use crate::nginx::sources::key_source::KeySource;

/// Adds `source` to the level's list.
pub fn add(
    source: Box<dyn KeySource>,
    cf: &Conf<'_>,
    conf: &LocationConf,
) -> Result<(), ConfError> {
    let mut keys = conf.typed.keys.borrow_mut();
    let new = || Keys::Sources(KeySources::new(lint::note(cf, Needs::AuthJwt)));
    let sources = match keys.get_or_insert_with(new) {
        Keys::Sources(sources) => sources,
        Keys::Issuers(IssuerNames { place, .. }) | Keys::Off(place) => {
            let directive = cf.directive().escape_ascii().to_string();
            return Err(beside(&directive, "\"auth_jwt_issuers\"", place));
        }
    };
    if !source.is_literal() {
        sources.with_variables.get_or_insert_with(|| cf.place());
    }
    sources.list.push(source);
    Ok(())
}

/// The refusal of `directive` on a level where another one, in `place`, says where keys come from.
pub fn beside(directive: &str, other: &str, place: &Place) -> ConfError {
    format!(
        "\"{directive}\" on one level with {other} in {place}, keys must come from issuers or from key sources, not from both"
    )
    .into()
}
