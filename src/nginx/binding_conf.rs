//! What a level asks of tokens that are bound to their holder, as it is typed.

use super::ffi::complex_value::ComplexValue;
use super::key_conf::Place;
use crate::auth::binding::{Binding, DEFAULT_WINDOW, Mode};

/// `auth_jwt_certificate`.
pub struct CertificateConf {
    pub mode: Mode,
    /// `cert=`: where the client's certificate is, if not nginx's own.
    pub certificate: Option<ComplexValue>,
    pub place: Place,
}

/// `auth_jwt_dpop`.
pub struct ProofConf {
    pub mode: Mode,
    /// `base=`: what stands before the path in the URL that a proof is for, if not the request's scheme and host.
    pub base: Option<ComplexValue>,
    /// In seconds.
    pub window: u64,
    pub place: Place,
}

/// What the two directives say together; `unsaid` is the mode of one that is not there.
pub fn binding(
    certificate: Option<&CertificateConf>,
    proof: Option<&ProofConf>,
    unsaid: Mode,
) -> Binding {
    Binding {
        certificate: certificate.map_or(unsaid, |own| own.mode),
        proof: proof.map_or(unsaid, |own| own.mode),
        window: proof.map_or(DEFAULT_WINDOW, |own| own.window),
    }
}
