//! The nginx shell: directives, the phase handlers, variables, files. Glue only; a rule found here
//! belongs one floor down. Files are listed in the order in which they may import each other.

mod ffi;

mod conf;
mod merge;

mod worker;

mod context;
mod keys;
mod token;

mod access;
mod variables;

mod directives;

mod module;
