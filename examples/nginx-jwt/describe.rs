//! What a JWK is and what it serves, in a line. Never a secret member.

use ngx_http_auth_jwt_module::jose::algorithm::{
    ContentEncryption, KeyManagement, SignatureAlgorithm,
};
use ngx_http_auth_jwt_module::jose::json::{Object, Value};
use ngx_http_auth_jwt_module::jose::jwk::{Key, decode, member};

/// `kid "a"`, or `no kid`.
pub fn kid(kid: Option<&str>) -> String {
    kid.map_or_else(|| "no kid".to_owned(), |kid| format!("kid {kid:?}"))
}

/// Kind, size, `alg`, `use` and `key_ops` of a JWK.
pub fn kind(jwk: &Object) -> String {
    let text = |name| member(jwk, name).and_then(Value::as_str);
    let bits = |name| {
        let bytes = decode(&text(name)?).ok()?;
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        let zeros = bytes.get(first).map_or(0, |byte| byte.leading_zeros() as usize);
        Some(bytes.len().saturating_sub(first).saturating_mul(8).saturating_sub(zeros))
    };
    let secret_bytes = || decode(&text("k")?).ok().map(|k| k.len());
    let mut parts = vec![match text("kty").as_deref() {
        Some("oct") => secret_bytes().map_or("oct".into(), |n| format!("oct of {n} bytes")),
        Some("RSA") => bits("n").map_or("RSA".into(), |n| format!("RSA of {n} bits")),
        Some(kty) => text("crv").map_or(format!("{kty:?}"), |crv| format!("{kty} {crv}")),
        None => "no kty".to_owned(),
    }];
    for name in ["alg", "use"] {
        parts.extend(text(name).map(|value| format!("{name} {value}")));
    }
    parts.extend(member(jwk, "key_ops").map(|value| format!("key_ops {}", value.text())));
    if member(jwk, "d").is_some() {
        parts.push("private".to_owned());
    }
    let plain = |part: String| part.chars().flat_map(shown).collect::<String>();
    parts.into_iter().map(plain).collect::<Vec<_>>().join(", ")
}

fn shown(c: char) -> impl Iterator<Item = char> {
    let (plain, escaped) =
        if c.is_control() { (None, Some(c.escape_default())) } else { (Some(c), None) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// The algorithms a key verifies and decrypts by.
pub fn serves(key: &Key) -> String {
    let verifies: Vec<_> = SignatureAlgorithm::all()
        .filter(|(_, algorithm)| key.for_verification(*algorithm).is_some())
        .map(|(name, _)| name)
        .collect();
    let decrypts: Vec<_> = KeyManagement::all()
        .filter_map(|(name, algorithm)| {
            let encryptions: Vec<_> = ContentEncryption::all()
                .filter(|(_, encryption)| key.for_decryption(algorithm, *encryption).is_some())
                .map(|(name, _)| name)
                .collect();
            match algorithm {
                _ if encryptions.is_empty() => None,
                KeyManagement::Dir => Some(format!("{name} ({})", encryptions.join(", "))),
                _ => Some(name.to_owned()),
            }
        })
        .collect();
    match (verifies.is_empty(), decrypts.is_empty()) {
        (true, true) => "serves nothing".to_owned(),
        (false, true) => format!("verifies {}", verifies.join(", ")),
        (true, false) => format!("decrypts {}", decrypts.join(", ")),
        (false, false) => {
            format!("verifies {}; decrypts {}", verifies.join(", "), decrypts.join(", "))
        }
    }
}
