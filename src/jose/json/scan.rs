//! A strict reader of JSON text (RFC 8259): the grammar, surrogates and depth are checked in one
//! pass, and what is found is told by its place. Nothing recurses, so no input can exhaust the
//! stack, and nothing is allocated.

use std::ops::Range;

use super::plain::plain_length;
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
#[inline(always)]
pub fn members(
    text: &str,
    mut found: impl FnMut(RawString, Range<usize>),
) -> Result<(), JsonError> {
    let mut scanner = Scanner::enter(text, b'{')?;
    if scanner.take(b'}') {
        return scanner.end();
    }
    loop {
        let name = scanner.name()?;
        let value = scanner.value()?;
        found(name, value);
        match scanner.next_token() {
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
        match scanner.next_token() {
            Some(b',') => scanner.skip_space(),
            Some(b']') => return scanner.end(),
            _ => return Err(JsonError::NotAnObject),
        }
    }
}

/// Reads from the front; the depth is counted from the object or array it has entered.
struct Scanner<'t> {
    text: &'t [u8],
    /// Never behind the end of `text`: it moves over bytes that have been seen there.
    at: usize,
}

impl<'t> Scanner<'t> {
    /// Stands behind `bracket`, which `text` must begin with, and the space after it.
    fn enter(text: &'t str, bracket: u8) -> Result<Self, JsonError> {
        let mut scanner = Self { text: text.as_bytes(), at: 0 };
        scanner.skip_space();
        scanner.expect(bracket)?;
        scanner.skip_space();
        Ok(scanner)
    }

    fn end(mut self) -> Result<(), JsonError> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(JsonError::NotAnObject) }
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    fn skip(&mut self, count: usize) {
        self.at = self.at.wrapping_add(count);
    }

    #[inline(always)]
    fn next(&mut self) -> Option<u8> {
        let next = self.peek()?;
        self.skip(1);
        Some(next)
    }

    #[inline(always)]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.skip(1);
        }
        found
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(JsonError::NotAnObject) }
    }

    /// What identity providers write has no space: that is told by one comparison.
    #[inline(always)]
    fn skip_space(&mut self) {
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.skip_more_space();
        }
    }

    #[cold]
    fn skip_more_space(&mut self) {
        let space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.skip(self.rest().iter().take_while(space).count());
    }

    /// What is next behind space.
    #[inline(always)]
    fn next_token(&mut self) -> Option<u8> {
        self.skip_space();
        self.next()
    }

    /// A name, the colon and the space after it.
    #[inline(always)]
    fn name(&mut self) -> Result<RawString, JsonError> {
        let start = self.at;
        self.expect(b'"')?;
        let escaped = self.string()?;
        let quoted = start..self.at;
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        Ok(RawString { quoted, escaped })
    }

    /// The place of a value.
    #[inline(always)]
    fn value(&mut self) -> Result<Range<usize>, JsonError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                self.skip(1);
                self.string()?;
            }
            Some(first @ b'1'..=b'9') => {
                self.skip(1);
                self.number(first)?;
            }
            _ => self.any_value()?,
        }
        Ok(start..self.at)
    }

    /// A value of any type.
    #[inline(never)]
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
                    if !matches!(self.peek(), Some(b'}' | b']')) {
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
                match (self.next_token(), objects & 1) {
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

    #[inline(always)]
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

    #[inline(always)]
    fn literal<const LENGTH: usize>(&mut self, tail: &[u8; LENGTH]) -> Result<(), JsonError> {
        if self.rest().first_chunk() != Some(tail) {
            return Err(JsonError::NotAnObject);
        }
        self.skip(LENGTH);
        Ok(())
    }

    #[inline(always)]
    fn number(&mut self, first: u8) -> Result<(), JsonError> {
        match if first == b'-' { self.next() } else { Some(first) } {
            Some(b'0') => {}
            Some(b'1'..=b'9') => {
                self.skip_digits();
            }
            _ => return Err(JsonError::NotAnObject),
        }
        match self.peek() {
            Some(b'.' | b'e' | b'E') => self.fraction_and_exponent(),
            _ => Ok(()),
        }
    }

    #[cold]
    fn fraction_and_exponent(&mut self) -> Result<(), JsonError> {
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

    #[inline(always)]
    fn skip_digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.skip(1);
        }
        self.at.wrapping_sub(start)
    }

    /// The rest of a string, its quote included. Whether it has escapes.
    #[inline(always)]
    fn string(&mut self) -> Result<bool, JsonError> {
        self.skip(plain_length(self.rest()));
        match self.peek() {
            Some(b'"') => {
                self.skip(1);
                Ok(false)
            }
            Some(b'\\') => self.escaped_string(),
            // A control character, or the end.
            _ => Err(JsonError::NotAnObject),
        }
    }

    /// The rest of a string, from an escape on.
    #[cold]
    fn escaped_string(&mut self) -> Result<bool, JsonError> {
        loop {
            match self.next() {
                Some(b'"') => return Ok(true),
                Some(b'\\') => self.escape()?,
                _ => return Err(JsonError::NotAnObject),
            }
            self.skip(plain_length(self.rest()));
        }
    }

    /// What follows a backslash, the second half of a surrogate pair included.
    fn escape(&mut self) -> Result<(), JsonError> {
        match self.next() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => match self.code_unit()? {
                0xd800..=0xdbff => {
                    self.literal(b"\\u").map_err(|_| JsonError::LoneSurrogate)?;
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
        let digits: &[u8; 4] = self.rest().first_chunk().ok_or(JsonError::NotAnObject)?;
        self.skip(digits.len());
        digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(JsonError::NotAnObject)?;
            Ok((unit << 4) | digit)
        })
    }
}
