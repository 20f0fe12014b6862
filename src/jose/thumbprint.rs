//! The thumbprint of a public key (RFC 7638, RFC 8037 §2).

use super::algorithm::{Curve, CurveUse};
use super::base64url;
use super::crypto::Fingerprint;
use super::error::{KeyError, MemberFault};
use super::json::Object;
use super::jwk::required_text;

/// The SHA-256 thumbprint of `jwk`. Its members are hashed as they are, so their base64url must be strict;
/// whether they make a key is not judged.
pub fn thumbprint(jwk: &Object) -> Result<Fingerprint, KeyError> {
    let member = |name: &'static str| {
        let text = required_text(jwk, name)?;
        match base64url::check(text.as_bytes()) {
            Ok(()) => Ok(text),
            Err(_) => Err(KeyError::Member(name, MemberFault::NotBase64Url)),
        }
    };
    // The required members alone, in the order of their names (§3.2). None holds what JSON escapes.
    let text = match &*required_text(jwk, "kty")? {
        "RSA" => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, member("e")?, member("n")?),
        kty @ ("EC" | "OKP") => {
            let curve = Curve::of(kty, &required_text(jwk, "crv")?);
            let curve = curve.ok_or(KeyError::UnknownCurve)?;
            let (crv, x) = (curve.name(), member("x")?);
            match curve.row().0 {
                CurveUse::Ec => {
                    let y = member("y")?;
                    format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
                }
                CurveUse::OkpSigns | CurveUse::OkpAgrees => {
                    format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#)
                }
            }
        }
        _ => return Err(KeyError::UnknownKeyType),
    };
    Ok(Fingerprint::of(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Fingerprint, KeyError> {
        thumbprint(&Object::parse(json.as_bytes().to_vec()).map_err(KeyError::Json)?)
    }

    #[test]
    fn those_of_the_rfcs() {
        // RFC 7638 §3.1, RFC 8037 A.3, RFC 9449 §4.1 with §6.1.
        for (jwk, expected) in [
            (
                r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
                "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            ),
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
                "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            ),
            (
                r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#,
                "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            ),
        ] {
            let expected = Fingerprint::from_base64url(expected);
            assert!(expected.is_some());
            assert_eq!(of(jwk).ok(), expected, "{jwk}");
        }
    }

    #[test]
    fn the_required_members_alone_count() {
        let plain = of(r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#);
        assert!(plain.is_ok());
        let more = r#"{"use":"sig","x":"A\u0041","y":"AQ","kid":"a","crv":"X25519","kty":"OKP"}"#;
        assert_eq!(of(more), plain);
        assert_ne!(of(r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#), plain);
        assert_ne!(of(r#"{"kty":"OKP","crv":"X25519","x":"AQ"}"#), plain);
    }

    #[test]
    fn no_other_writing_of_a_member() {
        let not_base64url = |name| Err(KeyError::Member(name, MemberFault::NotBase64Url));
        let missing = |name| Err(KeyError::Member(name, MemberFault::Missing));
        for (jwk, expected) in [
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AA=="}"#, not_base64url("x")),
            (r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AB"}"#, not_base64url("y")),
            (r#"{"kty":"RSA","n":"A+","e":"AQAB"}"#, not_base64url("n")),
            (r#"{"kty":"RSA","n":"AA","e":"AQ\"AB"}"#, not_base64url("e")),
            (r#"{"kty":"RSA","n":"AA"}"#, missing("e")),
            (r#"{"kty":"EC","crv":"P-256","x":"AA"}"#, missing("y")),
            (r#"{"kty":"EC","x":"AA","y":"AA"}"#, missing("crv")),
            (r#"{"crv":"P-256","x":"AA","y":"AA"}"#, missing("kty")),
            (r#"{"kty":"EC","crv":"Ed25519","x":"AA","y":"AA"}"#, Err(KeyError::UnknownCurve)),
            (r#"{"kty":"oct","k":"AA"}"#, Err(KeyError::UnknownKeyType)),
        ] {
            assert_eq!(of(jwk), expected, "{jwk}");
        }
    }
}
