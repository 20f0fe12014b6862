//! A fetch ends at its `timeout`, however a server spends it.

use std::io;
use std::thread;
use std::time::Duration;

use super::authority::{Authority, Leaf};
use super::server::{Duplex, Server, Speaks, hang};
use super::{Outcome, assert_comes_out, order};

pub const TOO_SLOW: Result<&str, &str> = Err("it took longer than \"timeout\" allows");

pub const SHORT: Duration = Duration::from_millis(300);

/// These bytes, then one every now and then, for longer than any test lasts.
pub fn drip(first: &[u8], stream: &mut dyn Duplex) -> io::Result<()> {
    stream.write_all(first)?;
    loop {
        stream.flush()?;
        thread::sleep(Duration::from_millis(50));
        stream.write_all(b"1")?;
    }
}

#[test]
fn however_a_server_spends_it() -> Outcome<()> {
    let authority = Authority::new()?;
    let https = Speaks::Https(authority.server(Leaf::of("localhost"))?);
    // Of a record of 16 KiB.
    let handshake: &[u8] = &[22, 3, 3, 0x40, 0];
    for (name, speaks, is_https, first) in [
        ("accepts", Speaks::Nothing, false, None),
        ("accepts, TLS", Speaks::Nothing, true, None),
        ("says nothing", Speaks::Http, false, None),
        ("says nothing, TLS", https.clone(), true, None),
        ("drips a handshake", Speaks::Nothing, true, Some(handshake)),
        ("drips a status line", Speaks::Http, false, Some(b"HTTP/1.1 200 O")),
        ("drips a header", Speaks::Http, false, Some(b"HTTP/1.1 200 OK\r\nX: ")),
        ("drips a header, TLS", https.clone(), true, Some(b"HTTP/1.1 200 OK\r\nX: ")),
        ("drips", Speaks::Http, false, Some(b"HTTP/1.1 200 OK\r\n\r\n")),
        ("drips, TLS", https, true, Some(b"HTTP/1.1 200 OK\r\n\r\n")),
        (
            "drips a length",
            Speaks::Http,
            false,
            Some(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        ),
        (
            "drips the size of a chunk",
            Speaks::Http,
            false,
            Some(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ),
        (
            "drips a chunk",
            Speaks::Http,
            false,
            Some(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n"),
        ),
        ("hangs in the middle", Speaks::Http, false, Some(b"")),
    ]
        as [(&str, Speaks, bool, Option<&'static [u8]>); 14]
    {
        let server = Server::start(speaks, move |_, stream| match first {
            None => hang(stream),
            Some(b"") => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")?;
                hang(stream)
            }
            Some(first) => drip(first, stream),
        })?;
        let url = if is_https { server.https() } else { server.http() };
        let mut order = order(&url, Some(&authority.certificates))?;
        order.timeout = SHORT;
        assert_comes_out(name, &order, TOO_SLOW)?;
    }
    Ok(())
}

#[test]
fn no_time_at_all() -> Outcome<()> {
    let server = Server::start(Speaks::Http, |_, stream| stream.write_all(b"?"))?;
    let mut order = order(&server.http(), None)?;
    order.timeout = Duration::ZERO;
    assert_comes_out("none", &order, TOO_SLOW)?;
    assert_eq!(server.hits(), 0);
    Ok(())
}
