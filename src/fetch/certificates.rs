//! The certificates that an identity provider's own must lead to.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::tls::{Certificate, RootCerts};

use super::error::FetchError;
use crate::jose::crypto::Fingerprint;

/// `ssl_trusted_certificate`: certificates of a file.
#[derive(Clone)]
pub struct Certificates {
    list: Arc<Vec<Certificate<'static>>>,
    pub(super) fingerprint: Fingerprint,
}

/// What is wrong about a file of certificates.
#[derive(Debug)]
pub enum CertificateError {
    None,
    /// The certificate of this number, from 1 on.
    Unusable(usize, String),
}

impl std::error::Error for CertificateError {}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is no certificate in PEM"),
            Self::Unusable(number, reason) => {
                write!(f, "certificate {number} is not valid: {reason}")
            }
        }
    }
}

impl Certificates {
    /// Reads PEM; each certificate in it must be usable.
    pub fn parse(pem: &[u8]) -> Result<Self, CertificateError> {
        let mut list = Vec::new();
        let mut store = RootCertStore::empty();
        for (position, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let number = position.saturating_add(1);
            let unusable = |error| CertificateError::Unusable(number, error);
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            store.add(certificate.clone()).map_err(|error| unusable(error.to_string()))?;
            list.push(Certificate::from_der(&certificate).to_owned());
        }
        match list.is_empty() {
            true => Err(CertificateError::None),
            false => Ok(Self { list: Arc::new(list), fingerprint: Fingerprint::of(pem) }),
        }
    }
}

/// What is trusted: `own`, or what the system trusts at this time.
pub(super) fn trusted(own: Option<&Certificates>) -> Result<RootCerts, FetchError> {
    if let Some(own) = own {
        return Ok(RootCerts::Specific(own.list.clone()));
    }
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return Err(FetchError::NothingTrusted);
    }
    let owned = |der: &CertificateDer<'_>| Certificate::from_der(der).to_owned();
    Ok(RootCerts::Specific(Arc::new(found.iter().map(owned).collect())))
}
