//! `jwt keys`

use std::path::PathBuf;

use ngx_http_auth_jwt_module::jose::json::Object;
use ngx_http_auth_jwt_module::jose::jwk::{Key, member};
use ngx_http_auth_jwt_module::jose::key_set;
use zeroize::Zeroizing;

use super::Report;
use super::describe;
use super::input::{self, Failure};
use super::key_sets::KeySets;

/// List the keys of a JWK Set as the module reads it, and what it ignores
#[derive(clap::Args)]
pub struct Arguments {
    /// A JWK Set or a JWK; "-" is standard input
    file: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let bytes = input::read(&arguments.file)?;
    let keys = KeySets::of(&arguments.file, bytes.clone());
    let mut text = String::new();
    let mut usable: usize = 0;
    for (position, entry) in entries(&bytes).iter().enumerate() {
        let Ok(jwk) = Object::parse_secret(entry.as_bytes()) else { continue };
        let Ok(key) = Key::from_object(&jwk) else { continue };
        usable = usable.saturating_add(1);
        let (kid, kind) = (describe::kid(key.kid()), describe::kind(&jwk));
        text.push_str(&format!("key {position}: {kid}, {kind}\n  {}\n", describe::serves(&key)));
    }
    for notice in &keys.notices {
        let label = if notice.ignored { "ignored" } else { "notice" };
        text.push_str(&format!("{label}: {}\n", notice.line));
    }
    let ignored = keys.notices.iter().filter(|notice| notice.ignored).count();
    match &keys.error {
        Some(error) => text.push_str(&format!("error: {error}\n")),
        None => text.push_str(&format!("{usable} usable, {ignored} ignored\n")),
    }
    Ok(Report { text, good: keys.error.is_none() })
}

/// The entries of a JWK Set; a bare JWK is a set of one.
fn entries(bytes: &[u8]) -> Vec<Zeroizing<String>> {
    let Ok(document) = key_set::document(bytes) else { return Vec::new() };
    match member(&document, "keys") {
        Some(keys) => keys
            .elements()
            .unwrap_or_default()
            .into_iter()
            .map(|entry| Zeroizing::new(entry.text().to_owned()))
            .collect(),
        None => vec![Zeroizing::new(document.text().to_owned())],
    }
}
