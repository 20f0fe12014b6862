//! The `auth_jwt_issuer` blocks of nginx's configuration files, judged as nginx judges them.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ngx_http_auth_jwt_module::auth::issuer::{Issuer, Issuers};
use ngx_http_auth_jwt_module::auth::issuer_block::{Block, IssuerBlock, Times};
use ngx_http_auth_jwt_module::auth::key_place::KeyPlace;

use super::conf::{Content, Fault, Reader};
use super::input::{self, Failure};
use super::time;

/// A file that includes another, and so on.
const MAX_DEPTH: usize = 8;

const TIMES: Times = Times { seconds: time::nginx_seconds, milliseconds: time::nginx_milliseconds };

/// The issuers of a location.
pub struct Known {
    pub table: Issuers,
    /// In the order of their blocks, each with the files of its keys.
    pub list: Vec<(Rc<Issuer>, Vec<PathBuf>)>,
}

impl Known {
    /// The issuers of those names, or all, among the blocks of `files`.
    pub fn read(files: &[PathBuf], names: &[String]) -> Result<Self, Failure> {
        let mut blocks = Blocks::default();
        for file in files {
            let directory = file.parent().unwrap_or(Path::new(""));
            let before = blocks.found.len();
            blocks.read(file, directory)?;
            if blocks.found.len() == before {
                return Err(format!("no \"auth_jwt_issuer\" block in {}", file.display()).into());
            }
        }
        for name in names {
            if !blocks.places.contains_key(name) {
                return Err(format!(
                    "unknown issuer \"{name}\", it must be the name of an \"auth_jwt_issuer\" block"
                )
                .into());
            }
        }
        let mut list = blocks.found;
        list.retain(|(issuer, _)| names.is_empty() || names.contains(&issuer.name));
        let issuers: Vec<_> = list.iter().map(|(issuer, _)| issuer.clone()).collect();
        let table = Issuers::new(&issuers).map_err(|conflict| {
            let (iss, [one, other]) = (conflict.iss, conflict.names);
            format!("issuers \"{one}\" and \"{other}\" have the same \"issuer {iss}\", each must have its own: choose by --issuer")
        })?;
        Ok(Self { table, list })
    }

    /// The files of the issuer's keys.
    pub fn key_files(&self, issuer: &Rc<Issuer>) -> &[PathBuf] {
        let own = self.list.iter().find(|(known, _)| Rc::ptr_eq(known, issuer));
        own.map(|(_, files)| files.as_slice()).unwrap_or_default()
    }

    /// Every `iss` that is known.
    pub fn all_iss(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let all = self.list.iter().flat_map(|(issuer, _)| &issuer.issuers);
        all.map(String::as_str).filter(|iss| seen.insert(*iss)).collect()
    }
}

#[derive(Default)]
struct Blocks {
    found: Vec<(Rc<Issuer>, Vec<PathBuf>)>,
    /// Where the block of a name begins.
    places: BTreeMap<String, String>,
}

impl Blocks {
    /// The blocks of a file, however deep they are in others, which are skipped.
    fn read(&mut self, file: &Path, directory: &Path) -> Result<(), Failure> {
        let text = input::read(file)?;
        let mut reader = Reader::new(&text);
        let mut depth: usize = 0;
        while let Some(statement) = reader.next().map_err(|fault| located(file, fault))? {
            let at = |text| located(file, Fault { line: statement.line, text });
            match &statement.content {
                Content::Opens(words) if words.first().is_some_and(|word| is_issuer(word)) => {
                    let name = name(words).map_err(at)?;
                    let place = format!("{}:{}", file.display(), statement.line);
                    if let Some(earlier) = self.places.insert(name.clone(), place) {
                        let text =
                            format!("duplicate issuer \"{name}\", the first is in {earlier}");
                        return Err(at(text));
                    }
                    let mut block = IssuerBlock::new(name);
                    parameters(&mut block, &mut reader, file, directory, 0)?;
                    let end = Fault { line: reader.line(), text: String::new() };
                    let finished = block.finish();
                    let Block { issuer, keys, .. } =
                        finished.map_err(|text| located(file, Fault { text, ..end }))?;
                    let id = u64::try_from(self.found.len()).unwrap_or_default();
                    let keys = keys.iter().filter_map(|place| match place {
                        KeyPlace::File(name) => Some(directory.join(name)),
                        KeyPlace::Remote(_) => None,
                    });
                    let keys = keys.collect();
                    self.found.push((Rc::new(Issuer { id, ..issuer }), keys));
                }
                Content::Simple(words) if words.first().is_some_and(|word| is_issuer(word)) => {
                    return Err(
                        at("directive \"auth_jwt_issuer\" has no opening \"{\"".to_owned()),
                    );
                }
                Content::Opens(_) => depth = depth.saturating_add(1),
                Content::Closes => {
                    depth =
                        depth.checked_sub(1).ok_or_else(|| at("unexpected \"}\"".to_owned()))?;
                }
                Content::Simple(_) => {}
            }
        }
        match depth {
            0 => Ok(()),
            _ => Err(unclosed(file, &reader)),
        }
    }
}

