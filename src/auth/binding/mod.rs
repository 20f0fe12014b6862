//! Tokens that are bound to their holder by `cnf` (RFC 7800): to a certificate (RFC 8705 §3), or to a key
//! that signs a proof for each request (DPoP, RFC 9449).

mod certificate;
mod confirmation;
mod fault;
mod holder;
pub mod htu;
mod judge;
mod level;
mod proof;
pub mod replays;

pub use confirmation::Confirmation;
pub use fault::{BindingFault, Missing, ProofFault};
pub use holder::{Holder, Nobody, Presented, Use};
pub use judge::judge;
pub use level::{Binding, DEFAULT_WINDOW, LONGEST_WINDOW, Mode, reach};
