//! `auth_jwt_require_claim`: a path, an operator and its values. What cannot be compared is not met.

use regex::{Regex, RegexBuilder};

use super::claim_path::ClaimPath;
use super::operand::Operand;
use super::require::Failure;
use super::texts::{text_of, texts_of};
use crate::jose::claims::Claims;

/// A rule for one claim.
#[derive(Debug)]
pub struct ClaimRule<V> {
    pub path: ClaimPath,
    operator: Operator<V>,
    /// How a request is answered that does not meet it.
    pub failure: Failure,
}

#[derive(Debug)]
enum Operator<V> {
    /// `=`: a text, number or boolean is equal.
    Equals(Operand<V>),
    /// One of the values is among the elements.
    Any(Vec<Operand<V>>),
    /// Every value is among the elements.
    All(Vec<Operand<V>>),
    /// `~`, `~*`: some element matches.
    Matches(Regex),
    /// There, and not null.
    Present,
    /// Not there, or null.
    Absent,
}

/// The operators, as a message names them.
const OPERATORS: &str = r#""=", "any", "all", "~", "~*", "present" or "absent""#;

impl<V> ClaimRule<V> {
    /// Reads `path operator [value ...]`; `operand` makes a value of a text. A message says what is wrong.
    pub fn parse<'v, E: From<String>>(
        path: &[u8],
        operator: &[u8],
        values: &[&'v [u8]],
        failure: Failure,
        mut operand: impl FnMut(&'v [u8]) -> Result<Operand<V>, E>,
    ) -> Result<Self, E> {
        let shown = path.escape_ascii();
        let path = match std::str::from_utf8(path).map(ClaimPath::parse) {
            Ok(Ok(path)) => path,
            Ok(Err(error)) => return Err(format!("invalid path \"{shown}\": {error}").into()),
            Err(_) => return Err(format!("invalid path \"{shown}\": it is not UTF-8").into()),
        };
        let mut all = || values.iter().map(|value| operand(value)).collect::<Result<Vec<_>, E>>();
        let operator = match (operator, values) {
            (b"=", [value]) => Operator::Equals(operand(value)?),
            (b"any", [_, ..]) => Operator::Any(all()?),
            (b"all", [_, ..]) => Operator::All(all()?),
            (b"~" | b"~*", [pattern]) => Operator::Matches(regex(pattern, operator == b"~*")?),
            (b"present", []) => Operator::Present,
            (b"absent", []) => Operator::Absent,
            (b"=" | b"~" | b"~*", _) => return Err(wrong_count(operator, "one value").into()),
            (b"any" | b"all", _) => return Err(wrong_count(operator, "at least one value").into()),
            (b"present" | b"absent", _) => return Err(wrong_count(operator, "no value").into()),
            _ => {
                let operator = operator.escape_ascii();
                let text = format!("unknown operator \"{operator}\", allowed is {OPERATORS}");
                return Err(text.into());
            }
        };
        Ok(Self { path, operator, failure })
    }

    /// Whether the claims meet it.
    pub fn is_met<'a>(&'a self, claims: &Claims, evaluate: &impl Fn(&'a V) -> &'a [u8]) -> bool {
        let claim = self.path.find(claims);
        match &self.operator {
            Operator::Present => claim.is_some(),
            Operator::Absent => claim.is_none(),
            Operator::Equals(value) => {
                let wanted = value.text(evaluate);
                let text = claim.and_then(text_of);
                !wanted.is_empty() && text.is_some_and(|text| text.as_bytes() == wanted)
            }
            Operator::Matches(regex) => {
                claim.is_some_and(|claim| texts_of(claim).iter().any(|text| regex.is_match(text)))
            }
            Operator::Any(values) | Operator::All(values) => {
                let Some(claim) = claim else { return false };
                let texts = texts_of(claim);
                let mut met = values.iter().map(|value| {
                    let wanted = value.text(evaluate);
                    !wanted.is_empty() && texts.iter().any(|text| text.as_bytes() == wanted)
                });
                match self.operator {
                    Operator::Any(_) => met.any(|met| met),
                    _ => met.all(|met| met),
                }
            }
        }
    }

    /// Whether its verdict depends on the token alone.
    pub fn is_fixed(&self) -> bool {
        match &self.operator {
            Operator::Equals(value) => value.is_fixed(),
            Operator::Any(values) | Operator::All(values) => values.iter().all(Operand::is_fixed),
            Operator::Matches(_) | Operator::Present | Operator::Absent => true,
        }
    }
}

/// Linear in the length of a claim, which a client may have had a say in: no look-around, no
/// back-references.
fn regex(pattern: &[u8], ignore_case: bool) -> Result<Regex, String> {
    let shown = pattern.escape_ascii();
    let Ok(text) = std::str::from_utf8(pattern) else {
        return Err(format!("invalid regular expression \"{shown}\": it is not UTF-8"));
    };
    RegexBuilder::new(text).case_insensitive(ignore_case).build().map_err(|error| {
        // The last line of several says what is wrong.
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason).trim_end_matches('.');
        format!("invalid regular expression \"{shown}\": {reason}")
    })
}

