//! The text of a variable, from a value that has been read.

use super::json::{Node, Value};

/// What `$jwt_claim_NAME` holds for `node`.
pub fn render(node: &Node) -> Vec<u8> {
    let text = match &node.value {
        Value::Array(elements) => elements.iter().map(plain).collect::<Vec<_>>().join(","),
        _ => plain(node),
    };
    text.replace(['\r', '\n', '\0'], " ").into_bytes()
}

fn plain(node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        _ => compact(node),
    }
}

/// As written, without white space between the tokens.
fn compact(node: &Node) -> String {
    match &node.value {
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(compact).collect();
            format!("[{}]", elements.join(","))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|member| format!("{}:{}", member.written, compact(&member.value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        _ => node.text.clone(),
    }
}
