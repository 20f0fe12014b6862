//! An identity provider on this machine.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{DEFAULT_VERSIONS, ServerConfig, ServerConnection, StreamOwned};

use super::program::Outcome;

/// It ends when it is dropped.
pub struct Server {
    /// Its URL, without a slash at the end.
    pub url: String,
    /// The authority of its certificate, in PEM.
    pub authority: String,
    address: std::net::SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// One that answers by a path, or the target of CONNECT, with status and body. In the body `BASE` stands for
    /// its URL.
    pub fn http(answer: fn(&str) -> (u16, String)) -> Outcome<Self> {
        Self::start(None, String::new(), answer)
    }

    /// The same by TLS, as `localhost`.
    pub fn https(answer: fn(&str) -> (u16, String)) -> Outcome<Self> {
        let (params, key) = (authority()?, KeyPair::generate()?);
        let authority = pem(&params.self_signed(&key)?);
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["localhost".to_owned()])?;
        let config = config(&params.signed_by(&key, &issuer)?, &key)?;
        Self::start(Some(config), authority, answer)
    }

    /// One whose certificate is the authority's own.
    pub fn https_of_authority(answer: fn(&str) -> (u16, String)) -> Outcome<Self> {
        let key = KeyPair::generate()?;
        let certificate = authority()?.self_signed(&key)?;
        Self::start(Some(config(&certificate, &key)?), pem(&certificate), answer)
    }

    fn start(
        tls: Option<Arc<ServerConfig>>,
        authority: String,
        answer: fn(&str) -> (u16, String),
    ) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let url = match tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let stop = Arc::<AtomicBool>::default();
        let (base, stopped) = (url.clone(), stop.clone());
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                // Who leaves early has had enough.
                let _ = serve(stream, tls.clone(), &base, answer);
            }
        });
        Ok(Self { url, authority, address, stop })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        drop(TcpStream::connect(self.address));
    }
}

fn authority() -> Outcome<CertificateParams> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(params)
}

fn pem(certificate: &Certificate) -> String {
    let text = STANDARD.encode(certificate.der());
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

fn config(certificate: &Certificate, key: &KeyPair) -> Outcome<Arc<ServerConfig>> {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(DEFAULT_VERSIONS)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(Arc::new(config))
}

fn serve(
    mut stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    base: &str,
    answer: fn(&str) -> (u16, String),
) -> Outcome<()> {
    match tls {
        None => respond(&mut stream, base, answer)?,
        Some(config) => {
            let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
            respond(&mut stream, base, answer)?;
            stream.conn.send_close_notify();
            stream.flush()?;
        }
    }
    Ok(())
}

fn respond(
    stream: &mut (impl Read + Write),
    base: &str,
    answer: fn(&str) -> (u16, String),
) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    // Who begins with a handshake of TLS says nothing more before there is an answer.
    while !head.ends_with(b"\r\n\r\n") && head != [0x16] {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let (status, body) = answer(head.split(' ').nth(1).unwrap_or_default());
    let body = body.replace("BASE", base);
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n{body}")
}
