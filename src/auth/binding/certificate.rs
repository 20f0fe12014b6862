//! A client certificate as text → its SHA-256.
