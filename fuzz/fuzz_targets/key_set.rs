//! Any bytes as a JWK Set: which entries are keys is what the reference says, each entry is judged
//! alone, and what is told of them fits on one line of a log.
#![no_main]

use fuzz::reference::keys::{entries, key, set};
use ngx_http_auth_jwt_module::jose::jwk::Key;
use ngx_http_auth_jwt_module::jose::key_set::KeySet;

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    let mut told = Vec::new();
    let mut skipped = 0;
    let found = KeySet::parse(json.to_vec(), |notice| {
        skipped += usize::from(notice.skips());
        told.push(notice.to_string());
    });
    for line in &told {
        assert!(line.len() < 2000 && !line.contains(char::is_control), "{line:?}");
    }
    // Whether a private part belongs to its key is more than the reference judges.
    let entries = entries(json).unwrap_or_default();
    let private = entries.iter().any(|entry| entry.member("d").is_some());
    if !private {
        let expected = set(json).map(|keys| keys.iter().map(|key| key.kid.clone()).collect());
        let found: Option<Vec<Option<String>>> = found
            .as_ref()
            .ok()
            .map(|set| set.keys().map(|key| key.kid().map(Into::into)).collect());
        assert_eq!(found, expected);
    }
    let Ok(found) = found else { return };
    assert_eq!(found.keys().count() + skipped, entries.len());
    let alone = entries.iter().filter(|entry| Key::parse(&entry.text).is_ok());
    assert_eq!(alone.count(), found.keys().count(), "no entry spoils another");
    for entry in entries.iter().filter(|entry| entry.member("d").is_none()) {
        assert_eq!(Key::parse(&entry.text).is_ok(), key(entry).is_some(), "{}", entry.text);
    }
    let kids: Vec<&str> = found.keys().filter_map(|key| key.kid()).collect();
    for kid in &kids {
        let same = kids.iter().filter(|other| *other == kid).count();
        assert!(found.has_kid(kid) && found.with_kid(kid).count() == same);
    }
    assert_eq!(found.without_kid().count() + kids.len(), found.keys().count());
});
