//! `aud` (RFC 7519 §4.1.3): whom a token is for.

use crate::jose::claims::Claims;

use super::texts::strings_of;

/// Whether a token is for one of `wanted`; an empty one counts for nothing.
pub fn is_for<'w>(claims: &Claims, wanted: impl IntoIterator<Item = &'w [u8]>) -> bool {
    let Some(aud) = claims.value("aud") else { return false };
    // Any other type counts as missing.
    let named = match aud.as_str() {
        Some(one) => [one].into_iter().collect(),
        None => strings_of(aud),
    };
    let mut wanted = wanted.into_iter().filter(|wanted| !wanted.is_empty());
    wanted.any(|wanted| named.iter().any(|named| named.as_bytes() == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_or_an_array() {
        for (json, expected) in [
            (r#"{"aud":"b"}"#, true),
            (r#"{"aud":"\u0062"}"#, true),
            (r#"{"aud":["x","b"]}"#, true),
            (r#"{"aud":["x",1,null,["b"],"b"]}"#, true),
            (r#"{"aud":["x",["b"]]}"#, false),
            (r#"{"aud":"B"}"#, false),
            (r#"{"aud":"a b"}"#, false),
            (r#"{"aud":""}"#, false),
            (r#"{"aud":["",""]}"#, false),
            (r#"{"aud":{"b":"b"}}"#, false),
            (r#"{"aud":1}"#, false),
            (r#"{"aud":null}"#, false),
            ("{}", false),
        ] {
            let Ok(claims) = Claims::parse(json.as_bytes().to_vec()) else {
                unreachable!("{json}")
            };
            assert_eq!(is_for(&claims, [&b"a"[..], b"b", b""]), expected, "{json}");
            assert!(!is_for(&claims, []), "{json}");
        }
    }
}