fn wrong_count(operator: &[u8], wanted: &str) -> String {
    let operator = operator.escape_ascii();
    format!("wrong number of values, operator \"{operator}\" takes {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: &str = r#"{"s":"x y","n":17,"big":1.50,"t":true,"f":false,"null":null,"e":"",
        "list":["a",2,true,null,["deep"],{"k":"v"},"é"],"none":[],"o":{"in":{"roles":["admin"]}}}"#;

    fn rule(text: &str) -> Result<ClaimRule<String>, String> {
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        let [path, operator, values @ ..] = words.as_slice() else { unreachable!("a rule") };
        ClaimRule::parse(path, operator, values, Failure::Forbidden, |value| {
            Ok(match value.strip_prefix(b"$") {
                Some(name) => Operand::Variables(String::from_utf8_lossy(name).into_owned()),
                None => Operand::Text(value.into()),
            })
        })
    }

    fn evaluate(name: &String) -> &[u8] {
        if name == "a" { b"a" } else { b"" }
    }

    #[test]
    fn by_operator() {
        let Ok(claims) = Claims::parse(CLAIMS.as_bytes().to_vec()) else { unreachable!("claims") };
        for (text, met) in [
            ("n = 17", true),
            ("n = 17.0", false),
            ("big = 1.50", true),
            ("t = true", true),
            ("t = false", false),
            ("f = false", true),
            ("null = null", false),
            ("list = a", false),
            ("missing = a", false),
            ("o.in.roles any user admin", true),
            ("o.in.roles any user", false),
            ("o any admin", false),
            ("list any x 2", true),
            ("list any true", true),
            ("list any null", false),
            ("list any deep", false),
            ("list any $a", true),
            ("list any $empty", false),
            ("list any $empty a", true),
            ("list all a 2 true é", true),
            ("list all a $empty", false),
            ("list all $a 2", true),
            ("list all a b", false),
            ("none all a", false),
            ("n any 17", true),
            ("n all 17 18", false),
            ("s ~ ^x\\s", true),
            ("s ~ ^X", false),
            ("s ~* ^X", true),
            ("list ~ ^.$", true),
            ("list ~* É", true),
            ("list ~ deep", false),
            ("null ~ .*", false),
            ("n ~ ^17$", true),
            ("e present", true),
            ("none present", true),
            ("null present", false),
            ("null absent", true),
            ("missing absent", true),
            ("e absent", false),
        ] {
            let rule = rule(text);
            assert_eq!(rule.map(|rule| rule.is_met(&claims, &evaluate)), Ok(met), "{text}");
        }
        // An empty value meets nothing, not even an empty claim.
        assert_eq!(rule("e = $empty").map(|rule| rule.is_met(&claims, &evaluate)), Ok(false));
    }

    #[test]
    fn depends_on_the_request_where_it_has_variables() {
        for (text, fixed) in [("a = 1", true), ("a = $a", false), ("a any 1 $a", false)] {
            assert_eq!(rule(text).map(|rule| rule.is_fixed()), Ok(fixed), "{text}");
        }
    }

    #[test]
    fn messages() {
        for (text, message) in [
            ("a..b = 1", "invalid path \"a..b\": a name in it is empty"),
            (
                "a == 1",
                "unknown operator \"==\", allowed is \"=\", \"any\", \"all\", \"~\", \"~*\", \"present\" or \"absent\"",
            ),
            ("a =", "wrong number of values, operator \"=\" takes one value"),
            ("a = 1 2", "wrong number of values, operator \"=\" takes one value"),
            ("a any", "wrong number of values, operator \"any\" takes at least one value"),
            ("a present 1", "wrong number of values, operator \"present\" takes no value"),
            ("a ~ (", "invalid regular expression \"(\": unclosed group"),
        ] {
            assert_eq!(rule(text).err().as_deref(), Some(message));
        }
    }
}
