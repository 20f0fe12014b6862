//! `nginx-jwt keys`

use std::io;
use std::path::{Path, PathBuf};

use ngx_http_auth_jwt_module::auth::url::Url;
use ngx_http_auth_jwt_module::jose::json::Object;
use ngx_http_auth_jwt_module::jose::jwk::{Key, member};
use ngx_http_auth_jwt_module::jose::key_set;
use zeroize::Zeroizing;

use super::Report;
use super::describe;
use super::fetch::{Told, explore, fetch};
use super::fetch_hints;
use super::input::{self, Failure};
use super::issuers::{Known, Owner};
use super::key_sets::{KeySets, Place};
use super::means::MeansArguments;

/// List the keys of a JWK Set as the module reads it, and what it ignores; fetch it as the module does
///
/// A URL is asked as it is given: it may be that of a JWK Set (key_url) or of a document with "jwks_uri"
/// (config_url). Where it answers anything else, it is taken as an issuer, which is asked for
/// /.well-known/openid-configuration and, on a 404, by RFC 8414; its document must have the "issuer" that was given.
/// A URL without a path is an issuer at once, one with /.well-known/ in it never.
///
/// The exit status is 0 only where the module would have keys.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true))]
pub struct Arguments {
    /// A JWK Set or a JWK: a file, standard input ("-") or a URL; or the URL of an issuer
    #[arg(value_name = "FILE|URL", group = "source")]
    place: Option<PathBuf>,
    /// All keys of the auth_jwt_issuer blocks of a file, as "nginx-jwt verify" reads them; may be given several times
    #[arg(long, value_name = "FILE", group = "source")]
    issuer_file: Vec<PathBuf>,
    /// The name of a block; all blocks of the files without it; may be given several times
    #[arg(long, value_name = "NAME", requires = "issuer_file", conflicts_with = "place")]
    issuer: Vec<String>,
    /// With a URL: the first issuer of the block, which a document must name
    #[arg(long, value_name = "ISSUER", conflicts_with = "issuer_file")]
    iss: Option<String>,
    #[command(flatten)]
    means: MeansArguments,
}

pub fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let Some(place) = &arguments.place else { return of_blocks(arguments) };
    if let Some(url) = place.to_str().filter(|text| text.contains("://")) {
        return of_url(url, arguments);
    }
    let iss = arguments.iss.as_ref().map(|_| "--iss");
    if let Some(option) = iss.or(arguments.means.given()) {
        return Err(format!("{option} is for a URL, which begins with \"https://\"").into());
    }
    let bytes = input::read(place).map_err(|error| match place.to_str() {
        Some(text) if !text.starts_with(['/', '.']) => {
            format!("{error} (a URL begins with \"https://\")").into()
        }
        _ => error,
    })?;
    Ok(of_file(place, Ok(bytes)))
}

fn of_blocks(arguments: &Arguments) -> Result<Report, Failure> {
    let means = arguments.means.read()?;
    let known = Known::read(&arguments.issuer_file, &arguments.issuer, means)?;
    let mut all = Report { text: String::new(), good: true };
    for (position, Owner { issuer, places }) in known.list.iter().enumerate() {
        let space = if position == 0 { "" } else { "\n" };
        all.text.push_str(&format!("{space}issuer \"{}\"\n", issuer.name));
        for place in places {
            let report = match place {
                Place::Url(order) => listed(&fetch(order), Some(&issuer.name)),
                Place::File(file) => of_file(file, input::read_plainly(file)),
            };
            all.text.push_str(&report.text);
            all.good &= report.good;
        }
    }
    Ok(all)
}

fn of_url(text: &str, arguments: &Arguments) -> Result<Report, Failure> {
    let means = arguments.means.read()?;
    let found = text.parse().and_then(|url: Url| explore(&url, arguments.iss.as_deref(), &means));
    match found {
        Ok(told) => Ok(listed(&told, None)),
        Err(error) => {
            // It may have a password, and is not said again.
            let hints = hints(fetch_hints::of_url(text, error));
            let text = format!("error: keys cannot be fetched from this URL: {error}\n{hints}");
            Ok(Report { text, good: false })
        }
    }
}

fn of_file(file: &Path, bytes: io::Result<Zeroizing<Vec<u8>>>) -> Report {
    let keys = usable(bytes.as_ref().map(|bytes| bytes.as_slice()).unwrap_or_default(), |_| true);
    let KeySets { error, notices, .. } = KeySets::of(file, bytes);
    let notices = notices.into_iter().map(|notice| (notice.ignored, notice.line));
    let (text, good) = summary(keys, notices.collect(), error);
    Report { text, good }
}

/// What was fetched, for that block.
fn listed(told: &Told, block: Option<&str>) -> Report {
    let document = told.result.as_ref().map(|fetched| fetched.document.as_slice());
    let keys = usable(document.unwrap_or_default(), |key| !key.is_symmetric());
    let (text, good) = summary(keys, told.notices(block), told.error(block));
    Report { text: format!("{}{text}{}", told.steps, hints(told.hints.clone())), good }
}

fn hints(hints: impl IntoIterator<Item = String>) -> String {
    hints.into_iter().map(|hint| format!("hint: {hint}\n")).collect()
}

/// What is said of key sets, and whether the module has keys of them.
fn summary(
    (mut text, usable): (String, usize),
    notices: Vec<(bool, String)>,
    error: Option<String>,
) -> (String, bool) {
    for (is_ignored, line) in &notices {
        let label = if *is_ignored { "ignored" } else { "notice" };
        text.push_str(&format!("{label}: {line}\n"));
    }
    let ignored = notices.iter().filter(|(is_ignored, _)| *is_ignored).count();
    match &error {
        Some(error) => text.push_str(&format!("error: {error}\n")),
        None => text.push_str(&format!("{usable} usable, {ignored} ignored\n")),
    }
    (text, error.is_none())
}

/// The keys of a set that are used, in lines, and how many there are.
fn usable(bytes: &[u8], is_allowed: impl Fn(&Key) -> bool) -> (String, usize) {
    let (mut text, mut usable) = (String::new(), 0usize);
    for (position, entry) in entries(bytes).iter().enumerate() {
        let Ok(jwk) = Object::parse_secret(entry.as_bytes()) else { continue };
        let Some(key) = Key::from_object(&jwk).ok().filter(&is_allowed) else { continue };
        usable = usable.saturating_add(1);
        let (kid, kind) = (describe::kid(key.kid()), describe::kind(&jwk));
        text.push_str(&format!("key {position}: {kid}, {kind}\n  {}\n", describe::serves(&key)));
    }
    (text, usable)
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
