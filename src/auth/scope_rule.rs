//! `auth_jwt_require_scope`: the scopes of a token (RFC 8693 §4.2, RFC 9068 §2.2.3), and which it needs.

use memchr::memchr_iter;

use super::claim_path::ClaimPath;
use super::operand::Operand;
use super::texts::{Texts, strings_of};
use crate::jose::claims::Claims;
use crate::jose::json::{Kind, Value};

/// Where scopes are, unless the issuer says otherwise: the first that is there.
pub const CLAIMS: [&str; 2] = ["scope", "scp"];

/// A rule for scopes.
#[derive(Debug)]
pub struct ScopeRule<V> {
    pub scopes: Vec<Operand<V>>,
    pub matches: Match,
}

/// How many of a rule's scopes a token needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Match {
    #[default]
    All,
    Any,
}

impl<V> ScopeRule<V> {
    /// Whether a token of the scopes `granted` meets it; an empty value is not met.
    pub fn is_met<'a>(
        &'a self,
        granted: &Texts<'_>,
        evaluate: &impl Fn(&'a V) -> &'a [u8],
    ) -> bool {
        let mut met = self.scopes.iter().map(|scope| {
            let wanted = scope.text(evaluate);
            !wanted.is_empty() && granted.iter().any(|scope| scope.as_bytes() == wanted)
        });
        match self.matches {
            Match::All => met.all(|met| met),
            Match::Any => met.any(|met| met),
        }
    }

    /// Whether its verdict depends on the token alone.
    pub fn is_fixed(&self) -> bool {
        self.scopes.iter().all(Operand::is_fixed)
    }
}

/// The scopes among `scopes`, each once and none that is empty.
pub fn each_once<T: AsRef<[u8]> + PartialEq>(scopes: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut told = Vec::new();
    for scope in scopes {
        if !scope.as_ref().is_empty() && !told.contains(&scope) {
            told.push(scope);
        }
    }
    told
}

/// The scopes in the first of `paths` that is there: a text split at spaces, or an array of texts.
pub fn granted<'c>(claims: &'c Claims, paths: Option<&[ClaimPath]>) -> Texts<'c> {
    let usual = || CLAIMS.iter().find_map(|name| claims.value(name).filter(|v| !v.is_null()));
    let value: Option<Value<'c>> = match paths {
        Some(paths) => paths.iter().find_map(|path| path.find(claims)),
        None => usual(),
    };
    let Some(value) = value else { return Texts::new() };
    match value.kind() {
        Kind::String(std::borrow::Cow::Borrowed(text)) => split(text).map(Into::into).collect(),
        Kind::String(text) => split(&text).map(|scope| scope.to_owned().into()).collect(),
        Kind::Array => strings_of(value),
        Kind::Null | Kind::Bool | Kind::Number | Kind::Object => Texts::new(),
    }
}

/// The parts between spaces.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr_iter(b' ', text.as_bytes()).chain([text.len()]);
    let parts = ends.scan(0usize, move |start, end| {
        let part = text.get(*start..end);
        *start = end.saturating_add(1);
        part
    });
    parts.filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted_by(json: &str, paths: Option<&[&str]>) -> Vec<String> {
        let Ok(claims) = Claims::parse(json.as_bytes().to_vec()) else { unreachable!("{json}") };
        let paths: Option<Vec<_>> =
            paths.map(|paths| paths.iter().flat_map(|path| ClaimPath::parse(path)).collect());
        granted(&claims, paths.as_deref()).into_iter().map(String::from).collect()
    }

    #[test]
    fn of_a_token() {
        for (json, scopes) in [
            (r#"{"scope":"read  write "}"#, &["read", "write"][..]),
            (r#"{"scope":"r\u0065ad write"}"#, &["read", "write"]),
            (r#"{"scope":""}"#, &[]),
            (r#"{"scope":["read","b c",1,null]}"#, &["read", "b c"]),
            (r#"{"scp":"read"}"#, &["read"]),
            (r#"{"scope":null,"scp":["read"]}"#, &["read"]),
            // The first that is there, whatever it holds.
            (r#"{"scope":1,"scp":"read"}"#, &[]),
            (r#"{"scope":"a\tb"}"#, &["a\tb"]),
            ("{}", &[]),
        ] {
            assert_eq!(granted_by(json, None), scopes, "{json}");
        }
        let json = r#"{"scope":"no","x":{"scopes":["yes"]}}"#;
        assert_eq!(granted_by(json, Some(&["y", "x.scopes"])), ["yes"]);
        assert!(granted_by(json, Some(&["y"])).is_empty());
    }

    #[test]
    fn all_or_any() {
        let granted: Texts<'_> = ["read", "write"].into_iter().map(Into::into).collect();
        let rule = |scopes: &[&str], matches| {
            let operand = |scope: &&str| match scope.strip_prefix('$') {
                Some(_) => Operand::Variables(()),
                None => Operand::Text(scope.as_bytes().into()),
            };
            ScopeRule { scopes: scopes.iter().map(operand).collect(), matches }
        };
        for (scopes, all, any) in [
            (&["read"][..], true, true),
            (&["read", "write"], true, true),
            (&["read", "delete"], false, true),
            (&["delete"], false, false),
            (&["Read"], false, false),
            (&["$empty"], false, false),
            (&["$empty", "read"], false, true),
        ] {
            let met = |matches| rule(scopes, matches).is_met(&granted, &|()| b"");
            assert_eq!((met(Match::All), met(Match::Any)), (all, any), "{scopes:?}");
        }
    }
}
