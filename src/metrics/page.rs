//! The report as a page for people: no script, nothing from elsewhere.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::report::{IssuerKeys, Outcomes, Report, VerdictCount};
use crate::auth::word::Word;

/// What the page is served as.
pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// What the page may load: nothing but its own style.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A report as a page in HTML.
pub struct Page<'r>(pub &'r Report);

impl fmt::Display for Page<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, nginx) = (Text(self.0.version), Text(self.0.nginx));
        to.write_str(concat!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
            "<meta name=\"robots\" content=\"noindex\">\n<title>auth_jwt</title>\n<style>\n",
            include_str!("page.css"),
            "</style>\n</head>\n<body>\n",
        ))?;
        writeln!(to, "<header><h1>auth_jwt</h1><p>{version}, nginx {nginx}</p></header>\n<main>")?;
        write_issuers(self.0, to)?;
        write_verdicts(self.0, to)?;
        write_rest(self.0, to)?;
        to.write_str("</main>\n<footer>Counted over all workers since nginx was started.</footer>\n</body>\n</html>\n")
    }
}

fn write_issuers(report: &Report, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    if report.issuers.is_empty() {
        return Ok(());
    }
    let mut passed: BTreeMap<&str, u64> = BTreeMap::new();
    for verdict in &report.verdicts {
        let count = passed.entry(&verdict.issuer).or_default();
        *count = count.saturating_add(verdict.count);
    }
    let head = ["Issuer", "Keys", "Age", "Fetched", "Failed", "Passed"];
    begin_table(to, "Issuers", head)?;
    for issuer in &report.issuers {
        let IssuerKeys { name, keys, age, failure } = issuer;
        let passed = passed.get(name.as_str()).copied().unwrap_or_default();
        let class = if *keys == 0 || failure.is_some() { " class=\"bad\"" } else { "" };
        write!(to, "<tr{class}><th scope=\"row\">{}</th><td>{keys}</td><td>", Text(name))?;
        if let Some(age) = age {
            write!(to, "{}", Duration(*age))?;
        }
        // An issuer without URLs has nothing fetched.
        match report.fetches.get(name.as_str()) {
            Some(Outcomes { good, bad }) => write!(to, "</td><td>{good}</td><td>{bad}</td>")?,
            None => to.write_str("</td><td></td><td></td>")?,
        }
        writeln!(to, "<td>{passed}</td></tr>")?;
        if let Some(failure) = failure {
            let (reason, ago, columns) = (Text(&failure.reason), Duration(failure.ago), head.len());
            writeln!(
                to,
                "<tr class=\"reason\"><td colspan=\"{columns}\">{ago} ago: {reason}</td></tr>"
            )?;
        }
    }
    end_table(to)
}

fn write_verdicts(report: &Report, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut zones: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for VerdictCount { zone, status, count, .. } in &report.verdicts {
        let all = zones.entry(zone).or_default().entry(status).or_default();
        *all = all.saturating_add(*count);
    }
    for (zone, counts) in zones {
        let all = counts.values().fold(0_u64, |all, count| all.saturating_add(*count));
        let title = format!("Zone {zone}");
        begin_table(to, &title, ["Status", "Requests", "Share"])?;
        let mut counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        // The most frequent first.
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (status, count) in counts {
            let class = if status == Word::Ok.text() { " class=\"good\"" } else { "" };
            let (status, share) = (Text(status), Share { part: count, whole: all });
            writeln!(
                to,
                "<tr{class}><th scope=\"row\">{status}</th><td>{count}</td><td>{share}</td></tr>"
            )?;
        }
        if all == 0 {
            writeln!(to, "<tr><th scope=\"row\">none yet</th><td>0</td><td></td></tr>")?;
        }
        end_table(to)?;
    }
    Ok(())
}

fn write_rest(report: &Report, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    begin_table(to, "Cache and key requests", ["", "Yes", "No", "Share"])?;
    let rows = [
        ("Token found in the cache", report.lookups),
        ("Key request succeeded", report.key_requests),
    ];
    for (title, Outcomes { good, bad }) in rows {
        let share = Share { part: good, whole: good.saturating_add(bad) };
        writeln!(
            to,
            "<tr><th scope=\"row\">{title}</th><td>{good}</td><td>{bad}</td><td>{share}</td></tr>"
        )?;
    }
    end_table(to)
}

fn begin_table<const N: usize>(
    to: &mut fmt::Formatter<'_>,
    title: &str,
    head: [&str; N],
) -> fmt::Result {
    write!(to, "<section><h2>{}</h2>\n<div class=\"table\"><table>\n<thead><tr>", Text(title))?;
    for column in head {
        write!(to, "<th scope=\"col\">{}</th>", Text(column))?;
    }
    to.write_str("</tr></thead>\n<tbody>\n")
}

fn end_table(to: &mut fmt::Formatter<'_>) -> fmt::Result {
    to.write_str("</tbody>\n</table></div></section>\n")
}

/// A text, escaped.
struct Text<'t>(&'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

/// A time as people read it, of so many milliseconds: its two largest units.
struct Duration(u64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {} s", seconds % 60),
            (0, _, _) => write!(f, "{hours} h {} min", minutes % 60),
            (_, _, _) => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

/// A part of a whole in percent; empty where there is no whole.
struct Share {
    part: u64,
    whole: u64,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = u128::from(self.part).saturating_mul(1000).checked_div(self.whole.into());
        match tenths {
            Some(tenths) => write!(f, "{}.{} %", tenths / 10, tenths % 10),
            None => Ok(()),
        }
    }
}
