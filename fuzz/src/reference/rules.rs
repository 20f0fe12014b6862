//! Issuers and rules, once more: what a location asks of verified claims. Paths, values and operators
//! are data here, which the module's own parsers read from text.

use super::json::{Node, Value as Json};
use super::times::{Bound, at_most, date};

/// An `auth_jwt_issuer` block.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub name: String,
    pub iss: Vec<String>,
    pub typ: Typ,
    pub exp_required: bool,
    /// `None`: any.
    pub audience: Option<Vec<String>>,
    /// `None`: all.
    pub algorithms: Option<Vec<&'static str>>,
    /// In seconds, as are those that follow.
    pub leeway: Option<u64>,
    pub max_lifetime: Option<u64>,
    pub max_age: Option<u64>,
    pub scope_claim: Option<Vec<Path>>,
    /// The documents of its keys.
    pub sources: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub enum Typ {
    Usual,
    Any,
    Of(Vec<&'static str>),
}

pub type Path = Vec<Step>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Name(String),
    Index(usize),
}

/// A value of a rule.
#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    /// A variable, by its number.
    Variable(usize),
}

/// What a location asks of the claims.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub audience: Option<Vec<Value>>,
    pub scopes: Vec<ScopeRule>,
    pub claims: Vec<ClaimRule>,
}

#[derive(Clone, Debug)]
pub struct ScopeRule {
    pub scopes: Vec<Value>,
    pub any: bool,
}

#[derive(Clone, Debug)]
pub struct ClaimRule {
    pub path: Path,
    pub operator: Operator,
    /// `error=401`, else 403.
    pub unauthorized: bool,
}

#[derive(Clone, Debug)]
pub enum Operator {
    Equals(Value),
    Any(Vec<Value>),
    All(Vec<Value>),
    Matches { ignore_case: bool, pattern: Pattern },
    Present,
    Absent,
}

/// Regular expressions that need no engine: letters and digits, perhaps held to either end.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub begins: bool,
    pub letters: &'static str,
    pub ends: bool,
}

/// Who is asked, and what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ruling<'q> {
    pub issuers: Option<&'q [Issuer]>,
    pub rules: Option<&'q Rules>,
    /// What the variables of this request hold.
    pub variables: &'q [String],
}

/// What fails first; `None` where rounding decides.
pub type Failed = Option<&'static str>;

/// The issuer that a token of these claims belongs to.
pub fn issuer_of<'q>(issuers: &'q [Issuer], claims: &Node) -> Option<&'q Issuer> {
    let iss = claims.member("iss")?.string()?;
    issuers.iter().find(|issuer| issuer.iss.iter().any(|own| own == iss))
}

/// `algorithms`, where there is a signature, and `typ`.
pub fn judge_header(issuer: &Issuer, header: &Node, signed: bool) -> Result<(), &'static str> {
    let text = |name| header.member(name).and_then(Node::string);
    if let (Some(allowed), true) = (&issuer.algorithms, signed)
        && !allowed.iter().any(|alg| Some(*alg) == text("alg"))
    {
        return Err("unsupported_algorithm");
    }
    let typ = text("typ").map(plain_type);
    let good = match &issuer.typ {
        Typ::Any => true,
        Typ::Usual => [None, Some("jwt"), Some("at+jwt")].contains(&typ.as_deref()),
        Typ::Of(list) => typ.is_some_and(|typ| list.iter().any(|own| plain_type(own) == typ)),
    };
    if good { Ok(()) } else { Err("wrong_typ") }
}

fn plain_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
}

