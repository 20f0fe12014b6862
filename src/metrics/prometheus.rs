//! Prometheus' text format, version 0.0.4.

use std::fmt::{self, Write};

use super::report::{Outcomes, Report};

/// What the format calls itself.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A report in the format.
pub struct PrometheusText<'r>(pub &'r Report);

impl fmt::Display for PrometheusText<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        const LOOKUPS: [&str; 2] = ["hit", "miss"];
        const RESULTS: [&str; 2] = ["ok", "failed"];
        let name = family(to, "build_info", "gauge", "The module and the nginx it was built for.")?;
        let (version, nginx) = (Label(report.version), Label(report.nginx));
        writeln!(to, "{name}{{version=\"{version}\",nginx=\"{nginx}\"}} 1")?;

        let help = "Verdicts on requests, by zone (auth_jwt_status_zone), issuer (of tokens that have passed) and $auth_jwt_status.";
        let name = family(to, "verdicts_total", "counter", help)?;
        for verdict in &report.verdicts {
            let (zone, issuer) = (Label(&verdict.zone), Label(&verdict.issuer));
            let (status, count) = (verdict.status, verdict.count);
            let labels = format_args!("zone=\"{zone}\",issuer=\"{issuer}\",status=\"{status}\"");
            writeln!(to, "{name}{{{labels}}} {count}")?;
        }

        let help = "Tokens looked up in the cache of verified tokens.";
        let name = family(to, "token_cache_lookups_total", "counter", help)?;
        write_outcomes(to, name, "", LOOKUPS, report.lookups)?;

        let help = "Fetches of keys by URL.";
        let name = family(to, "key_fetches_total", "counter", help)?;
        for (issuer, outcomes) in &report.fetches {
            let labels = format!("issuer=\"{}\",", Label(issuer));
            write_outcomes(to, name, &labels, RESULTS, *outcomes)?;
        }

        let name = family(to, "keys", "gauge", "Keys of an issuer that serve.")?;
        for issuer in &report.issuers {
            writeln!(to, "{name}{{issuer=\"{}\"}} {}", Label(&issuer.name), issuer.keys)?;
        }

        let help =
            "Seconds since an issuer's keys by URL were fetched; of several URLs the oldest.";
        let name = family(to, "keys_age_seconds", "gauge", help)?;
        for issuer in &report.issuers {
            if let Some(age) = issuer.age {
                let (seconds, milliseconds) = (age / 1000, age % 1000);
                let issuer = Label(&issuer.name);
                writeln!(to, "{name}{{issuer=\"{issuer}\"}} {seconds}.{milliseconds:03}")?;
            }
        }

        let help = "Key requests (auth_jwt_key_request).";
        let name = family(to, "key_requests_total", "counter", help)?;
        write_outcomes(to, name, "", RESULTS, report.key_requests)
    }
}

/// Begins a family of metrics, whose full name it answers.
fn family<'n>(
    to: &mut fmt::Formatter<'_>,
    name: &'n str,
    kind: &str,
    help: &str,
) -> Result<Name<'n>, fmt::Error> {
    let name = Name(name);
    writeln!(to, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
    Ok(name)
}

fn write_outcomes(
    to: &mut fmt::Formatter<'_>,
    name: Name<'_>,
    labels: &str,
    results: [&str; 2],
    Outcomes { good, bad }: Outcomes,
) -> fmt::Result {
    for (result, count) in results.iter().zip([good, bad]) {
        writeln!(to, "{name}{{{labels}result=\"{result}\"}} {count}")?;
    }
    Ok(())
}

/// The name of a metric, which all begin alike.
#[derive(Clone, Copy)]
struct Name<'n>(&'n str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nginx_auth_jwt_{}", self.0)
    }
}

/// The value of a label, escaped.
struct Label<'l>(&'l str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}
