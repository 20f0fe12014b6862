//! Whom we believe to be the identity provider.

use std::io::{self, Read};

use ngx_http_auth_jwt_module::fetch::certificates::Certificates;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::authority::{Authority, Leaf};
use super::server::{Duplex, Server, Speaks, ok, response};
use super::{CUT, Outcome, assert_comes_out, order, set};

const ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];

#[test]
fn whose_certificates_are_good() -> Outcome<()> {
    let authority = Authority::new()?;
    let good = Leaf::of("localhost");
    let bad = "TLS: invalid peer certificate: ";
    for (name, leaf, expected) in [
        ("good", good, Ok("a")),
        ("only 1.2", Leaf { versions: ONLY_12, ..good }, Ok("a")),
        ("only 1.3", Leaf { versions: ONLY_13, ..good }, Ok("a")),
        (
            "of another name",
            Leaf::of("other.example"),
            Err("certificate not valid for name \"localhost\""),
        ),
        (
            "of a name below",
            Leaf::of("a.localhost"),
            Err("certificate not valid for name \"localhost\""),
        ),
        (
            "of the address",
            Leaf::of("127.0.0.1"),
            Err("certificate not valid for name \"localhost\""),
        ),
        ("expired", Leaf { years: (2020, 2021), ..good }, Err("certificate expired")),
        ("not yet valid", Leaf { years: (3999, 4000), ..good }, Err("certificate not valid yet")),
        ("self-signed", Leaf { is_self_signed: true, ..good }, Err("UnknownIssuer")),
    ] {
        let server = Server::of(Speaks::Https(authority.server(leaf)?), ok(&set("a")))?;
        let expected = expected.map_err(|reason| format!("{bad}{reason}"));
        let order = order(&server.https(), Some(&authority.certificates))?;
        assert_comes_out(
            name,
            &order,
            expected.as_ref().map(|kids| *kids).map_err(String::as_str),
        )?;
        assert_eq!(
            server.hits(),
            usize::from(expected.is_ok()),
            "{name}: nothing is asked of a stranger"
        );
    }
    Ok(())
}

#[test]
fn only_the_own_certificates_are_trusted() -> Outcome<()> {
    let (ours, theirs) = (Authority::new()?, Authority::new()?);
    let server = Server::of(Speaks::Https(theirs.server(Leaf::of("localhost"))?), ok(&set("a")))?;
    let wrong = Err("TLS: invalid peer certificate: ");
    assert_comes_out("ours", &order(&server.https(), Some(&ours.certificates))?, wrong)?;
    assert_comes_out("theirs", &order(&server.https(), Some(&theirs.certificates))?, Ok("a"))?;
    // What the system trusts, if it trusts anything at all, is not of a test.
    let Err(found) = super::fetch(&order(&server.https(), None)?)? else {
        return Err("trusted".into());
    };
    let nobody = "the system has no trusted certificates";
    assert!(found == nobody || found.starts_with("TLS: invalid peer certificate: "), "{found}");
    Ok(())
}

#[test]
fn an_address_is_a_name_too() -> Outcome<()> {
    let authority = Authority::new()?;
    let server =
        Server::of(Speaks::Https(authority.server(Leaf::of("127.0.0.1"))?), ok(&set("a")))?;
    let url = format!("https://{}/keys", server.address);
    assert_comes_out("address", &order(&url, Some(&authority.certificates))?, Ok("a"))?;
    assert_eq!(server.names(), [None], "an address is no SNI");
    Ok(())
}

#[test]
fn the_name_is_sent() -> Outcome<()> {
    let authority = Authority::new()?;
    let server =
        Server::of(Speaks::Https(authority.server(Leaf::of("localhost"))?), ok(&set("a")))?;
    assert_comes_out("name", &order(&server.https(), Some(&authority.certificates))?, Ok("a"))?;
    assert_eq!(server.names(), [Some("localhost".to_owned())]);
    Ok(())
}

/// A ServerHello of TLS 1.1, with TLS_RSA_WITH_AES_128_CBC_SHA.
fn old_hello() -> Vec<u8> {
    let head: &[u8] = &[22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    [head, &[7; 32], &[0, 0, 0x2f, 0]].concat()
}

#[test]
fn what_is_no_tls_of_today() -> Outcome<()> {
    let certificates = Authority::new()?.certificates;
    let hello_first = |answer: Vec<u8>| {
        move |_: &str, stream: &mut dyn Duplex| -> io::Result<()> {
            let mut record = [0; 5];
            stream.read_exact(&mut record)?;
            let length = u16::from_be_bytes([record[3], record[4]]);
            io::copy(&mut stream.take(length.into()), &mut io::sink())?;
            stream.write_all(&answer)
        }
    };
    for (name, answer, expected) in [
        ("a hello of 1.1", old_hello(), "TLS: peer is incompatible: "),
        ("an alert of 1.1", vec![21, 3, 2, 0, 2, 2, 70], "TLS: received fatal alert: "),
        (
            "plain HTTP",
            response("400 Bad Request", &[], "speak TLS").into(),
            "TLS: received corrupt message",
        ),
        ("nothing", Vec::new(), CUT),
    ] {
        let server = Server::start(Speaks::Nothing, hello_first(answer))?;
        assert_comes_out(name, &order(&server.https(), Some(&certificates))?, Err(expected))?;
    }
    Ok(())
}

#[test]
fn https_on_a_plain_port_and_plain_http_on_a_port_of_tls() -> Outcome<()> {
    let authority = Authority::new()?;
    let server =
        Server::of(Speaks::Https(authority.server(Leaf::of("localhost"))?), ok(&set("a")))?;
    let url = format!("http://localhost:{}/keys", server.address.port());
    let Err(found) = super::fetch(&order(&url, None)?)? else { return Err("not TLS".into()) };
    assert!(found.starts_with("HTTP: ") || found.contains("disconnected"), "{found}");
    assert_eq!(server.hits(), 0);
    Ok(())
}

#[test]
fn which_files_of_certificates() -> Outcome<()> {
    let pem = super::authority::pem;
    let garbage = pem(b"\x30\x03\x02\x01\x05");
    for (text, expected) in [
        (String::new(), "there is no certificate in PEM"),
        ("certificate".to_owned(), "there is no certificate in PEM"),
        (garbage, "certificate 1 is not valid: "),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(),
            "certificate 1 is not valid: ",
        ),
    ] {
        let found = Certificates::parse(text.as_bytes()).err();
        let found = found.map(|error| error.to_string()).unwrap_or_default();
        assert!(found.starts_with(expected), "{text}: {found}");
    }
    Ok(())
}
