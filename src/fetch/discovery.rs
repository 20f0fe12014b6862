//! Documents that say where keys are (OpenID Connect Discovery §4.3, RFC 8414 §3.3).

use super::error::DocumentError;
use crate::auth::url::Url;
use crate::jose::key_set::document;

/// The `jwks_uri` of a document, which must be that of `issuer`.
pub fn jwks_uri(text: &[u8], issuer: &str) -> Result<Url, DocumentError> {
    let document = document(text).map_err(DocumentError::Json)?;
    let member = |name: &'static str| {
        let text = document.value(name).and_then(|value| value.as_str());
        text.ok_or(DocumentError::Missing(name))
    };
    let own = member("issuer")?;
    if own != issuer {
        return Err(DocumentError::Issuer(own.into_owned(), issuer.to_owned()));
    }
    let url = member("jwks_uri")?;
    url.parse().map_err(|error| DocumentError::JwksUri(url.into_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_documents() {
        for (text, expected) in [
            (r#"{"issuer":"https://a","jwks_uri":"https://b/k"}"#, Ok("https://b/k")),
            (
                r#"{"jwks_uri":"http://[::1]:1/","x":{},"issuer":"https:\/\/a"}"#,
                Ok("http://[::1]:1/"),
            ),
            ("\u{feff}{\"issuer\":\"https://a\",\"jwks_uri\":\"https://b\"}", Ok("https://b")),
            ("", Err("is not a JSON object")),
            ("<html>", Err("is not a JSON object")),
            ("[]", Err("is not a JSON object")),
            ("{}", Err("has no \"issuer\"")),
            (r#"{"issuer":["https://a"],"jwks_uri":"https://b"}"#, Err("has no \"issuer\"")),
            (r#"{"issuer":"https://a"}"#, Err("has no \"jwks_uri\"")),
            (r#"{"issuer":"https://a","jwks_uri":null}"#, Err("has no \"jwks_uri\"")),
            (
                r#"{"issuer":"https://a","issuer":"https://a","jwks_uri":"https://b"}"#,
                Err("has a duplicate member"),
            ),
            (
                r#"{"issuer":"https://a/","jwks_uri":"https://b"}"#,
                Err(r#"has "issuer" "https://a/", not "https://a""#),
            ),
            (
                r#"{"issuer":"https://a\n","jwks_uri":"https://b"}"#,
                Err(r#"has "issuer" "https://a\n", not "https://a""#),
            ),
            (
                r#"{"issuer":"https://a","jwks_uri":"http://b/"}"#,
                Err(
                    r#"has "jwks_uri" "http://b/", but it is neither "https:" nor "http:" to this machine"#,
                ),
            ),
            (
                r#"{"issuer":"https://a","jwks_uri":"/k"}"#,
                Err(r#"has "jwks_uri" "/k", but it is no URL"#),
            ),
            (
                r#"{"issuer":"https://a","jwks_uri":"https://u:p@b/"}"#,
                Err(r#"has "jwks_uri" "https://u:p@b/", but it has credentials"#),
            ),
        ] {
            let found = jwks_uri(text.as_bytes(), "https://a");
            let found = found.as_ref().map(Url::text).map_err(ToString::to_string);
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        }
    }
}
