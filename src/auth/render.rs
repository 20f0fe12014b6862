//! A JSON value → the text of a variable.

use std::borrow::Cow;

use memchr::memchr3;

use crate::jose::json::{Kind, Value};

/// The text of `value`: a string decoded; numbers and booleans as written; null empty; an array as
/// its elements joined by `,`; an object, or an array inside an array, as compact JSON.
///
/// CR, LF and NUL become spaces: a claim must never split a header or a log line.
pub fn render(value: Value<'_>) -> Cow<'_, [u8]> {
    let text = match value.kind() {
        Kind::Array => Cow::Owned(joined(value)),
        kind => single(value, kind),
    };
    match text {
        // As it was written, without escapes: JSON has no control characters within a string.
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(mut text) => {
            make_harmless(&mut text);
            Cow::Owned(text)
        }
    }
}

/// `text` as the value of a variable: CR, LF and NUL become spaces.
pub fn harmless(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if memchr3(b'\r', b'\n', 0, bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut bytes = bytes.to_vec();
    make_harmless(&mut bytes);
    Cow::Owned(bytes)
}

fn joined(array: Value<'_>) -> Vec<u8> {
    let mut text = Vec::with_capacity(array.text().len());
    for (position, element) in array.elements().unwrap_or_default().into_iter().enumerate() {
        if position > 0 {
            text.push(b',');
        }
        text.extend_from_slice(&single(element, element.kind()));
    }
    text
}

/// A value of its own, or an element of an array.
fn single<'v>(value: Value<'v>, kind: Kind<'v>) -> Cow<'v, [u8]> {
    match kind {
        Kind::Null => Cow::default(),
        Kind::Bool | Kind::Number => Cow::Borrowed(value.text().as_bytes()),
        Kind::String(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
        Kind::String(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
        Kind::Array | Kind::Object => Cow::Owned(compact(value.text())),
    }
}

/// Valid JSON without the white space between its tokens.
fn compact(json: &str) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let kept = json.bytes().filter(|byte| {
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
    });
    kept.collect()
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
        let object = object.ok();
        let text = object
            .as_ref()
            .and_then(|object| object.value("v").map(|value| render(value).into_owned()));
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
