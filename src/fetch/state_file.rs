//! The file in which processes share what is known of a source, and its lock.
//!
//! It is replaced as a whole, so that who reads it needs no lock; who fetches holds one (`flock`), which
//! the kernel takes back from a process that dies. What is damaged, or somebody else's, counts as not there.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::directory;
use super::schedule::Times;

/// A larger file is none of ours: 1 MiB of keys is longer in JSON. In bytes.
const MAX_SIZE: u64 = 8 << 20;

/// Of the form of the file.
const FORMAT: u32 = 1;

/// What is known of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// What tells the source from others.
    source: Vec<String>,
    #[serde(flatten)]
    pub times: Times,
    /// The last good keys.
    pub document: Option<Document>,
    /// The last failure that was told of.
    pub told: Option<Told>,
}

/// A key set as it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub url: String,
    pub keys: String,
}

/// A failure that was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub url: String,
    pub reason: String,
    /// In milliseconds since the epoch.
    pub at: u64,
}

/// The file of one source.
pub struct StateFile {
    directory: PathBuf,
    /// Without a suffix.
    name: String,
    source: Vec<String>,
    seen: Option<Identity>,
}

/// Who may fetch.
pub enum Lock {
    /// We, as long as it is not dropped.
    Held(
        // Closing the file releases it.
        #[expect(dead_code)] File,
    ),
    /// Somebody else does.
    Busy,
    Failed(io::Error),
}

/// What differs when a file has been replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl StateFile {
    /// The file in `directory` of the source that `source` tells from others, named `name`.
    pub fn new(directory: &Path, name: &str, source: Vec<String>) -> Self {
        let (directory, name) = (directory.into(), name.to_owned());
        Self { directory, name, source, seen: None }
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.directory.join(format!("{}.{suffix}", self.name))
    }

    /// What is in the file, if it has been replaced since it was read or written here.
    pub fn read_if_changed(&mut self) -> Option<Record> {
        let path = self.path("json");
        let identity = Identity::of(&fs::symlink_metadata(&path).ok()?);
        if self.seen == Some(identity) {
            return None;
        }
        self.seen = Some(identity);
        self.read(&path).ok().flatten()
    }

    fn read(&mut self, path: &Path) -> io::Result<Option<Record>> {
        let file = self.open(path, OpenOptions::new().read(true))?;
        let metadata = file.metadata()?;
        self.seen = Some(Identity::of(&metadata));
        // Keys are believed: nobody else may have written them.
        directory::check(&self.directory)?;
        let owner = fs::metadata(&self.directory)?.uid();
        if !metadata.is_file()
            || metadata.size() > MAX_SIZE
            || ![owner, 0].contains(&metadata.uid())
            || metadata.mode() & 0o022 != 0
        {
            return Ok(None);
        }
        let mut text = Vec::new();
        file.take(MAX_SIZE).read_to_end(&mut text)?;
        let record = serde_json::from_slice::<Record>(&text).ok();
        Ok(record.filter(|record| record.format == FORMAT && record.source == self.source))
    }

    /// Takes the lock, if nobody has it.
    pub fn lock(&self) -> Lock {
        let opened = directory::check(&self.directory).and_then(|()| {
            self.open(&self.path("lock"), OpenOptions::new().write(true).create(true))
        });
        let file = match opened {
            Ok(file) => file,
            Err(error) => return Lock::Failed(error),
        };
        match file.try_lock() {
            Ok(()) => Lock::Held(file),
            Err(TryLockError::WouldBlock) => Lock::Busy,
            Err(TryLockError::Error(error)) => Lock::Failed(error),
        }
    }

    /// Replaces the file, by who holds the lock.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let record = Record { format: FORMAT, source: self.source.clone(), ..record.clone() };
        let text = serde_json::to_vec(&record)?;
        let new = self.path("new");
        // What a process has left that died here may be of any kind.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = self.open(&new, OpenOptions::new().write(true).create_new(true))?;
        file.write_all(&text)?;
        // A machine that loses its power must not leave an empty file under the name.
        file.sync_data()?;
        fs::rename(&new, self.path("json"))?;
        // Renaming has changed it.
        self.seen = Some(Identity::of(&file.metadata()?));
        Ok(())
    }

    /// Opens no link, and waits for nobody: a FIFO would.
    fn open(&self, path: &Path, options: &mut OpenOptions) -> io::Result<File> {
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
