//! JSON objects read strictly and lazily: the members of the top level are found once, each value
//! stays text until somebody asks for it. The grammar is serde_json's; what RFC 8725 §2.4 and our
//! own limits ask beyond it (UTF-8, duplicates, surrogates, depth) is checked here. Nothing
//! recurses, so no input can exhaust the stack.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::error::JsonError;

/// Arrays and objects may be nested this deep; serde_json draws the same line for typed values.
const MAX_DEPTH: usize = 128;

/// Up to this many members are compared in pairs to find a duplicate, more are hashed.
const FEW_MEMBERS: usize = 16;

/// A JSON object and where its members lie. It owns its text.
#[derive(Debug)]
pub struct Object {
    text: Text,
    members: Vec<Member>,
}

#[derive(Debug)]
enum Text {
    Plain(String),
    /// It is wiped when dropped.
    Secret(Zeroizing<String>),
}

#[derive(Debug)]
struct Member {
    name: Name,
    value: Range<usize>,
}

#[derive(Debug)]
enum Name {
    /// As it stands in the text.
    Plain(Range<usize>),
    /// It was written with escapes.
    Decoded(Box<str>),
}

impl Object {
    /// Reads `bytes` as one JSON object and nothing else.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, JsonError> {
        let text = String::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
        Self::of(Text::Plain(text))
    }

    /// As [`Object::parse`], for what holds keys or was encrypted: the text is wiped when dropped.
    pub fn parse_secret(bytes: &[u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
        Self::of(Text::Secret(Zeroizing::new(text.to_owned())))
    }

    fn of(whole: Text) -> Result<Self, JsonError> {
        let text = whole.as_str();
        let found = members(text).ok_or(JsonError::NotAnObject)?;
        check_limits(text)?;
        check_duplicates(&found)?;
        let members = found
            .into_iter()
            .map(|(name, value)| {
                let name = match name {
                    Cow::Borrowed(name) => Name::Plain(position(text, name)),
                    Cow::Owned(name) => Name::Decoded(name.into_boxed_str()),
                };
                Member { name, value: position(text, value) }
            })
            .collect();
        Ok(Self { text: whole, members })
    }

    /// The whole object as it was written.
    pub fn text(&self) -> &str {
        self.text.as_str()
    }

    /// How many members it has.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The value of the member of exactly that name.
    pub fn value(&self, name: &str) -> Option<Value<'_>> {
        self.named().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of the member of that name; where there is none, of the first whose name differs
    /// from it by ASCII case only.
    pub fn value_ignoring_case(&self, name: &str) -> Option<Value<'_>> {
        self.value(name).or_else(|| {
            self.named().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        })
    }

    /// The value at the end of `path`, one member name a level; an empty path leads nowhere.
    pub fn value_at<'n>(&self, path: impl IntoIterator<Item = &'n str>) -> Option<Value<'_>> {
        let mut path = path.into_iter();
        let first = self.value(path.next()?)?;
        path.try_fold(first, |value, name| value.member(name))
    }

    fn named(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        let text = self.text();
        self.members.iter().map(move |member| {
            let name = match &member.name {
                Name::Plain(range) => text.get(range.clone()).unwrap_or_default(),
                Name::Decoded(name) => name,
            };
            (name, Value(text.get(member.value.clone()).unwrap_or_default()))
        })
    }
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(text) => text,
        }
    }
}

/// A JSON value as it was written; its grammar has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

/// A value by its type. Arrays and objects stay text.
#[derive(Debug, PartialEq)]
pub enum Kind<'a> {
    Null,
    Bool,
    Number,
    String(Cow<'a, str>),
    Array,
    Object,
}

impl<'a> Value<'a> {
    /// The value as it was written.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// The type of the value; a string is decoded.
    pub fn kind(self) -> Kind<'a> {
        match self.0.as_bytes().first() {
            Some(b'"') => match deserialize_text(self.0) {
                Some(text) => Kind::String(text),
                None => Kind::Null,
            },
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// The decoded text, if the value is a string.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if the value is an array.
    pub fn elements(self) -> Option<Vec<Value<'a>>> {
        let raw: Vec<&'a RawValue> = serde_json::from_str(self.0).ok()?;
        Some(raw.into_iter().map(|value| Value(value.get())).collect())
    }

