//! The proofs that were used lately, in memory that all workers share. None is made where no level that asks for a
//! token honours proofs.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use ngx::ffi::NGX_LOG_WARN;

use super::conf::{Effective, MainConf};
use super::ffi::conf::{Conf, ConfError};
use super::ffi::request::Request;
use super::ffi::shared_memory::shared_words;
use super::ffi::time;
use super::worker;
use crate::auth::binding::Use;
use crate::auth::binding::replays::{Replays, WORDS};
use crate::jose::crypto::Fingerprint;

/// How often a worker tells that the memory is full, in milliseconds.
const TOLD_EVERY: u64 = 60_000;

/// The memory, once some configuration has honoured proofs: nginx has this one process that reads configurations, and
/// workers inherit it. It outlives the configuration, so that a reload forgets nothing.
static MEMORY: OnceLock<Replays> = OnceLock::new();

/// The longest that a level has had proofs count after they were made, its leeway included, in seconds. Every proof is
/// remembered for as long: one that counts no more at one level may come to another.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// Makes the memory, once the whole configuration is read, unless there is one.
pub fn note(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let Some(main) = cf.main_conf::<MainConf>() else { return Ok(()) };
    let levels = main.levels.borrow();
    let honouring =
        levels.iter().filter(|level| level.enabled().is_some() && level.binding.proof.is_on());
    let Some(longest) = honouring.map(longest_of).max() else { return Ok(()) };
    LONGEST.fetch_max(longest, Relaxed);
    if MEMORY.get().is_some() {
        return Ok(());
    }
    let words = shared_words(WORDS);
    let words = words
        .map_err(|error| format!("shared memory for \"auth_jwt_dpop\" cannot be made: {error}"))?;
    let now = time::now().0;
    MEMORY.get_or_init(|| {
        Replays::prepare(
            words,
            now.try_into().unwrap_or_default(),
            RandomState::new().hash_one(now),
        )
    });
    Ok(())
}

/// How long a level has proofs count after they were made, whatever the issuer of the token, in seconds.
fn longest_of(level: &Effective) -> u64 {
    let issuers = level.issuers.iter().flat_map(|issuers| &issuers.list);
    let leeways = issuers.filter_map(|issuer| issuer.leeway);
    let leeway = leeways.chain([level.leeway]).max().unwrap_or_default();
    level.binding.window.saturating_add(leeway)
}

/// Records the proof `id` of `request`, unless it has been; it counts until `until` where the window is `window`
/// seconds. Times in seconds since the epoch.
pub fn first_use(request: Request<'_>, id: Fingerprint, until: u64, window: u64, now: u64) -> Use {
    let until = until.saturating_add(LONGEST.load(Relaxed).saturating_sub(window));
    let used = MEMORY.get().map_or(Use::NoRoom, |memory| memory.first_use(id, until, now));
    if used == Use::NoRoom {
        tell_of_no_room(request);
    }
    used
}

#[cold]
fn tell_of_no_room(request: Request<'_>) {
    let (worker, now) = (worker::this(), time::monotonic_milliseconds());
    let told = worker.told_of_no_room.get();
    if told.is_none_or(|told| now.saturating_sub(told) >= TOLD_EVERY) {
        worker.told_of_no_room.set(Some(now));
        request.log(
            NGX_LOG_WARN,
            format_args!(
                "the memory of used DPoP proofs is full: further ones are refused until some have run out"
            ),
        );
    }
}
