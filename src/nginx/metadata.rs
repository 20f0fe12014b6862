//! Answers who asks for the metadata of a server's resources, whatever locations there are.

use super::ffi::guard::Entry;
use super::ffi::phase::{Decision, PhaseHandler};
use super::ffi::request::Request;
use super::ffi::response::Method;
use super::server::ServerConf;

/// The handler of the phase that a request comes to first.
pub struct Metadata;

/// A page of any origin may read metadata, and ask for them with the header fields of its protocol.
const CORS: (&str, &str) = ("Access-Control-Allow-Origin", "*");
const PREFLIGHT: [(&str, &str); 4] = [
    CORS,
    ("Access-Control-Allow-Methods", METHODS),
    ("Access-Control-Allow-Headers", "*"),
    ("Access-Control-Max-Age", "300"),
];
const METHODS: &str = "GET, HEAD, OPTIONS";

impl PhaseHandler for Metadata {
    const ENTRY: Entry = Entry::Metadata;

    fn handle(request: Request<'_>) -> Decision {
        let server = request.server_conf::<ServerConf>();
        let Some(metadata) = server.and_then(|server| server.resources.metadata(request.path()))
        else {
            return Decision::Declined;
        };
        match request.method() {
            Method::Get | Method::Head => {
                let headers = [CORS, ("Cache-Control", "public, max-age=300")];
                request.answer(200, "application/json", &headers, metadata.as_bytes())
            }
            Method::Options => request.answer(204, "", &PREFLIGHT, b""),
            Method::Other => request.answer(405, "text/plain", &[CORS, ("Allow", METHODS)], b""),
        }
    }
}
