//! JSON objects read strictly and lazily: the members of the top level are found once, each value
//! stays text until somebody asks for it. What RFC 8725 §2.4 and our own limits ask beyond the
//! grammar (UTF-8, duplicates, surrogates, depth) is checked here.
//!
//! The scanner is our own, as every token passes through it: it reads a header and claims in a
//! quarter of the instructions that serde_json takes to find the places of members. serde_json
//! decodes what is written with escapes, and is what the scanner is tested against.

mod scan;
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use zeroize::Zeroizing;

use super::error::JsonError;

/// Room is made for this many members, which most headers and claims do not exceed.
const ORDINARY_COUNT: usize = 12;

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
        let mut members = Vec::with_capacity(ORDINARY_COUNT);
        scan::members(text, |name, value| {
            members.push(Member { name: Name::of(text, name)?, value });
            Ok(())
        })?;
        check_duplicates(text, &members)?;
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
        self.value_where(|known| known == name.as_bytes())
    }

    /// The value of the member of that name; where there is none, of the first whose name differs
    /// from it by ASCII case only.
    pub fn value_ignoring_case(&self, name: &str) -> Option<Value<'_>> {
        let same = |known: &[u8]| known.eq_ignore_ascii_case(name.as_bytes());
        self.value(name).or_else(|| self.value_where(same))
    }

    /// The value at the end of `path`, one member name a level; an empty path leads nowhere.
    pub fn value_at<'n>(&self, path: impl IntoIterator<Item = &'n str>) -> Option<Value<'_>> {
        let mut path = path.into_iter();
        let first = self.value(path.next()?)?;
        path.try_fold(first, |value, name| value.member(name))
    }

    fn value_where(&self, wanted: impl Fn(&[u8]) -> bool) -> Option<Value<'_>> {
        let text = self.text();
        let member = self.members.iter().find(|member| wanted(member.name.bytes(text)))?;
        text.get(member.value.clone()).map(Value)
    }
}

impl Name {
    fn of(text: &str, name: scan::RawString) -> Result<Self, JsonError> {
        let Range { start, end } = name.quoted;
        if name.escaped {
            let decoded = text.get(start..end).and_then(decode).ok_or(JsonError::NotAnObject)?;
            return Ok(Self::Decoded(decoded.into_boxed_str()));
        }
        Ok(Self::Plain(start.saturating_add(1)..end.saturating_sub(1)))
    }

    fn bytes<'n>(&'n self, text: &'n str) -> &'n [u8] {
        match self {
            Self::Plain(range) => text.as_bytes().get(range.clone()).unwrap_or_default(),
            Self::Decoded(name) => name.as_bytes(),
        }
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
            Some(b'"') => self.string().map_or(Kind::Null, Kind::String),
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
        let mut elements = Vec::new();
        scan::elements(self.0, |place| elements.extend(self.0.get(place).map(Value))).ok()?;
        Some(elements)
    }

    /// The member of that name, if the value is an object that has it; of several the last.
    pub fn member(self, name: &str) -> Option<Value<'a>> {
        let mut place = None;
        let found = scan::members(self.0, |known, value| {
            if Name::of(self.0, known)?.bytes(self.0) == name.as_bytes() {
                place = Some(value);
            }
            Ok(())
        });
        found.ok()?;
        self.0.get(place?).map(Value)
    }

    fn string(self) -> Option<Cow<'a, str>> {
        let content = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if scan::plain_length(content.as_bytes()) == content.len() {
            return Some(Cow::Borrowed(content));
        }
        decode(self.0).map(Cow::Owned)
    }
}

/// The text of a string that is written with escapes.
fn decode(quoted: &str) -> Option<String> {
    serde_json::from_str(quoted).ok()
}

fn check_duplicates(text: &str, members: &[Member]) -> Result<(), JsonError> {
    let names = || members.iter().map(|member| member.name.bytes(text));
    let duplicate = if members.len() <= FEW_MEMBERS {
        // Only names of the same mark are compared.
        let mut marks: u64 = 0;
        names().enumerate().any(|(at, name)| {
            let seen = marks & mark(name) != 0;
            marks |= mark(name);
            seen && names().take(at).any(|earlier| earlier == name)
        })
    } else {
        let mut seen = HashSet::with_capacity(members.len());
        !names().all(|name| seen.insert(name))
    };
    if duplicate { Err(JsonError::DuplicateMember) } else { Ok(()) }
}

/// One bit that equal names have in common, and different ones seldom.
fn mark(name: &[u8]) -> u64 {
    let (first, last) = (name.first().unwrap_or(&0), name.last().unwrap_or(&0));
    1u64.rotate_left(u32::from(first.wrapping_mul(5) ^ last.wrapping_mul(3)) ^ name.len() as u32)
}

#[cfg(test)]
mod tests;
