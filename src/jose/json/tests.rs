use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::scan::MAX_DEPTH;
use super::*;

fn parse(text: &str) -> Result<Object, JsonError> {
    Object::parse(text.as_bytes().to_vec())
}

fn value(object: &str, name: &str) -> Option<String> {
    parse(object).ok()?.value(name).map(|value| value.text().to_owned())
}

#[test]
fn finds_members_as_written() {
    let text = r#" { "a" : 1.50 , "b\u0041":"x", "c":[1, 2], "d":{"e":{"f":null}} } "#;
    assert_eq!(value(text, "a").as_deref(), Some("1.50"));
    assert_eq!(value(text, "bA").as_deref(), Some("\"x\""));
    assert_eq!(value(text, "c").as_deref(), Some("[1, 2]"));
    assert_eq!(value(text, "A"), None);
    let object = parse(text).ok();
    let at = object.as_ref().and_then(|object| object.value_at(["d", "e", "f"]));
    assert_eq!(at.map(Value::text), Some("null"));
    let nowhere = object.as_ref().and_then(|object| object.value_at(["a", "b"]));
    assert_eq!(nowhere, None);
}

#[test]
fn names_with_escapes_are_decoded_once_for_all() {
    let text = r#"{"\u0061":1,"b":2,"c\"":3,"\\u0061":4,"x":{"\u0061":5},"":6}"#;
    for (name, expected) in [("a", "1"), ("b", "2"), ("c\"", "3"), ("\\u0061", "4"), ("", "6")] {
        assert_eq!(value(text, name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(value(text, r"\u0062"), None);
    let object = parse(text).ok();
    let decoded = object.as_ref().and_then(|object| object.decoded.as_ref());
    assert_eq!(decoded.map(Vec::len), object.as_ref().map(Object::member_count));
    assert_eq!(object.map(|object| object.text_length()), Some(text.len() + 11));
    let plain = parse(r#"{"a":1,"b":{"\u0061":2}}"#).ok();
    assert!(plain.is_some_and(|object| object.decoded.is_none()), "deeper ones are not in the way");
}

#[test]
fn exact_name_wins_over_other_case() {
    let object = parse(r#"{"SUB":1,"sub":2,"Mixed":3}"#).ok();
    let find = |name| object.as_ref().and_then(|o| o.value_ignoring_case(name)).map(Value::text);
    assert_eq!(find("sub"), Some("2"));
    assert_eq!(find("mixed"), Some("3"));
    assert_eq!(find("sUb"), Some("1"));
}

#[test]
fn the_last_of_deeper_duplicates_counts() {
    let object = parse(r#"{"a":{"b":1,"b":2}}"#).ok();
    let found = object.as_ref().and_then(|object| object.value_at(["a", "b"]));
    assert_eq!(found.map(Value::text), Some("2"));
}

#[test]
fn refuses_what_is_not_one_object() {
    for text in ["", "[]", "1", "null", "\"{}\"", "{", "{}}", "{} {}", "{}x", "{'a':1}"] {
        assert_eq!(parse(text).err(), Some(JsonError::NotAnObject), "{text:?}");
    }
    for text in [r#"{"a":01}"#, r#"{"a":1.}"#, r#"{"a":+1}"#, r#"{"a":NaN}"#, "{\"a\":\"\n\"}"] {
        assert_eq!(parse(text).err(), Some(JsonError::NotAnObject), "{text:?}");
    }
    for text in [r#"{"a":1,}"#, r#"{,}"#, "\u{feff}{}", r#"{"a":"\x"}"#, r#"{"a":tru}"#] {
        assert_eq!(parse(text).err(), Some(JsonError::NotAnObject), "{text:?}");
    }
}

#[test]
fn refuses_duplicates_of_the_top_level() {
    for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"":1,"":2}"#] {
        assert_eq!(parse(text).err(), Some(JsonError::DuplicateMember), "{text:?}");
    }
    let many: Vec<_> = (0..100).map(|i| format!("\"m{i}\":{i}")).collect();
    assert!(parse(&format!("{{{}}}", many.join(","))).is_ok());
    let twice = format!("{{{},\"m7\":0}}", many.join(","));
    assert_eq!(parse(&twice).err(), Some(JsonError::DuplicateMember));
}

#[test]
fn refuses_lone_surrogates_anywhere() {
    for text in [
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\udc00"}"#,
        r#"{"a":"\ud800x"}"#,
        r#"{"a":"\ud800\u0041"}"#,
        r#"{"a":[{"b":"\ud83d\ud83d"}]}"#,
    ] {
        assert_eq!(parse(text).err(), Some(JsonError::LoneSurrogate), "{text:?}");
    }
    assert!(parse(r#"{"\ud800":1}"#).is_err());
    assert!(parse(r#"{"a":"\ud83d\ude00 \\ud800"}"#).is_ok());
    assert_eq!(Object::parse(b"{\"a\":\"\xff\"}".to_vec()).err(), Some(JsonError::NotUtf8));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
    };
    assert!(parse(&nested(100)).is_ok());
    assert!(parse(&nested(MAX_DEPTH as usize)).is_ok());
    assert_eq!(parse(&nested(MAX_DEPTH as usize + 1)).err(), Some(JsonError::TooDeep));
    assert_eq!(parse(&nested(200_000)).err(), Some(JsonError::TooDeep));
    assert!(parse(&format!("{{\"a\":\"{}\"}}", "[".repeat(1000))).is_ok());
}

#[test]
fn kinds() {
    let object = parse(r#"{"s":"a\n","n":1e400,"t":true,"z":null,"l":[],"o":{}}"#).ok();
    let kind = |name| object.as_ref().and_then(|object| object.value(name)).map(Value::kind);
    assert_eq!(kind("s"), Some(Kind::String("a\n".into())));
    assert_eq!(kind("n"), Some(Kind::Number));
    assert_eq!(kind("t"), Some(Kind::Bool));
    assert_eq!(kind("z"), Some(Kind::Null));
    assert_eq!(kind("l"), Some(Kind::Array));
    assert_eq!(kind("o"), Some(Kind::Object));
}

/// What serde_json makes of `text`; it knows nothing of our limits.
fn reference(text: &str) -> Option<BTreeMap<String, Box<RawValue>>> {
    serde_json::from_str(text).ok()
}

#[test]
fn reads_what_serde_json_reads() {
    const SEEDS: [&str; 6] = [
        r#"{"alg":"RS256","typ":"JWT","kid":"k\u00e9\"1\\"}"#,
        r#"{"exp":1767225600.125,"nbf":-0,"n":[1e5,2E-3,0.5e+7,-12],"b":[true,false,null]}"#,
        "{ \"a\" : { \"b\" : [ { } , [ ] , \"\\ud83d\\ude00\" ] } ,\t\"c\":\n\"d\"\r}",
        r#"{"aud":["x","y"],"realm_access":{"roles":["a","b"],"deep":[[[{"x":{}}]]]},"e":"\/\b"}"#,
        r#"{"long":"aaaaaaaabbbbbbbbccccccccdddddddd","k\u0041":"é€😀 plain","":""}"#,
        "{}",
    ];
    const ALPHABET: &[u8] = b"{}[]\":,\\u0aF1-+.eE tfn\n\x01\x7f/";
    // A small linear congruential generator: the same mutants each time.
    let mut state: u64 = 42;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        usize::try_from(state >> 33).unwrap_or_default() % bound.max(1)
    };
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..30_000usize {
        let seed = SEEDS.get(round % SEEDS.len()).copied().unwrap_or_default();
        let mut bytes = seed.as_bytes().to_vec();
        for _ in 0..below(4) {
            let at = below(bytes.len());
            let byte = ALPHABET.get(below(ALPHABET.len())).copied().unwrap_or_default();
            match below(3) {
                0 => bytes.insert(at, byte),
                1 => drop(bytes.drain(at..bytes.len().min(at + 1 + below(3)))),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
            }
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        match (parse(&text), reference(&text)) {
            (Ok(object), Some(expected)) => {
                accepted += 1;
                assert_eq!(object.member_count(), expected.len(), "{text:?}");
                for (name, value) in &expected {
                    let found = object.value(name).map(Value::text);
                    assert_eq!(found, Some(value.get()), "{name:?} of {text:?}");
                }
            }
            (Err(JsonError::NotAnObject), None) => refused += 1,
            (Err(JsonError::DuplicateMember | JsonError::LoneSurrogate), _) => {}
            (ours, _) => unreachable!("{ours:?} for {text:?}"),
        }
    }
    assert!(accepted > 5_000 && refused > 5_000, "{accepted} accepted, {refused} refused");
}

#[test]
fn numbers_are_what_serde_json_reads() {
    let whole = ["0", "7", "1767225600", "999999999999999", "1000000000000000", "9007199254740993"];
    let others =
        ["-1", "-0", "1.5", "0.1", "1e3", "1E+3", "123456789012345678901234567890", "4.0e-3"];
    for text in whole.iter().chain(&others) {
        let expected = serde_json::from_str::<f64>(text).ok();
        assert_eq!(Value(text).number().map(f64::to_bits), expected.map(f64::to_bits), "{text}");
    }
    assert_eq!(Value("1e999").number(), Some(f64::INFINITY));
    for text in ["true", "null", "\"1\"", "[1]", "{}"] {
        assert_eq!(Value(text).number(), None, "{text}");
    }
}
