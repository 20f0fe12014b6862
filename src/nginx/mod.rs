//! The nginx shell: directives, the phase handlers, variables, files. Glue only; a rule found here
//! belongs one floor down. Files are listed in the order in which they may import each other.

mod ffi;

mod conf;
mod lint;
mod merge;

mod keys;
mod worker;

mod context;
mod token;

mod access;
mod variables;

mod directives;

mod module;
