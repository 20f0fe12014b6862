//! A strict reader of JSON text (RFC 8259): the grammar, surrogates and depth are checked in one
//! pass, and what is found is told by its place. Nothing recurses, so no input can exhaust the
//! stack, and nothing is allocated.

use std::ops::Range;

use crate::jose::error::JsonError;

/// Arrays and objects may be nested this deep; serde_json draws the same line for typed values.
pub const MAX_DEPTH: u32 = 128;

/// A string as it stands in the text.
pub struct RawString {
    /// Its place, quotes included.
    pub quoted: Range<usize>,
    /// Whether it was written with escapes.
    pub escaped: bool,
}

impl RawString {
    /// The place of what is between its quotes.
    pub fn content(&self) -> Range<usize> {
        let Range { start, end } = self.quoted;
        start.saturating_add(1)..end.saturating_sub(1)
    }
}

/// Reads `text` as one object, and hands each member to `found`: its name, the place of its value.
pub fn members(
    text: &str,
    mut found: impl FnMut(RawString, Range<usize>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    let mut scanner = Scanner::enter(text, b'{')?;
    if scanner.take(b'}') {
        return scanner.end();
    }
    loop {
        let name = scanner.name()?;
        let value = scanner.value()?;
        found(name, value)?;
        scanner.skip_space();
        match scanner.next() {
            Some(b',') => scanner.skip_space(),
            Some(b'}') => return scanner.end(),
            _ => return Err(JsonError::NotAnObject),
        }
    }
}

/// Reads `text` as one array, and hands the place of each element to `found`.
pub fn elements(text: &str, mut found: impl FnMut(Range<usize>)) -> Result<(), JsonError> {
    let mut scanner = Scanner::enter(text, b'[')?;
    if scanner.take(b']') {
        return scanner.end();
    }
    loop {
        found(scanner.value()?);
        scanner.skip_space();
        match scanner.next() {
            Some(b',') => scanner.skip_space(),
            Some(b']') => return scanner.end(),
            _ => return Err(JsonError::NotAnObject),
        }
    }
}

/// How many bytes `text` begins with that stand for themselves inside a string: no quote, no
/// backslash, no control character.
#[inline(always)]
pub fn plain_length(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    // Eight bytes at a time. Each term has the high bit of every byte that is looked for, and of
    // none before the first such byte: borrows only run upwards.
    let below = |word: u64, bound: u8| {
        word.wrapping_sub(ONES.wrapping_mul(u64::from(bound))) & !word & HIGHS
    };
    let equal = |word: u64, byte: u8| below(word ^ ONES.wrapping_mul(u64::from(byte)), 1);
    let mut rest = text;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let special = equal(word, b'"') | equal(word, b'\\') | below(word, b' ');
        if special != 0 {
            let within = (special.trailing_zeros() >> 3) as usize;
            return text.len().saturating_sub(rest.len()).saturating_add(within);
        }
        rest = after;
    }
    let special = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '));
    special.map_or(text.len(), |at| text.len().saturating_sub(rest.len()).saturating_add(at))
}

/// Reads from the front; the depth is counted from the object or array it has entered.
struct Scanner<'t> {
    text: &'t str,
    rest: &'t [u8],
}

impl<'t> Scanner<'t> {
    /// Stands behind `bracket`, which `text` must begin with, and the space after it.
    fn enter(text: &'t str, bracket: u8) -> Result<Self, JsonError> {
        let mut scanner = Self { text, rest: text.as_bytes() };
        scanner.skip_space();
        scanner.expect(bracket)?;
        scanner.skip_space();
        Ok(scanner)
    }

    fn end(mut self) -> Result<(), JsonError> {
        self.skip_space();
        if self.rest.is_empty() { Ok(()) } else { Err(JsonError::NotAnObject) }
    }

