//! Where the plain part of a JSON string ends. Most bytes of a token are read here and nowhere else, so
//! it goes by vectors.

use wide::u8x16;

/// The bytes of a vector.
const WIDTH: usize = 16;

/// How many bytes `text` begins with that stand for themselves inside a string: no quote, no
/// backslash, no control character.
#[inline(always)]
pub fn plain_length(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((chunk, after)) = rest.split_first_chunk::<WIDTH>() {
        let within = special(*chunk);
        if within < WIDTH {
            return text.len().wrapping_sub(rest.len()).wrapping_add(within);
        }
        rest = after;
    }
    let special = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
    text.len().wrapping_sub(rest.len()).wrapping_add(special)
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..b' ')
}

/// The place of the first special byte; `WIDTH` or more where there is none.
#[inline(always)]
fn special(chunk: [u8; WIDTH]) -> usize {
    let bytes = u8x16::new(chunk);
    let quotes = bytes.simd_eq(u8x16::splat(b'"'));
    let backslashes = bytes.simd_eq(u8x16::splat(b'\\'));
    let controls = bytes.min(u8x16::splat(b' ' - 1)).simd_eq(bytes);
    (quotes | backslashes | controls).to_bitmask().trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(text: &[u8]) -> usize {
        text.iter().position(|byte| is_special(*byte)).unwrap_or(text.len())
    }

    /// Every byte in every place, behind others that come close to being special.
    #[test]
    fn agrees_with_bytes_one_by_one() {
        for length in 0..=40 {
            for filler in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                assert_eq!(plain_length(&vec![filler; length]), length);
                for at in 0..length {
                    for byte in 0..=u8::MAX {
                        let mut text = vec![filler; length];
                        if let Some(place) = text.get_mut(at) {
                            *place = byte;
                        }
                        // A second one behind it is not taken for the first.
                        if let Some(last) = text.last_mut().filter(|_| at + 1 < length) {
                            *last = b'"';
                        }
                        assert_eq!(plain_length(&text), expected(&text), "{text:?}");
                    }
                }
            }
        }
    }
}
