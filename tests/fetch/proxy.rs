//! By way of an HTTP proxy (`auth_jwt_fetch_proxy`).

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use ngx_http_auth_jwt_module::fetch::once::Order;
use ngx_http_auth_jwt_module::fetch::proxy::Proxy as ByProxy;

use super::slow::{SHORT, TOO_SLOW, drip};
use super::support::authority::{Authority, Leaf};
use super::support::server::{Duplex, Server, Speaks, hang, lock, ok, read_head};
use super::{Outcome, assert_comes_out, order, set};

/// A name that only a proxy can lead to.
const NAME: &str = "id.example.invalid";

/// An identity provider of that name.
struct Provider {
    authority: Authority,
    server: Server,
}

impl Provider {
    fn start() -> Outcome<Self> {
        let authority = Authority::new()?;
        let server = Server::of(Speaks::Https(authority.server(Leaf::of(NAME))?), ok(&set("a")))?;
        Ok(Self { authority, server })
    }

    fn order(&self, proxy: &str) -> Outcome<Order> {
        let order = order(&format!("https://{NAME}/keys"), Some(&self.authority.certificates))?;
        Ok(Order { proxy: Some(ByProxy::parse(proxy).ok_or("a proxy")?), ..order })
    }
}

/// A proxy that leads everybody to one place, and what it was asked.
struct Proxy {
    server: Server,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(target: SocketAddr) -> Outcome<Self> {
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let own = heads.clone();
        let server = Server::start(Speaks::Nothing, move |_, stream| {
            let head = read_head(stream)?;
            lock(&own).push(head);
            let there = TcpStream::connect(target)?;
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            tunnel(stream.socket()?, there)
        })?;
        Ok(Self { server, heads })
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    fn heads(&self) -> Vec<String> {
        lock(&self.heads).clone()
    }
}

fn tunnel(mut here: TcpStream, mut there: TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (there.try_clone()?, here.try_clone()?);
    thread::spawn(move || {
        let copied = io::copy(&mut from, &mut to);
        copied.and_then(|_| to.shutdown(Shutdown::Write))
    });
    io::copy(&mut here, &mut there)?;
    there.shutdown(Shutdown::Write)
}

#[test]
fn https_goes_by_the_proxy() -> Outcome<()> {
    let provider = Provider::start()?;
    let proxy = Proxy::to(provider.server.address)?;
    assert_comes_out("by the proxy", &provider.order(&proxy.url())?, Ok("a"))?;
    let heads = proxy.heads();
    let heads: Vec<_> = heads.iter().map(|head| head.to_ascii_lowercase()).collect();
    let agent = concat!("user-agent: ngx_http_auth_jwt_module/", env!("CARGO_PKG_VERSION"));
    let expected = format!(
        "connect {NAME}:443 http/1.1\r\nhost: {NAME}:443\r\n{agent}\r\nproxy-connection: keep-alive\r\n\r\n"
    );
    assert_eq!(heads, [expected]);
    assert_eq!(provider.server.names(), [Some(NAME.to_owned())], "TLS is with the provider");
    assert!(!provider.server.requests().concat().to_ascii_lowercase().contains("proxy"));
    Ok(())
}

#[test]
fn a_proxy_is_told_its_credentials_and_nobody_else() -> Outcome<()> {
    let provider = Provider::start()?;
    let proxy = Proxy::to(provider.server.address)?;
    let url = proxy.url().replace("http://", "http://user:s%3Acret@");
    assert_comes_out("with credentials", &provider.order(&url)?, Ok("a"))?;
    let heads = proxy.heads().concat();
    assert!(heads.contains("Proxy-Authorization: Basic dXNlcjpzOmNyZXQ=\r\n"), "{heads}");
    assert!(!provider.server.requests().concat().to_ascii_lowercase().contains("authorization"));
    Ok(())
}

/// The one directive is for all, also for what is on this machine and for plain HTTP.
#[test]
fn whatever_is_fetched_goes_by_way_of_the_proxy() -> Outcome<()> {
    let authority = Authority::new()?;
    let plain = Server::of(Speaks::Http, ok(&set("a")))?;
    let https = Server::of(Speaks::Https(authority.server(Leaf::of("localhost"))?), ok(&set("a")))?;
    for (server, url) in [
        (&plain, plain.http()),
        (&plain, plain.http().replace("127.0.0.1", "localhost")),
        (&https, https.https()),
    ] {
        let proxy = Proxy::to(server.address)?;
        let order = order(&url, Some(&authority.certificates))?;
        let by = ByProxy::parse(&proxy.url()).ok_or("a proxy")?;
        assert_comes_out(&url, &Order { proxy: Some(by), ..order }, Ok("a"))?;
        let heads = proxy.heads().concat();
        assert!(heads.starts_with("CONNECT "), "{url}: {heads}");
    }
    Ok(())
}

#[test]
fn a_proxy_that_leads_nowhere() -> Outcome<()> {
    let provider = Provider::start()?;
    for (expected, answers) in [
        (
            "proxy: ",
            &[
                "",
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
                "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
                "HTTP/1.1 502 Bad Gateway\r\n\r\n",
                "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n",
            ][..],
        ),
        ("HTTP: ", &["220 mail.example.com\r\n\r\n"]),
        (super::CUT, &["HTTP/1.1 200 OK\r\n\r\n"]),
        ("TLS: ", &["HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"]),
    ] {
        for answer in answers {
            let proxy = Server::of(Speaks::Http, *answer)?;
            let order = provider.order(&format!("http://{}", proxy.address))?;
            assert_comes_out(answer, &order, Err(expected))?;
            assert_eq!(proxy.hits(), 1, "{answer}");
        }
    }
    assert_eq!(provider.server.hits(), 0);
    Ok(())
}

#[test]
fn a_slow_proxy_ends_at_the_timeout() -> Outcome<()> {
    let provider = Provider::start()?;
    for (name, first) in [
        ("hangs", None),
        ("drips a header", Some("HTTP/1.1 200 OK\r\nX: ")),
        ("drips TLS", Some("HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03\x40\0")),
    ] {
        let proxy = Server::start(Speaks::Http, move |_, stream: &mut dyn Duplex| match first {
            None => hang(stream),
            Some(first) => drip(first.as_bytes(), stream),
        })?;
        let mut order = provider.order(&format!("http://{}", proxy.address))?;
        order.timeout = SHORT;
        assert_comes_out(name, &order, TOO_SLOW)?;
    }
    Ok(())
}

#[test]
fn no_proxy_is_there() -> Outcome<()> {
    let provider = Provider::start()?;
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let order = provider.order(&format!("http://{gone}"))?;
    assert_comes_out("refused", &order, Err("Connection refused"))?;
    let order = provider.order("http://proxy.invalid:3128")?;
    assert_comes_out("unknown", &order, Err("host not found"))
}
