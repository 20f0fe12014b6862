//! `auth_jwt_require`: what counts as met.

/// The answer where a requirement fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failure {
    #[default]
    Unauthorized,
    Forbidden,
}

/// One `auth_jwt_require`: met when all its values are.
pub struct Requirement<V> {
    pub values: Vec<V>,
    pub failure: Failure,
}

/// The first requirement that is not met decides; `evaluate` gives the text of a value.
pub fn judge<'a, V>(
    requirements: &'a [Requirement<V>],
    evaluate: impl Fn(&'a V) -> &'a [u8],
) -> Result<(), Failure> {
    let is_met = |value| met(evaluate(value));
    let failed = requirements.iter().find(|requirement| !requirement.values.iter().all(is_met));
    failed.map_or(Ok(()), |failed| Err(failed.failure))
}

/// A value is met if it is neither empty nor `0`.
pub fn met(value: &[u8]) -> bool {
    !matches!(value, b"" | b"0")
}

/// Whether `value`, as it was typed, holds text beside its variables. With some it is never empty, and
/// so always met.
pub fn has_text(value: &[u8]) -> bool {
    let mut rest = value;
    while let Some(variable) = rest.strip_prefix(b"$") {
        let braced = variable.strip_prefix(b"{");
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let name = braced.unwrap_or(variable);
        let length = name.iter().take_while(|byte| is_name(byte)).count();
        rest = name.get(length..).unwrap_or_default();
        if braced.is_some() {
            rest = rest.strip_prefix(b"}").unwrap_or(rest);
        }
    }
    !rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_beside_variables() {
        for value in ["$a", "${a}", "$a$b", "${a}$b${c}", "$1", "$a_b$c"] {
            assert!(!has_text(value.as_bytes()), "{value:?}");
        }
        for value in ["$a=b", "${a}b", "$a-$b", "$a ", "$a.b", "$a{", "a"] {
            assert!(has_text(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn non_empty_and_not_zero() {
        for value in ["1", "00", "0.0", " ", "false", "no"] {
            assert!(met(value.as_bytes()), "{value:?}");
        }
        assert!(!met(b""));
        assert!(!met(b"0"));
    }
}
