//! What a client would rather have (RFC 9110 §12.5.1).

/// Whether a client whose header `Accept` is `accept` would rather have `text/html` than `text/plain`.
pub fn prefers_html(accept: &[u8]) -> bool {
    quality(accept, "text/html") > quality(accept, "text/plain")
}

/// How much `wanted`, a type of texts, is worth to the client, in thousandths: the most specific range decides.
fn quality(accept: &[u8], wanted: &str) -> u32 {
    let accept = String::from_utf8_lossy(accept);
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next()?;
        let specificity = match kind {
            _ if kind.eq_ignore_ascii_case(wanted) => 2,
            _ if kind.eq_ignore_ascii_case("text/*") => 1,
            "*/*" => 0,
            _ => return None,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        Some((specificity, weight.map_or(1000, thousandths)))
    });
    ranges.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, weight)| weight)
}

/// A weight from 0 to 1; what is none is worth nothing.
fn thousandths(weight: &str) -> u32 {
    let weight: f32 = weight.parse().unwrap_or_default();
    // A cast keeps within bounds, and makes 0 of what is no number.
    (weight.clamp(0.0, 1.0) * 1000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_prefers_html() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("text/html", true),
            ("Text/HTML;charset=utf-8", true),
            ("text/html, text/plain", false),
            ("text/plain;q=0.5, text/html;q=0.501", true),
            ("text/plain;q=0.5, text/html; q=0.5", false),
            ("text/*", false),
            ("text/*;q=0.3, text/html;q=0.2", false),
            ("text/html;q=0", false),
            ("text/html;q=0.2, */*;q=0.1", true),
            ("text/html;q=NaN, */*", false),
            ("text/html;q=, text/plain;q=0.1", false),
            (";;,,;q=1,text/html", true),
            // Browsers.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
                true,
            ),
            // Prometheus.
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                false,
            ),
        ] {
            assert_eq!(prefers_html(accept.as_bytes()), expected, "{accept}");
        }
    }
}
