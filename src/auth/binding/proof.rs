//! The claims of a proof against the request it comes with (RFC 9449 §4.3).

use super::fault::ProofFault;
use super::holder::{Holder, Use};
use super::htu::Target;
use super::level::reach;
use crate::auth::numeric_date::{NumericDate, Timeliness, Validity, issued_at};
use crate::jose::claims::Claims;
use crate::jose::crypto::Fingerprint;

/// When a proof is judged, and how far its own time may be from that. In seconds.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: NumericDate,
    pub window: u64,
    pub leeway: u64,
}

/// Judges the claims of a proof of `key`; that it is used is recorded last.
pub fn judge_claims(
    claims: &Claims,
    key: Fingerprint,
    holder: &dyn Holder,
    moment: Moment,
) -> Result<(), ProofFault> {
    let text = |name| {
        let text = claims.value(name).and_then(|value| value.as_str());
        text.ok_or(ProofFault::Claim(name))
    };
    if text("htm")?.as_bytes() != holder.method() {
        return Err(ProofFault::Method);
    }
    let target = Target::parse(text("htu")?.as_bytes()).map_err(|_| ProofFault::Claim("htu"))?;
    let base = Target::of_base(&holder.base()).map_err(|_| ProofFault::Base)?;
    if base.join(holder.path()) != Some(target) {
        return Err(ProofFault::Target);
    }
    let issued = judge_times(claims, moment)?;
    if text("ath")? != Fingerprint::of(holder.token()).base64url() {
        return Err(ProofFault::Token);
    }
    let jti = text("jti")?;
    if jti.is_empty() {
        return Err(ProofFault::Claim("jti"));
    }
    let id = Fingerprint::of(&[key.bytes().as_slice(), jti.as_bytes()].concat());
    match holder.first_use(id, issued.rounded_up(), moment.reach(), moment.now.rounded_down()) {
        Use::First => Ok(()),
        Use::Seen => Err(ProofFault::Replayed),
        Use::Unknown => Err(ProofFault::MaybeReplayed),
        Use::NoRoom => Err(ProofFault::NoRoom),
    }
}

impl Moment {
    /// How far the time of a proof may be from now.
    fn reach(self) -> u64 {
        reach(self.window, self.leeway)
    }
}

/// When the proof was made.
fn judge_times(claims: &Claims, moment: Moment) -> Result<NumericDate, ProofFault> {
    let Moment { now, leeway, .. } = moment;
    let issued = issued_at(claims).ok_or(ProofFault::Claim("iat"))?;
    if now > issued.later_by(moment.reach()) {
        return Err(ProofFault::TooOld);
    }
    if issued > now.later_by(moment.reach()) {
        return Err(ProofFault::TooNew);
    }
    let validity = Validity::of(claims).map_err(ProofFault::Time)?;
    match validity.at(now, leeway) {
        Timeliness::Valid => Ok(issued),
        Timeliness::Expired => Err(ProofFault::Expired),
        Timeliness::NotYetValid => Err(ProofFault::NotYetValid),
    }
}
