//! A strict reader of JSON text (RFC 8259): the grammar, surrogates and depth are checked in one
//! pass, and what is found is a range of bytes. Nothing recurses, so no input can exhaust the
//! stack, and nothing is allocated.

use std::ops::Range;

use super::plain::plain_length;
use crate::jose::error::JsonError;

/// Arrays and objects may be nested this deep; serde_json draws the same line for typed values.
pub const MAX_DEPTH: u32 = 128;

/// A string as it stands in the text.
pub struct RawString {
    /// The place of what is between its quotes.
    pub content: Range<usize>,
    /// Whether it was written with escapes.
    pub escaped: bool,
}

/// Reads `text` as one object, and hands each member to `found`: its name, the place of its value.
#[inline(always)]
pub fn members(
    text: &str,
    mut found: impl FnMut(RawString, Range<usize>),
) -> Result<(), JsonError> {
    let scanner = Scanner(text.as_bytes());
    let mut at = scanner.enter(b'{')?;
    if scanner.has(b'}', at) {
        return scanner.end(at.wrapping_add(1));
    }
    loop {
        let (name, start) = scanner.name(at)?;
        let end = scanner.value(start)?;
        found(name, start..end);
        at = match scanner.next_token(end) {
            (Some(b','), after) => scanner.skip_space(after),
            (Some(b'}'), after) => return scanner.end(after),
            _ => return Err(JsonError::NotAnObject),
        };
    }
}

/// Reads `text` as one array, and hands the place of each element to `found`.
pub fn elements(text: &str, mut found: impl FnMut(Range<usize>)) -> Result<(), JsonError> {
    let scanner = Scanner(text.as_bytes());
    let mut at = scanner.enter(b'[')?;
    if scanner.has(b']', at) {
        return scanner.end(at.wrapping_add(1));
    }
    loop {
        let end = scanner.value(at)?;
        found(at..end);
        at = match scanner.next_token(end) {
            (Some(b','), after) => scanner.skip_space(after),
            (Some(b']'), after) => return scanner.end(after),
            _ => return Err(JsonError::NotAnObject),
        };
    }
}

/// A text that is read from the front. The functions take a place in it and return the one behind
/// what they have read, so that it stays in a register. A place is never behind the end by more than
/// one, and there is nothing at the end: adding one wraps nothing.
#[derive(Clone, Copy)]
struct Scanner<'t>(&'t [u8]);

impl<'t> Scanner<'t> {
    /// Behind `bracket`, which the text must begin with, and the space after it.
    fn enter(self, bracket: u8) -> Result<usize, JsonError> {
        let at = self.expect(bracket, self.skip_space(0))?;
        Ok(self.skip_space(at))
    }

    fn end(self, at: usize) -> Result<(), JsonError> {
        if self.skip_space(at) == self.0.len() { Ok(()) } else { Err(JsonError::NotAnObject) }
    }

    #[inline(always)]
    fn peek(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    #[inline(always)]
    fn has(self, byte: u8, at: usize) -> bool {
        self.peek(at) == Some(byte)
    }

    #[inline(always)]
    fn rest(self, at: usize) -> &'t [u8] {
        self.0.get(at..).unwrap_or_default()
    }

    #[inline(always)]
    fn expect(self, byte: u8, at: usize) -> Result<usize, JsonError> {
        if self.has(byte, at) { Ok(at.wrapping_add(1)) } else { Err(JsonError::NotAnObject) }
    }

