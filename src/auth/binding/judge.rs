//! Whether a token is its holder's: what a request brings against what the token is bound to.

use super::certificate;
use super::confirmation::{Confirmation, Member};
use super::fault::{BindingFault, Missing, ProofFault};
use super::holder::{Holder, Presented};
use super::level::{Binding, Mode};
use super::proof::{Moment, judge_claims};
use crate::auth::authorization::Scheme;
use crate::auth::numeric_date::NumericDate;
use crate::jose::proof::Proof;

/// Judges what `holder` brings for a token that is bound so; `leeway` in seconds. It stands apart: most tokens
/// are bound to nothing.
#[inline(never)]
pub fn judge(
    binding: Binding,
    confirmation: Option<&Confirmation>,
    holder: &dyn Holder,
    now: NumericDate,
    leeway: u64,
) -> Result<(), BindingFault> {
    if !binding.is_on() {
        return Ok(());
    }
    let (certificate, key) = match confirmation {
        None => (None, None),
        Some(Confirmation::Unknown) => return Err(Missing::Confirmation.into()),
        Some(Confirmation::Bound { certificate, key }) => (*certificate, *key),
    };
    match (binding.certificate, certificate) {
        (Mode::Off, _) | (Mode::Optional, None) => {}
        (Mode::Required, None) => return Err(Missing::CertificateBinding.into()),
        (Mode::Optional | Mode::Required, Some(bound)) => judge_certificate(bound, holder)?,
    }
    match (binding.proof, key) {
        (Mode::Off, _) => Ok(()),
        (Mode::Required, None) => Err(Missing::KeyBinding.into()),
        (Mode::Optional, None) if holder.scheme() == Some(Scheme::Dpop) => {
            // Nothing ties the token to the proof that the scheme speaks of.
            match holder.proof() {
                Presented::None => Err(Missing::Proof.into()),
                Presented::One(_) | Presented::Several => Err(ProofFault::Unbound.into()),
            }
        }
        (Mode::Optional, None) => Ok(()),
        (Mode::Optional | Mode::Required, Some(bound)) => {
            let moment = Moment { now, window: binding.window, leeway };
            judge_proof(bound, holder, moment)
        }
    }
}

/// RFC 8705 §3.
fn judge_certificate(bound: Member, holder: &dyn Holder) -> Result<(), BindingFault> {
    let text = holder.certificate().filter(|text| !text.trim_ascii().is_empty());
    let text = text.ok_or(Missing::Certificate)?;
    let own = certificate::fingerprint(&text).ok_or(BindingFault::Certificate)?;
    match bound == Member::Digest(own) {
        true => Ok(()),
        false => Err(BindingFault::OtherCertificate),
    }
}

/// RFC 9449 §4.3, §7.1.
fn judge_proof(bound: Member, holder: &dyn Holder, moment: Moment) -> Result<(), BindingFault> {
    if holder.scheme() == Some(Scheme::Bearer) {
        return Err(Missing::Scheme.into());
    }
    let proof = match holder.proof() {
        Presented::None => return Err(Missing::Proof.into()),
        Presented::Several => return Err(ProofFault::Several.into()),
        Presented::One(proof) => proof,
    };
    let Member::Digest(key) = bound else { return Err(ProofFault::Confirmation.into()) };
    let proof = Proof::verify(proof, key).map_err(ProofFault::Error)?;
    Ok(judge_claims(proof.claims(), key, holder, moment)?)
}

#[cfg(test)]
mod tests;
