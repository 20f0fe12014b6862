//! Syntax:  `auth_jwt_issuer name { ... }`
//! Default: –
//! Context: `http`
//!
//! Not a directive of NGINX Plus. Who issues tokens, what its keys are and what is asked of its tokens.

use std::cell::{Cell, RefCell};
use std::collections::btree_map;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::{Conf, ConfError};
use crate::auth::issuer::Issuer;
use crate::auth::issuer_block::{Block, IssuerBlock, Times};
use crate::auth::key_place::KeyPlace;
use crate::fetch::certificates::Certificates;
use crate::fetch::source::Configured;
use crate::nginx::conf::MainConf;
use crate::nginx::ffi::block::BlockReader;
use crate::nginx::ffi::conf::{parse_milliseconds, parse_seconds};
use crate::nginx::key_conf::{IssuerConf, KeySources};
use crate::nginx::server::unique;
use crate::nginx::sources::file::KeyFile;
use crate::nginx::sources::key_source::KeySource;
use crate::nginx::sources::url::KeyUrl;

/// A block while it is read.
struct Reading {
    block: RefCell<IssuerBlock>,
    /// Its key files, in order.
    files: RefCell<Vec<KeyFile>>,
}

const TIMES: Times = Times { seconds: parse_seconds, milliseconds: parse_milliseconds };

pub fn set(cf: &mut Conf<'_>, conf: &MainConf) -> Result<(), ConfError> {
    let name = super::text(cf.argument(), "the name of an issuer", cf)?;
    if name == "off" {
        return Err(cf.invalid_value(b"off", "a name other than \"off\""));
    }
    let place = cf.place();
    let reading =
        Reading { block: RefCell::new(IssuerBlock::new(name.clone())), files: RefCell::default() };
    if let Some(earlier) = conf.issuers.borrow().get(&name) {
        let place = &earlier.place;
        return Err(format!("duplicate issuer \"{name}\", the first is in {place}").into());
    }
    cf.read_block(&reading)?;
    let Block { issuer, keys, fetch, ineffective } = reading.block.into_inner().finish()?;
    if let Some(parameter) = ineffective {
        cf.warn(format_args!(
            "\"{parameter}\" of issuer \"{name}\" in {place} has no effect: its keys are all in files"
        ));
    }
    let certificates = fetch.certificates.as_deref();
    let certificates = certificates.map(|file| certificates_of(file, &name, cf)).transpose()?;
    let (mut sources, mut urls) = (KeySources::new(place.clone()), Vec::new());
    let mut files = reading.files.into_inner().into_iter();
    for key_place in keys {
        match key_place {
            KeyPlace::File(_) => {
                sources.list.extend(files.next().map(|file| Box::new(file) as Box<dyn KeySource>));
            }
            KeyPlace::Remote(remote) => {
                let configured = Configured {
                    issuer: name.clone(),
                    remote: *remote,
                    rules: fetch.cache,
                    timeout: Duration::from_millis(fetch.timeout),
                    certificates: certificates.clone(),
                };
                let url = Rc::new(KeyUrl { id: unique(), configured });
                sources.list.push(Box::new(url.clone()));
                urls.push(url);
            }
        }
    }
    let issuer = Rc::new(Issuer { id: sources.id, ..issuer });
    let sources = Rc::new(sources);
    let issuer = IssuerConf {
        issuer,
        sources,
        urls,
        place,
        is_used: Cell::new(false),
        files_kept_for: Cell::new(0),
        fetches: Cell::new(None),
    };
    if let btree_map::Entry::Vacant(entry) = conf.issuers.borrow_mut().entry(name) {
        entry.insert(issuer);
    }
    Ok(())
}

impl BlockReader for Reading {
    fn set(&self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        let mut words = vec![cf.directive()];
        words.extend(cf.arguments());
        self.block.borrow_mut().set(&words, TIMES)?;
        if cf.directive() == b"key_file" {
            let file = cf.argument();
            let file = KeyFile::new(cf.complex_path(file)?, file, cf.conf_prefix());
            self.files.borrow_mut().push(file);
        }
        Ok(())
    }
}

/// Reads `ssl_trusted_certificate` of the block `name`.
fn certificates_of(file: &str, name: &str, cf: &Conf<'_>) -> Result<Certificates, ConfError> {
    let path = Path::new(OsStr::from_bytes(cf.conf_prefix())).join(file);
    let file = file.as_bytes().escape_ascii();
    let pem = std::fs::read(path).map_err(|error| {
        format!("file \"{file}\" of \"ssl_trusted_certificate\" in issuer \"{name}\" cannot be read: {error}")
    })?;
    Certificates::parse(&pem).map_err(|error| {
        format!("file \"{file}\" of \"ssl_trusted_certificate\" in issuer \"{name}\" is not usable: {error}").into()
    })
}
