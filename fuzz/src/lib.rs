//! What the fuzz targets share: a slow reference of the decision, the tokens and key sets that
//! cases are made of, and the one door to the module's decision.

pub mod held;
pub mod known;
pub mod mint;
pub mod module;
pub mod plan;
pub mod reference;
pub mod ruled;
