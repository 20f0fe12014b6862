//! `nginx-jwt decode`

use ngx_http_auth_jwt_module::jose::base64url;
use ngx_http_auth_jwt_module::jose::compact::Compact;
use ngx_http_auth_jwt_module::jose::error::Malformed;
use ngx_http_auth_jwt_module::jose::json::Object;

use super::Report;
use super::input::{Failure, TokenArguments};
use super::pretty::pretty;

/// Show a token's header and claims; nothing is verified
///
/// Of an encrypted token only the outer header can be read; "nginx-jwt verify --claims" decrypts it.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    token: TokenArguments,
}

pub fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let token = arguments.token.read()?;
    let mut report = Report { text: String::new(), good: true };
    match Compact::split(&token) {
        Ok(Compact::Jws(jws)) => {
            object(&mut report, "header", jws.header, Malformed::Header);
            object(&mut report, "claims", jws.payload, Malformed::Payload);
            length(&mut report, "signature", jws.signature);
            report.text.push_str("nothing of this is verified: \"nginx-jwt verify\" does that\n");
        }
        Ok(Compact::Jwe(jwe)) => {
            object(&mut report, "outer header", jwe.header, Malformed::Header);
            let labels = ["encrypted key", "initialization vector", "ciphertext", "tag"];
            for (label, segment) in labels.into_iter().zip(jwe.others) {
                length(&mut report, label, segment);
            }
            report.text.push_str(
                "the claims are encrypted: \"nginx-jwt verify --claims --type encrypted|nested --keys FILE\" shows them\n",
            );
        }
        Err(reason) => refuse(&mut report, "token", reason),
    }
    Ok(report)
}

fn object(
    report: &mut Report,
    name: &str,
    segment: &[u8],
    malformed: impl FnOnce(ngx_http_auth_jwt_module::jose::error::JsonError) -> Malformed,
) {
    let bytes = base64url::decode(segment).map_err(|_| Malformed::Base64);
    match bytes.and_then(|bytes| Object::parse(bytes).map_err(malformed)) {
        Ok(object) => report.text.push_str(&format!("{name}\n{}\n", pretty(object.text()))),
        Err(reason) => refuse(report, name, reason),
    }
}

fn length(report: &mut Report, name: &str, segment: &[u8]) {
    match base64url::decode(segment) {
        Ok(bytes) => report.text.push_str(&format!("{name}: {} bytes\n", bytes.len())),
        Err(_) => refuse(report, name, Malformed::Base64),
    }
}

fn refuse(report: &mut Report, name: &str, reason: Malformed) {
    report.text.push_str(&format!("{name}: malformed: {reason}\n"));
    report.good = false;
}
