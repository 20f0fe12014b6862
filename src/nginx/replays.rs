//! The proofs that were used lately, in memory that all workers share. None is made where no level that asks for a
//! token honours proofs.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use ngx::ffi::NGX_LOG_WARN;

use super::conf::MainConf;
use super::ffi::conf::{Conf, ConfError};
use super::ffi::cycle::Cycle;
use super::ffi::request::Request;
use super::ffi::shared_memory::shared_words;
use super::ffi::time;
use super::worker;
use crate::auth::binding::replays::{Replays, WORDS};
use crate::auth::binding::{Use, reach};
use crate::jose::crypto::Fingerprint;

/// How often a worker tells what is wrong with the memory, in milliseconds.
const TOLD_EVERY: u64 = 60_000;

/// The memory, once some configuration has honoured proofs: nginx has this one process that reads configurations, and
/// workers inherit it. It outlives the configuration, so that a reload forgets nothing.
static MEMORY: OnceLock<Replays> = OnceLock::new();

/// Makes the memory, once the whole configuration is read, unless there is one.
pub fn note(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let Some(main) = cf.main_conf::<MainConf>() else { return Ok(()) };
    if MEMORY.get().is_some() || longest(main).is_none() {
        return Ok(());
    }
    let words = shared_words(WORDS);
    let words = words
        .map_err(|error| format!("shared memory for \"auth_jwt_dpop\" cannot be made: {error}"))?;
    MEMORY.get_or_init(|| Replays::prepare(words, now(), RandomState::new().hash_one(now())));
    Ok(())
}

/// Tells the memory how long proofs count in a configuration that is taken into use.
pub fn init_module(cycle: Cycle<'_>) {
    if let (Some(memory), Some(main)) = (MEMORY.get(), cycle.main_conf::<MainConf>())
        && let Some(longest) = longest(main)
    {
        memory.set_reach(longest, now());
    }
}

/// The longest that a level has proofs count after they were made, whatever the issuer of the token, in seconds; `None`
/// where none looks at proofs.
fn longest(main: &MainConf) -> Option<u64> {
    let levels = main.levels.borrow();
    let honouring =
        levels.iter().filter(|level| level.enabled().is_some() && level.binding.proof.is_on());
    let reaches = honouring.map(|level| {
        let issuers = level.issuers.iter().flat_map(|issuers| &issuers.list);
        let leeways = issuers.filter_map(|issuer| issuer.leeway);
        let leeway = leeways.chain([level.leeway]).max().unwrap_or_default();
        reach(level.binding.window, leeway)
    });
    reaches.max()
}

fn now() -> u64 {
    time::now().0.try_into().unwrap_or_default()
}

/// Records the proof `id` of `request`, unless it has been; as [`Replays::first_use`].
pub fn first_use(request: Request<'_>, id: Fingerprint, issued: u64, reach: u64, now: u64) -> Use {
    let used = MEMORY.get().map_or(Use::NoRoom, |memory| memory.first_use(id, issued, reach, now));
    match used {
        Use::NoRoom if may_tell() => request.log(
            NGX_LOG_WARN,
            format_args!(
                "the memory of used DPoP proofs is full: further ones are refused until some have run out"
            ),
        ),
        Use::Unknown if may_tell() => request.log(
            NGX_LOG_WARN,
            format_args!(
                "DPoP proofs are refused that may have been used before: the clock was set, or a reload lets proofs count for longer"
            ),
        ),
        Use::First | Use::Seen | Use::NoRoom | Use::Unknown => {}
    }
    used
}

/// Whether the last line about the memory is long enough ago.
#[cold]
fn may_tell() -> bool {
    let (worker, now) = (worker::this(), time::monotonic_milliseconds());
    let told = worker.told_of_proofs.get();
    let may = told.is_none_or(|told| now.saturating_sub(told) >= TOLD_EVERY);
    if may {
        worker.told_of_proofs.set(Some(now));
    }
    may
}
