//! A server on this machine that answers as it is told to.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{HANGS, Outcome};

/// Both ways of a connection.
pub trait Duplex: Read + Write + Send {
    /// What is below it, once more.
    fn socket(&self) -> io::Result<TcpStream>;
}

impl Duplex for TcpStream {
    fn socket(&self) -> io::Result<TcpStream> {
        self.try_clone()
    }
}

impl Duplex for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> io::Result<TcpStream> {
        self.sock.try_clone()
    }
}

/// Answers a request, given its head. An error leaves without a word.
pub trait Answer: Fn(&str, &mut dyn Duplex) -> io::Result<()> + Send + Sync + 'static {}

impl<F: Fn(&str, &mut dyn Duplex) -> io::Result<()> + Send + Sync + 'static> Answer for F {}

/// What a server speaks below its answers.
#[derive(Clone)]
pub enum Speaks {
    Http,
    Https(Arc<ServerConfig>),
    /// Nothing is read: the answer does that.
    Nothing,
}

/// It ends when it is dropped; its connections do when their peers leave.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    listens: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    requests: Mutex<Vec<String>>,
    /// By SNI.
    names: Mutex<Vec<Option<String>>>,
}

impl Server {
    pub fn start(speaks: Speaks, answer: impl Answer) -> Outcome<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), speaks, answer)
    }

    pub fn start_at(address: IpAddr, speaks: Speaks, answer: impl Answer) -> Outcome<Self> {
        Self::listen(address, speaks, |_| answer)
    }

    /// One whose answers tell where it is.
    pub fn start_knowing<A: Answer>(
        speaks: Speaks,
        answer: impl FnOnce(SocketAddr) -> A,
    ) -> Outcome<Self> {
        Self::listen(Ipv4Addr::LOCALHOST.into(), speaks, answer)
    }

    fn listen<A: Answer>(
        address: IpAddr,
        speaks: Speaks,
        answer: impl FnOnce(SocketAddr) -> A,
    ) -> Outcome<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let (address, seen) = (listener.local_addr()?, Arc::<Seen>::default());
        let (own, answer) = (seen.clone(), Arc::new(answer(address)));
        let listens = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if own.stop.load(Ordering::Acquire) {
                    return;
                }
                let (speaks, answer, seen) = (speaks.clone(), answer.clone(), own.clone());
                thread::spawn(move || seen.serve(stream, speaks, &*answer));
            }
        });
        Ok(Self { address, seen, listens: Some(listens) })
    }

    /// One that answers each request with these bytes.
    pub fn of(speaks: Speaks, bytes: impl Into<Vec<u8>>) -> Outcome<Self> {
        let bytes = bytes.into();
        Self::start(speaks, move |_, stream| stream.write_all(&bytes))
    }

    pub fn http(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    pub fn https(&self) -> String {
        format!("https://localhost:{}/keys", self.address.port())
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.seen.requests).clone()
    }

    pub fn hits(&self) -> usize {
        lock(&self.seen.requests).len()
    }

    pub fn names(&self) -> Vec<Option<String>> {
        lock(&self.seen.names).clone()
    }
}

impl Drop for Server {
    /// After it nobody listens at the address.
    fn drop(&mut self) {
        self.seen.stop.store(true, Ordering::Release);
        let is_woken = TcpStream::connect(self.address).is_ok();
        if let Some(listens) = self.listens.take().filter(|_| is_woken) {
            drop(listens.join());
        }
    }
}

impl Seen {
    fn serve(&self, mut stream: TcpStream, speaks: Speaks, answer: &dyn Answer) -> Outcome<()> {
        stream.set_read_timeout(Some(HANGS))?;
        stream.set_nodelay(true)?;
        match speaks {
            Speaks::Nothing => answer("", &mut stream)?,
            Speaks::Http => {
                let head = self.head(&mut stream)?;
                answer(&head, &mut stream)?;
                // What was not read when a socket is closed would make the kernel reset the connection.
                stream.shutdown(Shutdown::Write)?;
                hang(&mut stream)?;
            }
            Speaks::Https(config) => {
                let mut tls = StreamOwned::new(ServerConnection::new(config)?, stream);
                let head = self.head(&mut tls)?;
                lock(&self.names).push(tls.conn.server_name().map(str::to_owned));
                answer(&head, &mut tls)?;
                tls.conn.send_close_notify();
                tls.flush()?;
            }
        }
        Ok(())
    }

    fn head(&self, stream: &mut dyn Duplex) -> io::Result<String> {
        let head = read_head(stream)?;
        lock(&self.requests).push(head.clone());
        Ok(head)
    }
}

/// The path of a request, or the target of CONNECT.
pub fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

/// The bytes up to an empty line. Of a handshake of TLS, after which nothing more comes before there is an answer, the first.
pub fn read_head(stream: &mut dyn Duplex) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head != [0x16] {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Says nothing more, until the peer has left.
pub fn hang(stream: &mut dyn Duplex) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(|_| ())
}

/// An answer with this status line and these further header lines.
pub fn response(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

/// A good answer.
pub fn ok(body: &str) -> String {
    response("200 OK", &["Content-Type: application/json"], body)
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
