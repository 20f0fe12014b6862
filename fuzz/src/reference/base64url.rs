//! base64url by RFC 4648 §5, bit by bit: no padding, no white space, no bit left over.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The bytes that `text` stands for.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for char in text {
        bits = bits << 6 | ALPHABET.iter().position(|known| known == char)? as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    (held < 6 && bits == 0).then_some(bytes)
}

/// The text that stands for `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    let (mut text, mut bits, mut held) = (String::new(), 0u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 6 {
            held -= 6;
            text.push(ALPHABET[(bits >> held) as usize & 63] as char);
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        text.push(ALPHABET[(bits << (6 - held)) as usize & 63] as char);
    }
    text
}
