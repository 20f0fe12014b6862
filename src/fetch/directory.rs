//! The directory in which what was fetched is kept (`auth_jwt_state_path`).

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

/// Makes the directory, for the user `owner` if it is another one, as nginx makes those of its temporary
/// files, and finds out whether it can be written. Its parent must be there.
pub fn prepare(directory: &Path, owner: Option<u32>) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    // What is checked is what is given away, and no link is followed.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(directory)?;
    let metadata = opened.metadata()?;
    check_mode(&metadata)?;
    if let Some(owner) = owner.filter(|owner| metadata.uid() != *owner) {
        fchown(&opened, Some(owner), None)?;
    }
    // Of a name that another nginx, which tests its configuration, does not use at the same time.
    let probe = directory.join(format!("{}.probe", std::process::id()));
    match File::create_new(&probe) {
        // A process that died has left it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => drop(made?),
    }
    fs::remove_file(&probe)
}

/// Whoever may write there may replace keys.
pub(super) fn check(directory: &Path) -> io::Result<()> {
    let metadata = fs::metadata(directory)?;
    match metadata.is_dir() {
        true => check_mode(&metadata),
        false => Err(io::Error::from(io::ErrorKind::NotADirectory)),
    }
}

fn check_mode(metadata: &Metadata) -> io::Result<()> {
    match metadata.mode() & 0o022 {
        0 => Ok(()),
        _ => Err(io::Error::other("others than its owner may write there")),
    }
}
