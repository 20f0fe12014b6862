//! A JWE (RFC 7516 §5.2): form and header first, then keys. A bad key, a bad
//! padding and a bad tag are one error (RFC 7516 §11.5).

use std::rc::Rc;

use super::algorithm::KeyManagement;
use super::base64url;
use super::claims::Claims;
use super::compact::JweSegments;
use super::crypto::{EncryptedContent, EncryptedKey};
use super::error::TokenError;
use super::header::Header;
use super::key_set::KeySet;
use super::secret::Secret;
use super::select::try_decryption_keys;
use super::token::Token;

/// A JWE whose form is right.
#[derive(Debug)]
pub struct Jwe<'t> {
    header: Header,
    key: EncryptedKey,
    content: EncryptedContent,
    /// The header as it was written, which the tag covers (RFC 7516 §5.1 step 14).
    additional_data: &'t [u8],
}

/// A JWE that one of the keys has decrypted, and whose tag was right. Only this file makes one.
pub struct Decrypted {
    header: Header,
    algorithm: KeyManagement,
    plaintext: Secret,
}

/// The claims of a JWE that one of the keys has decrypted.
#[derive(Debug)]
pub struct DecryptedClaims {
    token: Token,
    algorithm: KeyManagement,
}

impl<'t> Jwe<'t> {
    /// Decodes the segments and reads the header.
    #[inline(never)]
    pub fn parse(segments: JweSegments<'t>) -> Result<Self, TokenError> {
        let header = Header::parse(segments.header)?;
        let (algorithm, encryption) = header.encryption_algorithms()?;
        let parameters = header.key_parameters(algorithm)?;
        let [encrypted_key, initialization_vector, ciphertext, tag] = segments.others;
        let bytes = base64url::decode(encrypted_key)?;
        let content = EncryptedContent {
            initialization_vector: base64url::decode(initialization_vector)?,
            ciphertext: base64url::decode(ciphertext)?,
            tag: base64url::decode(tag)?,
        };
        let key = EncryptedKey { algorithm, encryption, parameters, bytes };
        Ok(Self { header, key, content, additional_data: segments.header })
    }

    /// The JOSE header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Decrypts with the keys of `sets` that may serve it.
    #[inline(never)]
    pub fn decrypt(self, sets: &[impl AsRef<KeySet>]) -> Result<Decrypted, TokenError> {
        let kid = self.header.kid();
        let EncryptedKey { algorithm, encryption, .. } = self.key;
        let plaintext = try_decryption_keys(sets, kid.as_deref(), algorithm, encryption, |key| {
            let content_key = key.content_key(&self.key)?;
            self.content.open(encryption, &content_key, self.additional_data)
        })?;
        drop(kid);
        Ok(Decrypted { header: self.header, algorithm, plaintext })
    }
}

impl Decrypted {
    /// Reads the plaintext as claims.
    #[inline(never)]
    pub fn claims(self) -> Result<DecryptedClaims, TokenError> {
        let claims = Claims::parse_secret(&self.plaintext)?;
        let token = Token { header: Rc::new(self.header), claims, nested: None };
        Ok(DecryptedClaims { token, algorithm: self.algorithm })
    }

    /// The JOSE header and the plaintext.
    pub fn into_parts(self) -> (Header, Secret) {
        (self.header, self.plaintext)
    }
}

impl DecryptedClaims {
    /// What it says.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Whether nothing says who made it: anybody can encrypt with a public key.
    pub fn is_anybodys(&self) -> bool {
        self.algorithm.is_by_public_key()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::jose::compact::Compact;
    use crate::jose::error::{Malformed, Tried};

    /// RFC 7516 A.3.
    const TOKEN: &str = "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.\
        6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ.\
        AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.\
        U0m_YmjN04DJvceFICbCVQ";
    const KEY: &str = r#"{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg"}"#;

    fn parse(token: &str) -> Result<Jwe<'_>, TokenError> {
        match Compact::split(token.as_bytes())? {
            Compact::Jwe(segments) => Jwe::parse(segments),
            Compact::Jws(_) => unreachable!("five segments"),
        }
    }

