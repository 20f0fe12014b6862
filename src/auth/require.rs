//! `auth_jwt_require`: what counts as met.

/// The answer where a requirement fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failure {
    #[default]
    Unauthorized,
    Forbidden,
}

/// A value is met if it is neither empty nor `0`.
pub fn met(value: &[u8]) -> bool {
    !matches!(value, b"" | b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_empty_and_not_zero() {
        for value in ["1", "00", "0.0", " ", "false", "no"] {
            assert!(met(value.as_bytes()), "{value:?}");
        }
        assert!(!met(b""));
        assert!(!met(b"0"));
    }
}
