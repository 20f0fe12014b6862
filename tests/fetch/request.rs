//! What a server is told of us.

use ngx_http_auth_jwt_module::auth::key_place::{Discovery, Remote};

use super::authority::{Authority, Leaf};
use super::server::{Server, Speaks, ok, response};
use super::{Outcome, assert_comes_out, order, set};

/// The lines of the one request there was.
fn lines(server: &Server) -> Vec<String> {
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    requests.concat().split_terminator("\r\n").map(str::to_ascii_lowercase).collect()
}

fn expected(target: &str, host: &str) -> Vec<String> {
    let agent = concat!("user-agent: ngx_http_auth_jwt_module/", env!("CARGO_PKG_VERSION"));
    let request = format!("get {target} http/1.1");
    [&*request, &format!("host: {host}"), "accept: application/json", agent, ""]
        .map(str::to_owned)
        .into()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[test]
fn the_whole_request() -> Outcome<()> {
    let authority = Authority::new()?;
    let speaks = Speaks::Https(authority.server(Leaf::of("localhost"))?);
    for (speaks, path) in [
        (Speaks::Http, "/keys"),
        (Speaks::Http, "/a/b?c=d&e=%20f"),
        (Speaks::Http, ""),
        (speaks, "/keys"),
    ] {
        let server = Server::of(speaks.clone(), ok(&set("a")))?;
        let scheme = if matches!(speaks, Speaks::Http) { "http" } else { "https" };
        let host = format!("localhost:{}", server.address.port());
        let order = order(&format!("{scheme}://{host}{path}"), Some(&authority.certificates))?;
        assert_comes_out(path, &order, Ok("a"))?;
        let target = if path.is_empty() { "/" } else { path };
        let found = lines(&server);
        assert_eq!(found.first().map(String::as_str), Some(&*format!("get {target} http/1.1")));
        assert_eq!(sorted(found), sorted(expected(target, &host)), "{path}");
    }
    Ok(())
}

/// The environment of nginx is no configuration of ours.
#[test]
fn no_credentials_and_no_cookies_even_where_they_were_set() -> Outcome<()> {
    let cookies = &["Set-Cookie: a=b; Path=/", "Set-Cookie: c=d"];
    let keys = Server::of(Speaks::Http, response("200 OK", cookies, &set("a")))?;
    let document = format!(r#"{{"issuer":"https://a","jwks_uri":"{}"}}"#, keys.http());
    let server = Server::of(Speaks::Http, response("200 OK", cookies, &document))?;
    let mut order = order(&server.http(), None)?;
    let url = server.http().parse().map_err(|_| "a URL")?;
    order.place = Remote::Discovery(Discovery { url, fallback: None, issuer: "https://a".into() });
    assert_comes_out("first", &order, Ok("a"))?;
    assert_comes_out("second", &order, Ok("a"))?;
    assert_eq!((server.hits(), keys.hits()), (2, 2));
    for request in [server.requests(), keys.requests()].concat() {
        let request = request.to_ascii_lowercase();
        assert!(!request.contains("cookie") && !request.contains("authorization"), "{request}");
    }
    Ok(())
}
