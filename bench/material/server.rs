//! What a server's kernel does for a request of a static file, so that cryptography is measured as a
//! server has it: a processor whose caches have just been used for something else.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::material::Outcome;

/// Of a request with a token, and of an answer. In bytes.
const REQUEST: usize = 1200;
const ANSWER: usize = 460;

/// Both ends of one connection, in one thread.
pub struct Server {
    client: TcpStream,
    server: TcpStream,
    file: PathBuf,
    room: [u8; REQUEST],
}

impl Server {
    /// A connection over loopback, and a small file.
    pub fn new() -> Outcome<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (server, _) = listener.accept()?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let file = std::env::temp_dir().join(format!("cryptography-{}", std::process::id()));
        fs::write(&file, [b'x'; ANSWER])?;
        Ok(Self { client, server, file, room: [b'x'; REQUEST] })
    }

    /// A request comes, a file is read, an answer goes.
    pub fn answer(&mut self) -> Outcome<()> {
        self.client.write_all(&self.room)?;
        self.server.read_exact(&mut self.room)?;
        let file = File::open(&self.file)?;
        let length = usize::try_from(file.metadata()?.len())?;
        let answer = self.room.get_mut(..length).ok_or("the file has grown")?;
        file.read_exact_at(answer, 0)?;
        drop(file);
        self.server.write_all(answer)?;
        self.client.read_exact(answer)?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The system's own clean-up of temporary files is the second chance.
        let _ = fs::remove_file(&self.file);
    }
}
