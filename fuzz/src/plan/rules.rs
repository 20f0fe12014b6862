//! Stories of issuers and rules: a few tokens go to a few locations again and again, at other times and
//! with other variables.

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::Value as Json;

use super::Dice;
use crate::known;
use crate::mint::{Encryption, jwe, jws};
use crate::reference::Type;
use crate::reference::rules::{
    ClaimRule, Issuer, Operator, Path, Pattern, Rules, ScopeRule, Step, Typ, Value,
};

/// Some are shared by locations, which differ in their rules alone.
#[derive(Clone, Debug)]
pub enum Keys {
    Issuers(Vec<Issuer>),
    Documents(Vec<Vec<u8>>),
}

#[derive(Clone, Debug)]
pub struct Location {
    /// By number.
    pub keys: usize,
    pub token_type: Type,
    pub rules: Option<Rules>,
    pub leeway: u64,
    /// Whether names in its paths stand in quotes.
    pub quoted: bool,
}

#[derive(Clone, Debug)]
pub enum Event {
    Ask {
        token: usize,
        location: usize,
        now_milliseconds: i64,
        variables: Vec<String>,
        requirement_met: bool,
    },
    /// All keys are read anew.
    Rotate,
}

#[derive(Clone, Debug)]
pub struct Story {
    pub keys: Vec<Keys>,
    pub locations: Vec<Location>,
    pub tokens: Vec<Vec<u8>>,
    pub events: Vec<Event>,
}

const NOW: i64 = 1_767_225_600;

/// What strings hold, in tokens and in rules.
const TEXTS: [&str; 14] = [
    "admin", "read", "admin", "read", "write", "orders", "1", "true", "", "a b", "1.0", "é",
    "null", "READ",
];

const NAMES: [&str; 8] = ["roles", "a", "roles", "n", "a.b", "https://x/y", "q\"\\]", "scope"];

const ISS: [&str; 6] = ["https://a", "https://b", "https://a/", "c", "é", "HTTPS://A"];

/// Signers, and the names that they sign by.
const SIGNERS: [(usize, &[&str]); 4] = [
    (0, &["HS256", "HS384", "HS512"]),
    (2, &["HS512", "HS256", "HS384"]),
    (0, &["HS256"]),
    (8, &["EdDSA", "Ed25519"]),
];

/// The key that encrypts.
const ENCRYPTER: usize = 11;

const TIMES: [u64; 7] = [3600, 60, 0, 7200, 86_400, 1 << 53, u64::MAX];

impl<'a> Arbitrary<'a> for Story {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut dice = Dice(u);
        let mut keys = Vec::new();
        for _ in 0..=dice.up_to(1)? {
            keys.push(draw_keys(&mut dice)?);
        }
        let mut locations = Vec::new();
        for _ in 0..=dice.up_to(3)? {
            locations.push(location(&mut dice, &keys)?);
        }
        let mut tokens = Vec::new();
        for _ in 0..=dice.up_to(1)? {
            tokens.push(token(&mut dice, &keys, &locations)?);
        }
        let mut events = Vec::new();
        for _ in 0..6 + dice.up_to(14)? {
            events.push(event(&mut dice, &tokens, &locations)?);
        }
        Ok(Self { keys, locations, tokens, events })
    }
}

fn event(dice: &mut Dice<'_, '_>, tokens: &[Vec<u8>], locations: &[Location]) -> Result<Event> {
    if dice.rarely(12)? {
        return Ok(Event::Rotate);
    }
    let away = [0, 0, 0, 0, 1, 500, 60_000, -60_000, -60_500, 3_600_000, 90_000_000];
    Ok(Event::Ask {
        token: dice.up_to(tokens.len() - 1)?,
        location: dice.up_to(locations.len() - 1)?,
        now_milliseconds: NOW * 1000 + dice.one_of(&away)?,
        variables: vec![dice.one_of(&TEXTS)?.to_owned(), dice.one_of(&TEXTS)?.to_owned()],
        requirement_met: !dice.rarely(16)?,
    })
}

fn draw_keys(dice: &mut Dice<'_, '_>) -> Result<Keys> {
    if dice.rarely(4)? {
        return Ok(Keys::Documents(vec![document(dice)?]));
    }
    let mut iss: Vec<&str> = ISS.to_vec();
    let mut issuers = Vec::new();
    for number in 0..=dice.up_to(2)? {
        let mut own = vec![iss.remove(0)];
        if dice.rarely(4)? && iss.len() > 3 {
            own.push(iss.remove(0));
        }
        issuers.push(issuer(dice, number, &own)?);
    }
    Ok(Keys::Issuers(issuers))
}

