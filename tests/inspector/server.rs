//! An identity provider that answers by path.

use super::support::Outcome;
use super::support::authority::{Authority, Leaf};
use super::support::server::{self, Speaks, path, response};

/// What it answers at a path, or to CONNECT with a target: status and body. In the body `BASE` stands for its
/// URL.
type Answer = fn(&str) -> (u16, String);

/// It ends when it is dropped.
pub struct Server {
    /// Its URL, without a slash at the end.
    pub url: String,
    /// The authority of its certificate, in PEM.
    pub authority: String,
    _server: server::Server,
}

impl Server {
    pub fn http(answer: Answer) -> Outcome<Self> {
        Self::start(Speaks::Http, "http://127.0.0.1", String::new(), answer)
    }

    /// The same by TLS, as `localhost`.
    pub fn https(answer: Answer) -> Outcome<Self> {
        let authority = Authority::new()?;
        let speaks = Speaks::Https(authority.server(Leaf::of("localhost"))?);
        Self::start(speaks, "https://localhost", authority.pem, answer)
    }

    /// One whose certificate is the authority's own.
    pub fn https_of_authority(answer: Answer) -> Outcome<Self> {
        let authority = Authority::new()?;
        let speaks = Speaks::Https(authority.own_server()?);
        Self::start(speaks, "https://localhost", authority.pem, answer)
    }

    fn start(speaks: Speaks, host: &str, authority: String, answer: Answer) -> Outcome<Self> {
        let mut url = String::new();
        let server = server::Server::start_knowing(speaks, |address| {
            url = format!("{host}:{}", address.port());
            let base = url.clone();
            move |head, stream| {
                let (status, body) = answer(path(head));
                let answer = response(&format!("{status} x"), &[], &body.replace("BASE", &base));
                stream.write_all(answer.as_bytes())
            }
        })?;
        Ok(Self { url, authority, _server: server })
    }
}
