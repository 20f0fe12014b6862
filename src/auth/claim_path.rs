//! Paths into the claims, in the grammar of nginx's `json_set`: names joined by dots, `["any name"]`
//! for others, `[0]` for an element of an array.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use crate::jose::claims::Claims;
use crate::jose::json::Value;

/// A longer path is refused. In steps.
const MAX_STEPS: usize = 32;

/// Where a claim is.
#[derive(Clone, Debug)]
pub struct ClaimPath {
    text: Rc<str>,
    /// A claim.
    first: Box<str>,
    /// From there on.
    rest: Box<[Step]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A member of an object; of several of that name the last.
    Name(Box<str>),
    /// An element of an array.
    Index(usize),
}

/// Why a text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    EmptyName,
    /// It begins with an index, but the claims are an object.
    BeginsWithIndex,
    /// Behind `]` comes neither `.` nor `[`, or behind a name a character that needs quotes.
    Stray,
    NotClosed,
    BadIndex,
    TooLong,
}

impl ClaimPath {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (step, behind) = match rest.strip_prefix('[') {
                Some(inside) => bracketed(inside)?,
                None if steps.is_empty() => name(rest)?,
                None => name(rest.strip_prefix('.').ok_or(PathError::Stray)?)?,
            };
            steps.push(step);
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        if steps.len() > MAX_STEPS {
            return Err(PathError::TooLong);
        }
        let mut steps = steps.into_iter();
        match steps.next() {
            Some(Step::Name(first)) => Ok(Self { text: text.into(), first, rest: steps.collect() }),
            Some(Step::Index(_)) | None => Err(PathError::BeginsWithIndex),
        }
    }

    /// The value at its end, unless that is `null`.
    pub fn find<'c>(&self, claims: &'c Claims) -> Option<Value<'c>> {
        let first = claims.value(&self.first)?;
        let value = self.rest.iter().try_fold(first, |value, step| match step {
            Step::Name(name) => value.member(name),
            Step::Index(index) => value.elements()?.get(*index).copied(),
        })?;
        (!value.is_null()).then_some(value)
    }

    /// As it was written.
    pub fn text(&self) -> &Rc<str> {
        &self.text
    }
}

/// A name without quotes, and what is behind it.
fn name(text: &str) -> Result<(Step, &str), PathError> {
    let is_special = |c: char| matches!(c, '.' | '[' | ']' | '"') || c.is_whitespace();
    let (name, rest) =
        text.split_at_checked(text.find(is_special).unwrap_or(text.len())).unwrap_or((text, ""));
    match rest.chars().next() {
        _ if name.is_empty() => Err(PathError::EmptyName),
        None | Some('.' | '[') => Ok((Step::Name(name.into()), rest)),
        Some(_) => Err(PathError::Stray),
    }
}

/// What stands behind `[`, and what is behind its `]`.
fn bracketed(text: &str) -> Result<(Step, &str), PathError> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (name, rest) = quoted_name(quoted)?;
        let rest = rest.strip_prefix(']').ok_or(PathError::NotClosed)?;
        return match &*name {
            "" => Err(PathError::EmptyName),
            name => Ok((Step::Name(name.into()), rest)),
        };
    }
    let (digits, rest) = text.split_once(']').ok_or(PathError::NotClosed)?;
    let canonical = digits == "0" || !digits.starts_with(['0', '+']);
    match digits.parse() {
        Ok(index) if canonical => Ok((Step::Index(index), rest)),
        _ => Err(PathError::BadIndex),
    }
}

/// A name up to its closing quote, and what is behind that; `\` takes the next character as it is.
fn quoted_name(text: &str) -> Result<(Cow<'_, str>, &str), PathError> {
    let mut name = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next() {
            Some('"') => return Ok((name.into(), chars.as_str())),
            Some('\\') => name.push(chars.next().ok_or(PathError::NotClosed)?),
            Some(c) => name.push(c),
            None => return Err(PathError::NotClosed),
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyName => f.write_str("a name in it is empty"),
            Self::BeginsWithIndex => f.write_str("it begins with an index, not with a name"),
            Self::Stray => f.write_str("names are joined by \".\", others stand in [\"\"]"),
            Self::NotClosed => f.write_str("a \"[\" or a quote in it is not closed"),
            Self::BadIndex => f.write_str("an index in it is no number"),
            Self::TooLong => write!(f, "it has more than {MAX_STEPS} steps"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_to_a_value() {
        let json = r#"{"a":{"b":[10,{"c":"x"},null]},"a.b":1,"https://x/y":["z"],"d":{"e":1,"e":2},
            "n":null,"q\"]":3,"t:u-v/w":4}"#;
        let Ok(claims) = Claims::parse(json.as_bytes().to_vec()) else { unreachable!("claims") };
        for (path, value) in [
            ("a.b[0]", Some("10")),
            ("a.b[1].c", Some("\"x\"")),
            (r#"a["b"][1]["c"]"#, Some("\"x\"")),
            (r#"["a.b"]"#, Some("1")),
            (r#"["https://x/y"][0]"#, Some("\"z\"")),
            ("d.e", Some("2")),
            (r#"["q\"]"]"#, Some("3")),
            ("t:u-v/w", Some("4")),
            ("n", None),
            ("a.b[2]", None),
            ("a.b[3]", None),
            ("a[0]", None),
            ("a.b.c", None),
            ("A", None),
        ] {
            let found = ClaimPath::parse(path).map(|path| path.find(&claims).map(Value::text));
            assert_eq!(found, Ok(value), "{path}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (path, error) in [
            ("", PathError::EmptyName),
            ("a.", PathError::EmptyName),
            (".a", PathError::EmptyName),
            ("a..b", PathError::EmptyName),
            (r#"a[""]"#, PathError::EmptyName),
            ("[0]", PathError::BeginsWithIndex),
            ("a[0]b", PathError::Stray),
            ("a]", PathError::Stray),
            ("a b", PathError::Stray),
            (r#"a"b"#, PathError::Stray),
            ("a[", PathError::NotClosed),
            (r#"a["b"#, PathError::NotClosed),
            (r#"a["b"x"#, PathError::NotClosed),
            (r#"a["b\"#, PathError::NotClosed),
            ("a[]", PathError::BadIndex),
            ("a[-1]", PathError::BadIndex),
            ("a[+1]", PathError::BadIndex),
            ("a[01]", PathError::BadIndex),
            ("a[b]", PathError::BadIndex),
            ("a[99999999999999999999]", PathError::BadIndex),
        ] {
            assert_eq!(ClaimPath::parse(path).err(), Some(error), "{path:?}");
        }
        assert!(ClaimPath::parse(&["a"; 33].join(".")).is_err());
    }
}
