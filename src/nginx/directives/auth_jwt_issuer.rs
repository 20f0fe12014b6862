//! Syntax:  `auth_jwt_issuer name { ... }`
//! Default: –
//! Context: `http`
//!
//! Not a directive of NGINX Plus. Who issues tokens, what its keys are and what is asked of its tokens.

use std::cell::{Cell, RefCell};
use std::collections::btree_map;
use std::rc::Rc;

use super::{Conf, ConfError};
use crate::auth::issuer::Issuer;
use crate::auth::issuer_block::IssuerBlock;
use crate::nginx::conf::{IssuerConf, KeySources, MainConf};
use crate::nginx::ffi::block::Block;
use crate::nginx::ffi::conf::parse_seconds;
use crate::nginx::sources::file::KeyFile;

/// A block while it is read.
struct Reading {
    block: RefCell<IssuerBlock>,
    sources: RefCell<KeySources>,
}

pub fn set(cf: &mut Conf<'_>, conf: &MainConf) -> Result<(), ConfError> {
    let name = super::text(cf.argument(), "the name of an issuer", cf)?;
    if name == "off" {
        return Err(cf.invalid_value(b"off", "a name other than \"off\""));
    }
    let place = cf.place();
    let reading = Reading {
        block: RefCell::new(IssuerBlock::new(name.clone())),
        sources: RefCell::new(KeySources::new(place.clone())),
    };
    if let Some(earlier) = conf.issuers.borrow().get(&name) {
        let place = &earlier.place;
        return Err(format!("duplicate issuer \"{name}\", the first is in {place}").into());
    }
    cf.read_block(&reading)?;
    let (issuer, _) = reading.block.into_inner().finish()?;
    let sources = Rc::new(reading.sources.into_inner());
    let issuer = Rc::new(Issuer { id: sources.id, ..issuer });
    let issuer = IssuerConf { issuer, sources, place, is_used: Cell::new(false) };
    if let btree_map::Entry::Vacant(entry) = conf.issuers.borrow_mut().entry(name) {
        entry.insert(issuer);
    }
    Ok(())
}

impl Block for Reading {
    fn set(&self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        let mut words = vec![cf.directive()];
        words.extend(cf.arguments());
        self.block.borrow_mut().set(&words, parse_seconds)?;
        if cf.directive() == b"key_file" {
            let file = cf.argument();
            let file = KeyFile::new(cf.complex_path(file)?, file, cf.conf_prefix());
            self.sources.borrow_mut().list.push(Box::new(file));
        }
        Ok(())
    }
}
