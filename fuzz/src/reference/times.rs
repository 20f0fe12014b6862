//! `exp` and `nbf`, in whole nanoseconds where the numbers allow it.

use super::json::{Node, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeliness {
    Malformed,
    Expired,
    NotYetValid,
    Valid,
    /// So close to a bound that rounding decides.
    Close,
}

/// Rejected when `now >= exp + leeway` or `now < nbf - leeway`; `leeway` in seconds.
pub fn judge(claims: &Node, now_milliseconds: i64, leeway: u64) -> Timeliness {
    let now = i128::from(now_milliseconds) * 1_000_000;
    let leeway = i128::from(leeway) * 1_000_000_000;
    let (Some(exp), Some(nbf)) = (date(claims, "exp"), date(claims, "nbf")) else {
        return Timeliness::Malformed;
    };
    let mut found = Timeliness::Valid;
    if let Some((exp, exact)) = nbf {
        let bound = exp.saturating_sub(leeway);
        if now < bound {
            found = Timeliness::NotYetValid;
        }
        if is_close(now, bound, exact, leeway) {
            found = Timeliness::Close;
        }
    }
    if let Some((exp, exact)) = exp {
        let bound = exp.saturating_add(leeway);
        if is_close(now, bound, exact, leeway) {
            return Timeliness::Close;
        }
        if now >= bound {
            return Timeliness::Expired;
        }
    }
    found
}

/// A sum of fractions is rounded, and so is a number beyond what a double holds.
fn is_close(now: i128, bound: i128, exact: bool, leeway: i128) -> bool {
    let whole = bound % 1_000_000_000 == 0 && bound.abs() < 1 << 82 && leeway < 1 << 82;
    let distance = (now - bound).abs();
    let unit = 1_000 + (bound.abs() >> 48) + (leeway >> 48);
    !(exact && (whole || leeway == 0)) && distance < unit
}

/// Whether a span is as long as it may be.
pub enum Bound {
    Kept,
    Broken,
    /// Rounding decides.
    Close,
}

/// A moment in nanoseconds, and whether that is exact.
pub type Moment = (i128, bool);

/// Whether `later` is `most` nanoseconds behind `earlier`, or less.
pub fn at_most(earlier: Moment, later: Moment, most: i128) -> Bound {
    let half = |moment: i128| moment % 500_000_000 == 0 && moment.abs() < 1 << 80;
    let whole = earlier.1 && later.1 && half(earlier.0) && half(later.0) && most < 1 << 82;
    let span = later.0 - earlier.0;
    let unit = 1_000 + (later.0.abs() >> 48) + (earlier.0.abs() >> 48) + (most >> 48);
    match span <= most {
        _ if !whole && (span - most).abs() < unit => Bound::Close,
        true => Bound::Kept,
        false => Bound::Broken,
    }
}

/// The claim in nanoseconds, saturating, and whether that is exact; outer `None` for a malformed
/// one.
pub fn date(claims: &Node, name: &str) -> Option<Option<Moment>> {
    let Some(node) = claims.member(name) else { return Some(None) };
    let Value::Number = node.value else { return None };
    let seconds: f64 = node.text.parse().ok()?;
    if !seconds.is_finite() {
        return None;
    }
    Some(Some(match exact(&node.text) {
        Some(nanoseconds) => (nanoseconds, true),
        // Half of the range, so that adding and subtracting cannot wrap.
        None => (((seconds * 1e9) as i128).clamp(i128::MIN / 4, i128::MAX / 4), false),
    }))
}

/// Up to twelve digits before the point and three behind it: what a double tells apart.
fn exact(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() > 12 || fraction.len() > 3 {
        return None;
    }
    let padded = format!("{whole}{fraction:0<9}");
    Some(sign * padded.parse::<i128>().ok()?)
}
