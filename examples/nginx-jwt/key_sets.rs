//! Key sets as the module gathers them for a token.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ngx_http_auth_jwt_module::fetch::once::Order;
use ngx_http_auth_jwt_module::jose::key_set::{self, KeySet};
use zeroize::Zeroizing;

use super::argument;
use super::fetch::{Told, fetch};
use super::input::read_plainly;

/// Where a key set is.
pub enum Place {
    File(PathBuf),
    Url(Box<Order>),
}

/// A line at level `notice`, and whether it is of an entry that is ignored.
pub struct Notice {
    pub ignored: bool,
    pub line: String,
}

/// Key sets, read as the module reads them.
#[derive(Default)]
pub struct KeySets {
    /// `None` where one of them cannot be used.
    pub sets: Option<Vec<Arc<KeySet>>>,
    /// What the module logs at level `error`.
    pub error: Option<String>,
    /// What the module logs at level `notice`.
    pub notices: Vec<Notice>,
    /// What may help where one could not be fetched.
    pub hints: Vec<String>,
}

impl KeySets {
    /// Those of files, in order, up to the first that fails.
    pub fn read(files: &[PathBuf]) -> Self {
        Self::gather(files, |file, found| found.file(file, read_plainly(file)))
    }

    /// Those of the block `issuer`.
    pub fn of_block(issuer: &str, places: &[Place]) -> Self {
        Self::gather(places, |place, found| match place {
            Place::File(file) => found.file(file, read_plainly(file)),
            Place::Url(order) => found.url(fetch(order), issuer),
        })
    }

    /// That of a file which has been read.
    pub fn of(file: &Path, bytes: io::Result<Zeroizing<Vec<u8>>>) -> Self {
        Self::gather([bytes], |bytes, found| found.file(file, bytes))
    }

    fn gather<P>(
        places: impl IntoIterator<Item = P>,
        read: impl Fn(P, &mut Self) -> Result<KeySet, String>,
    ) -> Self {
        let mut found = Self::default();
        let mut sets = Vec::new();
        for place in places {
            match read(place, &mut found) {
                Ok(set) => sets.push(Arc::new(set)),
                Err(error) => {
                    found.error = Some(argument::without_tokens(error));
                    return found;
                }
            }
        }
        found.sets = Some(sets);
        found
    }

    fn file(
        &mut self,
        name: &Path,
        bytes: io::Result<Zeroizing<Vec<u8>>>,
    ) -> Result<KeySet, String> {
        let shown = name.as_os_str().as_encoded_bytes().escape_ascii();
        let bytes =
            bytes.map_err(|error| format!("key file \"{shown}\" cannot be opened: {error}"))?;
        let told = |notice: key_set::Notice| {
            let line = format!("key file \"{shown}\": {notice}");
            self.notices.push(Notice { ignored: notice.skips(), line });
        };
        KeySet::parse(bytes.to_vec(), told)
            .map_err(|error| format!("key file \"{shown}\" is not usable: {error}"))
    }

    fn url(&mut self, told: Told, issuer: &str) -> Result<KeySet, String> {
        let notices = told.notices(Some(issuer)).into_iter();
        self.notices.extend(notices.map(|(ignored, line)| Notice { ignored, line }));
        let error = told.error(Some(issuer)).unwrap_or_default();
        self.hints = told.hints;
        told.result.map(|fetched| fetched.keys).map_err(|_| error)
    }
}