fn is_issuer(word: &[u8]) -> bool {
    word == b"auth_jwt_issuer"
}

fn name(words: &[Vec<u8>]) -> Result<String, String> {
    let [_, name] = words else {
        return Err("invalid number of arguments in \"auth_jwt_issuer\" directive".to_owned());
    };
    let wrong = |allowed: &str| {
        let name = name.escape_ascii();
        format!("invalid value \"{name}\" in \"auth_jwt_issuer\" directive, it must be {allowed}")
    };
    match std::str::from_utf8(name) {
        Ok("off") => Err(wrong("a name other than \"off\"")),
        Ok(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(wrong("the name of an issuer, UTF-8 and not empty")),
    }
}

/// Reads parameters up to the end of the block, or of the file that is included in it `depth` deep.
fn parameters(
    block: &mut IssuerBlock,
    reader: &mut Reader<'_>,
    file: &Path,
    directory: &Path,
    depth: usize,
) -> Result<(), Failure> {
    let is_included = depth > 0;
    while let Some(statement) = reader.next().map_err(|fault| located(file, fault))? {
        let at = |text| located(file, Fault { line: statement.line, text });
        match &statement.content {
            Content::Simple(words) => {
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                if let [b"include", files @ ..] = words.as_slice() {
                    let [pattern] = files else {
                        let text = "invalid number of arguments in \"include\" directive";
                        return Err(at(text.to_owned()));
                    };
                    if depth >= MAX_DEPTH {
                        return Err(at("files include each other too deep".to_owned()));
                    }
                    let deeper = depth.saturating_add(1);
                    for included in matching(directory, pattern).map_err(at)? {
                        let text = input::read(&included)?;
                        let mut reader = Reader::new(&text);
                        parameters(block, &mut reader, &included, directory, deeper)?;
                    }
                } else {
                    block.set(&words, TIMES).map_err(at)?;
                }
            }
            Content::Opens(_) => return Err(at("unexpected \"{\"".to_owned())),
            Content::Closes if is_included => return Err(at("unexpected \"}\"".to_owned())),
            Content::Closes => return Ok(()),
        }
    }
    if is_included { Ok(()) } else { Err(unclosed(file, reader)) }
}

/// The files that `include` names: `*` and `?` stand for any in the last part, as in a shell.
fn matching(directory: &Path, pattern: &[u8]) -> Result<Vec<PathBuf>, String> {
    let wrong = |reason: String| format!("include \"{}\": {reason}", pattern.escape_ascii());
    let text = std::str::from_utf8(pattern).map_err(|error| wrong(error.to_string()))?;
    let path = directory.join(text);
    let last = path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
    if !text.contains(['*', '?', '[']) {
        return Ok(vec![path]);
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    let is_plain = |path: &Path| !path.to_string_lossy().contains(['*', '?', '[']);
    if !is_plain(parent) || last.contains(&b'[') {
        return Err(wrong("\"*\" and \"?\" are known in the name of a file alone".to_owned()));
    }
    let parent = if parent == Path::new("") { Path::new(".") } else { parent };
    let entries = fs::read_dir(parent).map_err(|error| wrong(error.to_string()))?;
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().map(|name| name.as_encoded_bytes()).unwrap_or_default();
            is_match(&last, name) && (!name.starts_with(b".") || last.starts_with(b"."))
        })
        .collect();
    found.sort();
    Ok(found)
}

fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', behind)), rest) => {
            is_match(behind, name) || rest.is_some_and(|(_, rest)| is_match(pattern, rest))
        }
        (Some((b'?', behind)), Some((_, rest))) => is_match(behind, rest),
        (Some((wanted, behind)), Some((byte, rest))) => wanted == byte && is_match(behind, rest),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn unclosed(file: &Path, reader: &Reader<'_>) -> Failure {
    let text = "unexpected end of file, expecting \"}\"".to_owned();
    located(file, Fault { line: reader.line(), text })
}

/// As nginx says it.
fn located(file: &Path, fault: Fault) -> Failure {
    format!("{} in {}:{}", fault.text, file.display(), fault.line).into()
}
