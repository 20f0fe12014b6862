//! The protected resources of a server, whose metadata it serves (RFC 9728).

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use percent_encoding::percent_decode_str;

use crate::auth::resource::Resource;

/// The resources of one server.
#[derive(Default)]
pub struct Resources(RefCell<Vec<Served>>);

/// A resource, and what its levels say of it.
struct Served {
    resource: Rc<Resource>,
    /// Where its metadata are, decoded as nginx decodes the path of a request.
    path: Vec<u8>,
    /// `file:line` of its directive.
    place: Rc<str>,
    authorization_servers: Vec<String>,
    scopes: Vec<String>,
    /// The metadata, once they have been asked for.
    metadata: OnceCell<Rc<str>>,
}

impl Resources {
    /// Notes that a level is of `resource`, whose directive stands in `place`: who issues the level's tokens, and
    /// which scopes it asks for. What the first level has to say that says anything is what is told.
    pub fn note(
        &self,
        resource: &Rc<Resource>,
        place: &Rc<str>,
        authorization_servers: Vec<String>,
        scopes: Vec<String>,
    ) -> Result<(), String> {
        let mut all = self.0.borrow_mut();
        let path: Vec<u8> = percent_decode_str(&resource.metadata_path()).collect();
        let Some(known) = all.iter_mut().find(|known| known.path == path) else {
            let (resource, place, metadata) = (resource.clone(), place.clone(), OnceCell::new());
            all.push(Served { resource, path, place, authorization_servers, scopes, metadata });
            return Ok(());
        };
        if *known.resource != **resource {
            let (earlier, path) = (&known.place, path.escape_ascii());
            return Err(format!(
                "\"auth_jwt_resource\" in {earlier} and another one in {place} have their metadata in one place of one server, \"{path}\": their paths must differ"
            ));
        }
        if known.authorization_servers.is_empty() {
            known.authorization_servers = authorization_servers;
        }
        if known.scopes.is_empty() {
            known.scopes = scopes;
        }
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The metadata that are served under `path`.
    pub fn metadata(&self, path: &[u8]) -> Option<Rc<str>> {
        let all = self.0.borrow();
        let found = all.iter().find(|served| served.path == path)?;
        let metadata = found.metadata.get_or_init(|| {
            found.resource.metadata(&found.authorization_servers, &found.scopes).into()
        });
        Some(metadata.clone())
    }
}
