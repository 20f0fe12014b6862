//! The proofs that were used lately, in memory that all workers share. None is made where no level that asks for a
//! token honours proofs.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use ngx::ffi::NGX_LOG_WARN;

use super::conf::MainConf;
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

/// Makes the memory, once the whole configuration is read, unless there is one.
pub fn note(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let Some(main) = cf.main_conf::<MainConf>() else { return Ok(()) };
    let levels = main.levels.borrow();
    let mut enabled = levels.iter().filter(|level| level.enabled().is_some());
    if MEMORY.get().is_some() || !enabled.any(|level| level.binding.proof.is_on()) {
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

/// Records the proof `id` of `request` until `until`, unless it has been; times in seconds since the epoch.
pub fn first_use(request: Request<'_>, id: Fingerprint, until: u64, now: u64) -> Use {
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
