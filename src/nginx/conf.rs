//! What was typed, level by level, and what it means. Cells are filled while the configuration is
//! read: nginx lends a level to each directive in it, and to the levels below. Nothing here belongs
//! to a request.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::rc::Rc;

use super::binding_conf::{CertificateConf, ProofConf, binding};
use super::ffi::complex_value::ComplexValue;
use super::key_conf::{IssuerConf, IssuerNames, KeySources, Keys, LevelIssuers, Place};
use super::server::unique;
use super::sources::url::KeyUrl;
use super::worker::TokenCacheSetting;
use super::zone::Zone;
use crate::auth::binding::{Binding, Mode};
use crate::auth::claim_rule::ClaimRule;
use crate::auth::key_cache::Rules as KeyRules;
use crate::auth::operand::Operand;
use crate::auth::outcome::Leniency;
use crate::auth::policy::{Acceptance, Rules, TokenType, Verification};
use crate::auth::require::Requirement;
use crate::auth::resource::Resource;
use crate::auth::scope_rule::ScopeRule;
use crate::fetch::proxy::Proxy;
use crate::metrics::counters::Pair;

/// The configuration of the level `http`.
#[derive(Default)]
pub struct MainConf {
    /// `auth_jwt_claim_set` and `auth_jwt_header_set`; a variable knows its place here.
    pub set_variables: RefCell<Vec<SetVariable>>,
    /// The blocks `auth_jwt_issuer`, by name.
    pub issuers: RefCell<BTreeMap<String, IssuerConf>>,
    /// `auth_jwt_state_path`; `None`: `off`.
    pub state_path: RefCell<Option<Option<PathBuf>>>,
    /// `auth_jwt_fetch_proxy`
    pub fetch_proxy: RefCell<Option<Proxy>>,
    /// How keys by URL are fetched, once the whole configuration is read, where there are any.
    pub fetching: OnceCell<Fetching>,
    /// Whether some server has an `auth_jwt_resource`.
    pub has_resources: Cell<bool>,
    /// Whether some location has `auth_jwt_metrics`.
    pub has_metrics: Cell<bool>,
    /// The zone of levels that name none.
    pub default_zone: Rc<Zone>,
    /// Where key requests are counted, once the configuration is taken into use.
    pub key_requests: Cell<Option<Pair>>,
    /// Until `lint` has seen them: the directives that have an effect only beside others.
    pub dependent: RefCell<Vec<Dependent>>,
    /// Until the configuration is taken into use: all levels below `http`.
    pub levels: RefCell<Vec<Effective>>,
}

/// How keys by URL are fetched.
pub struct Fetching {
    /// Where they are kept; `None`: nowhere.
    pub directory: RefCell<Option<PathBuf>>,
    pub sources: Vec<Rc<KeyUrl>>,
    /// When the configuration was read, in milliseconds since the epoch.
    pub configured_at: u64,
}

/// A directive that has an effect only beside another one.
pub struct Dependent {
    /// Its name.
    pub directive: String,
    pub place: Place,
    pub needs: Needs,
}

/// What a directive needs beside it to have an effect.
#[derive(Clone, Copy)]
pub enum Needs {
    /// An `auth_jwt` that is not off.
    AuthJwt,
    /// A key request, as `refresh=` and `stale=` do.
    KeyRequest,
}

/// A variable that leads to one value of a token.
pub struct SetVariable {
    /// In lower case, without `$`.
    pub name: String,
    pub part: Part,
    /// Names from the root of the part, one a level.
    pub path: Vec<String>,
}

/// A part of a token that is a JSON object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Header,
    Claims,
}

/// `auth_jwt`.
pub struct AuthJwt {
    pub realm: Realm,
    /// `token=`: where the token is, if not in `Authorization`.
    pub token: Option<ComplexValue>,
    pub place: Place,
}

/// The first argument of `auth_jwt`.
pub enum Realm {
    Off,
    On(ComplexValue),
}

/// What stands on one level of directives that may be repeated, in order.
pub struct List<T> {
    pub list: Vec<T>,
    /// Of the first.
    pub place: Place,
}

/// `on` or `off`.
pub struct Switch {
    pub on: bool,
    pub place: Place,
}

/// `auth_jwt_resource`.
pub struct ResourceConf {
    /// `None`: `off`.
    pub resource: Option<Rc<Resource>>,
    /// The URL of its metadata.
    pub metadata_url: String,
    /// Its identifier, as the audience of tokens.
    audience: Vec<Operand<ComplexValue>>,
    pub place: Place,
}

