//! Inheritance: what was typed on a level, and the level above → what holds.

use std::rc::Rc;

use super::conf::{Effective, LocationConf, MainConf};
use super::ffi::conf::{Conf, ConfError, Inherit};
use super::key_conf::{IssuerConf, IssuerNames, Keys, LevelIssuers};
use super::server::{ServerConf, unique};
use crate::auth::issuer::{Issuer, Issuers};
use crate::auth::operand::Operand;
use crate::auth::policy::TokenType;
use crate::auth::scope_rule::each_once;

impl Inherit for LocationConf {
    fn inherit(&self, parent: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        let Some(main) = cf.main_conf::<MainConf>() else { return Err(ConfError::Logged) };
        // The level `http` has none above, so nginx does not merge it.
        let parent = parent.below(&Effective::default(), main)?;
        let effective = self.below(&parent, main)?;
        refuse(&effective)?;
        if let Some(server) = cf.server_conf::<ServerConf>() {
            note_resource(&effective, server)?;
            main.has_resources.set(main.has_resources.get() || !server.resources.is_empty());
        }
        main.levels.borrow_mut().push(effective);
        Ok(())
    }
}

impl LocationConf {
    fn below(&self, above: &Effective, main: &MainConf) -> Result<Effective, ConfError> {
        if let Some(effective) = self.effective.get() {
            return Ok(effective.clone());
        }
        let typed_audience = self.typed.audience.borrow().is_some();
        let typed_resource =
            self.typed.resource.borrow().as_ref().map(|own| own.resource.is_some());
        let settings = self.typed.below(above.settings.clone());
        // The nearer level decides, and on one level the audience.
        let resource_decides = match typed_resource {
            _ if typed_audience => false,
            Some(is_on) => is_on,
            None => above.resource_decides,
        };
        let issuers = match settings.keys.as_deref() {
            Some(Keys::Issuers(names)) => Some(issuers_of(names, main)?),
            Some(Keys::Sources(_) | Keys::Off(_)) | None => None,
        };
        Ok(self
            .effective
            .get_or_init(|| Effective::new(settings, resource_decides, issuers, &main.default_zone))
            .clone())
    }
}

/// Notes what a level says of its resource.
fn note_resource(level: &Effective, server: &ServerConf) -> Result<(), ConfError> {
    let Some((own, resource)) = level.resource() else { return Ok(()) };
    let issuers = level.issuers.iter().flat_map(|issuers| &issuers.list);
    let first = |issuer: &Rc<Issuer>| issuer.issuers.first().cloned();
    let scopes = level.acceptance().rules.map(|rules| rules.scopes).unwrap_or_default();
    let scopes = scopes.iter().flat_map(|rule| &rule.scopes).filter_map(|scope| match scope {
        Operand::Text(text) => std::str::from_utf8(text).ok(),
        // Those with variables are not known.
        Operand::Variables(_) => None,
    });
    let scopes = each_once(scopes).into_iter().map(str::to_owned).collect();
    let issuers = issuers.filter_map(first).collect();
    let binding = level.enabled().map(|_| level.stated_binding());
    Ok(server.resources.note(resource, &own.place, issuers, scopes, binding)?)
}

/// The issuers of one `auth_jwt_issuers`, which all levels share that inherit it.
fn issuers_of(names: &IssuerNames, main: &MainConf) -> Result<Rc<LevelIssuers>, ConfError> {
    if let Some(issuers) = names.issuers.get() {
        return Ok(issuers.clone());
    }
    let place = &names.place;
    let blocks = main.issuers.borrow();
    let known = |name: &String| {
        let block = blocks.get(name).ok_or_else(|| {
            format!("unknown issuer \"{name}\" in \"auth_jwt_issuers\" in {place}, it must be the name of an \"auth_jwt_issuer\" block")
        });
        block.inspect(|block| block.is_used.set(true))
    };
    let blocks = names.names.iter().map(known).collect::<Result<Vec<&IssuerConf>, _>>()?;
    let issuers: Vec<_> = blocks.iter().map(|block| block.issuer.clone()).collect();
    let table = Issuers::new(&issuers).map_err(|conflict| {
        let (iss, [one, other]) = (conflict.iss.as_bytes().escape_ascii(), conflict.names);
        format!("issuers \"{one}\" and \"{other}\" of \"auth_jwt_issuers\" in {place} have the same \"issuer {iss}\", each must have its own")
    })?;
    let sources = blocks.iter().map(|block| (block.issuer.id, block.sources.clone())).collect();
    let issuers = LevelIssuers { id: unique(), table, list: issuers, sources };
    Ok(names.issuers.get_or_init(|| Rc::new(issuers)).clone())
}

/// Refuses what would be open, or could never work.
fn refuse(level: &Effective) -> Result<(), ConfError> {
    let Some((auth, _)) = level.enabled() else { return Ok(()) };
    let auth = &auth.place;
    let settings = &level.settings;
    let certificate = settings.certificate.as_deref().filter(|own| own.mode.is_on());
    let proof = settings.proof.as_deref().filter(|own| own.mode.is_on());
    let rules = [
        ("auth_jwt_audience", settings.audience.as_deref().map(|own| &own.place)),
        ("auth_jwt_resource", level.resource().map(|(own, _)| &own.place)),
        ("auth_jwt_require_scope", settings.scopes.as_deref().map(|own| &own.place)),
        ("auth_jwt_require_claim", settings.claims.as_deref().map(|own| &own.place)),
        ("auth_jwt_certificate", certificate.map(|own| &own.place)),
        ("auth_jwt_dpop", proof.map(|own| &own.place)),
    ];
    let rule = rules.into_iter().find_map(|(name, place)| Some((name, place?)));
    match (settings.keys.as_deref(), rule) {
        (Some(Keys::Off(place)), _) => Err(format!(
            "\"auth_jwt_issuers off\" in {place} leaves \"auth_jwt\" in {auth} without keys: name issuers or a key source, or turn \"auth_jwt\" off"
        ))?,
        (None, Some((rule, place))) => Err(format!(
            "\"{rule}\" in {place} needs verified claims, but no key source goes with \"auth_jwt\" in {auth}: name issuers or a key source"
        ))?,
        (Some(Keys::Issuers(names)), _) => {
            let issuers = level.issuers.as_deref();
            let several = issuers.is_some_and(|issuers| issuers.table.only().is_none());
            let place = &names.place;
            match level.verification.token_type {
                TokenType::Encrypted | TokenType::Nested if several => Err(format!(
                    "several issuers in \"auth_jwt_issuers\" in {place}, but one only with \"auth_jwt_type\" \"encrypted\" or \"nested\": such a token does not say whose it is"
                ))?,
                TokenType::Signed | TokenType::Encrypted | TokenType::Nested => Ok(()),
            }
        }
        (Some(Keys::Sources(_)) | None, _) => Ok(()),
    }
}

impl Inherit for ServerConf {
    fn inherit(&self, _: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        self.names.set(cf.server_names()?).map_err(|_| ConfError::Duplicate)
    }
}
