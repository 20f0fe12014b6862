//! The directory in which what was fetched is kept (`auth_jwt_state_path`).

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::Path;

/// Makes the directory, for the user `owner` if it is another one, as nginx makes those of its temporary
/// files, and finds out whether it can be written. Its parent must be there.
pub fn prepare(directory: &Path, owner: Option<u32>) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    let metadata = fs::symlink_metadata(directory)?;
    if let Some(owner) = owner.filter(|owner| metadata.uid() != *owner && metadata.is_dir()) {
        chown(directory, Some(owner), None)?;
    }
    check(directory)?;
    let probe = directory.join("probe");
    // What stands there already, a link perhaps, is neither followed nor written to.
    match fs::remove_file(&probe) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::create_new(&probe)?;
    fs::remove_file(&probe)
}

/// Whoever may write there may replace keys.
pub(super) fn check(directory: &Path) -> io::Result<()> {
    let metadata = fs::metadata(directory)?;
    if !metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    match metadata.mode() & 0o022 {
        0 => Ok(()),
        _ => Err(io::Error::other("others than its owner may write there")),
    }
}
