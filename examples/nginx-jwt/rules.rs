//! What a location asks of the claims, as options say it: in the words of the directives.

use std::num::NonZeroU64;

use ngx_http_auth_jwt_module::auth::claim_rule::ClaimRule;
use ngx_http_auth_jwt_module::auth::operand::{NoVariables, Operand};
use ngx_http_auth_jwt_module::auth::policy;
use ngx_http_auth_jwt_module::auth::require::Failure as Unmet;
use ngx_http_auth_jwt_module::auth::scope_rule::{Match, ScopeRule};

use super::conf;
use super::input::Failure;

#[derive(clap::Args)]
pub struct RuleArguments {
    /// What auth_jwt_audience says, such as "orders-api"; may be given several times: any of them
    #[arg(long, value_name = "VALUES", conflicts_with = "no_keys")]
    audience: Vec<String>,
    /// What auth_jwt_require_scope says, such as "read write" or "read write match=any"; may be
    /// given several times: all must hold
    #[arg(long, value_name = "SCOPES", conflicts_with = "no_keys")]
    require_scope: Vec<String>,
    /// What auth_jwt_require_claim says, such as "groups any staff" or "tenant = acme error=401";
    /// may be given several times: all must hold
    #[arg(long, value_name = "RULE", conflicts_with = "no_keys")]
    require_claim: Vec<String>,
}

/// The rules of a location.
pub struct Rules {
    pub audience: Option<Vec<Operand<NoVariables>>>,
    pub scopes: Vec<ScopeRule<NoVariables>>,
    pub claims: Vec<ClaimRule<NoVariables>>,
    /// Each rule for a claim as it was typed.
    pub typed: Vec<String>,
}

impl Rules {
    pub fn read(arguments: &RuleArguments) -> Result<Self, Failure> {
        let mut rules = Self { audience: None, scopes: vec![], claims: vec![], typed: vec![] };
        for typed in &arguments.audience {
            let values = read("--audience", typed, audience)?;
            rules.audience.get_or_insert_default().extend(values);
        }
        for typed in &arguments.require_scope {
            rules.scopes.push(read("--require-scope", typed, scope)?);
        }
        for typed in &arguments.require_claim {
            rules.claims.push(read("--require-claim", typed, claim)?);
            rules.typed.push(typed.clone());
        }
        Ok(rules)
    }

    /// The scopes that are asked for, each once.
    pub fn all_scopes(&self) -> Vec<&[u8]> {
        let mut scopes = Vec::new();
        for scope in self.scopes.iter().flat_map(|rule| &rule.scopes).map(text) {
            if !scope.is_empty() && !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes
    }

    /// As the module takes them; `None` where there are none.
    pub fn of_location(&self) -> Option<policy::Rules<'_, NoVariables>> {
        let is_empty = self.audience.is_none() && self.scopes.is_empty() && self.claims.is_empty();
        (!is_empty).then(|| self.with_issuers())
    }

    /// As the module takes them where there are issuers, whose own rules count, too.
    pub fn with_issuers(&self) -> policy::Rules<'_, NoVariables> {
        policy::Rules {
            id: NonZeroU64::MIN,
            audience: self.audience.as_deref(),
            scopes: &self.scopes,
            claims: &self.claims,
            are_fixed: true,
        }
    }
}

/// The text of a value.
pub fn text(value: &Operand<NoVariables>) -> &[u8] {
    value.text(&|none| match *none {})
}

fn read<T>(
    option: &str,
    typed: &str,
    of_words: impl FnOnce(&[&[u8]]) -> Result<T, String>,
) -> Result<T, Failure> {
    let rule = conf::words(typed).and_then(|words| {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        of_words(&words)
    });
    rule.map_err(|error| format!("{option} \"{typed}\": {error}").into())
}

fn audience(words: &[&[u8]]) -> Result<Vec<Operand<NoVariables>>, String> {
    if words.is_empty() {
        return Err("no value, it must name at least one".to_owned());
    }
    words.iter().map(|word| operand(word)).collect()
}

fn scope(words: &[&[u8]]) -> Result<ScopeRule<NoVariables>, String> {
    let rows = [("all", Match::All), ("any", Match::Any)];
    let (matches, scopes) = parameter("match=", rows, words)?;
    if scopes.is_empty() {
        return Err("no scope, it must name at least one".to_owned());
    }
    let scopes = scopes.into_iter().map(operand).collect::<Result<_, _>>()?;
    Ok(ScopeRule { scopes, matches: matches.unwrap_or_default() })
}

fn claim(words: &[&[u8]]) -> Result<ClaimRule<NoVariables>, String> {
    let rows = [("401", Unmet::Unauthorized), ("403", Unmet::Forbidden)];
    let (failure, words) = parameter("error=", rows, words)?;
    let [path, operator, values @ ..] = words.as_slice() else {
        return Err("no operator, it must follow the path".to_owned());
    };
    ClaimRule::parse(path, operator, values, failure.unwrap_or(Unmet::Forbidden), operand)
}

/// Here no request gives variables a text.
fn operand(word: &[u8]) -> Result<Operand<NoVariables>, String> {
    match word.contains(&b'$') {
        true => Err(format!("\"{}\" has a variable: give the text it has", word.escape_ascii())),
        false => Ok(Operand::Text(word.into())),
    }
}

/// Takes the parameter `name` out of `words`; `rows` are its values.
fn parameter<'w, T: Copy>(
    name: &str,
    rows: [(&str, T); 2],
    words: &[&'w [u8]],
) -> Result<(Option<T>, Vec<&'w [u8]>), String> {
    let (own, others): (Vec<&[u8]>, Vec<&[u8]>) =
        words.iter().partition(|word| word.starts_with(name.as_bytes()));
    let value = match own.as_slice() {
        [] => return Ok((None, others)),
        [word] => word.strip_prefix(name.as_bytes()).unwrap_or_default(),
        _ => return Err(format!("duplicate parameter \"{name}\"")),
    };
    match rows.iter().find(|(known, _)| known.as_bytes() == value) {
        Some((_, meaning)) => Ok((Some(*meaning), others)),
        None => {
            let allowed = rows.map(|(value, _)| format!("\"{name}{value}\"")).join(" or ");
            let value = value.escape_ascii();
            Err(format!("invalid parameter \"{name}{value}\", allowed is {allowed}"))
        }
    }
}
