//! What lies in the directory is believed only where nobody else can have written it, and it never keeps a
//! worker from fetching for itself.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::{Server, Speaks, ok};
use super::worker::{Directory, RULES, Worker, clock, configured};
use super::{Outcome, eventually, set};

/// What a test does to a file.
type Change = fn(&Path) -> Outcome<()>;

const NOT_KEPT: &str = "warn: keys by URL cannot be kept in \"auth_jwt_state_path\": ";

const OTHERS: &str = "others than its owner may write there";

fn chmod(path: &Path, mode: u32) -> Outcome<()> {
    Ok(fs::set_permissions(path, Permissions::from_mode(mode))?)
}

fn fifo(path: &Path) -> Outcome<()> {
    fs::remove_file(path)?;
    let status = Command::new("mkfifo").arg("-m600").arg(path).status()?;
    assert!(status.success());
    Ok(())
}

/// The file lies elsewhere, where it is just as good.
fn link(path: &Path) -> Outcome<()> {
    let there = path.with_extension("elsewhere");
    fs::rename(path, &there)?;
    Ok(symlink(there, path)?)
}

fn dangling(path: &Path) -> Outcome<()> {
    fs::remove_file(path)?;
    Ok(symlink("nowhere", path)?)
}

fn directory(path: &Path) -> Outcome<()> {
    fs::remove_file(path)?;
    Ok(fs::create_dir(path)?)
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) -> Outcome<()> {
    let mut record = serde_json::from_slice(&fs::read(path)?)?;
    change(&mut record);
    Ok(fs::write(path, serde_json::to_vec(&record)?)?)
}

/// Sets a member, which must be there.
fn put(path: &Path, pointer: &str, value: Value) -> Outcome<()> {
    let mut was_there = false;
    edit(path, |record| {
        if let Some(member) = record.pointer_mut(pointer) {
            (*member, was_there) = (value, true);
        }
    })?;
    assert!(was_there, "{pointer}");
    Ok(())
}

/// A directory in which a worker has kept its keys, and who answers from now on.
fn kept() -> Outcome<(Directory, Server)> {
    let (directory, server) = (Directory::new()?, Server::of(Speaks::Http, ok(&set("a")))?);
    let worker = Worker::start(configured(&server.http(), RULES)?, Some(directory.path()))?;
    assert_eq!(worker.waits().as_deref(), Some("a"));
    assert_eq!(server.hits(), 1);
    Ok((directory, server))
}

#[test]
fn which_files_are_believed() -> Outcome<()> {
    for (name, change, is_believed) in [
        ("as it was written", |_| Ok(()), true),
        ("that all may read", |path| chmod(path, 0o644), true),
        ("none", |path| Ok(fs::remove_file(path)?), false),
        ("empty", |path| Ok(fs::write(path, "")?), false),
        ("cut", |path| Ok(fs::write(path, fs::read(path)?.split_last().ok_or("empty")?.1)?), false),
        ("no JSON", |path| Ok(fs::write(path, "\0\0\0\0")?), false),
        (
            "another source",
            |path| put(path, "/source", json!("key_url https://other.example/")),
            false,
        ),
        ("another form", |path| put(path, "/format", json!(2)), false),
        ("no form", |path| put(path, "/format", json!(null)), false),
        ("times of another kind", |path| put(path, "/fetched", json!("now")), false),
        ("negative times", |path| put(path, "/fetched", json!(-1)), false),
        ("no keys", |path| put(path, "/document", json!(null)), false),
        ("unusable keys", |path| put(path, "/document/keys", json!("{}")), false),
        ("never fetched", |path| put(path, "/fetched", json!(null)), false),
        ("old keys", |path| put(path, "/fetched", json!(1)), false),
        (
            "keys from the future",
            |path| put(path, "/fetched", json!(clock()?.saturating_add(600_000))),
            false,
        ),
        (
            "larger than any of ours",
            |path| {
                Ok(fs::write(
                    path,
                    format!("{}{}", fs::read_to_string(path)?, " ".repeat(8 << 20)),
                )?)
            },
            false,
        ),
        ("a group may write it", |path| chmod(path, 0o620), false),
        ("all may write it", |path| chmod(path, 0o602), false),
        ("a link", link, false),
        ("a link to nowhere", dangling, false),
        ("a FIFO", fifo, false),
    ] as [(&str, Change, bool); 22]
    {
        let (directory, server) = kept()?;
        let path = directory.file("json")?;
        change(&path)?;
        let configured = configured(&server.http(), RULES)?;
        let worker = Worker::start(configured.clone(), Some(directory.path()))?;
        assert_eq!(worker.waits().as_deref(), Some("a"), "{name}");
        eventually(name, || server.hits() == if is_believed { 1 } else { 2 });
        eventually(name, || !worker.source.look(Instant::now()).under_way);
        // What was not believed has been replaced by what is.
        let next = Worker::start(configured, Some(directory.path()))?;
        assert_eq!(next.waits().as_deref(), Some("a"), "{name}");
        assert_eq!(server.hits(), if is_believed { 1 } else { 2 }, "{name}");
        let metadata = fs::symlink_metadata(&path)?;
        assert!(metadata.is_file() && metadata.mode() & 0o022 == 0, "{name}");
        assert!(!worker.log().concat().contains("warn"), "{name}");
    }
    Ok(())
}