impl ResourceConf {
    pub fn new(resource: Option<Resource>, place: Place) -> Self {
        let metadata_url = resource.as_ref().map(Resource::metadata_url).unwrap_or_default();
        let identifier = resource.iter().map(|resource| resource.identifier.text().as_bytes());
        let audience = identifier.map(|identifier| Operand::Text(identifier.into())).collect();
        Self { resource: resource.map(Rc::new), metadata_url, audience, place }
    }
}

/// `auth_jwt_key_cache`.
pub struct KeyCache {
    pub rules: KeyRules,
    pub place: Place,
}

/// One level's configuration: `http`, `server`, `location`, `if` or `limit_except`.
#[derive(Default)]
pub struct LocationConf {
    pub typed: Typed,
    /// `auth_jwt_metrics`
    pub metrics: RefCell<Option<()>>,
    pub effective: OnceCell<Effective>,
}

/// What may stand on a level, a row each. What a level has not is inherited, and what it has replaces
/// the inherited as a whole, lists too.
macro_rules! settings {
    ($($(#[$about:meta])* $name:ident: $type:ty,)*) => {
        /// What stands on the level itself, until the levels are merged.
        #[derive(Default)]
        pub struct Typed { $($(#[$about])* pub $name: RefCell<Option<$type>>,)* }

        /// What holds on the level, inheritance included.
        #[derive(Clone, Default)]
        pub struct Settings { $($(#[$about])* pub $name: Option<Rc<$type>>,)* }

        impl Settings {
            /// Where the directives stand that have an effect only where `auth_jwt` is on.
            pub fn places(&self) -> impl Iterator<Item = &Place> {
                let places = [$(self.$name.as_deref().and_then(Placed::place),)*];
                places.into_iter().flatten()
            }
        }

        impl Typed {
            /// What holds on the level below `above`.
            pub fn below(&self, above: Settings) -> Settings {
                Settings { $($name: self.$name.take().map(Rc::new).or(above.$name),)* }
            }
        }
    };
}

settings! {
    auth: AuthJwt,
    keys: Keys,
    audience: List<Operand<ComplexValue>>,
    resource: ResourceConf,
    scopes: List<ScopeRule<ComplexValue>>,
    claims: List<ClaimRule<ComplexValue>>,
    requirements: List<Requirement<ComplexValue>>,
    certificate: CertificateConf,
    proof: ProofConf,
    optional: Switch,
    dry_run: Switch,
    token_type: TokenType,
    /// In seconds.
    leeway: u64,
    key_cache: KeyCache,
    token_cache: TokenCacheSetting,
    zone: Zone,
}

/// A setting that has an effect only where `auth_jwt` is on says where it stands.
trait Placed {
    fn place(&self) -> Option<&Place> {
        None
    }
}

impl Placed for Keys {
    fn place(&self) -> Option<&Place> {
        match self {
            Self::Sources(KeySources { place, .. })
            | Self::Issuers(IssuerNames { place, .. })
            | Self::Off(place) => Some(place),
        }
    }
}

impl<T> Placed for List<T> {
    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }
}

impl Placed for Switch {
    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }
}

impl Placed for CertificateConf {
    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }
}

impl Placed for ProofConf {
    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }
}

impl Placed for AuthJwt {}
impl Placed for ResourceConf {}
impl Placed for TokenType {}
impl Placed for u64 {}
impl Placed for KeyCache {}
impl Placed for TokenCacheSetting {}
impl Placed for Zone {}

impl Settings {
    /// What is asked of bound tokens; `unsaid` is the mode of a directive that is not there.
    pub fn binding(&self, unsaid: Mode) -> Binding {
        binding(self.certificate.as_deref(), self.proof.as_deref(), unsaid)
    }
}

/// What holds on the level, and what follows from it.
#[derive(Clone, Default)]
pub struct Effective {
    pub settings: Settings,
    pub verification: Verification,
    pub issuers: Option<Rc<LevelIssuers>>,
    pub leeway: u64,
    /// The number of the rules, where there are rules or issuers, and whether all requests have the same.
    rules: Option<(NonZeroU64, bool)>,
    /// Whether the audience is that of `auth_jwt_resource`, which stands nearer than `auth_jwt_audience`.
    pub resource_decides: bool,
    pub leniency: Leniency,
    pub binding: Binding,
    pub key_rules: KeyRules,
    pub token_cache: TokenCacheSetting,
    pub zone: Rc<Zone>,
}

impl Effective {
    /// What follows from `settings`, of whose names `issuers` are the issuers.
    pub fn new(
        settings: Settings,
        resource_decides: bool,
        issuers: Option<Rc<LevelIssuers>>,
        default_zone: &Rc<Zone>,
    ) -> Self {
        let is_on = |switch: &Option<Rc<Switch>>| switch.as_deref().is_some_and(|switch| switch.on);
        let (audience, scopes, claims) = lists(&settings, resource_decides);
        let has_rules = audience.is_some() || !scopes.is_empty() || !claims.is_empty();
        let are_fixed = audience.unwrap_or_default().iter().all(Operand::is_fixed)
            && scopes.iter().all(ScopeRule::is_fixed)
            && claims.iter().all(ClaimRule::is_fixed);
        let asks_for_more =
            !scopes.is_empty() || !claims.is_empty() || settings.requirements.is_some();
        let leniency = Leniency {
            optional: is_on(&settings.optional) && !asks_for_more,
            dry_run: is_on(&settings.dry_run),
        };
        // What issuers have bound must be proven, unless it is said otherwise.
        let unsaid = if issuers.is_some() { Mode::Optional } else { Mode::Off };
        let number = || Some((NonZeroU64::new(unique())?, are_fixed));
        let rules = if has_rules || issuers.is_some() { number() } else { None };
        let sources = match settings.keys.as_deref() {
            Some(Keys::Sources(sources)) => Some(sources.id),
            Some(Keys::Issuers(_)) => issuers.as_deref().map(|issuers| issuers.id),
            Some(Keys::Off(_)) | None => None,
        };
        Self {
            verification: Verification {
                token_type: settings.token_type.as_deref().copied().unwrap_or_default(),
                sources,
            },
            issuers,
            leeway: settings.leeway.as_deref().copied().unwrap_or_default(),
            rules,
            resource_decides,
            leniency,
            binding: settings.binding(unsaid),
            key_rules: settings.key_cache.as_deref().map(|cache| cache.rules).unwrap_or_default(),
            token_cache: settings.token_cache.as_deref().copied().unwrap_or_default(),
            zone: settings.zone.clone().unwrap_or_else(|| default_zone.clone()),
            settings,
        }
    }

    /// `auth_jwt`, where it is not `off`, with its realm.
    pub fn enabled(&self) -> Option<(&AuthJwt, &ComplexValue)> {
        let auth = self.settings.auth.as_deref()?;
        match &auth.realm {
            Realm::On(realm) => Some((auth, realm)),
            Realm::Off => None,
        }
    }

    /// The resource that the level is of.
    pub fn resource(&self) -> Option<(&ResourceConf, &Rc<Resource>)> {
        let conf = self.settings.resource.as_deref()?;
        Some((conf, conf.resource.as_ref()?))
    }

    /// What the directives themselves say of bound tokens.
    pub fn stated_binding(&self) -> Binding {
        self.settings.binding(Mode::Off)
    }

    /// What a verified token is judged by.
    pub fn acceptance(&self) -> Acceptance<'_, ComplexValue> {
        let rules = self.rules.map(|(id, are_fixed)| {
            let (audience, scopes, claims) = lists(&self.settings, self.resource_decides);
            Rules { id, audience, scopes, claims, are_fixed }
        });
        Acceptance { leeway: self.leeway, rules, binding: self.binding }
    }

    /// What `auth_jwt_require` asks for.
    pub fn requirements(&self) -> &[Requirement<ComplexValue>] {
        self.settings.requirements.as_deref().map(|own| own.list.as_slice()).unwrap_or_default()
    }

    /// The level's own key sources, where it names no issuers.
    pub fn sources(&self) -> Option<&KeySources> {
        match self.settings.keys.as_deref()? {
            Keys::Sources(sources) => Some(sources),
            Keys::Issuers(_) | Keys::Off(_) => None,
        }
    }
}

type Lists<'s> = (
    Option<&'s [Operand<ComplexValue>]>,
    &'s [ScopeRule<ComplexValue>],
    &'s [ClaimRule<ComplexValue>],
);

fn lists(settings: &Settings, resource_decides: bool) -> Lists<'_> {
    let audience = match resource_decides {
        true => settings.resource.as_deref().map(|resource| resource.audience.as_slice()),
        false => settings.audience.as_deref().map(|audience| audience.list.as_slice()),
    };
    (
        audience,
        settings.scopes.as_deref().map(|scopes| scopes.list.as_slice()).unwrap_or_default(),
        settings.claims.as_deref().map(|claims| claims.list.as_slice()).unwrap_or_default(),
    )
}
