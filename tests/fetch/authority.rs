//! An authority that signs the certificates of servers.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ngx_http_auth_jwt_module::fetch::certificates::Certificates;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ALL_VERSIONS, ServerConfig, SupportedProtocolVersion};

use super::Outcome;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// What who trusts it is given.
    pub certificates: Certificates,
}

/// What a certificate says.
#[derive(Clone, Copy)]
pub struct Leaf {
    pub name: &'static str,
    /// From the first day of this year to that of the other.
    pub years: (i32, i32),
    pub is_self_signed: bool,
    pub versions: &'static [&'static SupportedProtocolVersion],
}

impl Leaf {
    /// A good certificate.
    pub fn of(name: &'static str) -> Self {
        Self { name, years: (2020, 4000), is_self_signed: false, versions: ALL_VERSIONS }
    }
}

impl Authority {
    pub fn new() -> Outcome<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "authority of tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let own = pem(params.self_signed(&key)?.der());
        let certificates =
            Certificates::parse(own.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Self { issuer: Issuer::new(params, key), certificates })
    }

    /// A server that has such a certificate.
    pub fn server(&self, leaf: Leaf) -> Outcome<Arc<ServerConfig>> {
        let mut params = CertificateParams::new(vec![leaf.name.to_owned()])?;
        params.not_before = date_time_ymd(leaf.years.0, 1, 1);
        params.not_after = date_time_ymd(leaf.years.1, 1, 1);
        let key = KeyPair::generate()?;
        let certificate = match leaf.is_self_signed {
            true => params.self_signed(&key)?,
            false => params.signed_by(&key, &self.issuer)?,
        };
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(leaf.versions)?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )?;
        Ok(Arc::new(config))
    }
}

pub fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}
