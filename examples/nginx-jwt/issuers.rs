//! The `auth_jwt_issuer` blocks of nginx's configuration files, judged as nginx judges them.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use ngx_http_auth_jwt_module::auth::issuer::{Issuer, Issuers};
use ngx_http_auth_jwt_module::auth::issuer_block::{Block, IssuerBlock, Times};
use ngx_http_auth_jwt_module::auth::key_place::KeyPlace;
use ngx_http_auth_jwt_module::fetch::once::Order;
use ngx_http_auth_jwt_module::fetch::proxy::Proxy;

use super::conf::{Content, Fault, Reader};
use super::input::{self, Failure};
use super::key_sets::Place;
use super::means::{self, Means};
use super::time;

/// A file that includes another, and so on.
const MAX_DEPTH: usize = 8;

const TIMES: Times = Times { seconds: time::nginx_seconds, milliseconds: time::nginx_milliseconds };

/// The issuers of a location.
pub struct Known {
    pub table: Issuers,
    /// In the order of their blocks.
    pub list: Vec<Owner>,
}

/// An issuer, and where its keys are.
pub struct Owner {
    pub issuer: Rc<Issuer>,
    pub places: Vec<Place>,
}

impl Known {
    /// The issuers of those names, or all, among the blocks of `files`. What `means` has is taken in place of
    /// what the files say.
    pub fn read(files: &[PathBuf], names: &[String], means: Means) -> Result<Self, Failure> {
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
        list.retain(|Owner { issuer, .. }| names.is_empty() || names.contains(&issuer.name));
        let issuers: Vec<_> = list.iter().map(|owner| owner.issuer.clone()).collect();
        let table = Issuers::new(&issuers).map_err(|conflict| {
            let (iss, [one, other]) = (conflict.iss, conflict.names);
            format!("issuers \"{one}\" and \"{other}\" have the same \"issuer {iss}\", each must have its own: choose by --issuer")
        })?;
        let means = Means { proxy: means.proxy.or(blocks.proxy), ..means };
        for place in list.iter_mut().flat_map(|owner| &mut owner.places) {
            if let Place::Url(order) = place {
                means.change(order);
            }
        }
        Ok(Self { table, list })
    }

    /// Where the issuer's keys are.
    pub fn places(&self, issuer: &Rc<Issuer>) -> &[Place] {
        let own = self.list.iter().find(|owner| Rc::ptr_eq(&owner.issuer, issuer));
        own.map(|owner| owner.places.as_slice()).unwrap_or_default()
    }

    /// Every `iss` that is known.
    pub fn all_iss(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let all = self.list.iter().flat_map(|owner| &owner.issuer.issuers);
        all.map(String::as_str).filter(|iss| seen.insert(*iss)).collect()
    }
}

#[derive(Default)]
struct Blocks {
    found: Vec<Owner>,
    /// `auth_jwt_fetch_proxy`
    proxy: Option<Proxy>,
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
                    let id = u64::try_from(self.found.len()).unwrap_or_default();
                    let owner = finished.and_then(|block| owner(block, id, directory));
                    let owner = owner.map_err(|text| located(file, Fault { text, ..end }))?;
                    self.found.push(owner);
                }
                Content::Simple(words) if words.first().is_some_and(|word| is_issuer(word)) => {
                    return Err(
                        at("directive \"auth_jwt_issuer\" has no opening \"{\"".to_owned()),
                    );
                }
                Content::Simple(words) if words.first().is_some_and(|word| is_proxy(word)) => {
                    let proxy = proxy(words).map_err(at)?;
                    self.proxy.get_or_insert(proxy);
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

fn is_proxy(word: &[u8]) -> bool {
    word == b"auth_jwt_fetch_proxy"
}

/// The issuer of a block, with that number. The files that it names are relative to `directory`.
fn owner(block: Block, id: u64, directory: &Path) -> Result<Owner, String> {
    let Block { issuer, keys, fetch, .. } = block;
    let certificates = fetch.certificates.as_ref().map(|name| {
        means::certificates(&directory.join(name)).map_err(|error| {
            let (name, issuer) = (name.as_bytes().escape_ascii(), &issuer.name);
            format!("file \"{name}\" of \"ssl_trusted_certificate\" in issuer \"{issuer}\" {error}")
        })
    });
    let certificates = certificates.transpose()?;
    let timeout = Duration::from_millis(fetch.timeout);
    let places = keys.into_iter().map(|place| match place {
        KeyPlace::File(name) => Place::File(directory.join(name)),
        KeyPlace::Remote(remote) => {
            let certificates = certificates.clone();
            Place::Url(Box::new(Order { place: *remote, timeout, certificates, proxy: None }))
        }
    });
    Ok(Owner { places: places.collect(), issuer: Rc::new(Issuer { id, ..issuer }) })
}

fn proxy(words: &[Vec<u8>]) -> Result<Proxy, String> {
    let [_, url] = words else {
        return Err("invalid number of arguments in \"auth_jwt_fetch_proxy\" directive".to_owned());
    };
    let proxy = std::str::from_utf8(url).ok().and_then(Proxy::parse);
    proxy.ok_or_else(|| {
        format!("invalid URL in \"auth_jwt_fetch_proxy\" directive, {}", means::PROXY)
    })
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
