//! Which answers bring keys.

use std::io::{self};

use super::authority::{Authority, Leaf};
use super::server::{Duplex, Server, Speaks, ok, response};
use super::{CUT, Outcome, assert_comes_out, fetch, key, order, set};

const MIB: usize = 1 << 20;

/// A set of exactly so many bytes.
fn set_of(size: usize) -> String {
    let set = set("a");
    format!("{}{set}", " ".repeat(size.saturating_sub(set.len())))
}

fn chunked(chunks: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
}

#[test]
fn which_answers_bring_keys() -> Outcome<()> {
    let a = set("a");
    let size = a.len();
    let too_large = Err("the answer is larger than 1 MiB");
    let encoded = Err(r#"the answer has "Content-Encoding: gzip", which is not decoded"#);
    for (name, answer, expected) in [
        ("a set", ok(&a), Ok("a")),
        ("of another type", response("200 OK", &["Content-Type: text/html"], &a), Ok("a")),
        ("HTTP/1.0", format!("HTTP/1.0 200 OK\r\n\r\n{a}"), Ok("a")),
        ("up to the end", format!("HTTP/1.1 200 OK\r\n\r\n{a}"), Ok("a")),
        ("chunked", chunked(&format!("{size:x}\r\n{a}\r\n0\r\n\r\n")), Ok("a")),
        ("a mark before it", ok(&format!("\u{feff}{a}")), Ok("a")),
        ("1 MiB", ok(&set_of(MIB)), Ok("a")),
        ("1 MiB up to the end", format!("HTTP/1.1 200 OK\r\n\r\n{}", set_of(MIB)), Ok("a")),
        ("a byte more", ok(&set_of(MIB.saturating_add(1))), too_large),
        (
            "a byte more, to the end",
            format!("HTTP/1.1 200 OK\r\n\r\n{}", set_of(MIB.saturating_add(1))),
            too_large,
        ),
        ("201", response("201 Created", &[], &a), Err("the answer has status 201, not 200")),
        (
            "204",
            "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            Err("the answer has status 204, not 200"),
        ),
        (
            "206",
            response("206 Partial Content", &[], &a),
            Err("the answer has status 206, not 200"),
        ),
        (
            "304",
            "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned(),
            Err("the answer has status 304, not 200"),
        ),
        ("404", response("404 Not Found", &[], &a), Err("the answer has status 404, not 200")),
        (
            "500",
            response("500 Internal Server Error", &[], &a),
            Err("the answer has status 500, not 200"),
        ),
        ("gzip", response("200 OK", &["Content-Encoding: gzip"], &a), encoded),
        ("empty", ok(""), Err("JWK set is not a JSON object")),
        ("HTML", ok("<!DOCTYPE html><title>Sign in</title>"), Err("JWK set is not a JSON object")),
        ("cut", ok(a.get(..40).unwrap_or_default()), Err("JWK set is not a JSON object")),
        (
            "duplicate",
            ok(&format!(r#"{{"keys":[],"keys":[{}]}}"#, key("a"))),
            Err("JWK set has a duplicate member"),
        ),
        ("an object", ok("{}"), Err(r#"JWK set has no "keys" array"#)),
        ("no key", ok(r#"{"keys":[]}"#), Err("empty JWK set")),
        (
            "endless header",
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(MIB)),
            Err("HTTP: "),
        ),
        ("many headers", response("200 OK", &["X: y"; 1000], &a), Err("HTTP: ")),
        ("not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(), Err("HTTP: ")),
        ("bad length", format!("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{a}"), Err("HTTP: ")),
        ("bad chunk", chunked("x\r\n"), Err("HTTP: ")),
        ("cut chunk", chunked(&format!("{size:x}\r\n{{")), Err(CUT)),
        ("no last chunk", chunked(&format!("{size:x}\r\n{a}\r\n")), Err(CUT)),
        ("cut length", format!("HTTP/1.1 200 OK\r\nContent-Length: {MIB}\r\n\r\n{a}"), Err(CUT)),
        ("cut header", "HTTP/1.1 200 OK\r\nContent-".to_owned(), Err(CUT)),
        ("nothing", String::new(), Err(CUT)),
    ] {
        let server = Server::of(Speaks::Http, answer)?;
        assert_comes_out(name, &order(&server.http(), None)?, expected)?;
        assert_eq!(server.hits(), 1, "{name}");
    }
    Ok(())
}

/// What a URL tells is no secret.
#[test]
fn symmetric_keys_are_skipped() -> Outcome<()> {
    let oct = r#"{"kty":"oct","kid":"o","k":"kpOGt77UAD7b9NhgdTMlcDWB1WzCxSx5FkvlvAgS2vE"}"#;
    for (keys, expected) in [
        (vec![key("a"), oct.to_owned()], Ok("a; key 1 (kid \"o\") is not usable: ")),
        (vec![oct.to_owned(), key("a")], Ok("a; key 0 (kid \"o\") is not usable: ")),
        (vec![oct.to_owned()], Err("empty JWK set; key 0 (kid \"o\") is not usable: ")),
    ] {
        let server = Server::of(Speaks::Http, ok(&format!(r#"{{"keys":[{}]}}"#, keys.join(","))))?;
        let found = fetch(&order(&server.http(), None)?)?;
        let (found, expected, is_same) = match (&found, expected) {
            (Ok(found), Ok(expected)) => (found, expected, true),
            (Err(found), Err(expected)) => (found, expected, true),
            (Ok(found) | Err(found), Ok(expected) | Err(expected)) => (found, expected, false),
        };
        assert!(is_same && found.starts_with(expected), "{found:?}, not {expected:?}");
    }
    Ok(())
}

#[test]
fn an_endless_body_is_not_read_to_its_end() -> Outcome<()> {
    for head in ["", "Transfer-Encoding: chunked\r\n"] {
        let server = Server::start(Speaks::Http, move |_, stream| {
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n")?;
            let piece = "x".repeat(0x1000);
            loop {
                match head {
                    "" => write!(stream, "{piece}")?,
                    _ => write!(stream, "1000\r\n{piece}\r\n")?,
                }
            }
        })?;
        let expected = Err("the answer is larger than 1 MiB");
        assert_comes_out("endless", &order(&server.http(), None)?, expected)?;
    }
    Ok(())
}

#[test]
fn a_redirect_is_not_followed() -> Outcome<()> {
    let target = Server::of(Speaks::Http, ok(&set("a")))?;
    for status in [300, 301, 302, 303, 307, 308] {
        let to = format!("Location: {}", target.http());
        let server =
            Server::of(Speaks::Http, response(&format!("{status} Elsewhere"), &[&to], ""))?;
        let expected = format!("the answer has status {status}, not 200");
        assert_comes_out(&expected, &order(&server.http(), None)?, Err(&expected))?;
        assert_eq!(server.hits(), 1);
    }
    assert_eq!(target.hits(), 0);
    Ok(())
}

/// What was not read when a socket is closed makes the kernel reset the connection.
#[test]
fn a_reset_in_the_middle() -> Outcome<()> {
    let server = Server::start(Speaks::Nothing, |_, stream: &mut dyn Duplex| -> io::Result<()> {
        stream.read_exact(&mut [0])?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    })?;
    let Err(found) = fetch(&order(&server.http(), None)?)? else { return Err("keys".into()) };
    // What came before it may have been read, or not.
    let is_said = found.starts_with("Connection reset by peer") || found == CUT;
    assert!(is_said, "{found}");
    Ok(())
}

/// Whoever cuts a connection makes no other set of one: what was cut is no JSON.
#[test]
fn an_end_that_the_server_has_not_said() -> Outcome<()> {
    let authority = Authority::new()?;
    let speaks = Speaks::Https(authority.server(Leaf::of("localhost"))?);
    for (name, answer, expected) in [
        ("with a length", ok(&set("a")), Ok("a")),
        (
            "within its length",
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}".to_owned(),
            Err(CUT),
        ),
        ("to the end", format!("HTTP/1.1 200 OK\r\n\r\n{}", set("a")), Ok("a")),
        (
            "not to the end",
            "HTTP/1.1 200 OK\r\n\r\n{\"keys\":[".to_owned(),
            Err("JWK set is not a JSON object"),
        ),
        ("in the head", "HTTP/1.1 200 OK\r\n".to_owned(), Err(CUT)),
    ] {
        let server = Server::start(speaks.clone(), move |_, stream| {
            stream.write_all(answer.as_bytes())?;
            stream.flush()?;
            Err(io::Error::other("leaves"))
        })?;
        assert_comes_out(name, &order(&server.https(), Some(&authority.certificates))?, expected)?;
    }
    Ok(())
}
