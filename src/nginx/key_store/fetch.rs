//! One fetch of keys: the subrequest under way, and what it has brought so far.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use zeroize::Zeroizing;

use crate::jose::error::KeySetError;
use crate::nginx::ffi::body_filter::Piece;
use crate::nginx::ffi::deadline::Deadline;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::subrequest::{CutShort, Subrequest};

/// A longer answer is refused. In bytes.
const MAX_SIZE: usize = 1 << 20;

/// An answer that takes longer is refused, however often a byte of it arrives. In milliseconds.
const MAX_DURATION: usize = 60_000;

/// What is granted: t/panics.t does not wait that long.
const DEADLINE: usize = if cfg!(feature = "injected-panics") { 1_000 } else { MAX_DURATION };

/// A fetch that a request makes.
pub struct Fetch {
    pub subrequest: Subrequest,
    /// Whether its answer is everybody's, so that nothing of this request decides it.
    pub serves_all: bool,
    deadline: Rc<Deadline>,
    body: RefCell<Zeroizing<Vec<u8>>>,
    error: RefCell<Option<FetchError>>,
}

/// Why a fetch brought no keys.
#[derive(Debug)]
pub enum FetchError {
    Status(usize),
    /// The connection to the key server broke.
    Broken,
    Incomplete {
        received: u64,
        announced: u64,
    },
    Encoded(String),
    TooLarge,
    TooSlow,
    KeySet(KeySetError),
}

impl Fetch {
    /// Collects what `subrequest` is answered.
    pub fn new(subrequest: Subrequest, serves_all: bool) -> Self {
        let deadline = Deadline::new(subrequest.clone(), DEADLINE);
        let (body, error) = (RefCell::default(), RefCell::default());
        Self { subrequest, serves_all, deadline, body, error }
    }

    /// Collects pieces of the answer, which `sender` sends; one that is too long is ended.
    pub fn collect(&self, sender: Request<'_>, pieces: &mut dyn Iterator<Item = Piece<'_>>) {
        let mut body = self.body.borrow_mut();
        for piece in pieces {
            match piece {
                Piece::InFile => self.broke(),
                Piece::Bytes(bytes) if body.len().saturating_add(bytes.len()) > MAX_SIZE => {
                    self.error.replace(Some(FetchError::TooLarge));
                    sender.stop();
                }
                Piece::Bytes(bytes) => body.extend_from_slice(bytes),
            }
        }
    }

    /// The answer so far counts for nothing: an error page follows.
    pub fn restart(&self) {
        self.body.borrow_mut().clear();
        self.error.replace(None);
    }

    /// The connection to the key server broke.
    pub fn broke(&self) {
        self.error.borrow_mut().get_or_insert(FetchError::Broken);
    }

    /// The whole answer, once the subrequest is over.
    pub fn answer(&self) -> Result<Zeroizing<Vec<u8>>, FetchError> {
        if self.deadline.is_over() {
            return Err(FetchError::TooSlow);
        }
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.subrequest.status() != 200 {
            return Err(FetchError::Status(self.subrequest.status()));
        }
        if let Some(encoding) = self.subrequest.content_encoding() {
            return Err(FetchError::Encoded(encoding.escape_ascii().to_string()));
        }
        match self.subrequest.cut_short() {
            None => Ok(self.body.take()),
            Some(CutShort { announced: None, .. }) => Err(FetchError::Broken),
            Some(CutShort { missing, announced: Some(announced) }) => Err(FetchError::Incomplete {
                received: announced.saturating_sub(missing),
                announced,
            }),
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(0) => f.write_str("got no answer"),
            Self::Status(status) => write!(f, "was answered with status {status}, not 200"),
            Self::Broken => f.write_str("broke off before the end of the answer"),
            Self::Incomplete { received, announced } => {
                write!(f, "got {received} bytes of an answer of {announced}")
            }
            Self::Encoded(encoding) => {
                write!(
                    f,
                    "got an answer with \"Content-Encoding: {encoding}\", which is not decoded"
                )
            }
            Self::TooLarge => write!(f, "got an answer larger than {} MiB", MAX_SIZE >> 20),
            Self::TooSlow => write!(f, "took longer than {} s", MAX_DURATION / 1000),
            Self::KeySet(error) => write!(f, "got no usable keys: {error}"),
        }
    }
}