    fn decrypt(token: &str, key: &str) -> Result<Vec<u8>, TokenError> {
        let Ok(keys) = KeySet::parse(key.as_bytes().to_vec(), |_| ()) else {
            unreachable!("a good key")
        };
        Ok(parse(token)?.decrypt(&[Arc::new(keys)])?.plaintext.to_vec())
    }

    /// The refusal of a token of `header` and nothing else.
    fn refusal(header: &str) -> Option<TokenError> {
        parse(&format!("{}....", base64url::encode(header.as_bytes()))).err()
    }

    #[test]
    fn decrypts() {
        assert_eq!(decrypt(TOKEN, KEY).as_deref(), Ok(&b"Live long and prosper."[..]));
    }

    #[test]
    fn one_failure_for_all() {
        let parts: Vec<&str> = TOKEN.split('.').collect();
        for at in 1..parts.len() {
            for changed in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA", parts.concat().as_str()] {
                let mut parts = parts.clone();
                if let Some(part) = parts.get_mut(at) {
                    *part = changed;
                }
                let found = decrypt(&parts.join("."), KEY);
                assert_eq!(found, Err(TokenError::DecryptionFailed(Tried::All)), "{at} {changed}");
            }
        }
        let other = KEY.replace("Gawggu", "Gawggv");
        assert_eq!(decrypt(TOKEN, &other), Err(TokenError::DecryptionFailed(Tried::All)));
    }

    #[test]
    fn no_fitting_key_is_told_apart() {
        for key in [
            r#"{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg","use":"sig"}"#,
            r#"{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg","alg":"A128GCMKW"}"#,
            r#"{"kty":"oct","k":"AA"}"#,
        ] {
            assert_eq!(decrypt(TOKEN, key), Err(TokenError::UnknownKey), "{key}");
        }
    }

    #[test]
    fn form_is_judged_before_keys() {
        let member = |name| Some(TokenError::Malformed(Malformed::HeaderMember(name)));
        let value = |name| Some(TokenError::Malformed(Malformed::HeaderValue(name)));
        assert_eq!(refusal(r#"{"alg":"dir"}"#), member("enc"));
        assert_eq!(refusal(r#"{"alg":"none"}"#), member("enc"));
        for header in [
            r#"{"alg":"none","enc":"A128GCM"}"#,
            r#"{"alg":"RSA1_5","enc":"A128GCM"}"#,
            r#"{"alg":"HS256","enc":"A128GCM"}"#,
            r#"{"alg":"dir","enc":"dir"}"#,
        ] {
            assert_eq!(refusal(header), Some(TokenError::UnsupportedAlgorithm), "{header}");
        }
        assert_eq!(refusal(r#"{"alg":"dir","enc":"A128GCM","epk":1,"apu":1,"iv":1}"#), None);
        assert_eq!(refusal(r#"{"alg":"A128GCMKW","enc":"A128GCM"}"#), value("iv"));
        let iv = r#"{"alg":"A128GCMKW","enc":"A128GCM","iv":"AAAAAAAAAAAAAAAA""#;
        assert_eq!(refusal(&format!("{iv}}}")), value("tag"));
        assert_eq!(refusal(&format!(r#"{iv},"tag":"AAAAAAAAAAAAAAAA"}}"#)), value("tag"));
        assert_eq!(refusal(&format!(r#"{iv},"tag":"AAAAAAAAAAAAAAAAAAAAAA"}}"#)), None);
        for epk in [
            "null",
            "{}",
            r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        ] {
            let header = format!(r#"{{"alg":"ECDH-ES","enc":"A128GCM","epk":{epk}}}"#);
            assert_eq!(refusal(&header), value("epk"), "{epk}");
        }
        let x25519 =
            r#"{"kty":"OKP","crv":"X25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
        let header = format!(r#"{{"alg":"ECDH-ES","enc":"A128GCM","epk":{x25519}"#);
        assert_eq!(refusal(&format!("{header}}}")), None);
        assert_eq!(refusal(&format!(r#"{header},"apu":1}}"#)), value("apu"));
        assert_eq!(refusal(&format!(r#"{header},"apv":"=" }}"#)), value("apv"));
    }
}
