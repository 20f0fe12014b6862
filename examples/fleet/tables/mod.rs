//! What the simulations say, as tables in Markdown: those of docs/fleet.md.

mod attack;
mod cache;
mod clockwork;
mod outage;
mod rotation;

use crate::simulation::run::Run;

/// The fleet of most tables.
const FLEET: usize = 1_000;

/// All tables: what each is about, and itself.
pub fn all() -> Vec<(&'static str, String)> {
    vec![
        ("How often keys are fetched", clockwork::steady()),
        ("All 1000 machines start at once", clockwork::at_once()),
        ("A new key, and tokens that name it", rotation::by_tokens()),
        ("A new key, and no token that names it", rotation::by_time()),
        ("The provider is out", outage::at_work()),
        ("Fetches that fail in the same moment", outage::in_step()),
        ("Unknown kids", attack::unknown_kids()),
        ("A cache before the provider", cache::cached()),
    ]
}

/// How many tokens with the newest key a machine has refused, on average.
fn refused(run: &Run) -> String {
    let refused = run.seen.iter().map(|seen| seen.refused).sum::<usize>();
    number(refused as f64 / run.seen.len() as f64)
}

fn number(number: f64) -> String {
    match number {
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// A time as people say it; a dash where there is none.
fn told(time: Option<u64>) -> String {
    let Some(time) = time else { return "–".to_owned() };
    let (minutes, seconds) = (time / 60_000, (time % 60_000) as f64 / 1_000.0);
    match (minutes, seconds.round() as u64) {
        (0, _) if seconds < 9.95 => format!("{seconds:.1} s"),
        (0, _) => format!("{seconds:.0} s"),
        (1..60, 0) => format!("{minutes} min"),
        (1..60, seconds) => format!("{minutes} min {seconds} s"),
        _ if minutes % 60 == 0 => format!("{} h", minutes / 60),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

fn table<const N: usize>(heads: [&str; N], rows: Vec<[String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|---{}|\n", "|---:".repeat(N.saturating_sub(1)));
    let rows = rows.iter().map(|cells| line(cells));
    [line(&heads.map(str::to_owned)), rule].into_iter().chain(rows).collect()
}
