//! Material for scripts/bench and scripts/count.
//!
//! ```text
//! material kinds                  the kinds of tokens, one a line
//! material write DIR              of each kind: KIND.token, KIND.forged, KIND.jwks, and KIND.key (a
//!                                 secret or a public key in PEM); claims.json
//! material tokens KIND COUNT      COUNT different tokens, one a line
//! material proofs KIND COUNT URL  a token that is bound to a key, and COUNT proofs of it for GET of URL, one a line
//! ```

#[expect(dead_code, reason = "bench/bare uses the rest")]
#[path = "material/mod.rs"]
mod material;

use std::fs;
use std::io::{BufWriter, Write, stdout};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use material::{KINDS, Kind, Outcome, claims};

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["kinds"] => println!("{}", KINDS.join("\n")),
        ["write", directory] => write(Path::new(directory))?,
        ["tokens", kind, count] => tokens(&Kind::new(kind)?, count.parse()?)?,
        ["proofs", kind, count, url] => proofs(&Kind::new(kind)?, count.parse()?, url)?,
        _ => return Err("see the head of bench/material.rs".into()),
    }
    Ok(())
}

fn write(directory: &Path) -> Outcome<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("claims.json"), claims(0).to_string())?;
    for name in KINDS {
        let kind = Kind::new(name)?;
        let token = kind.token(0)?;
        fs::write(directory.join(format!("{name}.forged")), forged(&token)?)?;
        fs::write(directory.join(format!("{name}.token")), token)?;
        fs::write(directory.join(format!("{name}.jwks")), kind.key_set()?.to_string())?;
        fs::write(directory.join(format!("{name}.key")), kind.verification_key()?)?;
    }
    Ok(())
}

/// The token with another first character of its last segment: signature or tag is wrong.
fn forged(token: &str) -> Outcome<String> {
    let (rest, last) = token.rsplit_once('.').ok_or("a token has dots")?;
    let other = if last.starts_with('A') { 'B' } else { 'A' };
    Ok(format!("{rest}.{other}{}", last.get(1..).ok_or("an empty segment")?))
}

fn tokens(kind: &Kind, count: usize) -> Outcome<()> {
    let mut out = BufWriter::new(stdout().lock());
    for number in 0..count {
        writeln!(out, "{}", kind.token(number)?)?;
    }
    Ok(out.flush()?)
}

fn proofs(kind: &Kind, count: usize, url: &str) -> Outcome<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let (token, proofs) = kind.bound(url, now, count)?;
    let mut out = BufWriter::new(stdout().lock());
    for line in std::iter::once(token).chain(proofs) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
