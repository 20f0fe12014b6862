//! The nginx shell: directives, the phase handlers, variables, files. Glue only; a rule found here
//! belongs one floor down. Files are listed in the order in which they may import each other.

mod ffi;

mod key_store;
mod resources;
mod server;
mod worker;
mod zone;

mod sources;

mod key_conf;

mod binding_conf;

mod conf;
mod lint;
mod merge;

mod counting;
mod fetching;
mod gather;
mod replays;
mod tokens;

mod context;
mod token_source;

mod challenge_header;
mod holder;
mod verify;

mod judge;

mod access;
mod metadata;
mod metrics;
mod variables;

mod directives;

mod module;
