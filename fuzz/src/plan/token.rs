//! The token of a case.

use arbitrary::Result;

use super::Dice;
use crate::known;
use crate::mint::{Encryption, jwe, jws};
use crate::reference::Type;
use crate::reference::base64url::{decode, encode};

/// Who signs and encrypts, and by which names.
pub struct Plan {
    pub token_type: Type,
    pub signer: usize,
    pub signature: &'static str,
    pub encrypter: usize,
    pub management: &'static str,
    pub encryption: &'static str,
}

/// By number; those that sign fast come more often.
const SIGNERS: [usize; 24] =
    [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 8, 4, 5, 6, 7, 10, 11, 17, 18, 19];

const SIGNATURES: [&str; 18] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "ES512", "EdDSA", "Ed25519", "Ed448", "none", "ES256K", "",
];

const MANAGEMENTS: [&str; 11] = [
    "dir",
    "A128KW",
    "A192KW",
    "A256KW",
    "A128GCMKW",
    "A192GCMKW",
    "A256GCMKW",
    "RSA-OAEP-256",
    "ECDH-ES",
    "RSA1_5",
    "HS256",
];

const ENCRYPTIONS: [&str; 7] =
    ["A128GCM", "A128CBC-HS256", "A192GCM", "A192CBC-HS384", "A256GCM", "A256CBC-HS512", "XC20P"];

/// What else a header may hold; the first half is harmless.
const HEADER_MEMBERS: [&str; 24] = [
    r#","typ":"JWT""#,
    r#","cty":"JWT""#,
    r#","jwk":{"kty":"oct","k":"AA"}"#,
    r#","jku":"https://keys.example/","x5c":[1]"#,
    r#","x":[[[[]]]],"y":1e400"#,
    r#", "\u0061" : "\ud83d\ude00" "#,
    r#","apu":"AA","apv":"!""#,
    r#","exp":1,"nbf":"x""#,
    r#","":null"#,
    r#","Alg":"none""#,
    r#","epk":{"kty":"OKP","crv":"X25519","x":"BDK-Xp-Va8ND2AfL26fh_22lpTv5on6DAr8P76YHUyY"}"#,
    r#","x":{"a":1,"a":2}"#,
    r#","crit":["exp"]"#,
    r#","crit":[]"#,
    r#","b64":false"#,
    r#","b64":true"#,
    r#","zip":"DEF""#,
    r#","typ":null"#,
    r#","cty":1"#,
    r#","kid":["a"]"#,
    r#","alg":"HS256""#,
    r#","\u0061lg":"HS256""#,
    r#","x":"\ud800""#,
    r#","enc":1"#,
];

/// What a payload may hold; the first half is harmless.
const CLAIMS: [&str; 24] = [
    r#""sub":"alice""#,
    r#""aud":["a","b"]"#,
    r#""Exp":1"#,
    r#""a":{"exp":1,"exp":2}"#,
    r#""iat":"never""#,
    r#""\u00e9\ud83d\ude00":"\n""#,
    r#""deep":[[[[[[[[{}]]]]]]]]"#,
    r#" "n" : -0.0e-0 "#,
    r#""iss":null"#,
    r#""":{}"#,
    "\"é\":\"\u{7f}\"",
    r#""big":123456789012345678901234567890e300"#,
    r#""sub":"bob""#,
    r#""s\u0075b":"bob""#,
    r#""exp":1"#,
    r#""exp":null"#,
    r#""nbf":"1""#,
    r#""nbf":1e999"#,
    r#""x":"\udc00""#,
    "\"x\":\"\t\"",
    r#""x":01"#,
    r#""x":1."#,
    r#""x":[1,]"#,
    r#""exp":-1e308"#,
];

impl Plan {
    pub fn draw(dice: &mut Dice<'_, '_>, token_type: Type) -> Result<Self> {
        let signer = dice.one_of(&SIGNERS)?;
        let natural = signatures_of(signer);
        let odd = natural.is_empty() || dice.rarely(10)?;
        let signature = dice.one_of(if odd { &SIGNATURES } else { natural })?;
        let encrypter = 11 + dice.up_to(5)?;
        let odd = dice.rarely(10)?;
        let (managements, encryptions) = fitting(encrypter);
        let management = dice.one_of(if odd { &MANAGEMENTS } else { managements })?;
        let direct = management == "dir" && !dice.rarely(10)?;
        let encryption = dice.one_of(if direct { encryptions } else { &ENCRYPTIONS })?;
        Ok(Self { token_type, signer, signature, encrypter, management, encryption })
    }

    pub fn token(&self, dice: &mut Dice<'_, '_>, now: i64, leeway: u64) -> Result<Vec<u8>> {
        let payload = payload(dice, now, leeway)?;
        let token = match self.token_type {
            Type::Signed => self.signed(dice, &payload)?,
            Type::Encrypted => self.encrypted(dice, &payload)?,
            Type::Nested => {
                let inner = self.signed(dice, &payload)?;
                let inner = if dice.rarely(8)? { spoilt(dice, inner)? } else { inner.into_bytes() };
                self.encrypted(dice, &inner)?
            }
        };
        if dice.rarely(6)? { spoilt(dice, token) } else { Ok(token.into_bytes()) }
    }

    fn signed(&self, dice: &mut Dice<'_, '_>, payload: &[u8]) -> Result<String> {
        let members = [kid(dice, self.signer)?, members(dice)?].concat();
        let header = match dice.rarely(24)? {
            true => dice.bytes(40)?,
            false => format!("{{\"alg\":\"{}\"{members}}}", self.signature).into_bytes(),
        };
        // Another key of the same kind signs a forgery.
        let forged = dice.rarely(12)?;
        let signer = if forged { dice.up_to(19)? } else { self.signer };
        Ok(jws(&header, payload, signer, self.signature))
    }

