//! Narrow, safe wrappers of the nginx calls we make. `unsafe` lives here and in the exported
//! statics of `module.rs`, nowhere else.
//!
//! nginx is single-threaded in a worker and calls us only through the entry points below; each of
//! them goes through [`guard::guarded`]. A [`request::Request`] and what is borrowed from it live
//! as long as the request's pool, which outlasts every call that nginx makes for that request. What is
//! kept beyond a call and points into a pool does so by [`pooled::Pooled`].

mod bits;
pub mod block;
pub mod body_filter;
pub mod command;
pub mod complex_value;
pub mod conf;
pub mod cycle;
pub mod deadline;
pub mod event;
pub mod forwarded;
pub mod guard;
pub mod header;
pub mod log;
pub mod phase;
mod pooled;
pub mod request;
pub mod response;
pub mod sent;
pub mod server_name;
pub mod shared_memory;
pub mod slot;
pub mod subrequest;
pub mod thread;
pub mod time;
pub mod timer;
pub mod turn;
pub mod uri;
pub mod variable;
pub mod wait;
