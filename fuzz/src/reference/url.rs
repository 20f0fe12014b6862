//! The URL of a request by RFC 3986, step by step as the RFC tells it, without query and fragment.

use std::net::Ipv6Addr;

/// Scheme, host, port, path.
pub type Url = (String, String, u16, String);

/// The URL, normalised (§6.2.2, §6.2.3).
pub fn url(text: &[u8]) -> Option<Url> {
    let (scheme, authority, path) = split(text)?;
    let (scheme, default) = match scheme.to_ascii_lowercase().as_str() {
        "https" => ("https", 443),
        "http" => ("http", 80),
        _ => return None,
    };
    if authority.contains('@') {
        return None;
    }
    let (host, port) = match authority.rfind(']') {
        Some(end) => {
            let address: Ipv6Addr = authority[..end].strip_prefix('[')?.parse().ok()?;
            (format!("[{address}]"), &authority[end + 1..])
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let other =
                |char: char| !char.is_ascii_alphanumeric() && !"-._~!$&'()*+,;=".contains(char);
            if host.is_empty() || host.contains(other) {
                return None;
            }
            (host.to_ascii_lowercase(), port)
        }
    };
    let port = match port {
        "" | ":" => default,
        port => {
            let digits = port.strip_prefix(':')?;
            let number = digits.chars().try_fold(0u64, |number, digit| {
                Some((number * 10 + u64::from(digit.to_digit(10)?)).min(1 << 32))
            })?;
            u16::try_from(number).ok().filter(|port| *port > 0)?
        }
    };
    Some((scheme.to_owned(), host, port, self::path(path)?))
}

/// The URL of a request to `path` below `base`, which has neither query nor fragment; outer `None` where
/// that is no base.
pub fn join(base: &[u8], path: &[u8]) -> Option<Option<Url>> {
    if base.contains(&b'?') || base.contains(&b'#') {
        return None;
    }
    let (scheme, host, port, prefix) = url(base)?;
    let prefix = prefix.strip_suffix('/').unwrap_or(&prefix).to_owned();
    let path = std::str::from_utf8(until(path, b"?")).ok();
    let path = path.filter(|path| !path.contains('#')).and_then(self::path);
    Some(path.map(|path| (scheme, host, port, format!("{prefix}{path}"))))
}

/// Scheme, authority and path.
fn split(text: &[u8]) -> Option<(&str, &str, &str)> {
    let text = std::str::from_utf8(until(text, b"?#")).ok()?;
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((scheme, authority, path))
}

/// What is before the first of `ends`.
fn until<'t>(text: &'t [u8], ends: &[u8]) -> &'t [u8] {
    text.split(|byte| ends.contains(byte)).next().unwrap_or_default()
}

fn path(text: &str) -> Option<String> {
    let mut normal = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '%' {
            normal.push(Some(char).filter(char::is_ascii_graphic)?);
            continue;
        }
        let digits = [chars.next()?.to_digit(16)?, chars.next()?.to_digit(16)?];
        let byte = (digits[0] * 16 + digits[1]) as u8 as char;
        match byte.is_ascii_alphanumeric() || "-._~".contains(byte) {
            true => normal.push(byte),
            false => normal.push_str(&format!("%{:02X}", byte as u32)),
        }
    }
    match normal.chars().next() {
        None => Some("/".to_owned()),
        Some('/') => without_dots(normal),
        Some(_) => None,
    }
}

/// §5.2.4, with its input buffer and its output buffer. `None` where it removes a segment that is empty,
/// or has other than unreserved characters.
fn without_dots(mut input: String) -> Option<String> {
    let mut output = String::new();
    while !input.is_empty() {
        if input.starts_with("/./") {
            input.replace_range(..2, "");
        } else if input == "/." {
            input = "/".to_owned();
        } else if input.starts_with("/../") || input == "/.." {
            input.replace_range(..3, if input == "/.." { "/" } else { "" });
            if let Some((before, last)) = output.rsplit_once('/') {
                let other = |char: char| !char.is_ascii_alphanumeric() && !"-._~".contains(char);
                if last.is_empty() || last.contains(other) {
                    return None;
                }
                output.truncate(before.len());
            }
        } else {
            let end = input[1..].find('/').map_or(input.len(), |at| at + 1);
            output.extend(input.drain(..end));
        }
    }
    Some(output)
}
