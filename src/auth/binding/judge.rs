//! Whether a token is its holder's.

use super::confirmation::Confirmation;
use super::fault::{BindingFault, Missing};
use super::holder::Holder;
use super::level::Binding;
use crate::auth::numeric_date::NumericDate;

/// Judges what a request brings against what its token is bound to; `leeway` in seconds.
#[inline(never)]
pub fn judge(
    binding: Binding,
    confirmation: Option<&Confirmation>,
    holder: &dyn Holder,
    now: NumericDate,
    leeway: u64,
) -> Result<(), BindingFault> {
    let _ = (binding, confirmation, holder, now, leeway);
    Err(BindingFault::Missing(Missing::Confirmation))
}