    fn encrypted(&self, dice: &mut Dice<'_, '_>, plaintext: &[u8]) -> Result<String> {
        let members = [kid(dice, self.encrypter)?, members(dice)?].concat();
        let how = Encryption {
            alg: self.management,
            enc: self.encryption,
            number: self.encrypter,
            members: &members,
        };
        Ok(jwe(plaintext, &how))
    }
}

fn kid(dice: &mut Dice<'_, '_>, number: usize) -> Result<String> {
    let own = known::jwk(number).get("kid").and_then(|kid| kid.as_str()).unwrap_or_default();
    Ok(match dice.up_to(7)? {
        0..=3 => format!(",\"kid\":\"{own}\""),
        4 | 5 => String::new(),
        6 => format!(",\"kid\":\"\\u{:04x}{}\"", own.as_bytes()[0], &own[1..]),
        _ => format!(",\"kid\":\"{}\"", dice.one_of(&["", "a", "p256", "enc16"])?),
    })
}

fn members(dice: &mut Dice<'_, '_>) -> Result<String> {
    let mut members = String::new();
    for _ in 0..dice.up_to(2)? {
        let most = if dice.rarely(8)? { HEADER_MEMBERS.len() } else { HEADER_MEMBERS.len() / 2 };
        members.push_str(dice.one_of(&HEADER_MEMBERS[..most])?);
    }
    Ok(members)
}

fn payload(dice: &mut Dice<'_, '_>, now: i64, leeway: u64) -> Result<Vec<u8>> {
    if dice.rarely(24)? {
        return dice.bytes(60);
    }
    let mut claims = Vec::new();
    for (name, sign) in [("exp", 1i64), ("nbf", -1)] {
        if !dice.rarely(2)? {
            // Around the bound, or far on the good side of it.
            let bound = now.saturating_sub((sign as i128 * leeway as i128) as i64);
            let far = [3600, 1, 0, -1, 1 << 33, 3600, 3600, -3600];
            let at = bound.saturating_add(sign.saturating_mul(dice.one_of(&far)?));
            let forms = [at.to_string(), format!("{at}.5"), format!("{at}e0"), format!("{at}.000")];
            claims.push(format!("\"{name}\":{}", forms[dice.up_to(forms.len() - 1)?]));
        }
    }
    for _ in 0..dice.up_to(3)? {
        let most = if dice.rarely(8)? { CLAIMS.len() } else { CLAIMS.len() / 2 };
        claims.push(dice.one_of(&CLAIMS[..most])?.to_owned());
    }
    if dice.rarely(32)? {
        // About as deep as it may be.
        let depth = 126 + dice.up_to(3)?;
        claims.push(format!("\"d\":{}{}", "[".repeat(depth), "]".repeat(depth)));
    }
    let tails = if dice.rarely(12)? { &["x", "{}", "\0"] } else { &["", " ", "\n\t"] };
    let tail = dice.one_of(tails)?;
    Ok(format!("{{{}}}{tail}", claims.join(",")).into_bytes())
}

/// One thing about the token is changed.
fn spoilt(dice: &mut Dice<'_, '_>, token: String) -> Result<Vec<u8>> {
    let mut segments: Vec<Vec<u8>> =
        token.split('.').map(|segment| segment.as_bytes().to_vec()).collect();
    let at = dice.up_to(segments.len() - 1)?;
    let segment = &mut segments[at];
    match dice.up_to(8)? {
        0 => {
            // One bit of what it stands for.
            let mut bytes = decode(segment).unwrap_or_default();
            if let Some(last) = bytes.len().checked_sub(1) {
                let byte = dice.up_to(last)?;
                bytes[byte] ^= 1 << dice.up_to(7)?;
            }
            *segment = encode(&bytes).into_bytes();
        }
        1 => segment.truncate(dice.up_to(segment.len())?),
        2 => segment.clear(),
        3 => segment.extend(dice.one_of::<&[u8]>(&[b"=", b"==", b" ", b"A", b"AA", b"\n", b"+"])?),
        4 => {
            // The bits behind the last byte.
            if let Some(last) = segment.last_mut() {
                *last = dice.one_of(b"ABCDEFGHabcdefgh0123-_")?;
            }
        }
        5 => segments.push(vec![]),
        6 => drop(segments.remove(at)),
        7 => *segment = dice.bytes(40)?,
        _ => {
            let mut bytes = decode(segment).unwrap_or_default();
            bytes.insert(dice.up_to(bytes.len())?, 0);
            *segment = encode(&bytes).into_bytes();
        }
    }
    Ok(segments.join(&b'.'))
}

/// The names that the key of that number may sign by.
fn signatures_of(number: usize) -> &'static [&'static str] {
    match number {
        0..=3 => &["HS256", "HS384", "HS512"],
        4 | 5 => &["ES256"],
        6 => &["ES384"],
        7 => &["ES512"],
        8 | 9 => &["EdDSA", "Ed25519"],
        10 => &["EdDSA", "Ed448"],
        18 | 19 => &["RS256", "PS256", "RS384", "RS512", "PS384", "PS512"],
        _ => &[],
    }
}

/// How the key of that number may encrypt, and by which encryptions where it does so directly.
fn fitting(number: usize) -> (&'static [&'static str], &'static [&'static str]) {
    match number {
        11 | 12 => (&["dir", "A128KW", "A128GCMKW"], &["A128GCM"]),
        13 => (&["A192KW", "A192GCMKW", "dir"], &["A192GCM"]),
        14 => (&["A256KW", "A256GCMKW", "dir"], &["A256GCM", "A128CBC-HS256"]),
        15 => (&["dir"], &["A192CBC-HS384"]),
        _ => (&["dir"], &["A256CBC-HS512"]),
    }
}
