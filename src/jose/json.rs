//! JSON objects read strictly and lazily: the members of the top level are found once, each value
//! stays text until somebody asks for it. What RFC 8725 §2.4 and our own limits ask beyond the
//! grammar (UTF-8, duplicates, surrogates, depth) is checked here.
//!
//! The scanner is our own, as every token passes through it: it reads a header and claims in a
//! quarter of the instructions that serde_json takes to find the places of members. serde_json
//! decodes what is written with escapes, and is what the scanner is tested against.

mod plain;
mod scan;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use zeroize::Zeroizing;

use super::error::JsonError;

/// Room is made for this many members, which most headers and claims do not exceed.
const ORDINARY_COUNT: usize = 20;

/// Up to this many members are compared in pairs to find a duplicate, more are hashed.
const FEW_MEMBERS: usize = 32;

/// The marks by which they are compared first.
const MARKS: usize = 256;

/// A JSON object and where its members lie. It owns its text.
#[derive(Debug)]
pub struct Object {
    text: Text,
    members: Vec<Member>,
    /// The names of all members, where one of them was written with escapes: decoded once, so that
    /// a look-up costs the same however the names were written.
    decoded: Option<Vec<Zeroizing<String>>>,
}

#[derive(Debug)]
enum Text {
    Plain(String),
    /// It is wiped when dropped.
    Secret(Zeroizing<String>),
}

/// Where a member lies; its name without the quotes.
#[derive(Debug)]
struct Member {
    name: Span,
    value: Span,
}

/// A place in a text of less than 4 GiB.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
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
        if u32::try_from(text.len()).is_err() {
            return Err(JsonError::NotAnObject);
        }
        let mut members = Vec::with_capacity(ORDINARY_COUNT);
        let mut escaped = false;
        scan::members(text, |name, value| {
            escaped |= name.escaped;
            members.push(Member { name: Span::of(name.content), value: Span::of(value) });
        })?;
        let decoded = match escaped {
            false => None,
            true => Some(decode_names(text, &members).ok_or(JsonError::NotAnObject)?),
        };
        let object = Self { text: whole, members, decoded };
        if object.has_duplicates() { Err(JsonError::DuplicateMember) } else { Ok(object) }
    }

    /// The whole object as it was written.
    pub fn text(&self) -> &str {
        self.text.as_str()
    }

    /// How long its text is, in bytes, and with it the names that had to be decoded.
    pub fn text_length(&self) -> usize {
        let decoded = self.decoded.iter().flatten().map(|name| name.len()).sum();
        self.text().len().saturating_add(decoded)
    }

    /// How many members it has.
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// The value of the member of exactly that name.
    pub fn value(&self, name: &str) -> Option<Value<'_>> {
        // Most names differ in their length or their first byte.
        let name = name.as_bytes();
        let alike = |known: &[u8]| known.len() == name.len() && known.first() == name.first();
        self.value_where(|known| alike(known) && known == name)
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
        let member = match &self.decoded {
            None => self.members.iter().find(|member| wanted(member.name(text))),
            Some(names) => {
                let at = names.iter().position(|name| wanted(name.as_bytes()))?;
                self.members.get(at)
            }
        };
        text.get(member?.value.range()).map(Value)
    }

    fn has_duplicates(&self) -> bool {
        let names = || self.members.iter().map(|member| member.name(self.text()));
        match &self.decoded {
            None if self.members.len() <= FEW_MEMBERS => {
                // Only names of the same mark are compared.
                let mut marks = [false; MARKS];
                names().enumerate().any(|(at, name)| {
                    let marked = marks.get_mut(mark(name));
                    let seen = marked.is_none_or(|marked| std::mem::replace(marked, true));
                    seen && names().take(at).any(|earlier| earlier == name)
                })
            }
            None => repeats(names()),
            Some(decoded) => repeats(decoded.iter().map(|name| name.as_bytes())),
        }
    }
}

impl Member {
    /// The name as it was written.
    fn name<'t>(&self, text: &'t str) -> &'t [u8] {
        text.as_bytes().get(self.name.range()).unwrap_or_default()
    }
}

impl Span {
    /// `place` lies in such a text.
    fn of(place: Range<usize>) -> Self {
        Self { start: place.start as u32, end: place.end as u32 }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
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
            Some(b'"') => self.as_str().map_or(Kind::Null, Kind::String),
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// Whether the value is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// The decoded text, if the value is a string.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        let content = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if plain::plain_length(content.as_bytes()) == content.len() {
            return Some(Cow::Borrowed(content));
        }
        serde_json::from_str(self.0).ok().map(Cow::Owned)
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
            let same = match known.escaped {
                true => decode(self.0, known.content).is_some_and(|text| text == name),
                false => self.0.get(known.content) == Some(name),
            };
            if same {
                place = Some(value);
            }
        });
        found.ok()?;
        self.0.get(place?).map(Value)
    }

    /// The value, if it is a number; one that is too large for a double is infinite.
    pub fn number(self) -> Option<f64> {
        (self.kind() == Kind::Number).then(|| self.0.parse().ok())?
    }
}

/// The string whose `content` between the quotes is written with escapes.
fn decode(text: &str, content: Range<usize>) -> Option<String> {
    let quoted = content.start.checked_sub(1)?..content.end.checked_add(1)?;
    serde_json::from_str(text.get(quoted)?).ok()
}

#[cold]
fn decode_names(text: &str, members: &[Member]) -> Option<Vec<Zeroizing<String>>> {
    let name = |member: &Member| decode(text, member.name.range()).map(Zeroizing::new);
    members.iter().map(name).collect()
}

fn repeats<'n>(mut names: impl ExactSizeIterator<Item = &'n [u8]>) -> bool {
    let hasher = foldhash::quality::RandomState::default();
    let mut seen = HashSet::with_capacity_and_hasher(names.len(), hasher);
    !names.all(|name| seen.insert(name))
}

/// A number below [`MARKS`] that equal names have in common, and different ones seldom.
fn mark(name: &[u8]) -> usize {
    let [first, last] = [name.first(), name.last()].map(|byte| u32::from(*byte.unwrap_or(&0)));
    let parts = first | last << 8 | (name.len() as u32) << 16;
    // The golden ratio spreads them; the upper bits are the best.
    (parts.wrapping_mul(0x9e37_79b1) >> 24) as usize
}

#[cfg(test)]
mod tests;
