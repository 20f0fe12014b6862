//! A server on this machine that answers as it is told to.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

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
        let listener = TcpListener::bind((address, 0))?;
        let server = Self { address: listener.local_addr()?, seen: Arc::default() };
        let (seen, answer) = (server.seen.clone(), Arc::new(answer));
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if seen.stop.load(Ordering::Acquire) {
                    return;
                }
                let (speaks, answer, seen) = (speaks.clone(), answer.clone(), seen.clone());
                thread::spawn(move || seen.serve(stream, speaks, &*answer));
            }
        });
        Ok(server)
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
    fn drop(&mut self) {
        self.seen.stop.store(true, Ordering::Release);
        drop(TcpStream::connect(self.address));
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

/// The bytes up to an empty line.
pub fn read_head(stream: &mut dyn Duplex) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
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
