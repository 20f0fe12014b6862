//! The texts of a claim, as rules compare them.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::jose::json::{Kind, Value};

/// The texts of a claim; most have few.
pub type Texts<'c> = SmallVec<[Cow<'c, str>; 4]>;

/// The text of a string, a number or a boolean: strings decoded, else as written in the token.
pub fn text_of(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::String(text) => Some(text),
        Kind::Number | Kind::Bool => Some(Cow::Borrowed(value.text())),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

/// The texts of an array's elements; any other value counts as an array of one. What has no text
/// counts for nothing.
pub fn texts_of(value: Value<'_>) -> Texts<'_> {
    match value.elements() {
        Some(elements) => elements.into_iter().filter_map(text_of).collect(),
        None => text_of(value).into_iter().collect(),
    }
}

/// The strings of an array, as decoded; what is none counts for nothing.
pub fn strings_of(array: Value<'_>) -> Texts<'_> {
    array.elements().into_iter().flatten().filter_map(Value::as_str).collect()
}
