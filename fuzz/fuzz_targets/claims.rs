//! Any bytes as a payload: it is an object or none as the reference says, and every variable has
//! the text that the reference renders.
#![no_main]

use fuzz::reference::json::{Node, object};
use fuzz::reference::render::render as expected;
use ngx_http_auth_jwt_module::auth::render::{harmless, render};
use ngx_http_auth_jwt_module::jose::claims::Claims;
use ngx_http_auth_jwt_module::jose::json::Object;

libfuzzer_sys::fuzz_target!(|payload: &[u8]| {
    let found = Object::parse(payload.to_vec());
    let secret = Object::parse_secret(payload);
    assert_eq!(found.as_ref().err(), secret.as_ref().err());
    assert_eq!(found.is_ok(), Claims::parse(payload.to_vec()).is_ok());
    let node = object(payload);
    assert_eq!(found.is_ok(), node.is_some(), "{found:?}");
    let (Ok(found), Ok(secret), Some(node)) = (found, secret, node) else { return };
    assert_eq!(found.text().as_bytes(), payload);
    assert_eq!(found.member_count(), node.members().len());
    assert_eq!(secret.text(), found.text());
    let whole = harmless(found.text());
    assert!(whole.len() == payload.len() && is_one_line(&whole));
    for member in node.members() {
        let name = member.name.as_str();
        let value = found.value(name).expect("a member");
        assert_eq!(value.text(), member.value.text);
        assert_eq!(render(value), expected(&member.value), "{name}");
        assert!(is_one_line(&render(value)));
        assert_eq!(found.value_ignoring_case(name), Some(value), "the exact name wins");
        let lower = name.to_ascii_lowercase();
        let first = node.members().iter().find(|other| other.name == lower).or_else(|| {
            node.members().iter().find(|other| other.name.eq_ignore_ascii_case(&lower))
        });
        let text = found.value_ignoring_case(&lower).map(|value| value.text());
        assert_eq!(text, first.map(|other| other.value.text.as_str()));
        walk(&found, &mut vec![name], &member.value);
    }
    assert_eq!(found.value_at([]), None);
});

/// Every path leads where it leads in the reference; of duplicates below the top the last counts.
fn walk<'n>(found: &Object, path: &mut Vec<&'n str>, node: &'n Node) {
    let value = found.value_at(path.iter().copied()).expect("a value at the path");
    assert_eq!(value.text(), node.text);
    assert_eq!(render(value), expected(node));
    for member in node.members() {
        path.push(&member.name);
        // Deep objects are read anew at each level: a few levels are enough.
        if path.len() < 6 {
            walk(found, path, node.member(&member.name).expect("its own member"));
        }
        path.pop();
    }
}

fn is_one_line(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}