/// Everything that comes behind `exp` and `nbf`, and before `auth_jwt_require`.
pub fn judge(
    ruling: &Ruling<'_>,
    issuer: Option<&Issuer>,
    claims: &Node,
    now_milliseconds: i64,
    leeway: u64,
) -> Result<(), Failed> {
    if let Some(issuer) = issuer {
        judge_times(issuer, claims, now_milliseconds, leeway)?;
    }
    let none = Rules::default();
    let rules = ruling.rules.unwrap_or(&none);
    let text = |value: &'_ Value| match value {
        Value::Text(text) => text.clone(),
        Value::Variable(number) => ruling.variables[*number].clone(),
    };
    let wanted = match (&rules.audience, issuer.map(|issuer| &issuer.audience)) {
        (Some(values), _) => Some(values.iter().map(text).collect::<Vec<_>>()),
        (None, Some(own)) => own.clone(),
        (None, None) => None,
    };
    if let Some(wanted) = wanted {
        let named = match claims.member("aud") {
            Some(Node { value: Json::String(one), .. }) => vec![one.clone()],
            Some(Node { value: Json::Array(several), .. }) => strings(several),
            _ => vec![],
        };
        if !wanted.iter().any(|wanted| !wanted.is_empty() && named.contains(wanted)) {
            return Err(Some("wrong_audience"));
        }
    }
    let usual = ["scope", "scp"].map(|name| vec![Step::Name(name.to_owned())]).to_vec();
    let places = issuer.and_then(|issuer| issuer.scope_claim.clone()).unwrap_or(usual);
    let granted = match places.iter().find_map(|path| find(claims, path)) {
        Some(Node { value: Json::String(text), .. }) => {
            text.split(' ').map(str::to_owned).collect()
        }
        Some(Node { value: Json::Array(several), .. }) => strings(several),
        _ => vec![],
    };
    for rule in &rules.scopes {
        let met = |value: &Value| !text(value).is_empty() && granted.contains(&text(value));
        let good = match rule.any {
            true => rule.scopes.iter().any(met),
            false => rule.scopes.iter().all(met),
        };
        if !good {
            return Err(Some("insufficient_scope"));
        }
    }
    for rule in &rules.claims {
        if !is_met(rule, claims, text) {
            let words = ["claim_mismatch 403", "claim_mismatch 401"];
            return Err(Some(words[usize::from(rule.unauthorized)]));
        }
    }
    Ok(())
}

fn judge_times(
    issuer: &Issuer,
    claims: &Node,
    now_milliseconds: i64,
    leeway: u64,
) -> Result<(), Failed> {
    const WRONG: Result<(), Failed> = Err(Some("wrong_lifetime"));
    // One that is malformed counts as missing; such an `exp` has been refused.
    let (exp, iat) = (date(claims, "exp").flatten(), date(claims, "iat").flatten());
    if exp.is_none() && (issuer.exp_required || issuer.max_lifetime.is_some()) {
        return WRONG;
    }
    let second = 1_000_000_000;
    let check = |earlier, later, most| match at_most(earlier, later, most) {
        Bound::Kept => Ok(()),
        Bound::Broken => WRONG,
        Bound::Close => Err(None),
    };
    if let (Some(longest), Some(exp)) = (issuer.max_lifetime, exp) {
        let Some(iat) = iat else { return WRONG };
        check(iat, exp, i128::from(longest) * second)?;
    }
    if let Some(oldest) = issuer.max_age {
        let Some(iat) = iat else { return WRONG };
        let now = (i128::from(now_milliseconds) * 1_000_000, true);
        let leeway = i128::from(leeway) * second;
        check(now, iat, leeway)?;
        check(iat, now, i128::from(oldest) * second + leeway)?;
    }
    Ok(())
}

fn strings(nodes: &[Node]) -> Vec<String> {
    nodes.iter().filter_map(|node| node.string().map(str::to_owned)).collect()
}

/// What is at the end of a path, unless that is `null`.
pub fn find<'n>(claims: &'n Node, path: &[Step]) -> Option<&'n Node> {
    let mut node = claims;
    for step in path {
        node = match (step, &node.value) {
            (Step::Name(name), Json::Object(_)) => node.member(name)?,
            (Step::Index(index), Json::Array(elements)) => elements.get(*index)?,
            _ => return None,
        };
    }
    (!matches!(node.value, Json::Null)).then_some(node)
}

