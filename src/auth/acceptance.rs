//! What of a verified token depends on the moment and the request, in the order in which it is judged.

use super::audience;
use super::authorization::Scheme;
use super::binding::{Binding, Holder, Nobody, judge};
use super::numeric_date::{NumericDate, Timeliness};
use super::operand::NoVariables;
use super::outcome::Refusal;
use super::policy::{Acceptance, Rules};
use super::require::Failure;
use super::scope_rule;
use super::verification::VerifiedToken;

/// The proof that a token has passed everything.
#[derive(Debug)]
pub struct Accepted(());

impl VerifiedToken {
    /// Judges times, then whether the token is its `holder`'s, then the rules of issuer and location, then requirements, which `requirements`
    /// evaluates only now; `evaluate` gives the text of a value with variables.
    pub fn accept<'a, V>(
        &self,
        acceptance: Acceptance<'a, V>,
        now: NumericDate,
        evaluate: impl Fn(&'a V) -> &'a [u8],
        holder: &impl Holder,
        requirements: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Accepted, Refusal> {
        let leeway = self.issuer().and_then(|issuer| issuer.leeway).unwrap_or(acceptance.leeway);
        match self.validity().at(now, leeway) {
            Timeliness::Valid => {}
            Timeliness::Expired => return Err(Refusal::Expired),
            Timeliness::NotYetValid => return Err(Refusal::NotYetValid),
        }
        let known = acceptance.rules.as_ref().is_some_and(|rules| self.keeps(rules.id));
        if acceptance.rules.is_some()
            && let Some(issuer) = self.issuer()
        {
            let claims = self.token().claims();
            if !known {
                issuer.judge_lifetime(claims, self.validity())?;
            }
            issuer.judge_age(claims, now, leeway)?;
        }
        let binding = acceptance.binding;
        if binding.is_on() && self.needs_holder(binding, holder) {
            let confirmation = self.confirmation();
            judge(binding, confirmation, holder, now, leeway).map_err(Refusal::Unproven)?;
        }
        if let Some(rules) = acceptance.rules
            && !(known && rules.are_fixed)
        {
            self.judge_rules(&rules, known, &evaluate)?;
        }
        requirements().map_err(Refusal::RequirementFailed)?;
        Ok(Accepted(()))
    }

    /// As [`VerifiedToken::accept`], where no value has variables, and nothing proves that a bound token is its
    /// holder's.
    pub fn accept_fixed(
        &self,
        acceptance: Acceptance<'_, NoVariables>,
        now: NumericDate,
        requirements: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Accepted, Refusal> {
        self.accept(acceptance, now, |none| match *none {}, &Nobody, requirements)
    }

    /// Whether there is something to prove: the token is bound or must be, or a proof is said to come with it.
    fn needs_holder(&self, binding: Binding, holder: &impl Holder) -> bool {
        self.confirmation().is_some()
            || binding.is_required()
            || binding.proof.is_on() && holder.scheme() == Some(Scheme::Dpop)
    }

    /// Audience, scopes, claims.
    #[inline(never)]
    fn judge_rules<'a, V>(
        &self,
        rules: &Rules<'a, V>,
        known: bool,
        evaluate: &impl Fn(&'a V) -> &'a [u8],
    ) -> Result<(), Refusal> {
        let (claims, issuer) = (self.token().claims(), self.issuer());
        let is_for = match (rules.audience, issuer) {
            (Some(own), _) => audience::is_for(claims, own.iter().map(|own| own.text(evaluate))),
            (None, Some(issuer)) => issuer.has_audience(claims),
            (None, None) => true,
        };
        if !is_for {
            return Err(Refusal::WrongAudience);
        }
        if !rules.scopes.is_empty() {
            let paths = issuer.and_then(|issuer| issuer.scope_claim.as_deref());
            let granted = scope_rule::granted(claims, paths);
            if !rules.scopes.iter().all(|rule| rule.is_met(&granted, evaluate)) {
                return Err(Refusal::InsufficientScope);
            }
        }
        if let Some(failed) = rules.claims.iter().find(|rule| !rule.is_met(claims, evaluate)) {
            return Err(Refusal::ClaimMismatch(failed.failure, failed.path.text().clone()));
        }
        if !known {
            self.remember_kept(rules.id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
