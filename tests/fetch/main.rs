//! Keys by URL, against servers on this machine: one fetch with all that may go wrong on its way, and several
//! processes' threads that share what was fetched.

mod answers;
mod authority;
mod discovery;
mod failures;
mod leaving;
mod loopback;
mod proxy;
mod request;
mod server;
mod sharing;
mod slow;
mod state_files;
mod tls;
mod worker;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ngx_http_auth_jwt_module::auth::key_place::Remote;
use ngx_http_auth_jwt_module::fetch::certificates::Certificates;
use ngx_http_auth_jwt_module::fetch::once::{self, Order};
use ngx_http_auth_jwt_module::jose::key_set::KeySet;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Of a fetch that is to succeed, or to fail by itself.
const LONG: Duration = Duration::from_secs(20);

/// Nothing here takes this long unless it hangs.
const HANGS: Duration = Duration::from_secs(60);

/// What is said of an answer that has no end.
const CUT: &str = "the connection was closed before the answer was complete";

/// A key, told from others by its `kid`.
fn key(kid: &str) -> String {
    let x = "BDK-Xp-Va8ND2AfL26fh_22lpTv5on6DAr8P76YHUyY";
    format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}"#)
}

/// A JWK Set of one key.
fn set(kid: &str) -> String {
    format!(r#"{{"keys":[{}]}}"#, key(kid))
}

/// The `kid`s of a set, one after the other.
fn kids(keys: &KeySet) -> String {
    keys.keys().filter_map(|key| key.kid()).collect::<Vec<_>>().join(" ")
}

/// A JWK Set at `url`, over TLS by whoever has a certificate of `certificates`.
fn order(url: &str, certificates: Option<&Certificates>) -> Outcome<Order> {
    let place = Remote::KeySet(url.parse().map_err(|error| format!("{url}: {error}"))?);
    Ok(Order { place, timeout: LONG, certificates: certificates.cloned(), proxy: None })
}

/// What a fetch brings: the `kid`s, or what a log says of it; behind each its notices.
fn fetch(order: &Order) -> Outcome<Result<String, String>> {
    let order = order.clone();
    let (told, tells) = mpsc::channel();
    thread::spawn(move || {
        let with = |text: String, notices: &[_]| {
            notices.iter().fold(text, |text, notice| format!("{text}; {notice}"))
        };
        let result = once::fetch(&order)
            .map(|fetched| with(kids(&fetched.keys), &fetched.notices))
            .map_err(|failed| with(failed.error.to_string(), &failed.notices));
        told.send(result)
    });
    tells.recv_timeout(HANGS).map_err(|_| "the fetch hangs".into())
}

/// A fetch must come out as told; an expected error may be the beginning of what is said.
fn assert_comes_out(name: &str, order: &Order, expected: Result<&str, &str>) -> Outcome<()> {
    let found = fetch(order)?;
    let is_expected = match (&found, expected) {
        (Ok(found), Ok(expected)) => found == expected,
        (Err(found), Err(expected)) => found.starts_with(expected),
        _ => false,
    };
    assert!(is_expected, "{name}: {found:?}, not {expected:?}");
    Ok(())
}

/// Waits until something holds.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < HANGS, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
