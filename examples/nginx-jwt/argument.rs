//! What is given on the command line: whether it is a token, and what of it a message may say.

use std::env;

use ngx_http_auth_jwt_module::jose::base64url;
use serde_json::{Map, Value};

/// Longer names of files are rare, shorter tokens with a signature there are none of.
const LONGEST_NAME: usize = 64;

/// Base64url of `{"`, with which a header and claims begin.
const OBJECT: &str = "eyJ";

/// Whether this has the shape of a compact JWS or JWE: three or five segments of base64url's
/// characters, of which the first is a JSON object. Nothing else of it need be right.
pub fn is_token(text: &[u8]) -> bool {
    let of_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let segments: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
    let header = segments.first().and_then(|segment| base64url::decode(segment).ok());
    matches!(segments.len(), 3 | 5)
        && segments.iter().all(|segment| segment.iter().all(of_base64url))
        && header.is_some_and(|json| serde_json::from_slice::<Map<String, Value>>(&json).is_ok())
}

/// A message without what it repeats of the command line that may be a token, or a part of one.
pub fn without_tokens(message: String) -> String {
    env::args_os().skip(1).fold(message, |message, argument| {
        let argument = argument.to_string_lossy();
        let value = argument.split_once('=').map_or("", |(_, value)| value);
        [&*argument, value]
            .into_iter()
            .filter(|text| may_be_token(text))
            .fold(message, |message, text| message.replace(text, "..."))
    })
}

fn may_be_token(text: &str) -> bool {
    text.contains(OBJECT) || text.split('/').any(|name| name.len() > LONGEST_NAME)
}
