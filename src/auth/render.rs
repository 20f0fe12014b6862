//! A JSON value → the text of a variable.

use crate::jose::json::{Kind, Value};

/// The text of `value`: a string decoded; numbers and booleans as written; null empty; an array as
/// its elements joined by `,`; an object, or an array inside an array, as compact JSON.
///
/// CR, LF and NUL become spaces: a claim must never split a header or a log line.
pub fn render(value: Value<'_>) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.text().len());
    if value.kind() == Kind::Array {
        for (position, element) in value.elements().unwrap_or_default().into_iter().enumerate() {
            if position > 0 {
                text.push(b',');
            }
            push(&mut text, element);
        }
    } else {
        push(&mut text, value);
    }
    make_harmless(&mut text);
    text
}

/// `text` as the value of a variable: CR, LF and NUL become spaces.
pub fn harmless(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    make_harmless(&mut bytes);
    bytes
}

fn push(text: &mut Vec<u8>, value: Value<'_>) {
    match value.kind() {
        Kind::Null => {}
        Kind::String(string) => text.extend_from_slice(string.as_bytes()),
        Kind::Bool | Kind::Number => text.extend_from_slice(value.text().as_bytes()),
        Kind::Array | Kind::Object => push_compact(text, value.text()),
    }
}

/// Valid JSON without the white space between its tokens.
fn push_compact(text: &mut Vec<u8>, json: &str) {
    let (mut in_string, mut escaped) = (false, false);
    text.extend(json.bytes().filter(|byte| {
        if in_string {
            match (escaped, byte) {
                (true, _) => escaped = false,
                (false, b'\\') => escaped = true,
                (false, b'"') => in_string = false,
                _ => {}
            }
            return true;
        }
        in_string = *byte == b'"';
        !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
    }));
}

fn make_harmless(text: &mut [u8]) {
    for byte in text {
        if matches!(byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::json::Object;

    fn rendered(json: &str) -> String {
        let object = Object::parse(format!("{{\"v\":{json}}}").into_bytes());
        let text = object.ok().and_then(|object| object.value("v").map(render));
        String::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }

    #[test]
    fn by_type() {
        for (json, text) in [
            (r#""a\u00e9\"""#, "aé\""),
            ("17", "17"),
            ("-0.50E+3", "-0.50E+3"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("true", "true"),
            ("false", "false"),
            ("null", ""),
            (r#"["a","b"]"#, "a,b"),
            ("[]", ""),
            (r#"[1, null, true, "x,y"]"#, "1,,true,x,y"),
            (r#"[["a", 1], {"b" : 2}]"#, r#"["a",1],{"b":2}"#),
            (r#"{ "b" : [ 1 , "x \" y" ], "a":{} }"#, r#"{"b":[1,"x \" y"],"a":{}}"#),
        ] {
            assert_eq!(rendered(json), text, "{json}");
        }
    }

    #[test]
    fn never_splits_a_line() {
        assert_eq!(rendered(r#""a\r\nb\u0000c\td""#), "a  b c\td");
        assert_eq!(rendered(r#"["a\n","b"]"#), "a ,b");
        assert_eq!(rendered("{\"a\"\n:\r1}"), r#"{"a":1}"#);
    }
}