    /// The member of that name, if the value is an object that has it; of several the last.
    pub fn member(self, name: &str) -> Option<Value<'a>> {
        let members = members(self.0)?;
        members.into_iter().rev().find(|(known, _)| known == name).map(|(_, value)| Value(value))
    }
}

/// The members of a JSON object as (decoded name, value as written); `None` if it is none.
fn members(text: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(MembersVisitor).ok()?;
    deserializer.end().ok()?;
    Some(members)
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(Cow<'de, str>, &'de str)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(FEW_MEMBERS);
        while let Some(name) = map.next_key_seed(TextSeed)? {
            members.push((name, map.next_value::<&'de RawValue>()?.get()));
        }
        Ok(members)
    }
}

fn deserialize_text(text: &str) -> Option<Cow<'_, str>> {
    TextSeed.deserialize(&mut serde_json::Deserializer::from_str(text)).ok()
}

/// A string, borrowed where it is written without escapes.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Where `part`, a slice of `whole`, begins and ends in it.
fn position(whole: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr().addr()).wrapping_sub(whole.as_ptr().addr());
    start..start.wrapping_add(part.len())
}

fn check_duplicates(members: &[(Cow<'_, str>, &str)]) -> Result<(), JsonError> {
    let duplicate = if members.len() <= FEW_MEMBERS {
        members
            .iter()
            .enumerate()
            .any(|(at, (name, _))| members.iter().take(at).any(|(earlier, _)| earlier == name))
    } else {
        let mut seen = HashSet::with_capacity(members.len());
        !members.iter().all(|(name, _)| seen.insert(name))
    };
    if duplicate { Err(JsonError::DuplicateMember) } else { Ok(()) }
}

/// Depth and surrogates of a text whose grammar has been checked.
fn check_limits(text: &str) -> Result<(), JsonError> {
    let mut depth: usize = 0;
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'"' => rest = skip_string(rest)?,
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                if depth > MAX_DEPTH {
                    return Err(JsonError::TooDeep);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// What follows the string that `rest` is inside of.
fn skip_string(mut rest: &[u8]) -> Result<&[u8], JsonError> {
    loop {
        let Some(at) = memchr::memchr2(b'"', b'\\', rest) else { return Ok(&[]) };
        let (_, tail) = rest.split_at(at);
        match tail {
            [b'"', after @ ..] => return Ok(after),
            [b'\\', b'u', after @ ..] => rest = skip_unicode_escape(after)?,
            [b'\\', _, after @ ..] => rest = after,
            _ => return Ok(&[]),
        }
    }
}

/// What follows a `\u` escape, the second half of a surrogate pair included.
fn skip_unicode_escape(rest: &[u8]) -> Result<&[u8], JsonError> {
    let (unit, after) = code_unit(rest);
    match unit {
        0xdc00..=0xdfff => Err(JsonError::LoneSurrogate),
        0xd800..=0xdbff => match after {
            [b'\\', b'u', low @ ..] if matches!(code_unit(low).0, 0xdc00..=0xdfff) => {
                Ok(code_unit(low).1)
            }
            _ => Err(JsonError::LoneSurrogate),
        },
        _ => Ok(after),
    }
}

fn code_unit(rest: &[u8]) -> (u16, &[u8]) {
    let (digits, after) = rest.split_at_checked(4).unwrap_or((rest, &[]));
    let unit = std::str::from_utf8(digits).ok().and_then(|hex| u16::from_str_radix(hex, 16).ok());
    (unit.unwrap_or_default(), after)
}

#[cfg(test)]
mod tests {
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
    fn exact_name_wins_over_other_case() {
        let object = parse(r#"{"SUB":1,"sub":2,"Mixed":3}"#).ok();
        let find =
            |name| object.as_ref().and_then(|o| o.value_ignoring_case(name)).map(Value::text);
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
        for text in [r#"{"a":01}"#, r#"{"a":1.}"#, r#"{"a":+1}"#, r#"{"a":NaN}"#, "{\"a\":\"\n\"}"]
        {
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
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(parse(&nested(MAX_DEPTH + 1)).err(), Some(JsonError::TooDeep));
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
}