fn issuer(dice: &mut Dice<'_, '_>, number: usize, iss: &[&str]) -> Result<Issuer> {
    let time = |dice: &mut Dice<'_, '_>| -> Result<Option<u64>> {
        Ok(if dice.rarely(3)? { Some(dice.one_of(&TIMES)?) } else { None })
    };
    let algorithms: [&[&'static str]; 3] = [&["HS256", "EdDSA"], &["HS512"], &["Ed25519"]];
    let types: [&[&'static str]; 3] = [&["JWT"], &["at+JWT", "x"], &["Application/X"]];
    Ok(Issuer {
        name: format!("issuer {number}"),
        iss: iss.iter().map(|iss| (*iss).to_owned()).collect(),
        audience: if dice.rarely(2)? { Some(texts(dice, 1)?) } else { None },
        algorithms: match dice.rarely(4)? {
            true => Some(dice.one_of(&algorithms)?.to_vec()),
            false => None,
        },
        typ: match dice.up_to(5)? {
            0..=2 => Typ::Usual,
            3 => Typ::Of(dice.one_of(&types)?.to_vec()),
            _ => Typ::Any,
        },
        exp_required: dice.rarely(3)?,
        leeway: time(dice)?,
        max_lifetime: time(dice)?,
        max_age: time(dice)?,
        scope_claim: match dice.rarely(4)? {
            true => Some(vec![path(dice)?, path(dice)?]),
            false => None,
        },
        sources: vec![document(dice)?],
    })
}

/// At least one, none empty, and none that means any.
fn texts(dice: &mut Dice<'_, '_>, more: usize) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for _ in 0..=dice.up_to(more)? {
        let text = dice.one_of(&TEXTS)?;
        texts.push(if text.is_empty() { "orders" } else { text }.to_owned());
    }
    Ok(texts)
}

fn document(dice: &mut Dice<'_, '_>) -> Result<Vec<u8>> {
    if dice.rarely(32)? {
        return Ok(vec![]);
    }
    let signer = SIGNERS[dice.up_to(3)?].0;
    let keys: Vec<Json> = [signer, 0, ENCRYPTER]
        .into_iter()
        .map(|number| Json::Object(known::jwk(number).clone()))
        .collect();
    Ok(serde_json::json!({ "keys": keys }).to_string().into_bytes())
}

fn location(dice: &mut Dice<'_, '_>, keys: &[Keys]) -> Result<Location> {
    let number = dice.up_to(keys.len() - 1)?;
    // Whose an encrypted token is, is known of one issuer alone.
    let several = matches!(&keys[number], Keys::Issuers(issuers) if issuers.len() > 1);
    let types = [Type::Signed, Type::Signed, Type::Encrypted, Type::Nested];
    let token_type = if several { Type::Signed } else { dice.one_of(&types)? };
    let rules = if dice.rarely(6)? { None } else { Some(rules(dice)?) };
    let leeway = dice.one_of(&[0, 0, 60, 3600, u64::MAX])?;
    Ok(Location { keys: number, token_type, rules, leeway, quoted: dice.rarely(2)? })
}

fn rules(dice: &mut Dice<'_, '_>) -> Result<Rules> {
    let mut rules = Rules::default();
    if dice.rarely(4)? {
        rules.audience = Some(values(dice)?);
    }
    for _ in 0..dice.one_of(&[0, 0, 0, 1, 2])? {
        rules.scopes.push(ScopeRule { scopes: values(dice)?, any: dice.rarely(2)? });
    }
    for _ in 0..dice.one_of(&[0, 1, 0, 2])? {
        let path = path(dice)?;
        let operator = operator(dice)?;
        rules.claims.push(ClaimRule { path, operator, unauthorized: dice.rarely(4)? });
    }
    Ok(rules)
}

fn operator(dice: &mut Dice<'_, '_>) -> Result<Operator> {
    Ok(match dice.up_to(7)? {
        0 => Operator::Present,
        1 => Operator::Absent,
        2 => Operator::Equals(value(dice)?),
        3 | 4 => Operator::Any(values(dice)?),
        5 => Operator::All(values(dice)?),
        // Neither K nor S, which letters beyond ASCII fold to.
        _ => Operator::Matches {
            ignore_case: dice.rarely(2)?,
            pattern: Pattern {
                begins: dice.rarely(2)?,
                letters: dice.one_of(&["read", "ADMIN", "a", "", "1", "true"])?,
                ends: dice.rarely(2)?,
            },
        },
    })
}

fn values(dice: &mut Dice<'_, '_>) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    for _ in 0..=dice.up_to(2)? {
        values.push(value(dice)?);
    }
    Ok(values)
}

fn value(dice: &mut Dice<'_, '_>) -> Result<Value> {
    Ok(match dice.rarely(4)? {
        true => Value::Variable(dice.up_to(1)?),
        false => Value::Text(dice.one_of(&TEXTS)?.to_owned()),
    })
}

fn path(dice: &mut Dice<'_, '_>) -> Result<Path> {
    let mut path = vec![Step::Name(dice.one_of(&NAMES)?.to_owned())];
    for _ in 0..dice.one_of(&[0, 0, 0, 1, 2])? {
        path.push(match dice.rarely(2)? {
            true => Step::Index(dice.one_of(&[0, 1, 2, usize::MAX])?),
            false => Step::Name(dice.one_of(&NAMES)?.to_owned()),
        });
    }
    Ok(path)
}

/// Mostly one that some location may take.
fn token(dice: &mut Dice<'_, '_>, keys: &[Keys], locations: &[Location]) -> Result<Vec<u8>> {
    let location = &locations[dice.up_to(locations.len() - 1)?];
    let iss: Vec<&str> = match &keys[location.keys] {
        Keys::Issuers(issuers) => {
            issuers.iter().flat_map(|issuer| &issuer.iss).map(String::as_str).collect()
        }
        Keys::Documents(_) => ISS.to_vec(),
    };
    let payload = payload(dice, &iss)?;
    let typ = dice.one_of(&["", "", "JWT", "at+jwt", "application/JWT", "X", "application/x"])?;
    let members = if typ.is_empty() { String::new() } else { format!(",\"typ\":\"{typ}\"") };
    let signed = |dice: &mut Dice<'_, '_>| -> Result<String> {
        let (signer, names) = SIGNERS[dice.up_to(3)?];
        let alg = dice.one_of(names)?;
        let header = format!("{{\"alg\":\"{alg}\"{members}}}");
        Ok(jws(header.as_bytes(), payload.as_bytes(), signer, alg))
    };
    let encrypted = |plaintext: &str| {
        let how = Encryption { alg: "dir", enc: "A128GCM", number: ENCRYPTER, members: &members };
        jwe(plaintext.as_bytes(), &how)
    };
    Ok(match location.token_type {
        Type::Signed => signed(dice)?,
        Type::Encrypted => encrypted(&payload),
        Type::Nested => encrypted(&signed(dice)?),
    }
    .into_bytes())
}

fn payload(dice: &mut Dice<'_, '_>, iss: &[&str]) -> Result<String> {
    let mut claims = Vec::new();
    if !dice.rarely(12)? {
        let iss = if dice.rarely(12)? { dice.one_of(&ISS)? } else { dice.one_of(iss)? };
        claims.push(format!("\"iss\":{}", string(dice, iss)?));
    }
    let exp = ["3600", "60", "0", "7200", "86400", "3600.5", "1e0", "-30"];
    let iat = ["0", "-60", "-3600", "60", "-86400", "-60.5", "61", "-3660"];
    for (name, times) in [("exp", exp), ("iat", iat)] {
        if !dice.rarely(5)? {
            let away: f64 = dice.one_of(&times)?.parse().expect("a number");
            claims.push(format!("\"{name}\":{}", NOW as f64 + away));
        }
    }
    if dice.rarely(24)? {
        claims.push(
            dice.one_of(&["\"iat\":\"1\"", "\"iat\":1e999", "\"exp\":null", "\"nbf\":1"])?.into(),
        );
    }
    for name in ["aud", "scope", "scp", "roles", "a", "n", "a.b", "https://x/y", "q\\\"\\\\]"] {
        if !dice.rarely(3)? {
            let value = match name {
                "aud" | "scope" | "scp" if !dice.rarely(4)? => strings(dice, name != "aud")?,
                _ => json(dice, 3)?,
            };
            claims.push(format!("\"{name}\":{value}"));
        }
    }
    if dice.rarely(32)? {
        claims.push("\"a\":1,\"a\":2".to_owned());
    }
    Ok(format!("{{{}}}", claims.join(",")))
}

/// Texts in a string or an array.
fn strings(dice: &mut Dice<'_, '_>, joined: bool) -> Result<String> {
    let mut texts = Vec::new();
    for _ in 0..=dice.up_to(2)? {
        texts.push(dice.one_of(&TEXTS)?);
    }
    if dice.rarely(2)? {
        let text = if joined { texts.join(" ") } else { texts[0].to_owned() };
        return string(dice, &text);
    }
    let mut elements = Vec::new();
    for text in texts {
        elements.push(string(dice, text)?);
    }
    Ok(format!("[{}]", elements.join(", ")))
}

fn string(dice: &mut Dice<'_, '_>, text: &str) -> Result<String> {
    let escaped = dice.rarely(6)?;
    let write = |char: char| match escaped {
        true => format!("\\u{:04x}", u32::from(char)),
        false => char.to_string(),
    };
    Ok(format!("\"{}\"", text.chars().map(write).collect::<String>()))
}

fn json(dice: &mut Dice<'_, '_>, depth: usize) -> Result<String> {
    Ok(match dice.up_to(if depth == 0 { 4 } else { 8 })? {
        0 | 1 => {
            let text = dice.one_of(&TEXTS)?;
            string(dice, text)?
        }
        2 => dice.one_of(&["1", "1.0", "1e0", "-0", "10", "1E400"])?.to_owned(),
        3 => dice.one_of(&["true", "false"])?.to_owned(),
        4 => "null".to_owned(),
        5 | 6 => {
            let mut elements = Vec::new();
            for _ in 0..dice.up_to(3)? {
                elements.push(json(dice, depth - 1)?);
            }
            format!("[{}]", elements.join(" ,"))
        }
        _ => {
            let mut members = Vec::new();
            for _ in 0..dice.up_to(3)? {
                let name = serde_json::json!(dice.one_of(&NAMES)?);
                members.push(format!("{name}: {}", json(dice, depth - 1)?));
            }
            format!("{{{}}}", members.join(","))
        }
    })
}
