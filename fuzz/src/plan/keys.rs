//! The key sources of a case.

use arbitrary::Result;
use serde_json::{Map, Value, json};

use super::Dice;
use super::token::Plan;
use crate::known;
use crate::reference::Type;
use crate::reference::base64url::{decode, encode};

/// Keys that are there beside those that are needed; those that are fast to read come more often.
const OTHERS: [usize; 28] = [
    0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 8, 9, 0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 4, 6, 7, 10, 17,
    18,
];

/// No source at all, or up to three documents, which mostly hold the keys that are needed.
pub fn sources(dice: &mut Dice<'_, '_>, plan: &Plan) -> Result<Option<Vec<Vec<u8>>>> {
    if dice.rarely(16)? {
        return Ok(None);
    }
    let mut needed = vec![plan.signer];
    match plan.token_type {
        Type::Signed => {}
        Type::Encrypted => needed = vec![plan.encrypter],
        Type::Nested => needed.push(plan.encrypter),
    }
    if plan.signer < 4 && dice.rarely(16)? {
        return Ok(Some(vec![crowd(dice, &needed)?]));
    }
    let count = dice.one_of(&[1, 1, 1, 2, 3])?;
    let mut documents = Vec::new();
    for at in 0..count {
        let mut keys = Vec::new();
        for _ in 0..dice.one_of(&[1, 1, 2, 3])? {
            keys.push(dice.one_of(&OTHERS)?);
        }
        if at + 1 == count && !dice.rarely(12)? {
            keys.extend(&needed);
        }
        documents.push(document(dice, &keys)?);
    }
    Ok(Some(documents))
}

/// About as many keys as are tried, all of one kind and nameless, before the ones that are needed.
fn crowd(dice: &mut Dice<'_, '_>, needed: &[usize]) -> Result<Vec<u8>> {
    let nameless = |number: usize| {
        let mut jwk = known::jwk(number).clone();
        jwk.remove("kid");
        Value::Object(jwk).to_string()
    };
    // HMAC keys that fit any of its algorithms, or AES keys that fit those of 128 bits.
    let kind = [json!({"kty": "oct", "k": "AA"}).to_string(), nameless(12)];
    let mut entries = vec![kind[dice.up_to(1)?].clone(); 30 + dice.up_to(3)?];
    entries.extend(needed.iter().map(|number| nameless(*number)));
    Ok(format!("{{\"keys\":[{}]}}", entries.join(",")).into_bytes())
}

fn document(dice: &mut Dice<'_, '_>, numbers: &[usize]) -> Result<Vec<u8>> {
    if dice.rarely(48)? {
        let broken = ["", "{}", "[]", "null", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[1]} x"];
        return Ok(dice.one_of(&broken)?.into());
    }
    let mut entries = Vec::new();
    for number in numbers {
        entries.push(entry(dice, *number)?);
    }
    if let ([entry], true) = (&entries[..], dice.rarely(4)?) {
        return Ok(entry.clone().into_bytes());
    }
    if dice.rarely(8)? {
        let odd = ["17", "{}", "null", "{\"kty\":\"XYZ\",\"kid\":\"a\"}", "{\"kty\":1,\"kty\":1}"];
        entries.insert(dice.up_to(entries.len())?, dice.one_of(&odd)?.to_owned());
    }
    let mark = if dice.rarely(16)? { "\u{feff}" } else { "" };
    Ok(format!("{mark}{{\"keys\":[{}]}}", entries.join(",")).into_bytes())
}

/// The key of that number with other metadata, or with a member that is not right.
fn entry(dice: &mut Dice<'_, '_>, number: usize) -> Result<String> {
    let mut jwk = known::jwk(number).clone();
    // Decryption needs the private members; a published set has none.
    if jwk["kty"] != "oct" && !dice.rarely(3)? {
        for name in ["d", "p", "q", "dp", "dq", "qi"] {
            jwk.remove(name);
        }
    }
    match dice.up_to(11)? {
        0..=6 => {}
        7 | 8 => drop(jwk.remove("kid")),
        9 => set(&mut jwk, "kid", json!(dice.one_of(&["", "a", "p256", "hs256", "enc16"])?)),
        10 => set(&mut jwk, "kid", dice.one_of(&[Some(1), None])?.into()),
        _ => {}
    }
    if dice.rarely(8)? {
        let names = [
            "HS256",
            "HS384",
            "ES256",
            "EdDSA",
            "Ed25519",
            "RS256",
            "PS256",
            "dir",
            "A128KW",
            "A128GCM",
            "A256GCM",
            "A256CBC-HS512",
            "ECDH-ES",
            "RSA-OAEP",
            "none",
            "",
            "hs256",
        ];
        set(&mut jwk, "alg", json!(dice.one_of(&names)?));
    }
    if dice.rarely(10)? {
        let value = [json!("sig"), json!("enc"), json!("x"), json!(null), json!(["sig"])];
        set(&mut jwk, "use", value[dice.up_to(4)?].clone());
    }
    if dice.rarely(12)? {
        let value = [
            json!(["verify"]),
            json!(["decrypt", "unwrapKey"]),
            json!(["sign", "verify", "x"]),
            json!(["unwrapKey"]),
            json!(["deriveKey"]),
            json!([]),
            json!("verify"),
            json!([1]),
        ];
        set(&mut jwk, "key_ops", value[dice.up_to(7)?].clone());
    }
    if dice.rarely(16)? {
        let name = dice.one_of(&["kty", "crv", "k", "x", "y", "n", "e"])?;
        let values = [
            json!(null),
            json!(""),
            json!("AA"),
            json!("AA=="),
            json!("="),
            json!("RSA"),
            json!("EC"),
            json!("P-256"),
            json!("Ed448"),
            json!("AQ"),
            json!(1),
        ];
        match dice.up_to(values.len())? {
            0 => drop(jwk.remove(name)),
            at => set(&mut jwk, name, values[at - 1].clone()),
        }
    }
    if dice.rarely(8)? {
        as_issuers_write(dice, &mut jwk)?;
    }
    let text = Value::Object(jwk).to_string();
    // A duplicate member, which a map cannot hold.
    Ok(if dice.rarely(32)? { text.replacen('{', "{\"kty\":\"oct\",", 1) } else { text })
}

/// Padding, `null` for what is not there, and coordinates without their first octet, be it zero or not.
fn as_issuers_write(dice: &mut Dice<'_, '_>, jwk: &mut Map<String, Value>) -> Result<()> {
    let name =
        dice.one_of(&["k", "n", "e", "x", "y", "d", "use", "key_ops", "alg", "kid", "crv"])?;
    let text = jwk.get(name).and_then(Value::as_str).map(str::to_owned);
    match text {
        None => set(jwk, name, json!(null)),
        Some(text) if matches!(name, "x" | "y") && dice.rarely(2)? => {
            let bytes = decode(text.as_bytes()).unwrap_or_default();
            set(jwk, name, json!(encode(bytes.get(1..).unwrap_or_default())));
        }
        Some(text) => set(jwk, name, json!(format!("{text}{}", "=".repeat(dice.up_to(3)?)))),
    }
    Ok(())
}

fn set(jwk: &mut Map<String, Value>, name: &str, value: Value) {
    jwk.insert(name.to_owned(), value);
}
