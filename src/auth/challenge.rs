//! The value of `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1, RFC 9110 §11.6.1).

use super::authorization::Scheme;
use super::outcome::ErrorCode;
use crate::jose::algorithm::SignatureAlgorithm;
use crate::jose::proof;

/// `Bearer realm="..."`, or that of another `scheme`, with the error behind it where there is one; with the scopes that are asked
/// for where that helps: without an error, and where the scope is insufficient; with the URL of the resource's
/// `metadata`, if it has any (RFC 9728 §5.1); and that of DPoP with the algorithms of proofs.
pub fn challenge(
    scheme: Scheme,
    realm: &[u8],
    error: Option<ErrorCode>,
    scopes: &[&[u8]],
    metadata: Option<&str>,
) -> Vec<u8> {
    let mut value = format!("{} realm=", scheme.name()).into_bytes();
    quote(realm, &mut value);
    if let Some(error) = error {
        value.extend_from_slice(format!(", error=\"{}\"", error.name()).as_bytes());
    }
    let asks_for_scopes = matches!(error, None | Some(ErrorCode::InsufficientScope));
    if asks_for_scopes && !scopes.is_empty() {
        value.extend_from_slice(b", scope=");
        quote(&scopes.join(&b' '), &mut value);
    }
    if let Some(metadata) = metadata {
        value.extend_from_slice(b", resource_metadata=");
        quote(metadata.as_bytes(), &mut value);
    }
    if scheme == Scheme::Dpop {
        let names: Vec<_> = proof::algorithms().map(SignatureAlgorithm::name).collect();
        value.extend_from_slice(format!(", algs=\"{}\"", names.join(" ")).as_bytes());
    }
    value
}

/// Appends a quoted string: `"` and `\` are escaped, and control characters become spaces.
fn quote(text: &[u8], value: &mut Vec<u8>) {
    value.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => value.extend([b'\\', *byte]),
            0..=0x1f | 0x7f => value.push(b' '),
            _ => value.push(*byte),
        }
    }
    value.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(realm: &str, error: Option<ErrorCode>) -> String {
        String::from_utf8(challenge(Scheme::Bearer, realm.as_bytes(), error, &[], None))
            .unwrap_or_default()
    }

    #[test]
    fn with_and_without_error() {
        assert_eq!(text("closed site", None), r#"Bearer realm="closed site""#);
        assert_eq!(text("", None), r#"Bearer realm="""#);
        let invalid = text("a", Some(ErrorCode::InvalidToken));
        assert_eq!(invalid, r#"Bearer realm="a", error="invalid_token""#);
        let scope = text("a", Some(ErrorCode::InsufficientScope));
        assert_eq!(scope, r#"Bearer realm="a", error="insufficient_scope""#);
    }

    #[test]
    fn the_realm_cannot_break_out() {
        assert_eq!(text("a\"b\\c\r\nd\u{7f}é", None), "Bearer realm=\"a\\\"b\\\\c  d é\"");
    }

    #[test]
    fn scopes_where_they_help() {
        let text = |error| {
            let value = challenge(Scheme::Bearer, b"a", error, &[b"read", b"w\"r\n"], None);
            String::from_utf8(value).unwrap_or_default()
        };
        assert_eq!(text(None), r#"Bearer realm="a", scope="read w\"r ""#);
        assert_eq!(
            text(Some(ErrorCode::InvalidToken)),
            r#"Bearer realm="a", error="invalid_token""#
        );
        let insufficient = r#"Bearer realm="a", error="insufficient_scope", scope="read w\"r ""#;
        assert_eq!(text(Some(ErrorCode::InsufficientScope)), insufficient);
    }

    #[test]
    fn that_of_proofs_names_their_algorithms() {
        let algs =
            r#"algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519 Ed448""#;
        for (error, between) in [
            (None, r#", scope="read", resource_metadata="https://a/m""#),
            (
                Some(ErrorCode::InvalidDpopProof),
                r#", error="invalid_dpop_proof", resource_metadata="https://a/m""#,
            ),
            (
                Some(ErrorCode::InsufficientScope),
                r#", error="insufficient_scope", scope="read", resource_metadata="https://a/m""#,
            ),
        ] {
            let of = |scheme| {
                let value = challenge(scheme, b"a\"b", error, &[b"read"], Some("https://a/m"));
                String::from_utf8(value)
            };
            let expected = format!(r#"DPoP realm="a\"b"{between}, {algs}"#);
            assert_eq!(of(Scheme::Dpop).as_deref(), Ok(&*expected));
            let expected = format!(r#"Bearer realm="a\"b"{between}"#);
            assert_eq!(of(Scheme::Bearer).as_deref(), Ok(&*expected));
        }
    }

    #[test]
    fn metadata_of_the_resource() {
        for (error, between) in [
            (None, r#", scope="read""#),
            (Some(ErrorCode::InvalidToken), r#", error="invalid_token""#),
            (Some(ErrorCode::InsufficientScope), r#", error="insufficient_scope", scope="read""#),
        ] {
            let value = challenge(Scheme::Bearer, b"a", error, &[b"read"], Some("https://a/m"));
            let expected = format!(r#"Bearer realm="a"{between}, resource_metadata="https://a/m""#);
            assert_eq!(String::from_utf8(value).as_deref(), Ok(&*expected));
        }
    }
}
