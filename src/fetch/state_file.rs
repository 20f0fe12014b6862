//! The file in which processes share what is known of a source, and its lock.
//!
//! It is replaced as a whole, so that a reader needs no lock. A process that fetches holds one (`flock`), which the
//! kernel takes back when it dies. A file that is damaged, or somebody else's, counts as not there.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::directory;
use super::schedule::Times;

/// A larger file is none of ours: 1 MiB of keys is longer in JSON. In bytes.
const MAX_SIZE: u64 = 8 << 20;

/// The version of its form.
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
    /// Failures that were logged not long ago, and last the one that was met last.
    #[serde(default)]
    pub logged: Vec<Told>,
}

/// A key set as it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub url: String,
    pub keys: String,
}

/// A failure that was logged.
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
    seen: Option<Version>,
}

/// Whether this process may fetch.
pub enum Lock {
    /// It may, as long as this is not dropped.
    Held(
        // Closing the file releases it.
        #[expect(dead_code)] File,
    ),
    /// Another process does.
    Busy,
    Failed(io::Error),
}

/// What tells a file from the one that replaces it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl StateFile {
    /// The file named `name` in `directory`, of the source that is told from others by `source`.
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
        let version = Version::of(&fs::symlink_metadata(&path).ok()?);
        if self.seen == Some(version) {
            return None;
        }
        self.read(&path).ok().flatten()
    }

    fn read(&mut self, path: &Path) -> io::Result<Option<Record>> {
        let file = self.open(path, OpenOptions::new().read(true))?;
        let metadata = file.metadata()?;
        self.seen = Some(Version::of(&metadata));
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
        Ok(record.filter(|record| {
            let has_keys = record.document.is_some() || record.times.fetched.is_none();
            record.format == FORMAT && record.source == self.source && has_keys
        }))
    }

    /// Takes the lock, if nobody has it.
    pub fn lock(&self) -> Lock {
        let file = match self.open_lock() {
            Ok(file) => file,
            Err(error) => return Lock::Failed(error),
        };
        match file.try_lock() {
            Ok(()) => Lock::Held(file),
            Err(TryLockError::WouldBlock) => Lock::Busy,
            Err(TryLockError::Error(error)) => Lock::Failed(error),
        }
    }

    fn open_lock(&self) -> io::Result<File> {
        directory::check(&self.directory)?;
        let path = self.path("lock");
        let open = || self.open(&path, OpenOptions::new().write(true).create(true));
        match open() {
            // It belongs to the user that the workers ran as before.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                fs::remove_file(&path)?;
                open()
            }
            opened => opened,
        }
    }

    /// Replaces the file; whoever does so holds the lock.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let record = Record { format: FORMAT, source: self.source.clone(), ..record.clone() };
        let text = serde_json::to_vec(&record)?;
        let new = self.path("new");
        // A process that died here may have left anything under this name.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = self.open(&new, OpenOptions::new().write(true).create_new(true))?;
        file.write_all(&text)?;
        // A machine that loses its power must not leave an empty file under the name.
        file.sync_data()?;
        fs::rename(&new, self.path("json"))?;
        // Renaming has set its ctime.
        self.seen = Some(Version::of(&file.metadata()?));
        Ok(())
    }

    /// Opens no link, and does not wait, as it would for the other end of a FIFO.
    fn open(&self, path: &Path, options: &mut OpenOptions) -> io::Result<File> {
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
    }
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::fetch::scratch::Scratch;

    fn file(directory: &Path, name: &str) -> StateFile {
        let source = ["key_url", "https://id.example.com/keys"].map(str::to_owned);
        StateFile::new(directory, name, source.to_vec())
    }

    fn record(kid: u64) -> Record {
        let document =
            Document { url: "https://id.example.com/keys".into(), keys: kid.to_string() };
        let times = Times { fetched: Some(kid), ..Times::default() };
        Record { times, document: Some(document), ..Record::default() }
    }

    fn kid(record: Option<Record>) -> Option<u64> {
        record.and_then(|record| record.document?.keys.parse().ok())
    }

    #[test]
    fn what_one_writes_the_other_reads_once() -> io::Result<()> {
        let directory = Scratch::new()?;
        let [mut one, mut two] = std::array::from_fn(|_| file(&directory, "id"));
        assert_eq!(one.read_if_changed(), None);
        for number in 1..4 {
            one.write(&record(number))?;
            assert_eq!(one.read_if_changed(), None, "it is its own");
            assert_eq!(kid(two.read_if_changed()), Some(number));
            assert_eq!(two.read_if_changed(), None, "it has been read");
        }
        two.write(&record(9))?;
        assert_eq!(kid(one.read_if_changed()), Some(9));
        let mut other = StateFile::new(&directory, "id", vec!["key_url".to_owned()]);
        assert_eq!(other.read_if_changed(), None);
        fs::remove_file(directory.join("id.json"))?;
        assert_eq!(one.read_if_changed(), None);
        Ok(())
    }

    #[test]
    fn one_has_the_lock() -> io::Result<()> {
        let directory = Scratch::new()?;
        let [one, two] = std::array::from_fn(|_| file(&directory, "id"));
        let held = one.lock();
        assert!(matches!(held, Lock::Held(_)));
        assert!(matches!(two.lock(), Lock::Busy));
        let other = file(&directory, "other");
        assert!(matches!(other.lock(), Lock::Held(_)), "it is that of one source");
        drop(held);
        assert!(matches!(two.lock(), Lock::Held(_)));
        Ok(())
    }

    /// A process that died while it wrote has left something, or somebody has laid a trap.
    #[test]
    fn what_is_left_of_a_write_is_replaced() -> io::Result<()> {
        let directory = Scratch::new()?;
        let new = directory.join("id.new");
        let mut own = file(&directory, "id");
        fs::write(&new, "{")?;
        own.write(&record(1))?;
        let elsewhere = directory.join("elsewhere");
        symlink(&elsewhere, &new)?;
        own.write(&record(2))?;
        assert!(!new.exists() && !elsewhere.exists());
        assert_eq!(kid(file(&directory, "id").read_if_changed()), Some(2));
        Ok(())
    }

    /// Who reads takes no lock, and never sees half of a file.
    #[test]
    fn a_reader_sees_whole_files() -> io::Result<()> {
        let directory = Scratch::new()?;
        let mut writer = file(&directory, "id");
        writer.write(&record(0))?;
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let (mut last, mut is_whole) = (0, true);
                        while is_whole && last < 200 {
                            // A reader of its own knows nothing of what it has seen.
                            let mut reader = file(&directory, "id");
                            let found = kid(reader.read_if_changed());
                            is_whole = found.is_some_and(|found| found >= last);
                            last = found.unwrap_or_default();
                        }
                        is_whole
                    })
                })
                .collect();
            for number in 1..=200 {
                writer.write(&record(number))?;
            }
            let are_whole = readers.into_iter().all(|reader| reader.join().unwrap_or(false));
            assert!(are_whole);
            Ok(())
        })
    }
}
