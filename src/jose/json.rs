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
mod tests;