fn is_met(rule: &ClaimRule, claims: &Node, text: impl Fn(&Value) -> String) -> bool {
    let claim = find(claims, &rule.path);
    let scalar = |node: &Node| match &node.value {
        Json::String(text) => Some(text.clone()),
        Json::Number | Json::Bool => Some(node.text.clone()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    };
    let elements: Vec<String> = match claim.map(|claim| &claim.value) {
        Some(Json::Array(elements)) => elements.iter().filter_map(scalar).collect(),
        _ => claim.and_then(scalar).into_iter().collect(),
    };
    let among = |value: &Value| !text(value).is_empty() && elements.contains(&text(value));
    match &rule.operator {
        Operator::Present => claim.is_some(),
        Operator::Absent => claim.is_none(),
        Operator::Equals(value) => {
            !text(value).is_empty() && claim.and_then(scalar) == Some(text(value))
        }
        Operator::Any(values) => values.iter().any(among),
        Operator::All(values) => values.iter().all(among),
        Operator::Matches { ignore_case, pattern } => {
            elements.iter().any(|element| pattern.matches(element, *ignore_case))
        }
    }
}

impl Pattern {
    fn matches(&self, text: &str, ignore_case: bool) -> bool {
        let (text, letters) = match ignore_case {
            true => (text.to_ascii_lowercase(), self.letters.to_ascii_lowercase()),
            false => (text.to_owned(), self.letters.to_owned()),
        };
        match (self.begins, self.ends) {
            (true, true) => text == letters,
            (true, false) => text.starts_with(&letters),
            (false, true) => text.ends_with(&letters),
            (false, false) => text.contains(&letters),
        }
    }

    /// As the configuration has it.
    pub fn text(&self) -> String {
        let (begins, ends) =
            (["", "^"][usize::from(self.begins)], ["", "$"][usize::from(self.ends)]);
        format!("{begins}{}{ends}", self.letters)
    }
}

/// The path that a text stands for: names joined by dots, `["any name"]`, `[0]`; the first is a name.
pub fn parse(text: &str) -> Option<Path> {
    let chars: Vec<char> = text.chars().collect();
    let (mut path, mut at) = (Path::new(), 0);
    while at < chars.len() || path.is_empty() {
        match (chars.get(at), path.is_empty()) {
            (Some('['), _) => path.push(bracketed(&chars, &mut at)?),
            (Some('.'), false) => {
                at += 1;
                path.push(bare(&chars, &mut at)?);
            }
            (_, true) => path.push(bare(&chars, &mut at)?),
            (_, false) => return None,
        }
    }
    (path.len() <= 32 && matches!(path[0], Step::Name(_))).then_some(path)
}

fn bare(chars: &[char], at: &mut usize) -> Option<Step> {
    let mut name = String::new();
    while let Some(char) = chars.get(*at).filter(|char| !"[.".contains(**char)) {
        if char.is_whitespace() || *char == '"' || *char == ']' {
            return None;
        }
        name.push(*char);
        *at += 1;
    }
    (!name.is_empty()).then_some(Step::Name(name))
}

fn bracketed(chars: &[char], at: &mut usize) -> Option<Step> {
    let mut next = || {
        *at += 1;
        chars.get(*at).copied()
    };
    let mut char = next()?;
    let mut text = String::new();
    let is_name = char == '"';
    if is_name {
        loop {
            match next()? {
                '"' => break,
                '\\' => text.push(next()?),
                other => text.push(other),
            }
        }
        char = next()?;
    } else {
        while char != ']' {
            text.push(char);
            char = next()?;
        }
    }
    *at += 1;
    if char != ']' || text.is_empty() {
        return None;
    }
    if is_name {
        return Some(Step::Name(text));
    }
    let index: usize = text.parse().ok()?;
    (index.to_string() == text).then_some(Step::Index(index))
}

/// A text of the path, of which `quoted` says which names stand in quotes though they need none.
pub fn print(path: &[Step], quoted: bool) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Name(name)
                if quoted || name.contains(|c: char| ".[]\"".contains(c) || c.is_whitespace()) =>
            {
                let name = name.replace('\\', "\\\\").replace('"', "\\\"");
                text.push_str(&format!("[\"{name}\"]"));
            }
            Step::Name(name) if text.is_empty() => text.push_str(name),
            Step::Name(name) => text.push_str(&format!(".{name}")),
        }
    }
    text
}
