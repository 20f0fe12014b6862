//! Requests with a token that is mostly bound, and mostly with what proves that.

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Dice;
use crate::known;
use crate::mint::jws;
use crate::reference::base64url::encode;
use crate::reference::holder::{Mode, Request, thumbprint};
use crate::reference::json::object;

/// Keys that sign proofs, by number, and by which names; those that sign fast come more often.
const SIGNERS: [(usize, &[&str]); 14] = [
    (4, &["ES256"]),
    (8, &["EdDSA", "Ed25519"]),
    (4, &["ES256"]),
    (9, &["Ed25519", "EdDSA"]),
    (5, &["ES256"]),
    (8, &["EdDSA", "Ed25519"]),
    (6, &["ES384"]),
    (7, &["ES512"]),
    (10, &["EdDSA", "Ed448"]),
    (18, &["RS256", "PS256", "RS384", "PS384", "RS512", "PS512"]),
    (19, &["PS256", "RS256"]),
    (0, &["HS256", "ES256"]),
    (17, &["EdDSA", "ES256"]),
    (4, &["ES384", "none", "RS256", "es256"]),
];

const TYPES: [&str; 8] = [
    r#""dpop+jwt""#,
    r#""dpop\u002bjwt""#,
    r#""JWT""#,
    r#""DPoP+JWT""#,
    r#""application/dpop+jwt""#,
    "null",
    "1",
    r#""""#,
];

/// What else may be in the header of a proof; the first three are harmless.
const HEADER_MEMBERS: [&str; 9] = [
    r#","kid":"a""#,
    r#","x":[{}]"#,
    r#","nonce":1"#,
    r#","crit":["jwk"]"#,
    r#","b64":true"#,
    r#","kid":1"#,
    r#","typ":"dpop+jwt""#,
    r#","jwk":{}"#,
    r#","x":"\ud800""#,
];

