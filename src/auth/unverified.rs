//! What variables may read of a token nobody has verified: it feeds no cache and no verdict.

use crate::jose::base64url;
use crate::jose::compact::Compact;
use crate::jose::json::Object;

/// The header and the claims of a token as it claims to be; a part that cannot be read is absent.
#[derive(Debug)]
pub struct Unverified {
    header: Option<Object>,
    claims: Option<Object>,
}

impl Unverified {
    /// Decodes what can be decoded: of a JWS both, of a JWE the outer header.
    pub fn decode(token: &[u8]) -> Self {
        let object = |segment| Object::parse(base64url::decode(segment).ok()?).ok();
        match Compact::split(token) {
            Ok(Compact::Jws(segments)) => {
                Self { header: object(segments.header), claims: object(segments.payload) }
            }
            Ok(Compact::Jwe(segments)) => Self { header: object(segments.header), claims: None },
            Err(_) => Self { header: None, claims: None },
        }
    }

    /// The JOSE header.
    pub fn header(&self) -> Option<&Object> {
        self.header.as_ref()
    }

    /// The claims.
    pub fn claims(&self) -> Option<&Object> {
        self.claims.as_ref()
    }
}
