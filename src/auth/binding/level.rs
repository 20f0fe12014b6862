//! What a level asks of bound tokens.

/// How long a proof counts before and after it was made, unless the level says otherwise. In seconds.
pub const DEFAULT_WINDOW: u64 = 60;

/// The longest window. Each proof is remembered for as long, and the memory is bounded. In seconds.
pub const LONGEST_WINDOW: u64 = 3_600;

/// However long the leeway, a proof counts no longer. In seconds.
const LONGEST_REACH: u64 = 24 * 3_600;

/// How far the time of a proof may be from now, in seconds.
pub fn reach(window: u64, leeway: u64) -> u64 {
    window.saturating_add(leeway).min(LONGEST_REACH)
}

/// Whether a level looks at a binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Off,
    /// A token that is bound so must be proven.
    Optional,
    /// A token must be bound so, too.
    Required,
}

/// What a level asks of bound tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// `auth_jwt_certificate`: `x5t#S256` of `cnf`.
    pub certificate: Mode,
    /// `auth_jwt_dpop`: `jkt` of `cnf`.
    pub proof: Mode,
    /// How far the time of a proof may be from now, leeway aside. In seconds.
    pub window: u64,
}

impl Binding {
    /// `cnf` means nothing.
    pub const OFF: Self = Self { certificate: Mode::Off, proof: Mode::Off, window: DEFAULT_WINDOW };

    /// Whether `cnf` is looked at.
    pub fn is_on(self) -> bool {
        self.certificate.is_on() || self.proof.is_on()
    }

    /// What may be said of two levels at once: `Required` only where both are.
    #[must_use]
    pub fn both(self, other: Self) -> Self {
        let (certificate, proof) = (self.certificate, self.proof);
        let (certificate, proof) = (certificate.both(other.certificate), proof.both(other.proof));
        Self { certificate, proof, window: self.window }
    }

    /// Whether a token that is not bound is refused.
    pub fn is_required(self) -> bool {
        self.certificate == Mode::Required || self.proof == Mode::Required
    }
}

impl Default for Binding {
    fn default() -> Self {
        Self::OFF
    }
}

impl Mode {
    /// Whether a token that is bound so must be proven.
    pub fn is_on(self) -> bool {
        self != Self::Off
    }

    fn both(self, other: Self) -> Self {
        if self == other { self } else { Self::Optional }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_levels() {
        use Mode::{Off, Optional, Required};
        let of = |certificate, proof| Binding { certificate, proof, ..Binding::OFF };
        for (one, other, expected) in [
            (Off, Off, Off),
            (Off, Optional, Optional),
            (Off, Required, Optional),
            (Optional, Optional, Optional),
            (Optional, Required, Optional),
            (Required, Required, Required),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(of(one, Off).both(of(other, Off)), of(expected, Off));
                assert_eq!(of(Off, one).both(of(Off, other)), of(Off, expected));
            }
        }
    }
}
