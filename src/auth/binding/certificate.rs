//! A client certificate as text (RFC 7468) → the SHA-256 of its DER. It comes from nginx, or from a proxy
//! in front, in whose headers there are no line ends.

use std::borrow::Cow;

use base64_simd::STANDARD;
use percent_encoding::percent_decode;

use crate::jose::crypto::Fingerprint;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The fingerprint of the certificate that `text` begins with, which is PEM, or PEM that is percent-encoded;
/// white space does not matter.
pub fn fingerprint(text: &[u8]) -> Option<Fingerprint> {
    // PEM has no percent sign.
    let text: Cow<'_, [u8]> = match memchr::memchr(b'%', text) {
        Some(_) => percent_decode(text).into(),
        None => text.into(),
    };
    // What is before it may be of the client's choosing: its name, in a header of several fields.
    let text = text.trim_ascii_start().strip_prefix(BEGIN)?;
    let base64 = text.get(..memchr::memmem::find(text, END)?)?;
    let base64: Vec<u8> =
        base64.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = STANDARD.decode_to_vec(base64).ok().filter(|der| !der.is_empty())?;
    Some(Fingerprint::of(&der))
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

    use super::*;

    /// RFC 8705 A.
    const PEM: &str = "-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----
";

    fn of(text: &str) -> Option<String> {
        fingerprint(text.as_bytes()).map(|fingerprint| fingerprint.base64url())
    }

    #[test]
    fn the_example_of_the_rfc_however_it_is_written() {
        let encoded = percent_encode(PEM.as_bytes(), NON_ALPHANUMERIC).to_string();
        // As nginx writes $ssl_client_escaped_cert: all but unreserved characters.
        let of_nginx = encoded.replace("%2D", "-");
        // Proxies that leave these as they are mean no space by "+".
        let half = of_nginx.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        let spaces = PEM.trim_end().replace('\n', " ");
        let other = PEM.replace("MIIB", "MIIC");
        for text in [
            PEM,
            &PEM.replace('\n', "\n\t"),
            &PEM.replace('\n', "\r\n"),
            &spaces,
            &PEM.replace('\n', "  \t"),
            &encoded,
            &of_nginx,
            &half,
            &format!("{PEM}{other}"),
            &format!(" \r\n\t{PEM}"),
            &format!("%20%0A{encoded}"),
        ] {
            let expected = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
            assert_eq!(of(text).as_deref(), Some(expected), "{text}");
        }
        assert_ne!(of(&other), of(PEM));
        assert!(of(&other).is_some());
    }

    #[test]
    fn what_is_none() {
        let wrong = |from: &str, to: &str| PEM.replacen(from, to, 1);
        for text in [
            String::new(),
            "(null)".to_owned(),
            wrong("BEGIN CERTIFICATE", "BEGIN TRUSTED CERTIFICATE"),
            PEM.replace("CERTIFICATE", "PUBLIC KEY"),
            wrong("-----END", "----END"),
            wrong("MIIBBj", "MIIB-j"),
            wrong("MIIBBj", "MIIB=j"),
            wrong("MIIBBj", "MIIB\0j"),
            wrong("+SY=", "+SY"),
            wrong("+SY=", "+SZ="),
            "-----BEGIN CERTIFICATE----------END CERTIFICATE-----".to_owned(),
            "-----END CERTIFICATE----------BEGIN CERTIFICATE-----AA==".to_owned(),
            "-----BEGIN CERTIFICATE-----%zz-----END CERTIFICATE-----".to_owned(),
            // Something else is first, which may be of the client's choosing.
            format!("subject=CN = mtls\n{PEM}"),
            format!("Subject=\"CN={PEM}\";Cert={PEM}"),
            format!("\"{PEM}\""),
            format!("\0{PEM}"),
            format!("-{PEM}"),
            PEM.replace("-----BEGIN", "----------BEGIN"),
            format!("-----END CERTIFICATE-----{PEM}"),
            format!("%22{}", percent_encode(PEM.as_bytes(), NON_ALPHANUMERIC)),
            format!("Cert={}", percent_encode(PEM.as_bytes(), NON_ALPHANUMERIC)),
            // Twice encoded.
            percent_encode(
                percent_encode(PEM.as_bytes(), NON_ALPHANUMERIC).to_string().as_bytes(),
                NON_ALPHANUMERIC,
            )
            .to_string(),
        ] {
            assert_eq!(of(&text), None, "{text}");
        }
    }
}
