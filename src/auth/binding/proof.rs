//! The claims of a proof against the request (RFC 9449 §4.3).
