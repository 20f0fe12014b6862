//! Tokens of every kind that is measured, and the bare cryptography of judging each: keys of
//! t/data/keys, tokens signed and encrypted by aws-lc-rs directly.
//!
//! The bare cryptography is the ordinary call of the library that the module has, with prepared keys and
//! decoded segments.

mod encrypt;
mod jwk;
mod sign;

use std::cell::Cell;
use std::error::Error;

use ngx_http_auth_jwt_module::jose::base64url;
use ngx_http_auth_jwt_module::jose::crypto::Fingerprint;
use ngx_http_auth_jwt_module::jose::json::Object;
use ngx_http_auth_jwt_module::jose::thumbprint::thumbprint;
use serde_json::{Value, json};

use encrypt::Encryption;
use jwk::Jwk;
use sign::{Signer, Verifier};

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// The kinds of tokens, by the names of the table.
pub const KINDS: [&str; 8] =
    ["HS256", "RS256", "PS256", "ES256", "ES384", "EdDSA", "RSA-OAEP-256+RS256", "ECDH-ES+ES256"];

/// Peers take a secret as text.
const SECRET: &str = "a-secret-for-measurements-32-bytes-and-more";

/// One kind of token: its keys, and what it takes to make and to judge one.
pub struct Kind {
    signing_key: Jwk,
    algorithm: &'static str,
    signer: Signer,
    encryption: Option<Encryption>,
}

impl Kind {
    /// The kind of that name.
    pub fn new(name: &str) -> Outcome<Self> {
        let (file, algorithm, encryption) = match name {
            "HS256" => ("text", "HS256", None),
            "RS256" => ("rsa2048", "RS256", None),
            "PS256" => ("rsa2048", "PS256", None),
            "ES256" => ("p256", "ES256", None),
            "ES384" => ("p384", "ES384", None),
            "EdDSA" => ("ed25519", "EdDSA", None),
            "RSA-OAEP-256+RS256" => ("rsa2048_other", "RS256", Some(Encryption::rsa()?)),
            "ECDH-ES+ES256" => ("p256_other", "ES256", Some(Encryption::ecdh()?)),
            _ => return Err(format!("no kind of token is called \"{name}\"").into()),
        };
        let signing_key = match file {
            "text" => Jwk::of_text("hs256", SECRET),
            _ => Jwk::load(file)?,
        };
        let signer = Signer::new(algorithm, &signing_key)?;
        Ok(Self { signing_key, algorithm, signer, encryption })
    }

    /// A JWS, or a JWE around one. Tokens of different numbers are different.
    pub fn token(&self, number: usize) -> Outcome<String> {
        let jws = self.jws(number)?;
        match &self.encryption {
            Some(encryption) => encryption.encrypt(jws.as_bytes()),
            None => Ok(jws),
        }
    }

    fn jws(&self, number: usize) -> Outcome<String> {
        self.signed(&claims(number))
    }

    fn signed(&self, claims: &Value) -> Outcome<String> {
        let header = json!({"alg": self.algorithm, "typ": "JWT", "kid": self.signing_key.kid()?});
        jws(&self.signer, &header, claims)
    }