/// What else may be in the key of a proof; the first five are harmless.
const KEY_MEMBERS: [(&str, &str); 16] = [
    ("kid", r#""a""#),
    ("use", r#""sig""#),
    ("key_ops", r#"["verify","sign"]"#),
    ("use", "null"),
    ("x5c", "1"),
    ("use", r#""enc""#),
    ("key_ops", r#"["sign"]"#),
    ("alg", r#""ES256""#),
    ("alg", r#""EdDSA""#),
    ("d", r#""AQAB""#),
    ("oth", "null"),
    ("k", r#""""#),
    ("qi", "1"),
    ("crv", r#""P-256""#),
    ("x", r#""AA""#),
    ("kty", r#""RSA""#),
];

/// What is behind the host, once as a client sends it, and otherwise in `htu`.
const PATHS: [&str; 30] = [
    "/a/b",
    "/a/./b",
    "/a/c/../b",
    "/a//../b",
    "/c//../../a/b",
    "/c%2Fd/../a/b",
    "/c;d/../a/b",
    "/a//c/../b",
    "/a/b#/..",
    "/%61/b",
    "/a/%62",
    "/a%2Fb",
    "/a%2fb",
    "/a/b/",
    "/a//b",
    "/A/b",
    "/",
    "",
    "/..",
    "/../a/b",
    "/%2e%2E/a/b",
    "/a/b/..",
    "/a/b/.",
    "/a/b%",
    "/a/b%zz",
    "/a\\b",
    "/a/b|",
    "/\u{e9}",
    "*",
    "/a b",
];

const QUERIES: [&str; 6] = ["", "?q=1", "?", "#f", "?q#f/../x", "?q=\u{e9}"];

const BASES: [&str; 28] = [
    "https://api.example",
    "https://api.example/",
    "HTTPS://API.example:443",
    "https://api.example:",
    "https://api.example:0443/",
    "https://api.example:8443",
    "https://api.example:80",
    "http://api.example",
    "http://api.example:80",
    "http://api.example:443",
    "https://api.example/v1",
    "https://api.example/v1/",
    "https://api.example/v%31",
    "https://api.example/x/../v1",
    "https://[::1]",
    "https://[0:0::1]:443",
    "https://[::1]:8443",
    "https://[::1",
    "https://user@api.example",
    "https://@api.example",
    "https://",
    "https://:443",
    "https://api.example:0",
    "https://api.example:65536",
    "https://api.example:+443",
    "https://api%2eexample",
    "api.example",
    "ftp://api.example",
];

const MODES: [Mode; 5] =
    [Mode::Optional, Mode::Optional, Mode::Required, Mode::Off, Mode::Optional];

impl<'a> Arbitrary<'a> for Request {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut dice = Dice(u);
        let now: i64 = dice.one_of(&[1_767_225_600, 1_767_225_600, 100])?;
        let (signer, algs) = dice.one_of(&SIGNERS)?;
        let certificate = dice.one_of(&[&[0x30, 0xfb, 0xff][..], &[0x30, 1], &[0x30; 70]])?;
        let claims = claims(&mut dice, signer, certificate)?;
        let mut request = Self {
            token: format!("eyJhbGciOiJIUzI1NiJ9.{}.", encode(claims.as_bytes())).into_bytes(),
            claims,
            certificate_mode: dice.one_of(&MODES)?,
            proof_mode: dice.one_of(&MODES)?,
            window: dice.one_of(&[60, 1, 3600])?,
            leeway: dice.one_of(&[0, 0, 5, 1 << 40, i64::MAX as u64])?,
            now_milliseconds: now * 1000 + dice.one_of(&[0, 0, 1, 500, 999])?,
            scheme: dice.one_of(&[
                Some("DPoP"),
                Some("DPoP"),
                Some("DPoP"),
                Some("Bearer"),
                None,
            ])?,
            certificate: match dice.up_to(7)? {
                0 => None,
                1 => Some(dice.bytes(40)?),
                _ => Some(pem(&mut dice, certificate)?),
            },
            proofs: Vec::new(),
            method: dice.one_of(&["GET", "GET", "POST", "get", ""])?.to_owned(),
            base: text(&mut dice, BASES[0], &BASES)?.into_bytes(),
            path: url_path(&mut dice)?.into_bytes(),
            is_first: !dice.rarely(16)?,
        };
        for _ in 0..dice.one_of(&[1, 1, 1, 1, 1, 1, 0, 2])? {
            let alg = dice.one_of(algs)?;
            request.proofs.push(proof(&mut dice, &request, signer, alg)?);
        }
        Ok(request)
    }
}

/// The plain one mostly, or any of them, or bytes of which most are from `choices`.
fn text(dice: &mut Dice<'_, '_>, plain: &str, choices: &[&str]) -> Result<String> {
    Ok(match dice.up_to(5)? {
        0..=2 => plain.to_owned(),
        3 | 4 => dice.one_of(choices)?.to_owned(),
        _ => {
            let mut text = dice.one_of(choices)?.to_owned();
            let at = dice.up_to(text.len())?;
            let odd = ["%", ".", "/", "?", "#", "@", ":", "[", "]", "0", "\\", "\0", "e", "\u{e9}"];
            if text.is_char_boundary(at) {
                text.insert_str(at, dice.one_of(&odd)?);
            }
            text
        }
    })
}

fn url_path(dice: &mut Dice<'_, '_>) -> Result<String> {
    Ok(format!("{}{}", text(dice, PATHS[0], &PATHS)?, dice.one_of(&QUERIES)?))
}

/// The public JWK of that number, mostly as it is.
fn jwk(dice: &mut Dice<'_, '_>, number: usize) -> Result<String> {
    let private = known::jwk(number);
    let public = ["kty", "crv", "x", "y", "n", "e"];
    let mut jwk: Map<String, Value> = public
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), private.get(*name)?.clone())))
        .collect();
    let odd = dice.rarely(8)?;
    for _ in 0..dice.one_of(&[0, 0, 1, 2])? {
        let most = if odd { KEY_MEMBERS.len() } else { 5 };
        let (name, value) = dice.one_of(&KEY_MEMBERS[..most])?;
        jwk.insert(name.to_owned(), serde_json::from_str(value).expect("JSON"));
    }
    if dice.rarely(24)? {
        // Padded, as issuers write.
        let name = dice.one_of(&["x", "y", "n", "e"])?;
        let text = jwk.get(name).and_then(Value::as_str).map(|text| format!("{text}="));
        jwk.extend(text.map(|text| (name.to_owned(), Value::String(text))));
    }
    Ok(Value::Object(jwk).to_string())
}

fn claims(dice: &mut Dice<'_, '_>, signer: usize, certificate: &[u8]) -> Result<String> {
    // Of the key as it is; a request may have it in another form.
    let key = public(signer);
    let other = public(if signer == 9 { 8 } else { 9 });
    let jkt = |jwk: &str| {
        encode(&object(jwk.as_bytes()).and_then(|jwk| thumbprint(&jwk)).unwrap_or_default())
    };
    let x5t = encode(&Sha256::digest(certificate));
    let odd = ["null", "1", "\"\"", "{}", "\"AA\"", "\"AAAA=\""];
    let mut members = Vec::new();
    match dice.up_to(9)? {
        0..=5 => members.push(format!("\"jkt\":\"{}\"", jkt(&key))),
        6 => members.push(format!("\"jkt\":\"{}\"", jkt(&other))),
        7 => members.push(format!("\"jkt\":{}", dice.one_of(&odd)?)),
        _ => {}
    }
    match dice.up_to(7)? {
        0..=3 => {}
        4 | 5 => members.push(format!("\"x5t#S256\":\"{x5t}\"")),
        6 => members.push(format!("\"x5t#S256\":\"{}\"", encode(&Sha256::digest(b"other")))),
        _ => members.push(format!("\"x5t#S256\":{}", dice.one_of(&odd)?)),
    }
    if dice.rarely(12)? {
        members.push(
            dice.one_of(&["\"kid\":\"a\"", "\"jkt\":1", "\"JKT\":\"a\"", "\"\\u006akt\":1"])?
                .to_owned(),
        );
    }
    let cnf = format!("{{{}}}", members.join(","));
    Ok(match dice.up_to(15)? {
        0 => "{}".to_owned(),
        1 => format!("{{\"cnf\":{}}}", dice.one_of(&["null", "[]", "\"jkt\"", "1", "[{}]"])?),
        2 => format!("{{\"CNF\":{cnf}}}"),
        _ => format!("{{\"sub\":\"a\",\"c\\u006ef\":{cnf}}}"),
    })
}

fn public(number: usize) -> String {
    jwk(&mut Dice(&mut Unstructured::new(&[])), number).expect("the plain one")
}

fn pem(dice: &mut Dice<'_, '_>, der: &[u8]) -> Result<Vec<u8>> {
    let mut base64 = encode(der).replace('-', "+").replace('_', "/");
    while base64.len() % 4 != 0 {
        base64.push('=');
    }
    let line = dice.one_of(&["\n", "\r\n", "\n\t", " ", "", "\u{b}"])?;
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let (head, tail) = base64.split_at(dice.up_to(base64.len())?);
    let mut text = [begin, head, tail, end, ""].join(line);
    if dice.rarely(8)? {
        let at = dice.up_to(text.len())?;
        text.insert_str(at, dice.one_of(&["=", "A", "-", "%", "\n", "%41", "\0"])?);
    }
    if dice.rarely(16)? {
        let first = [" ", "\n\t", "\u{b}", "Cert=", "\"", "a\n", "-", end];
        text.insert_str(0, dice.one_of(&first)?);
    }
    if dice.rarely(2)? {
        let all = dice.rarely(2)?;
        let escaped = |byte: u8| match byte {
            b'+' | b'/' | b'=' if !all => (byte as char).to_string(),
            byte if byte.is_ascii_alphanumeric() => (byte as char).to_string(),
            byte => format!("%{byte:02x}"),
        };
        text = text.bytes().map(escaped).collect();
    }
    Ok(text.into_bytes())
}

fn proof(dice: &mut Dice<'_, '_>, request: &Request, signer: usize, alg: &str) -> Result<Vec<u8>> {
    if dice.rarely(32)? {
        return dice.bytes(60);
    }
    let jwk = match dice.rarely(24)? {
        true => dice.one_of(&["null", "{}", "[]", "\"a\"", "{\"kty\":\"oct\"}"])?.to_owned(),
        false => jwk(dice, signer)?,
    };
    let typ = if dice.rarely(8)? { dice.one_of(&TYPES)? } else { TYPES[0] };
    let odd = if dice.rarely(8)? { HEADER_MEMBERS.len() } else { 3 };
    let members = if dice.rarely(4)? { dice.one_of(&HEADER_MEMBERS[..odd])? } else { "" };
    let header = format!("{{\"typ\":{typ},\"alg\":\"{alg}\",\"jwk\":{jwk}{members}}}");
    let payload = payload(dice, request)?;
    let forged = dice.rarely(16)?;
    let token = jws(header.as_bytes(), payload.as_bytes(), if forged { 5 } else { signer }, alg);
    let mut token = token.into_bytes();
    if dice.rarely(12)? {
        let at = dice.up_to(token.len() - 1)?;
        match dice.up_to(2)? {
            0 => token.truncate(at),
            1 => token.insert(at, dice.one_of(b".=A \n")?),
            _ => token[at] = dice.one_of(b"ABCDabcd-_")?,
        }
    }
    Ok(token)
}

fn payload(dice: &mut Dice<'_, '_>, request: &Request) -> Result<String> {
    let odd = |dice: &mut Dice<'_, '_>, good: String| {
        Ok(match dice.up_to(31)? {
            31 => None,
            30 => Some(dice.one_of(&["null", "1", "\"\"", "[]", "{}", "\"x\""])?.to_owned()),
            _ => Some(good),
        })
    };
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    // What the request is to, or another writing of it, or something else.
    let base = String::from_utf8_lossy(&request.base).into_owned();
    let path = String::from_utf8_lossy(&request.path).into_owned();
    let htu = match dice.up_to(7)? {
        0..=3 => format!("{}{path}", base.trim_end_matches('/')),
        4 => format!("{base}{path}"),
        _ => format!("{}{}", text(dice, &base, &BASES)?, url_path(dice)?),
    };
    let now = request.now_milliseconds / 1000;
    let reach = i128::from(request.window) + i128::from(request.leeway);
    let far = dice.one_of(&[0, 0, 0, 1, -1, reach, -reach, reach + 1, -reach - 1])?;
    let iat = dice.one_of(&["", "", "", ".5", "e0", ".000", ".001"])?;
    let iat = format!("{}{iat}", i128::from(now) + far);
    let ath = encode(&Sha256::digest(&request.token));
    let htm = if dice.rarely(12)? { "DELETE" } else { &request.method };
    let mut members = Vec::new();
    for (name, good) in [
        ("jti", quoted("a")),
        ("htm", quoted(htm)),
        ("htu", quoted(&htu)),
        ("iat", iat),
        ("ath", quoted(&ath)),
    ] {
        members.extend(odd(dice, good)?.map(|value| format!("\"{name}\":{value}")));
    }
    if dice.rarely(6)? {
        let more = [
            format!("\"exp\":{}", now + 1),
            format!("\"nbf\":{now}"),
            "\"nonce\":\"a\"".to_owned(),
            format!("\"exp\":{now}"),
            format!("\"nbf\":{}.5", now + 1),
            "\"exp\":\"1\"".to_owned(),
            "\"jti\":\"b\"".to_owned(),
            "\"x\":\"\\ud800\"".to_owned(),
        ];
        members.push(more[dice.up_to(more.len() - 1)?].clone());
    }
    Ok(format!("{{{}}}", members.join(",")))
}
