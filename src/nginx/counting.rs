//! Counters, from the configuration to where each is counted. Nothing is counted, and no memory shared, where no
//! location has `auth_jwt_metrics`.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use ngx::ffi::NGX_LOG_WARN;

use super::conf::{Effective, MainConf};
use super::ffi::conf::{Conf, ConfError};
use super::ffi::cycle::Cycle;
use super::ffi::shared_memory::shared_words;
use super::key_conf::LevelIssuers;
use super::worker;
use super::zone::Zone;
use crate::metrics::counters::Registry;

/// How much memory the counters and their names have, enough for some 50,000 pairs of a zone and an issuer. In bytes.
const SIZE: usize = 4 << 20;

const WORDS: usize = SIZE / size_of::<AtomicU64>();

/// The memory of the counters, once some configuration has had metrics: nginx has this one process that reads
/// configurations, and workers inherit it.
static MEMORY: OnceLock<&'static [AtomicU64]> = OnceLock::new();

/// What is counted together, by the name of the zone.
#[derive(Default)]
struct Counted<'l> {
    zones: Vec<Rc<Zone>>,
    /// Whether a dry run is on in the zone.
    dry_run: bool,
    /// By their numbers.
    lists: BTreeMap<u64, &'l LevelIssuers>,
}

/// The memory of the counters, if there is any.
pub fn memory() -> Option<&'static [AtomicU64]> {
    MEMORY.get().copied()
}

/// Makes the memory of the counters, once the whole configuration is read, unless there is one.
pub fn note(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let wants = cf.main_conf::<MainConf>().is_some_and(|main| main.has_metrics.get());
    if wants && memory().is_none() {
        let made = shared_words(WORDS);
        let made = made.map_err(|error| {
            format!("shared memory for \"auth_jwt_metrics\" cannot be made: {error}")
        })?;
        MEMORY.get_or_init(|| made);
    }
    Ok(())
}

/// Gives everyone who counts a place, in the process that starts the workers.
pub fn init_module(cycle: Cycle<'_>) {
    let Some(main) = cycle.main_conf::<MainConf>() else { return };
    let levels = main.levels.take();
    let Some(memory) = memory().filter(|_| main.has_metrics.get()) else { return };
    let mut registry = Registry::new(memory);
    main.key_requests.set(registry.key_requests());
    for (name, issuer) in &*main.issuers.borrow() {
        if issuer.is_used.get() && !issuer.urls.is_empty() {
            issuer.fetches.set(registry.fetches(name));
        }
    }
    note_kept_files(&levels, main);
    // All zones come first: the issuers of one take no room of another.
    let zones = by_zone(&levels).into_iter();
    let zones = zones.map(|(name, counted)| (name, registry.zone(name, counted.dry_run), counted));
    for (name, counters, Counted { zones, lists, .. }) in zones.collect::<Vec<_>>() {
        let Some(mut counters) = counters else { continue };
        let issuers = lists.values().flat_map(|issuers| &issuers.list);
        let issuers: BTreeMap<u64, &str> =
            issuers.map(|issuer| (issuer.id, issuer.name.as_str())).collect();
        for (number, issuer) in issuers {
            registry.issuer(&mut counters, name, number, issuer);
        }
        let counters = Rc::new(counters);
        for zone in zones {
            zone.counters.get_or_init(|| counters.clone());
        }
    }
    if registry.left_out > 0 {
        let left_out = registry.left_out;
        cycle.log(
            NGX_LOG_WARN,
            format_args!(
                "metrics of {left_out} zones and issuers have no room, they are counted under zone \"other\""
            ),
        );
    }
}

/// Many levels share a list of issuers, and that may be long: what is told of each is told of the list.
fn by_zone(levels: &[Effective]) -> BTreeMap<&str, Counted<'_>> {
    let mut all = BTreeMap::<&str, Counted<'_>>::new();
    for level in levels.iter().filter(|level| level.enabled().is_some()) {
        let counted = all.entry(&level.zone.name).or_default();
        if !counted.zones.iter().any(|zone| Rc::ptr_eq(zone, &level.zone)) {
            counted.zones.push(level.zone.clone());
        }
        counted.dry_run |= level.leniency.dry_run;
        counted.lists.extend(level.issuers.as_deref().map(|issuers| (issuers.id, issuers)));
    }
    all
}

/// Tells issuers how long the keys of their files are kept.
fn note_kept_files(levels: &[Effective], main: &MainConf) {
    let mut lists = BTreeMap::new();
    for level in levels.iter().filter(|level| level.enabled().is_some()) {
        if let Some(issuers) = level.issuers.as_deref() {
            let (_, longest) = lists.entry(issuers.id).or_insert((issuers, 0));
            *longest = level.key_rules.fresh_for.max(*longest);
        }
    }
    let blocks = main.issuers.borrow();
    for (issuers, kept_for) in lists.values() {
        for block in issuers.list.iter().filter_map(|issuer| blocks.get(&issuer.name)) {
            block.files_kept_for.set(block.files_kept_for.get().max(*kept_for));
        }
    }
}

/// Tells a process that serves requests where it counts.
pub fn init_process(cycle: Cycle<'_>) {
    let key_requests = cycle.main_conf::<MainConf>().and_then(|main| main.key_requests.get());
    worker::this().key_requests.set(key_requests);
}
