//! Plain HTTP to this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use super::server::{Server, Speaks, ok};
use super::{Outcome, assert_comes_out, order, set};

#[test]
fn plain_http_to_this_machine() -> Outcome<()> {
    let addresses: [IpAddr; 3] = [
        Ipv4Addr::LOCALHOST.into(),
        Ipv4Addr::new(127, 1, 2, 3).into(),
        Ipv6Addr::LOCALHOST.into(),
    ];
    for address in addresses {
        // A machine may have no IPv6.
        if TcpListener::bind((address, 0)).is_err() {
            continue;
        }
        let server = Server::start_at(address, Speaks::Http, |_, stream| {
            stream.write_all(ok(&set("a")).as_bytes())
        })?;
        assert_comes_out("address", &order(&server.http(), None)?, Ok("a"))?;
        assert_eq!(server.hits(), 1, "{address}");
    }
    Ok(())
}

/// Nobody listens at what has just been let go.
#[test]
fn nobody_is_there() -> Outcome<()> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let order = order(&format!("http://{address}/"), None)?;
    assert_comes_out("nobody", &order, Err("Connection refused"))
}

/// RFC 6761 §6.4: no resolver finds what ends in `.invalid`.
#[test]
fn no_such_host() -> Outcome<()> {
    let certificates = super::authority::Authority::new()?.certificates;
    let order = order("https://id.invalid/keys", Some(&certificates))?;
    assert_comes_out("no host", &order, Err("host not found"))
}
