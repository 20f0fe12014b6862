//! Key files: looked at no more than once in a turn of nginx's event loop, read when they may have changed, parsed
//! when their bytes have.

use std::collections::HashMap;
use std::fmt;
use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::room::make_room;
use crate::jose::crypto::Fingerprint;
use crate::jose::error::KeySetError;
use crate::jose::key_set::{KeySet, Notice};

/// A larger file is refused: it is no key file. In bytes.
const MAX_SIZE: u64 = 64 << 20;

/// File times are as coarse as the kernel's tick, 10 ms at the most: a file changed within two of
/// them may change again without a trace in its times.
const SETTLES_AFTER: Duration = Duration::from_millis(20);

/// The files whose names requests decide have this much together (but always the one that was read last). In bytes.
const MAX_KEPT: usize = 64 << 20;

/// The key files a worker has read.
#[derive(Default)]
pub struct KeyFiles(HashMap<Box<[u8]>, KeyFile, foldhash::quality::RandomState>);

struct KeyFile {
    /// Whether the configuration spells its name out: there are as many as it has, and no more.
    is_fixed: bool,
    /// When it was looked at last, by nginx's monotonic clock, in milliseconds.
    looked_at: u64,
    /// In which turn that was.
    turn: u64,
    /// `None` where it had changed too recently to be sure of its times.
    identity: Option<Identity>,
    size: usize,
    fingerprint: Fingerprint,
    keys: Result<Arc<KeySet>, KeySetError>,
}

/// What differs when a file has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// When a file is asked for.
#[derive(Clone, Copy)]
pub struct At {
    /// The turn of nginx's event loop.
    pub turn: u64,
    /// By nginx's monotonic clock.
    pub milliseconds: u64,
}

/// Why a key file gives no keys.
#[derive(Debug)]
pub enum KeyFileError {
    /// An operation failed: what we tried, and what the system says.
    Io(&'static str, io::Error),
    NotAFile,
    TooLarge,
    KeySet(KeySetError),
}

impl KeyFiles {
    /// The keys of the file `name`, which need not be looked at again for `fresh_for`, in milliseconds; where
    /// the configuration spells the name out, `is_fixed`, the file is remembered whatever others are; `told`
    /// hears of its entries what there is to tell, when the file is parsed.
    pub fn keys(
        &mut self,
        name: &[u8],
        now: At,
        fresh_for: u64,
        is_fixed: bool,
        told: impl FnMut(Notice),
    ) -> Result<Arc<KeySet>, KeyFileError> {
        if let Some(known) = self.0.get_mut(name) {
            known.is_fixed |= is_fixed;
            let age = now.milliseconds.saturating_sub(known.looked_at);
            // Only success is kept by time.
            if now.turn == known.turn || age < fresh_for && known.keys.is_ok() {
                return known.keys();
            }
            if known.identity == Some(Identity::of(&metadata(name)?)) {
                (known.turn, known.looked_at) = (now.turn, now.milliseconds);
                return known.keys();
            }
        }
        self.read(name, now, is_fixed, told)?.keys()
    }