    /// A token that is bound to a key, and so many proofs of that key (RFC 9449) for `GET` of `url`, made `now`.
    pub fn bound(&self, url: &str, now: u64, count: usize) -> Outcome<(String, Vec<String>)> {
        let key = Jwk::load("p256_other")?;
        let signer = Signer::new("ES256", &key)?;
        let jwk = key.public();
        let object = Object::parse(jwk.to_string().into_bytes()).map_err(|_| "no JWK")?;
        let thumbprint = thumbprint(&object).map_err(|_| "no thumbprint")?;
        let mut claims = claims(0);
        let members = claims.as_object_mut().ok_or("claims are an object")?;
        members.insert("cnf".to_owned(), json!({"jkt": thumbprint.base64url()}));
        let token = self.signed(&claims)?;
        let header = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk});
        let ath = Fingerprint::of(token.as_bytes()).base64url();
        let proof = |number: usize| {
            let jti = format!("{number:032}");
            let claims = json!({"jti": jti, "htm": "GET", "htu": url, "iat": now, "ath": ath});
            jws(&signer, &header, &claims)
        };
        let proofs = (0..count).map(proof).collect::<Outcome<Vec<_>>>()?;
        Ok((token, proofs))
    }

    /// The JWK Set that judges such tokens, among keys of other kinds.
    pub fn key_set(&self) -> Outcome<Value> {
        let mut keys = Vec::new();
        for name in ["hs512", "rsa2048", "p256", "p384", "ed25519"] {
            keys.push(Jwk::load(name)?.public());
        }
        keys.retain(|key| key.get("kid") != self.signing_key.0.get("kid"));
        keys.push(self.signing_key.public());
        if let Some(encryption) = &self.encryption {
            let own = encryption.key().private();
            keys.retain(|key| key.get("kid") != own.get("kid"));
            keys.push(own);
        }
        Ok(json!({ "keys": keys }))
    }

    /// The secret of an HMAC, or a public key in PEM, for those who know no JWK Set.
    pub fn verification_key(&self) -> Outcome<Vec<u8>> {
        self.signer.verification_key(&self.signing_key)
    }

    /// The bare cryptography of judging a token, ready to be repeated: of `tokens`, one a line, in turn
    /// if they are JWS, as some signatures of one key take longer than others, and longer where a
    /// processor does not know them by heart; else of one of its own.
    pub fn cryptography(&self, tokens: &str) -> Outcome<Box<dyn Fn() -> bool>> {
        let own = self.jws(0)?;
        let tokens = if self.encryption.is_some() || tokens.is_empty() { &own } else { tokens };
        let mut parts = Vec::new();
        for token in tokens.lines() {
            let (signed, signature) = token.rsplit_once('.').ok_or("a JWS has dots")?;
            let signature = base64url::decode(signature.as_bytes()).map_err(|_| "no base64url")?;
            parts.push((signed.as_bytes().to_vec(), signature));
        }
        let verifier = Verifier::new(self.algorithm, &self.signing_key)?;
        let next = Cell::new(0usize);
        let verify = move || {
            let at = next.replace(next.get().wrapping_add(1)).checked_rem(parts.len());
            let part = at.and_then(|at| parts.get(at));
            part.is_some_and(|(signed, signature)| verifier.verify(signed, signature))
        };
        Ok(match &self.encryption {
            Some(encryption) => {
                let decrypt = encryption.decryption(own.as_bytes())?;
                Box::new(move || decrypt() && verify())
            }
            None => Box::new(verify),
        })
    }
}

/// What an identity provider says of a user, of a usual size: ten texts, times, a list.
pub fn claims(number: usize) -> Value {
    json!({
        "iss": "https://login.example.com/realms/shop",
        "sub": "7d0f8a52-33c1-4d1c-9f5b-0c2a1e6b8d47",
        "aud": "https://api.example.com",
        "azp": "web-frontend",
        "sid": "b2c9a1f0-6a52-4f8e-8d53-2f1d7c9e4a10",
        "scope": "openid profile email orders:read orders:write",
        "name": "Alice Example",
        "email": "alice@example.com",
        "tenant": "example-gmbh",
        "role": "manager",
        "iat": 1_767_225_600,
        "nbf": 1_767_225_600,
        "exp": 4_102_444_800_u64,
        "email_verified": true,
        "groups": ["staff", "sales", "vienna"],
        "jti": format!("{number:08}"),
    })
}

fn jws(signer: &Signer, header: &Value, claims: &Value) -> Outcome<String> {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = signer.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", base64url::encode(&signature)))
}

fn encode(json: &Value) -> String {
    base64url::encode(json.to_string().as_bytes())
}
