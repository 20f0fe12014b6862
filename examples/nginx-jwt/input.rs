//! Where tokens and keys come from.

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use ngx_http_auth_jwt_module::auth::authorization;
use zeroize::Zeroizing;

use super::argument;

pub type Failure = Box<dyn Error>;

/// The token to look at.
#[derive(clap::Args)]
pub struct TokenArguments {
    /// A file that holds the token, or the token itself; standard input without it, or with "-"
    ///
    /// While it runs other users see an argument in ps, and it stays in your shell's history: take
    /// a file or standard input for a token that is valid somewhere.
    #[arg(value_name = "FILE|TOKEN")]
    file: Option<PathBuf>,
    /// The token itself, whatever it looks like; it is seen as any argument is
    #[arg(long, value_name = "TOKEN", conflicts_with = "file", allow_hyphen_values = true)]
    token: Option<String>,
}

impl TokenArguments {
    /// The token, without white space around it and without "Authorization: Bearer" or "Authorization: DPoP" before it.
    pub fn read(&self) -> Result<Vec<u8>, Failure> {
        let bytes = match (&self.token, &self.file) {
            (Some(token), _) => token.clone().into_bytes(),
            (None, Some(argument)) => read_argument(argument)?,
            (None, None) => read(Path::new("-"))?.to_vec(),
        };
        Ok(bare(&bytes).to_vec())
    }
}

/// The file of that name, or the token that the argument is.
fn read_argument(argument: &Path) -> Result<Vec<u8>, Failure> {
    let text = argument.as_os_str().as_encoded_bytes();
    if argument == Path::new("-") || argument.try_exists().is_ok_and(|exists| exists) {
        return Ok(read(argument)?.to_vec());
    }
    if argument::is_token(bare(text)) {
        return Ok(text.to_vec());
    }
    let error = fs::metadata(argument).err().map_or(String::new(), |error| format!(": {error}"));
    Err(format!("\"{}\" is neither a file nor a token{error}", argument.display()).into())
}

fn bare(text: &[u8]) -> &[u8] {
    const HEADER: &[u8] = b"authorization:";
    let text = text.trim_ascii();
    let value = match text.split_at_checked(HEADER.len()) {
        Some((name, value)) if name.eq_ignore_ascii_case(HEADER) => value.trim_ascii(),
        _ => text,
    };
    if [&b"Bearer"[..], b"DPoP"].iter().any(|scheme| value.eq_ignore_ascii_case(scheme)) {
        &[]
    } else {
        let token = authorization::bearer(value).or_else(|| authorization::dpop(value));
        token.unwrap_or(value)
    }
}

/// All of a file; the error names it.
pub fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Ok(read_plainly(file).map_err(|error| format!("\"{}\": {error}", file.display()))?)
}

/// All of a file; "-" is standard input.
pub fn read_plainly(file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    if file == Path::new("-") {
        let mut input = io::stdin();
        if input.is_terminal() {
            eprintln!("jwt: reading from the terminal; end with Ctrl-D");
        }
        input.read_to_end(&mut bytes)?;
    } else {
        *bytes = fs::read(file)?;
    }
    Ok(bytes)
}