    #[cold]
    fn read(
        &mut self,
        name: &[u8],
        now: At,
        is_fixed: bool,
        told: impl FnMut(Notice),
    ) -> Result<&KeyFile, KeyFileError> {
        // What cannot be read is forgotten.
        let known = self.0.remove(name);
        let (metadata, mut bytes) = read(name)?;
        let (size, fingerprint) = (bytes.len(), Fingerprint::of(&bytes));
        let keys = match known {
            Some(known) if known.fingerprint == fingerprint => known.keys,
            _ => KeySet::parse(mem::take(&mut *bytes), told).map(Arc::new),
        };
        if !is_fixed {
            let rank = |file: &KeyFile| (!file.is_fixed).then_some(file.looked_at);
            make_room(&mut self.0, size, MAX_KEPT, |file| file.size, rank);
        }
        let identity = Some(Identity::of(&metadata));
        let identity = identity.filter(|identity| identity.settled(SystemTime::now()));
        let At { turn, milliseconds: looked_at } = now;
        let file = KeyFile { looked_at, turn, is_fixed, identity, size, fingerprint, keys };
        Ok(self.0.entry(name.into()).insert_entry(file).into_mut())
    }
}

impl KeyFile {
    fn keys(&self) -> Result<Arc<KeySet>, KeyFileError> {
        self.keys.clone().map_err(KeyFileError::KeySet)
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn settled(&self, now: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.modified.max(self.changed);
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let last = Duration::new(
            u64::try_from(seconds).unwrap_or_default(),
            u32::try_from(nanoseconds).unwrap_or_default(),
        );
        since_epoch.checked_sub(last).is_some_and(|age| age > SETTLES_AFTER)
    }
}

fn path(name: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(name))
}

#[inline(never)]
fn metadata(name: &[u8]) -> Result<Metadata, KeyFileError> {
    std::fs::metadata(path(name)).map_err(|error| KeyFileError::Io("cannot be found", error))
}

fn read(name: &[u8]) -> Result<(Metadata, Zeroizing<Vec<u8>>), KeyFileError> {
    // Opening a FIFO would wait for a writer.
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(libc::O_NONBLOCK);
    let opened = options.open(path(name));
    let file = opened.map_err(|error| KeyFileError::Io("cannot be opened", error))?;
    let cannot_read = |error| KeyFileError::Io("cannot be read", error);
    let metadata = file.metadata().map_err(cannot_read)?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile);
    }
    if metadata.size() > MAX_SIZE {
        return Err(KeyFileError::TooLarge);
    }
    let expected = usize::try_from(metadata.size()).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected));
    file.take(MAX_SIZE).read_to_end(&mut bytes).map_err(cannot_read)?;
    Ok((metadata, bytes))
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(what, error) => write!(f, "{what}: {error}"),
            Self::NotAFile => f.write_str("is not a regular file"),
            Self::TooLarge => write!(f, "is larger than {} MiB", MAX_SIZE >> 20),
            Self::KeySet(error) => write!(f, "is not usable: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"keys":[{"kty":"oct","k":"AA","kid":"one"}]}"#;
    const TWO: &str = r#"{"keys":[{"kty":"oct","k":"AA","kid":"two"}]}"#;

    struct Fixture(std::path::PathBuf);

    impl Fixture {
        fn new(name: &str) -> Self {
            let unique = format!("auth-jwt-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(unique))
        }

        fn write(&self, text: &str) {
            assert!(std::fs::write(&self.0, text).is_ok());
        }

        fn keys(&self, files: &mut KeyFiles, turn: u64) -> Result<Arc<KeySet>, String> {
            files
                .keys(self.0.as_os_str().as_bytes(), at(turn, 1), 0, true, |_| ())
                .map_err(|e| e.to_string())
        }
    }

    fn at(turn: u64, milliseconds: u64) -> At {
        At { turn, milliseconds }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_change_is_seen_in_the_next_turn() {
        let (file, mut files) = (Fixture::new("change"), KeyFiles::default());
        file.write(ONE);
        let one = file.keys(&mut files, 1);
        assert!(one.as_ref().is_ok_and(|keys| keys.has_kid("one")));
        file.write(TWO);
        assert!(file.keys(&mut files, 1).is_ok_and(|keys| keys.has_kid("one")));
        assert!(file.keys(&mut files, 2).is_ok_and(|keys| keys.has_kid("two")));
    }

    #[test]
    fn keys_are_kept_for_their_time_and_failures_are_not() {
        let (file, mut files) = (Fixture::new("time"), KeyFiles::default());
        let name = file.0.as_os_str().as_bytes();
        file.write("{");
        assert!(files.keys(name, at(1, 1), 1000, true, |_| ()).is_err());
        file.write(ONE);
        assert!(files.keys(name, at(2, 2), 1000, true, |_| ()).is_ok());
        assert!(std::fs::remove_file(&file.0).is_ok());
        assert!(files.keys(name, at(3, 1001), 1000, true, |_| ()).is_ok());
        assert!(files.keys(name, at(4, 1002), 1000, true, |_| ()).is_err());
    }

    #[test]
    fn the_same_bytes_are_not_parsed_again() {
        let (file, mut files) = (Fixture::new("same"), KeyFiles::default());
        file.write(ONE);
        let before = file.keys(&mut files, 1).map(|keys| keys.generation());
        file.write(ONE);
        let after = file.keys(&mut files, 2).map(|keys| keys.generation());
        assert!(before.is_ok());
        assert_eq!(before, after);
    }

    #[test]
    fn removed_and_mended() {
        let (file, mut files) = (Fixture::new("mended"), KeyFiles::default());
        assert!(file.keys(&mut files, 1).is_err_and(|error| error.contains("No such file")));
        file.write("{");
        assert!(file.keys(&mut files, 2).is_err_and(|error| error.contains("not a JSON object")));
        file.write(r#"{"keys":[]}"#);
        assert!(file.keys(&mut files, 3).is_err_and(|error| error.contains("empty JWK set")));
        file.write(ONE);
        assert!(file.keys(&mut files, 4).is_ok());
        assert!(std::fs::remove_file(&file.0).is_ok());
        assert!(file.keys(&mut files, 5).is_err());
    }

    /// Times of files are as coarse as the kernel's tick: what has just changed may change again unseen.
    #[test]
    fn a_file_settles_after_two_ticks() {
        let changed = |nanoseconds| Identity {
            device: 1,
            inode: 1,
            size: 1,
            modified: (100, 0),
            changed: (100, nanoseconds),
        };
        let now = |milliseconds| SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        assert!(!changed(0).settled(now(100_000)));
        assert!(!changed(0).settled(now(100_020)));
        assert!(changed(0).settled(now(100_021)));
        // The later of its two times counts; one in the future never settles.
        assert!(!changed(15_000_000).settled(now(100_021)));
        assert!(!changed(0).settled(now(99_000)));
    }

    #[test]
    fn a_directory_is_not_read() {
        let mut files = KeyFiles::default();
        let error =
            files.keys(b"/tmp", at(1, 1), 0, true, |_| ()).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("is not a regular file"));
    }
}
