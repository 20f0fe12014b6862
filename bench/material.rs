//! Material for scripts/bench and scripts/count.
//!
//! ```text
//! material kinds                  the kinds of tokens, one a line
//! material write DIR              of each kind: KIND.token, KIND.forged, KIND.jwks, and KIND.key (a
//!                                 secret or a public key in PEM); claims.json
//! material tokens KIND COUNT      COUNT different tokens, one a line
//! material cryptography KIND TIME the bare cryptography of judging one, amid the system calls of a
//!                                 server, repeated for TIME milliseconds: nanoseconds of CPU each
//! material judge KIND COUNT       the same in a tight loop, COUNT times, for a tool that counts
//! ```

#[path = "material/mod.rs"]
mod material;
#[path = "material/server.rs"]
mod server;

use std::fs;
use std::io::{BufWriter, Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use material::{KINDS, Kind, Outcome, claims};
use server::Server;

/// So many requests between two looks at the clock.
const IN_A_SLICE: u32 = 24;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["kinds"] => println!("{}", KINDS.join("\n")),
        ["write", directory] => write(Path::new(directory))?,
        ["tokens", kind, count] => tokens(&Kind::new(kind)?, count.parse()?)?,
        ["cryptography", kind, time] => {
            let time = Duration::from_millis(time.parse()?);
            println!("{:.1}", nanoseconds(&Kind::new(kind)?, time)?);
        }
        ["judge", kind, count] => judge(&Kind::new(kind)?, count.parse()?)?,
        _ => return Err("see the head of bench/material.rs".into()),
    }
    Ok(())
}

fn write(directory: &Path) -> Outcome<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("claims.json"), claims(0).to_string())?;
    for name in KINDS {
        let kind = Kind::new(name)?;
        let token = kind.token(0)?;
        fs::write(directory.join(format!("{name}.forged")), forged(&token)?)?;
        fs::write(directory.join(format!("{name}.token")), token)?;
        fs::write(directory.join(format!("{name}.jwks")), kind.key_set()?.to_string())?;
        fs::write(directory.join(format!("{name}.key")), kind.verification_key()?)?;
    }
    Ok(())
}

/// The token with another first character of its last segment: signature or tag is wrong.
fn forged(token: &str) -> Outcome<String> {
    let (rest, last) = token.rsplit_once('.').ok_or("a token has dots")?;
    let other = if last.starts_with('A') { 'B' } else { 'A' };
    Ok(format!("{rest}.{other}{}", last.get(1..).ok_or("an empty segment")?))
}

fn tokens(kind: &Kind, count: usize) -> Outcome<()> {
    let mut out = BufWriter::new(stdout().lock());
    for number in 0..count {
        writeln!(out, "{}", kind.token(number)?)?;
    }
    Ok(out.flush()?)
}

fn judge(kind: &Kind, count: usize) -> Outcome<()> {
    let judge = kind.cryptography()?;
    for _ in 0..count {
        if !judge() {
            return Err("the cryptography refuses its own token".into());
        }
    }
    Ok(())
}

fn nanoseconds(kind: &Kind, time: Duration) -> Outcome<f64> {
    judge(kind, 1)?;
    let judge = kind.cryptography()?;
    let mut server = Server::new()?;
    let mut slice = |judge: &dyn Fn() -> bool| -> Outcome<f64> {
        let before = processor_time()?;
        for _ in 0..IN_A_SLICE {
            server.answer()?;
            std::hint::black_box(judge());
        }
        let taken = processor_time()?.saturating_sub(before);
        Ok(taken as f64 / f64::from(IN_A_SLICE))
    };
    let mut rounds = Vec::new();
    let started = Instant::now();
    while started.elapsed() < time || rounds.is_empty() {
        // As in bench/duel.py: what drifts steadily falls out.
        let (plain, with) = (slice(&|| true)?, slice(&*judge)?);
        let (with_again, plain_again) = (slice(&*judge)?, slice(&|| true)?);
        rounds.push((with + with_again - plain - plain_again) / 2.0);
    }
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().ok_or_else(|| "no round".into())
}

/// What this thread has had of a processor, in nanoseconds: time in which others ran does not
/// count. The kernel brings the figure up to date when the thread sleeps.
fn processor_time() -> Outcome<u64> {
    std::thread::sleep(Duration::from_micros(1));
    let figures = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(figures.split_whitespace().next().ok_or("an empty schedstat")?.parse()?)
}
