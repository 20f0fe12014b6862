//! Issuers and rules as the module has them: read by its own parsers from the texts that a
//! configuration would hold.

use std::num::NonZeroU64;
use std::rc::Rc;

use ngx_http_auth_jwt_module::auth::claim_rule::ClaimRule;
use ngx_http_auth_jwt_module::auth::issuer::{Issuer, Issuers};
use ngx_http_auth_jwt_module::auth::issuer_block::{Block, IssuerBlock, Times};
use ngx_http_auth_jwt_module::auth::operand::Operand;
use ngx_http_auth_jwt_module::auth::policy;
use ngx_http_auth_jwt_module::auth::require::Failure;
use ngx_http_auth_jwt_module::auth::scope_rule::{Match, ScopeRule};

use crate::reference::rules::{self, Operator, Typ, Value};

/// A value with variables: its number.
pub type Variable = usize;

/// The rules of a location.
pub struct Rules {
    id: NonZeroU64,
    audience: Option<Vec<Operand<Variable>>>,
    scopes: Vec<ScopeRule<Variable>>,
    claims: Vec<ClaimRule<Variable>>,
    are_fixed: bool,
}

impl Rules {
    /// `id` is no other's; `quoted` says how paths are written.
    pub fn new(id: NonZeroU64, rules: &rules::Rules, quoted: bool) -> Self {
        let operands = |values: &Vec<Value>| values.iter().map(operand).collect();
        let audience: Option<Vec<_>> = rules.audience.as_ref().map(operands);
        let scope = |rule: &rules::ScopeRule| ScopeRule {
            scopes: operands(&rule.scopes),
            matches: if rule.any { Match::Any } else { Match::All },
        };
        let scopes: Vec<_> = rules.scopes.iter().map(scope).collect();
        let claims: Vec<_> = rules.claims.iter().map(|rule| claim(rule, quoted)).collect();
        let are_fixed = audience.iter().flatten().all(Operand::is_fixed)
            && scopes.iter().all(ScopeRule::is_fixed)
            && claims.iter().all(ClaimRule::is_fixed);
        Self { id, audience, scopes, claims, are_fixed }
    }

    pub fn of_location(&self) -> policy::Rules<'_, Variable> {
        policy::Rules {
            id: self.id,
            audience: self.audience.as_deref(),
            scopes: &self.scopes,
            claims: &self.claims,
            are_fixed: self.are_fixed,
        }
    }
}

fn operand(value: &Value) -> Operand<Variable> {
    match value {
        Value::Text(text) => Operand::Text(text.as_bytes().into()),
        Value::Variable(number) => Operand::Variables(*number),
    }
}

fn claim(rule: &rules::ClaimRule, quoted: bool) -> ClaimRule<Variable> {
    let path = rules::print(&rule.path, quoted);
    let pattern;
    let (operator, values): (&str, Vec<&Value>) = match &rule.operator {
        Operator::Equals(value) => ("=", vec![value]),
        Operator::Any(values) => ("any", values.iter().collect()),
        Operator::All(values) => ("all", values.iter().collect()),
        Operator::Matches { ignore_case, pattern: letters } => {
            pattern = Value::Text(letters.text());
            (if *ignore_case { "~*" } else { "~" }, vec![&pattern])
        }
        Operator::Present => ("present", vec![]),
        Operator::Absent => ("absent", vec![]),
    };
    // A variable is known by its number, as nginx's setter knows it by its name.
    let words: Vec<String> = values
        .into_iter()
        .map(|value| match value {
            Value::Text(text) => text.clone(),
            Value::Variable(number) => format!("${number}"),
        })
        .collect();
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    let failure = if rule.unauthorized { Failure::Unauthorized } else { Failure::Forbidden };
    let read = |word: &[u8]| -> Result<_, String> {
        let word = std::str::from_utf8(word).expect("it was a text");
        Ok(match word.strip_prefix('$') {
            Some(number) => Operand::Variables(number.parse().expect("a number")),
            None => Operand::Text(word.as_bytes().into()),
        })
    };
    let parsed = ClaimRule::parse(path.as_bytes(), operator.as_bytes(), &words, failure, read);
    parsed.unwrap_or_else(|error| panic!("{error}: {rule:?}"))
}

/// The parameters of a block.
pub fn parameters(issuer: &rules::Issuer) -> Vec<Vec<String>> {
    let mut parameters = Vec::new();
    let mut add = |name: &str, values: Vec<String>| {
        parameters.push([vec![name.to_owned()], values].concat());
    };
    // Some may be repeated.
    issuer.iss.iter().for_each(|iss| add("issuer", vec![iss.clone()]));
    add("key_file", vec!["a".to_owned()]);
    add("audience", issuer.audience.clone().unwrap_or_else(|| vec!["any".to_owned()]));
    let owned = |list: &Vec<&str>| list.iter().map(|name| (*name).to_owned()).collect();
    if let Some(algorithms) = &issuer.algorithms {
        add("algorithms", owned(algorithms));
    }
    match &issuer.typ {
        Typ::Usual => {}
        Typ::Any => add("typ", vec!["any".to_owned()]),
        Typ::Of(list) => add("typ", owned(list)),
    }
    if !issuer.exp_required {
        add("exp", vec!["optional".to_owned()]);
    }
    for (name, time) in [
        ("leeway", issuer.leeway),
        ("max_lifetime", issuer.max_lifetime),
        ("max_age", issuer.max_age),
    ] {
        time.into_iter().for_each(|time| add(name, vec![time.to_string()]));
    }
    if let Some(paths) = &issuer.scope_claim {
        add("scope_claim", paths.iter().map(|path| rules::print(path, false)).collect());
    }
    parameters
}

/// Times are numbers of seconds.
pub const TIMES: Times = Times {
    seconds: |time| std::str::from_utf8(time).ok()?.parse().ok(),
    milliseconds: |time| (TIMES.seconds)(time)?.checked_mul(1_000),
};

/// Reads a block.
pub fn block(name: &str, parameters: &[Vec<String>]) -> Result<Block, String> {
    let mut block = IssuerBlock::new(name.to_owned());
    for words in parameters {
        let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        block.set(&words, TIMES)?;
    }
    block.finish()
}

/// The issuer of that number, which no other has.
pub fn issuer(id: u64, issuer: &rules::Issuer) -> Rc<Issuer> {
    match block(&issuer.name, &parameters(issuer)) {
        Ok(Block { issuer: read, .. }) => Rc::new(Issuer { id, ..read }),
        Err(error) => panic!("{error}: {issuer:?}"),
    }
}

/// A table of issuers, of which no two have an `iss` in common.
pub fn table(issuers: &[Rc<Issuer>]) -> Issuers {
    Issuers::new(issuers).expect("each has its own")
}
