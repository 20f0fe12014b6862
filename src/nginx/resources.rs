//! The protected resources of a server, whose metadata it serves (RFC 9728).

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use percent_encoding::percent_decode_str;

use crate::auth::binding::Binding;
use crate::auth::resource::Resource;

/// The resources of one server.
#[derive(Default)]
pub struct Resources(RefCell<Vec<Served>>);

/// A resource, and what its levels say of it.
struct Served {
    resource: Rc<Resource>,
    /// Where its metadata are, as nginx makes it of the path of a request.
    path: Vec<u8>,
    /// `file:line` of its directive.
    place: Rc<str>,
    authorization_servers: Vec<String>,
    scopes: Vec<String>,
    /// Of the levels that judge tokens, if there are any.
    binding: Option<Binding>,
    /// The metadata, once they have been asked for.
    metadata: OnceCell<Rc<str>>,
}

impl Resources {
    /// Notes that a level is of `resource`, whose directive stands in `place`: who issues the level's tokens,
    /// which scopes it asks for, and what it says of bound tokens if it judges any. Of issuers and scopes the first
    /// level is told that names some, of bound tokens what holds on all levels.
    pub fn note(
        &self,
        resource: &Rc<Resource>,
        place: &Rc<str>,
        authorization_servers: Vec<String>,
        scopes: Vec<String>,
        binding: Option<Binding>,
    ) -> Result<(), String> {
        let mut all = self.0.borrow_mut();
        let path = normalised(&resource.metadata_path());
        let Some(known) = all.iter_mut().find(|known| known.path == path) else {
            let (resource, place, metadata) = (resource.clone(), place.clone(), OnceCell::new());
            all.push(Served {
                resource,
                path,
                place,
                authorization_servers,
                scopes,
                binding,
                metadata,
            });
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
        known.binding = match (known.binding, binding) {
            (Some(known), Some(own)) => Some(known.both(own)),
            (known, own) => known.or(own),
        };
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
            let binding = found.binding.unwrap_or(Binding::OFF);
            found.resource.metadata(&found.authorization_servers, &found.scopes, binding).into()
        });
        Some(metadata.clone())
    }
}

/// What nginx makes of the path of a request: decoded, without empty steps and those of dots.
fn normalised(path: &str) -> Vec<u8> {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let mut steps: Vec<&[u8]> = Vec::new();
    for step in decoded.split(|byte| *byte == b'/').skip(1) {
        // What ends in a slash, or in dots, ends in a slash.
        steps.pop_if(|last| last.is_empty());
        match step {
            b"" | b"." => steps.push(b""),
            b".." => {
                steps.pop();
                steps.push(b"");
            }
            step => steps.push(step),
        }
    }
    [b"/", steps.join(&b'/').as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_nginx_reads_paths() {
        for (path, expected) in [
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("/a%20b%2Fc/%63", "/a b/c/c"),
            ("//a///b//", "/a/b/"),
            ("/a/./b/.", "/a/b/"),
            ("/a/b/../c", "/a/c"),
            ("/a/b/..", "/a/"),
            ("/a/b//../c", "/a/c"),
            ("/a/%2e%2E/b", "/b"),
            ("/../a", "/a"),
            ("/a/...", "/a/..."),
        ] {
            assert_eq!(normalised(path), expected.as_bytes(), "{path}");
        }
    }
}