/// Only who is root may give a file away.
#[test]
fn a_file_of_another_user_is_not_believed() -> Outcome<()> {
    let (directory, server) = kept()?;
    if chown(directory.file("json")?, Some(12_345), None).is_err() {
        return Ok(());
    }
    let worker = Worker::start(configured(&server.http(), RULES)?, Some(directory.path()))?;
    assert_eq!(worker.waits().as_deref(), Some("a"));
    assert_eq!(server.hits(), 2);
    Ok(())
}

#[test]
fn the_own_files_are_for_nobody_else() -> Outcome<()> {
    let (directory, _server) = kept()?;
    for suffix in ["json", "lock"] {
        assert_eq!(fs::metadata(directory.file(suffix)?)?.mode() & 0o777, 0o600, "{suffix}");
    }
    assert_eq!(fs::read_dir(directory.path())?.count(), 2, "and nothing else is left");
    Ok(())
}

/// Sources by another URL, or that trust others, share nothing.
#[test]
fn sources_share_no_file() -> Outcome<()> {
    let (directory, server) = kept()?;
    let first = configured(&server.http(), RULES)?;
    let mut trusting = first.clone();
    trusting.certificates = Some(super::authority::Authority::new()?.certificates);
    let longer = configured(&format!("{}?", server.http()), RULES)?;
    let named = super::worker::Configured { issuer: "other".into(), ..first.clone() };
    for (name, configured, hits) in
        [("certificates", trusting, 2), ("URL", longer, 3), ("the same by another name", named, 3)]
    {
        let worker = Worker::start(configured, Some(directory.path()))?;
        assert_eq!(worker.waits().as_deref(), Some("a"), "{name}");
        assert_eq!(server.hits(), hits, "{name}");
    }
    Ok(())
}

/// Where nothing can be kept each worker fetches for itself; where only the lock cannot be had, what one has
/// fetched serves the next. Each says so once.
#[test]
fn where_nothing_can_be_kept() -> Outcome<()> {
    for (name, change, hits, reason) in [
        ("no directory", |path| Ok(fs::remove_dir_all(path)?), 3, "No such file or directory"),
        (
            "a file",
            |path| fs::remove_dir_all(path).and_then(|()| fs::write(path, "")).map_err(Into::into),
            3,
            "not a directory",
        ),
        ("all may write", |path| chmod(path, 0o777), 3, OTHERS),
        ("a group may write", |path| chmod(path, 0o770), 3, OTHERS),
        (
            "the lock is a link",
            |path| Ok(symlink("elsewhere", lock_of(path)?)?),
            2,
            "Too many levels of symbolic links",
        ),
        (
            "the lock is a FIFO",
            |path| {
                fs::write(lock_of(path)?, "")
                    .map_err(Into::into)
                    .and_then(|()| fifo(&of(path, "lock")?))
            },
            2,
            "No such device or address",
        ),
        (
            "the lock is a directory",
            |path| Ok(fs::create_dir(lock_of(path)?)?),
            2,
            "Is a directory",
        ),
        ("the file is a directory", |path| directory(&of(path, "json")?), 3, "Is a directory"),
        (
            "the new file is a directory",
            |path| Ok(fs::create_dir(of(path, "json")?.with_extension("new"))?),
            3,
            "Is a directory",
        ),
    ] as [(&str, Change, usize, &str); 9]
    {
        let (directory, server) = kept()?;
        // Whatever was kept is not what this is about.
        put(&directory.file("json")?, "/fetched", json!(1))?;
        change(directory.path())?;
        let configured = configured(&server.http(), RULES)?;
        for _ in 0..2 {
            let worker = Worker::start(configured.clone(), Some(directory.path()))?;
            assert_eq!(worker.waits().as_deref(), Some("a"), "{name}");
            let mut lines = Vec::new();
            // What is said once is said before the keys are there, or with them.
            eventually("the end", || !worker.source.look(Instant::now()).under_way);
            thread::sleep(Duration::from_millis(100));
            lines.extend(worker.log());
            let warnings: Vec<_> =
                lines.iter().filter_map(|line| line.strip_prefix(NOT_KEPT)).collect();
            let is_told = matches!(&*warnings, [said] if said.starts_with(reason));
            assert!(is_told || hits == 2 && warnings.is_empty(), "{name}: {lines:?}");
        }
        assert_eq!(server.hits(), hits, "{name}");
        drop(fs::remove_file(directory.path()));
    }
    Ok(())
}

fn of(directory: &Path, suffix: &str) -> Outcome<std::path::PathBuf> {
    let mut paths = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| path.extension().is_some_and(|own| own == suffix)).ok_or("none".into())
}

/// The place of the lock, free.
fn lock_of(directory: &Path) -> Outcome<std::path::PathBuf> {
    let path = of(directory, "json")?.with_extension("lock");
    if path.exists() {
        fs::remove_file(&path)?;
    }
    Ok(path)
}
