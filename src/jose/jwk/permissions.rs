//! What `use` and `key_ops` let a key do (RFC 7517 §4.2, §4.3).

use jsonwebtoken::jwk::{KeyOperations, PublicKeyUse};

use super::members::optional;
use crate::jose::algorithm::{KeyManagement, Mode};
use crate::jose::error::{KeyError, MemberFault};
use crate::jose::json::Object;

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    verify: bool,
    decrypt: bool,
    unwrap_key: bool,
    derive: bool,
}

impl Permissions {
    /// Reads `use` and `key_ops`; both bind where both are present.
    pub fn of(jwk: &Object) -> Result<Self, KeyError> {
        let purpose = optional::<PublicKeyUse>(jwk, "use", MemberFault::NotAString)?;
        let not_strings = MemberFault::NotAnArrayOfStrings;
        let operations = optional::<Vec<KeyOperations>>(jwk, "key_ops", not_strings)?;
        let signature = purpose.as_ref().is_none_or(|own| *own == PublicKeyUse::Signature);
        let encryption = purpose.as_ref().is_none_or(|own| *own == PublicKeyUse::Encryption);
        let allows =
            |operation| operations.as_ref().is_none_or(|allowed| allowed.contains(&operation));
        let decrypt = encryption && allows(KeyOperations::Decrypt);
        Ok(Self {
            verify: signature && allows(KeyOperations::Verify),
            decrypt,
            // Libraries do not agree which of the two a key has that decrypts keys.
            unwrap_key: decrypt || encryption && allows(KeyOperations::UnwrapKey),
            derive: encryption
                && (allows(KeyOperations::DeriveKey) || allows(KeyOperations::DeriveBits)),
        })
    }

    /// Whether the key may verify signatures.
    pub fn verifies(self) -> bool {
        self.verify
    }

    /// Whether the key may decrypt by some algorithm.
    pub fn decrypts(self) -> bool {
        self.unwrap_key || self.derive
    }

    /// Whether the key may decrypt by `algorithm`.
    pub fn decrypts_by(self, algorithm: KeyManagement) -> bool {
        match algorithm.mode() {
            Mode::Direct => self.decrypt,
            Mode::Agreement(_) => self.derive,
            Mode::AesKeyWrap(_) | Mode::AesGcm(_) | Mode::RsaOaep(_) => self.unwrap_key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyManagement::*;

    fn permissions(members: &str) -> Option<Permissions> {
        Permissions::of(&Object::parse(format!("{{{members}}}").into_bytes()).ok()?).ok()
    }

    /// Which of verify, `dir`, A128KW and ECDH-ES are allowed.
    fn allowed(members: &str) -> Option<(bool, bool, bool, bool)> {
        let own = permissions(members)?;
        let by = |algorithm| own.decrypts_by(algorithm);
        Some((own.verifies(), by(Dir), by(A128Kw), by(EcdhEs)))
    }

    #[test]
    fn both_bind() {
        for (members, expected) in [
            ("", (true, true, true, true)),
            (r#""use":"sig""#, (true, false, false, false)),
            (r#""use":"enc""#, (false, true, true, true)),
            (r#""use":"x""#, (false, false, false, false)),
            (r#""key_ops":[]"#, (false, false, false, false)),
            (r#""key_ops":["verify"]"#, (true, false, false, false)),
            (r#""key_ops":["encrypt","wrapKey","sign"]"#, (false, false, false, false)),
            (r#""key_ops":["decrypt"]"#, (false, true, true, false)),
            (r#""key_ops":["unwrapKey"]"#, (false, false, true, false)),
            (r#""key_ops":["deriveBits"]"#, (false, false, false, true)),
            (r#""key_ops":["deriveKey","x"]"#, (false, false, false, true)),
            (r#""use":"sig","key_ops":["decrypt"]"#, (false, false, false, false)),
            (r#""use":"enc","key_ops":["decrypt","verify"]"#, (false, true, true, false)),
        ] {
            assert_eq!(allowed(members), Some(expected), "{members}");
        }
        assert_eq!(permissions(r#""use":1"#), None);
        assert_eq!(permissions(r#""key_ops":"verify""#), None);
        assert!(permissions(r#""key_ops":["unwrapKey"]"#).is_some_and(Permissions::decrypts));
    }
}