    #[inline(always)]
    fn skip_space(self, mut at: usize) -> usize {
        while matches!(self.peek(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            at = at.wrapping_add(1);
        }
        at
    }

    /// What is next behind space, and the place behind it.
    #[inline(always)]
    fn next_token(self, at: usize) -> (Option<u8>, usize) {
        let at = self.skip_space(at);
        (self.peek(at), at.wrapping_add(1))
    }

    /// A name, the colon and the space after it.
    #[inline(always)]
    fn name(self, at: usize) -> Result<(RawString, usize), JsonError> {
        let start = self.expect(b'"', at)?;
        let (escaped, end) = self.string(start)?;
        let colon = self.expect(b':', self.skip_space(end))?;
        let content = start..end.saturating_sub(1);
        Ok((RawString { content, escaped }, self.skip_space(colon)))
    }

    /// A value of any type.
    #[inline(always)]
    fn value(self, at: usize) -> Result<usize, JsonError> {
        let behind = at.wrapping_add(1);
        match self.peek(at) {
            Some(b'"') => self.string(behind).map(|(_, end)| end),
            Some(b'{' | b'[') => self.structure(at),
            Some(first) => self.scalar(first, behind),
            None => Err(JsonError::NotAnObject),
        }
    }

    /// An array or an object.
    #[inline(never)]
    fn structure(self, mut at: usize) -> Result<usize, JsonError> {
        // One is open already, and there is a bit for each that may be: an object is a one.
        const OUTER: u32 = 1;
        let (mut depth, mut objects) = (OUTER, 0u128);
        loop {
            let behind = at.wrapping_add(1);
            match self.peek(at) {
                Some(bracket @ (b'{' | b'[')) => {
                    depth = depth.saturating_add(1);
                    if depth > MAX_DEPTH {
                        return Err(JsonError::TooDeep);
                    }
                    let object = bracket == b'{';
                    objects = (objects << 1) | u128::from(object);
                    at = self.skip_space(behind);
                    if !matches!(self.peek(at), Some(b'}' | b']')) {
                        if object {
                            (_, at) = self.name(at)?;
                        }
                        continue;
                    }
                }
                Some(b'"') => (_, at) = self.string(behind)?,
                Some(first) => at = self.scalar(first, behind)?,
                None => return Err(JsonError::NotAnObject),
            }
            // Behind a value, or inside what is empty.
            loop {
                if depth == OUTER {
                    return Ok(at);
                }
                let (token, after) = self.next_token(at);
                match (token, objects & 1) {
                    (Some(b'}'), 1) | (Some(b']'), 0) => {
                        depth = depth.saturating_sub(1);
                        objects >>= 1;
                        at = after;
                    }
                    (Some(b','), object) => {
                        at = self.skip_space(after);
                        if object == 1 {
                            (_, at) = self.name(at)?;
                        }
                        break;
                    }
                    _ => return Err(JsonError::NotAnObject),
                }
            }
        }
    }

    /// A literal or a number that begins with `first`, just before `at`.
    #[inline(always)]
    fn scalar(self, first: u8, at: usize) -> Result<usize, JsonError> {
        match first {
            b'1'..=b'9' => self.number(self.skip_digits(at)),
            b'0' => self.number(at),
            b'-' => match self.peek(at) {
                Some(b'0') => self.number(at.wrapping_add(1)),
                Some(b'1'..=b'9') => self.number(self.skip_digits(at)),
                _ => Err(JsonError::NotAnObject),
            },
            b't' => self.literal(b"rue", at),
            b'f' => self.literal(b"alse", at),
            b'n' => self.literal(b"ull", at),
            _ => Err(JsonError::NotAnObject),
        }
    }

    #[inline(always)]
    fn literal<const LENGTH: usize>(
        self,
        tail: &[u8; LENGTH],
        at: usize,
    ) -> Result<usize, JsonError> {
        match self.rest(at).first_chunk() {
            Some(found) if found == tail => Ok(at.wrapping_add(LENGTH)),
            _ => Err(JsonError::NotAnObject),
        }
    }

    /// What follows the whole digits of a number.
    #[inline(always)]
    fn number(self, at: usize) -> Result<usize, JsonError> {
        match self.peek(at) {
            Some(b'.' | b'e' | b'E') => self.fraction_and_exponent(at),
            _ => Ok(at),
        }
    }

    #[cold]
    #[inline(never)]
    fn fraction_and_exponent(self, mut at: usize) -> Result<usize, JsonError> {
        if self.has(b'.', at) {
            at = self.digits(at.wrapping_add(1))?;
        }
        if matches!(self.peek(at), Some(b'e' | b'E')) {
            at = at.wrapping_add(1);
            if matches!(self.peek(at), Some(b'+' | b'-')) {
                at = at.wrapping_add(1);
            }
            at = self.digits(at)?;
        }
        Ok(at)
    }

    /// One digit or more.
    fn digits(self, at: usize) -> Result<usize, JsonError> {
        let end = self.skip_digits(at);
        if end > at { Ok(end) } else { Err(JsonError::NotAnObject) }
    }

    #[inline(always)]
    fn skip_digits(self, mut at: usize) -> usize {
        while matches!(self.peek(at), Some(b'0'..=b'9')) {
            at = at.wrapping_add(1);
        }
        at
    }

    /// The rest of a string, its quote included, and whether it has escapes.
    #[inline(always)]
    fn string(self, at: usize) -> Result<(bool, usize), JsonError> {
        let end = at.wrapping_add(plain_length(self.rest(at)));
        match self.peek(end) {
            Some(b'"') => Ok((false, end.wrapping_add(1))),
            Some(b'\\') => self.escaped_string(end).map(|end| (true, end)),
            // A control character, or the end.
            _ => Err(JsonError::NotAnObject),
        }
    }

    /// The rest of a string, from an escape on.
    #[cold]
    #[inline(never)]
    fn escaped_string(self, mut at: usize) -> Result<usize, JsonError> {
        loop {
            let behind = at.wrapping_add(1);
            at = match self.peek(at) {
                Some(b'"') => return Ok(behind),
                Some(b'\\') => self.escape(behind)?,
                _ => return Err(JsonError::NotAnObject),
            };
            at = at.wrapping_add(plain_length(self.rest(at)));
        }
    }

    /// What follows a backslash, the second half of a surrogate pair included.
    fn escape(self, at: usize) -> Result<usize, JsonError> {
        let behind = at.wrapping_add(1);
        match self.peek(at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(behind),
            Some(b'u') => match self.code_unit(behind)? {
                (0xd800..=0xdbff, at) => {
                    let at = self.literal(b"\\u", at).map_err(|_| JsonError::LoneSurrogate)?;
                    match self.code_unit(at)? {
                        (0xdc00..=0xdfff, at) => Ok(at),
                        _ => Err(JsonError::LoneSurrogate),
                    }
                }
                (0xdc00..=0xdfff, _) => Err(JsonError::LoneSurrogate),
                (_, at) => Ok(at),
            },
            _ => Err(JsonError::NotAnObject),
        }
    }

    fn code_unit(self, at: usize) -> Result<(u32, usize), JsonError> {
        let digits: &[u8; 4] = self.rest(at).first_chunk().ok_or(JsonError::NotAnObject)?;
        let unit = digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(JsonError::NotAnObject)?;
            Ok((unit << 4) | digit)
        });
        unit.map(|unit| (unit, at.wrapping_add(digits.len())))
    }
}
