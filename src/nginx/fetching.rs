//! Keys by URL, from the configuration to the thread of each process that serves requests.

use std::cell::RefCell;
use std::sync::Arc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_WARN};

use super::conf::{Fetching, MainConf};
use super::ffi::conf::Conf;
use super::ffi::cycle::{Cycle, serves_requests};
use super::key_store::url::UrlSources;
use super::worker;
use crate::fetch::clock;
use crate::fetch::directory;
use crate::fetch::fetcher::Settings;
use crate::fetch::source::Source;

/// Notes how keys are fetched, once the whole configuration is read; nothing, where no block that is used has any by
/// URL.
pub fn note(cf: &mut Conf<'_>) {
    let Some(main) = cf.main_conf::<MainConf>() else { return };
    let issuers = main.issuers.borrow();
    let used = issuers.values().filter(|issuer| issuer.is_used.get());
    let sources: Vec<_> = used.flat_map(|issuer| issuer.urls.iter().cloned()).collect();
    if sources.is_empty() {
        return;
    }
    if main.fetch_proxy.borrow().as_ref().is_some_and(|proxy| !proxy.is_local()) {
        let mut plain = sources.iter().filter(|source| source.configured.remote.url().is_plain());
        if let Some(source) = plain.next() {
            let name = &source.configured.issuer;
            cf.warn(format_args!(
                "\"auth_jwt_fetch_proxy\" takes \"http:\" URLs of issuer \"{name}\" out of this machine, so its keys could be replaced on the way: use https"
            ));
        }
    }
    let directory = main.state_path.take().unwrap_or_else(|| {
        let mut beside = cf.client_body_temp_path();
        beside.set_file_name("auth_jwt");
        Some(beside)
    });
    main.fetching.get_or_init(|| Fetching {
        directory: RefCell::new(directory),
        sources,
        configured_at: clock::now(),
    });
}

/// Makes the directory where keys are kept, in the process that starts the workers.
pub fn init_module(cycle: Cycle<'_>) {
    let fetching = cycle.main_conf::<MainConf>().and_then(|main| main.fetching.get());
    let Some(fetching) = fetching else { return };
    let mut directory = fetching.directory.borrow_mut();
    let Some(path) = &*directory else { return };
    if let Err(error) = directory::prepare(path, cycle.workers_user()) {
        let path = path.as_os_str().as_encoded_bytes().escape_ascii();
        cycle.log(
            NGX_LOG_WARN,
            format_args!(
                "keys by URL cannot be kept in \"{path}\" (\"auth_jwt_state_path\"), each worker fetches for itself: {error}"
            ),
        );
        *directory = None;
    }
}

/// Starts the thread of a process that serves requests, and ends that of an earlier configuration.
pub fn init_process(cycle: Cycle<'_>) {
    let worker = worker::this();
    drop(worker.url_sources.take());
    let Some(main) = cycle.main_conf::<MainConf>().filter(|_| serves_requests()) else { return };
    let Some(Fetching { directory, sources, configured_at }) = main.fetching.get() else { return };
    let proxy = main.fetch_proxy.borrow().clone();
    let settings =
        Settings { directory: directory.borrow().clone(), proxy, configured_at: *configured_at };
    let issuers = main.issuers.borrow();
    let sources = sources.iter().map(|source| {
        let configured = source.configured.clone();
        let issuer = issuers.get(&configured.issuer);
        let fetches = issuer.and_then(|issuer| issuer.fetches.get());
        (source.id, Source::new(configured).counted(fetches))
    });
    let sources = sources.map(|(id, source)| (id, Arc::new(source))).collect();
    match UrlSources::start(settings, sources) {
        Ok(started) => drop(worker.url_sources.replace(Some(started))),
        Err(error) => cycle.log(
            NGX_LOG_ERR,
            format_args!("the thread that fetches keys by URL cannot be started: {error}"),
        ),
    }
}

/// Logs what the thread has still said, and has it end; nobody waits for it.
pub fn exit_process() {
    if let Some(sources) = worker::this().url_sources.take() {
        sources.log();
    }
}
