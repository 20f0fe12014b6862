//! `exp` and `nbf` (RFC 7519 §4.1.4, §4.1.5) against the clock.

use crate::jose::claims::Claims;
use crate::jose::error::Malformed;

/// Seconds since 1970-01-01T00:00:00Z, fractions allowed.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct NumericDate(f64);

/// `exp` and `nbf` of a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Validity {
    expires: Option<NumericDate>,
    not_before: Option<NumericDate>,
}

/// What the clock says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeliness {
    Valid,
    Expired,
    NotYetValid,
}

impl NumericDate {
    /// A moment in whole seconds and milliseconds.
    pub fn new(seconds: i64, milliseconds: u32) -> Self {
        Self(seconds as f64 + f64::from(milliseconds) / 1000.0)
    }

    /// How much later it is than `earlier`, in seconds.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0 - earlier.0
    }

    /// So many seconds later.
    pub fn later_by(self, seconds: u64) -> Self {
        Self(self.0 + seconds as f64)
    }

    /// In whole seconds, not before 1970.
    pub fn rounded_down(self) -> u64 {
        self.0 as u64
    }

    /// As [`NumericDate::rounded_down`], but not earlier.
    pub fn rounded_up(self) -> u64 {
        self.0.ceil() as u64
    }
}

impl Validity {
    /// Reads both claims; one that is there must be a finite number.
    pub fn of(claims: &Claims) -> Result<Self, Malformed> {
        Ok(Self { expires: date(claims, "exp")?, not_before: date(claims, "nbf")? })
    }

    /// `exp`.
    pub fn expires(&self) -> Option<NumericDate> {
        self.expires
    }

    /// Expired from `exp + leeway` on, not yet valid before `nbf - leeway`; `leeway` in seconds.
    pub fn at(&self, now: NumericDate, leeway: u64) -> Timeliness {
        let leeway = leeway as f64;
        if self.expires.is_some_and(|expires| now.0 >= expires.0 + leeway) {
            Timeliness::Expired
        } else if self.not_before.is_some_and(|not_before| now.0 < not_before.0 - leeway) {
            Timeliness::NotYetValid
        } else {
            Timeliness::Valid
        }
    }
}

/// `iat` (RFC 7519 §4.1.6), if it is a finite number.
pub fn issued_at(claims: &Claims) -> Option<NumericDate> {
    date(claims, "iat").ok().flatten()
}

fn date(claims: &Claims, name: &'static str) -> Result<Option<NumericDate>, Malformed> {
    let Some(value) = claims.value(name) else { return Ok(None) };
    match value.number() {
        Some(seconds) if seconds.is_finite() => Ok(Some(NumericDate(seconds))),
        _ => Err(Malformed::NumericDate(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(claims: &str, now: f64, leeway: u64) -> Result<Timeliness, Malformed> {
        let claims = Claims::parse(claims.as_bytes().to_vec())?;
        Ok(Validity::of(&claims)?.at(NumericDate(now), leeway))
    }

    #[test]
    fn bounds() {
        let exp = r#"{"exp":100}"#;
        assert_eq!(at(exp, 99.999, 0), Ok(Timeliness::Valid));
        assert_eq!(at(exp, 100.0, 0), Ok(Timeliness::Expired));
        assert_eq!(at(exp, 100.0, 1), Ok(Timeliness::Valid));
        assert_eq!(at(exp, 101.0, 1), Ok(Timeliness::Expired));
        let nbf = r#"{"nbf":100.5}"#;
        assert_eq!(at(nbf, 100.499, 0), Ok(Timeliness::NotYetValid));
        assert_eq!(at(nbf, 100.5, 0), Ok(Timeliness::Valid));
        assert_eq!(at(nbf, 99.5, 1), Ok(Timeliness::Valid));
        assert_eq!(at(nbf, 99.4, 1), Ok(Timeliness::NotYetValid));
        assert_eq!(at("{}", 0.0, 0), Ok(Timeliness::Valid));
    }

    #[test]
    fn whole_seconds() {
        for (date, down, up) in [
            (NumericDate(1.0), 1, 1),
            (NumericDate(1.001), 1, 2),
            (NumericDate(1.5).later_by(1), 2, 3),
            (NumericDate(-1.5), 0, 0),
            (NumericDate(1e300).later_by(u64::MAX), u64::MAX, u64::MAX),
        ] {
            assert_eq!((date.rounded_down(), date.rounded_up()), (down, up), "{date:?}");
        }
    }

    #[test]
    fn extremes_do_not_wrap() {
        assert_eq!(at(r#"{"exp":1e308}"#, 4e9, u64::MAX), Ok(Timeliness::Valid));
        assert_eq!(at(r#"{"exp":-1e308}"#, 4e9, 0), Ok(Timeliness::Expired));
        assert_eq!(at(r#"{"nbf":9223372036854775808}"#, 4e9, 0), Ok(Timeliness::NotYetValid));
        assert_eq!(at(r#"{"nbf":-9223372036854775809}"#, 4e9, 0), Ok(Timeliness::Valid));
    }

    #[test]
    fn only_finite_numbers() {
        for value in ["\"100\"", "null", "true", "[100]", "{}", "1e999", "-1e999"] {
            let exp = at(&format!("{{\"exp\":{value}}}"), 0.0, 0);
            assert_eq!(exp, Err(Malformed::NumericDate("exp")), "{value}");
            let nbf = at(&format!("{{\"nbf\":{value}}}"), 0.0, 0);
            assert_eq!(nbf, Err(Malformed::NumericDate("nbf")), "{value}");
        }
    }
}