    fn at(&self) -> usize {
        self.text.len().saturating_sub(self.rest.len())
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(JsonError::NotAnObject) }
    }

    #[inline(always)]
    fn skip_space(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// A name, the colon and the space after it.
    fn name(&mut self) -> Result<RawString, JsonError> {
        let start = self.at();
        self.expect(b'"')?;
        let escaped = self.string()?;
        let quoted = start..self.at();
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        Ok(RawString { quoted, escaped })
    }

    /// The place of a value.
    #[inline(always)]
    fn value(&mut self) -> Result<Range<usize>, JsonError> {
        let start = self.at();
        match self.rest {
            [b'"', rest @ ..] => {
                self.rest = rest;
                self.string()?;
            }
            [b'1'..=b'9', rest @ ..] => {
                self.rest = rest;
                self.number(b'1')?;
            }
            _ => self.any_value()?,
        }
        Ok(start..self.at())
    }

    /// A value of any type.
    fn any_value(&mut self) -> Result<(), JsonError> {
        // One is open already, and there is a bit for each that may be: an object is a one.
        const OUTER: u32 = 1;
        let (mut depth, mut objects) = (OUTER, 0u128);
        loop {
            match self.next() {
                Some(bracket @ (b'{' | b'[')) => {
                    depth = depth.saturating_add(1);
                    if depth > MAX_DEPTH {
                        return Err(JsonError::TooDeep);
                    }
                    let object = bracket == b'{';
                    objects = (objects << 1) | u128::from(object);
                    self.skip_space();
                    if !matches!(self.rest, [b'}' | b']', ..]) {
                        if object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                Some(first) => self.scalar(first)?,
                None => return Err(JsonError::NotAnObject),
            }
            // Behind a value, or inside what is empty.
            loop {
                if depth == OUTER {
                    return Ok(());
                }
                self.skip_space();
                match (self.next(), objects & 1) {
                    (Some(b'}'), 1) | (Some(b']'), 0) => {
                        depth = depth.saturating_sub(1);
                        objects >>= 1;
                    }
                    (Some(b','), object) => {
                        self.skip_space();
                        if object == 1 {
                            self.name()?;
                        }
                        break;
                    }
                    _ => return Err(JsonError::NotAnObject),
                }
            }
        }
    }

    fn scalar(&mut self, first: u8) -> Result<(), JsonError> {
        match first {
            b'"' => self.string().map(|_| ()),
            b't' => self.literal(b"rue"),
            b'f' => self.literal(b"alse"),
            b'n' => self.literal(b"ull"),
            b'-' | b'0'..=b'9' => self.number(first),
            _ => Err(JsonError::NotAnObject),
        }
    }

    fn literal(&mut self, tail: &[u8]) -> Result<(), JsonError> {
        self.rest = self.rest.strip_prefix(tail).ok_or(JsonError::NotAnObject)?;
        Ok(())
    }

    fn number(&mut self, first: u8) -> Result<(), JsonError> {
        match if first == b'-' { self.next() } else { Some(first) } {
            Some(b'0') => {}
            Some(b'1'..=b'9') => {
                self.skip_digits();
            }
            _ => return Err(JsonError::NotAnObject),
        }
        if self.take(b'.') && self.skip_digits() == 0 {
            return Err(JsonError::NotAnObject);
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            if self.skip_digits() == 0 {
                return Err(JsonError::NotAnObject);
            }
        }
        Ok(())
    }

    fn skip_digits(&mut self) -> usize {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = self.rest.get(count..).unwrap_or_default();
        count
    }

    /// The rest of a string, its quote included. Whether it has escapes.
    #[inline(always)]
    fn string(&mut self) -> Result<bool, JsonError> {
        let plain = plain_length(self.rest);
        match self.rest.get(plain..) {
            Some([b'"', rest @ ..]) => {
                self.rest = rest;
                Ok(false)
            }
            Some([b'\\', ..]) => self.escaped_string(plain),
            // A control character, or the end.
            _ => Err(JsonError::NotAnObject),
        }
    }

    /// The rest of a string that has an escape behind `plain` bytes.
    #[cold]
    fn escaped_string(&mut self, mut plain: usize) -> Result<bool, JsonError> {
        loop {
            self.rest = self.rest.get(plain..).unwrap_or_default();
            match self.next() {
                Some(b'"') => return Ok(true),
                Some(b'\\') => self.escape()?,
                _ => return Err(JsonError::NotAnObject),
            }
            plain = plain_length(self.rest);
        }
    }

    /// What follows a backslash, the second half of a surrogate pair included.
    fn escape(&mut self) -> Result<(), JsonError> {
        match self.next() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => match self.code_unit()? {
                0xd800..=0xdbff => {
                    self.rest = self.rest.strip_prefix(b"\\u").ok_or(JsonError::LoneSurrogate)?;
                    match self.code_unit()? {
                        0xdc00..=0xdfff => Ok(()),
                        _ => Err(JsonError::LoneSurrogate),
                    }
                }
                0xdc00..=0xdfff => Err(JsonError::LoneSurrogate),
                _ => Ok(()),
            },
            _ => Err(JsonError::NotAnObject),
        }
    }

    fn code_unit(&mut self) -> Result<u32, JsonError> {
        let (digits, rest) = self.rest.split_first_chunk::<4>().ok_or(JsonError::NotAnObject)?;
        self.rest = rest;
        digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(JsonError::NotAnObject)?;
            Ok((unit << 4) | digit)
        })
    }
}
