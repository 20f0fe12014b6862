//! That a normalised path is the one that nginx serves: what it does with each short path, by
//! `ngx_http_parse_complex_uri`.

use super::super::normal_path;

/// The path that nginx serves; `None` where it answers 400.
fn served(target: &str, merge_slashes: bool) -> Option<String> {
    let decoded = target.replace("%2F", "/").replace("%2E", ".").replace("%25", "%");
    let segments: Vec<&str> = decoded.strip_prefix('/')?.split('/').collect();
    let last = segments.last().copied().unwrap_or_default();
    let mut kept = Vec::new();
    for segment in &segments {
        match *segment {
            "." => {}
            ".." => drop(kept.pop()?),
            "" if merge_slashes => {}
            segment => kept.push(segment),
        }
    }
    if matches!(last, "." | "..") || (merge_slashes && last.is_empty()) {
        kept.push("");
    }
    Some(format!("/{}", kept.join("/")))
}

#[test]
fn the_model_is_nginx() {
    // As nginx 1.22 and 1.28 serve them.
    for (target, merged, unmerged) in [
        ("/a/b/../c", "/a/c", "/a/c"),
        ("/a//../c", "/c", "/a/c"),
        ("/a/b///../../c", "/c", "/a/b/c"),
        ("/a//b", "/a/b", "/a//b"),
        ("/a%2F/./b/", "/a/b/", "/a//b/"),
        ("/x%2F..%2Fadmin%2Fq/..", "/admin/", "/admin/"),
        ("/a/%2E%2E", "/", "/"),
        ("/%252E%252E/a", "/%2E%2E/a", "/%2E%2E/a"),
        ("/.//", "/", "//"),
    ] {
        assert_eq!(served(target, true).as_deref(), Some(merged), "{target}");
        assert_eq!(served(target, false).as_deref(), Some(unmerged), "{target}, unmerged");
    }
    assert_eq!(served("/a/../..", true), None);
}

#[test]
fn a_normal_path_is_served_as_the_path_it_was_made_of() {
    let pieces = ["/", "a", ".", "%2F", "%2E", "%25"];
    let mut paths = vec!["/".to_owned()];
    let mut judged = 0;
    for _ in 0..6 {
        for path in &paths {
            let Some(normal) = normal_path(path.as_bytes()) else { continue };
            let normal = String::from_utf8(normal).unwrap_or_default();
            for merge_slashes in [true, false] {
                let Some(expected) = served(path, merge_slashes) else { continue };
                judged += 1;
                assert_eq!(served(&normal, merge_slashes), Some(expected), "{path} → {normal}");
            }
        }
        paths =
            paths.iter().flat_map(|path| pieces.map(|piece| format!("{path}{piece}"))).collect();
    }
    assert!(judged > 10_000, "{judged}");
}
