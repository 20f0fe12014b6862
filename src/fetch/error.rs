//! Why keys could not be fetched, in words.

use std::fmt;
use std::io;

use crate::auth::url::UrlError;
use crate::jose::error::{JsonError, KeySetError};

/// A longer answer is refused. In bytes.
pub const MAX_SIZE: u64 = 1 << 20;

/// What a server has said is quoted up to this many characters.
const MAX_QUOTED: usize = 128;

/// Why a fetch brought no keys.
#[derive(Debug)]
pub enum FetchError {
    Status(u16),
    /// An answer with this `Content-Encoding`.
    Encoded(String),
    TooLarge,
    TooSlow,
    HostNotFound,
    /// The system trusts no certificate at all.
    NothingTrusted,
    Tls(String),
    Proxy(String),
    /// The answer has no end.
    Cut,
    Io(io::Error),
    /// What was answered is not HTTP.
    Http(String),
    Document(DocumentError),
    KeySet(KeySetError),
    /// The thread that fetched has panicked, or could not be started.
    Thread,
}

/// What is wrong about a document that is to say where the keys are.
#[derive(Debug)]
pub enum DocumentError {
    Json(JsonError),
    /// A member is missing, or is no string.
    Missing(&'static str),
    /// Its `issuer` is this one, and not that one.
    Issuer(String, String),
    JwksUri(String, UrlError),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the answer has status {status}, not 200"),
            Self::Encoded(encoding) => {
                let encoding = quoted(encoding);
                write!(f, "the answer has \"Content-Encoding: {encoding}\", which is not decoded")
            }
            Self::TooLarge => write!(f, "the answer is larger than {} MiB", MAX_SIZE >> 20),
            Self::TooSlow => f.write_str("it took longer than \"timeout\" allows"),
            Self::HostNotFound => f.write_str("host not found"),
            Self::NothingTrusted => f.write_str("the system has no trusted certificates"),
            Self::Tls(reason) => write!(f, "TLS: {}", plain(reason)),
            Self::Proxy(reason) => write!(f, "proxy: {}", plain(reason)),
            Self::Cut => f.write_str("the connection was closed before the answer was complete"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Http(reason) => write!(f, "HTTP: {}", plain(reason)),
            Self::Document(error) => write!(f, "the document {error}"),
            Self::KeySet(error) => write!(f, "{error}"),
            Self::Thread => f.write_str("internal error"),
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "{error}"),
            Self::Missing(name) => write!(f, "has no \"{name}\""),
            Self::Issuer(is, wanted) => {
                write!(f, "has \"issuer\" \"{}\", not \"{}\"", quoted(is), quoted(wanted))
            }
            Self::JwksUri(url, error) => {
                write!(f, "has \"jwks_uri\" \"{}\", but {error}", quoted(url))
            }
        }
    }
}

/// What a library says, perhaps in the server's words, as a log may hold it where no quotes are around it.
fn plain(text: &str) -> String {
    let escaped = |char: char| {
        let quote = Some(char).filter(|char| matches!(char, '"' | '\''));
        quote.into_iter().chain(char.escape_debug().filter(move |_| quote.is_none()))
    };
    text.chars().take(MAX_QUOTED).flat_map(escaped).collect()
}

/// What a server has said, as a log may hold it within quotes.
fn quoted(text: &str) -> String {
    text.chars().take(MAX_QUOTED).flat_map(char::escape_debug).collect()
}
