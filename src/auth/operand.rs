//! A value of a rule: a text of the configuration, or one that a request decides.

/// A value of a rule; `V` is a value with variables, which the caller evaluates.
#[derive(Debug)]
pub enum Operand<V> {
    Text(Box<[u8]>),
    Variables(V),
}

impl<V> Operand<V> {
    /// What it says; `evaluate` gives the text of a value with variables.
    pub fn text<'a>(&'a self, evaluate: &impl Fn(&'a V) -> &'a [u8]) -> &'a [u8] {
        match self {
            Self::Text(text) => text,
            Self::Variables(value) => evaluate(value),
        }
    }

    /// Whether every request has the same text.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// What stands for a value with variables where there are none, as in the inspector.
#[derive(Debug)]
pub enum NoVariables {}
