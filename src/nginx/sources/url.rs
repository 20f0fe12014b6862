//! Keys by URL (`key_url`, `config_url`). A thread fetches them; a request waits for it only where there
//! are no keys at all, or where none has its `kid`.

use std::rc::Rc;
use std::time::Instant;

use ngx::ffi::NGX_LOG_ERR;

use super::key_source::{Asking, KeySource, Pending, Progress};
use crate::fetch::source::Configured;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::wait::Waiter;
use crate::nginx::key_store::url::UrlSources;
use crate::nginx::worker;

/// A key source by URL.
pub struct KeyUrl {
    /// Its number, which no other source has, not even one of an earlier configuration.
    pub id: u64,
    pub configured: Configured,
}

/// What a request wants of a source.
struct Wish {
    source: Rc<KeyUrl>,
    /// Newer keys than those at hand, of which none has this `kid`; `None`: any keys.
    kid: Option<Box<str>>,
    /// How long it waits at the most.
    until: Instant,
    /// How often it may still ask for newer keys: once is not enough, as a fetch that was under way when it came may
    /// have begun before there were any.
    asks_left: u32,
}

/// A request that waits for the thread.
struct Waiting {
    wish: Wish,
    _waiter: Rc<Waiter>,
}

impl KeySource for Rc<KeyUrl> {
    fn ask(&self, Asking { request, newer_for, .. }: Asking<'_>) -> Progress {
        let now = Instant::now();
        let wish = Wish {
            source: self.clone(),
            kid: newer_for.map(Into::into),
            until: now.checked_add(self.configured.timeout).unwrap_or(now),
            asks_left: 2,
        };
        wish.look(request, now)
    }

    fn is_literal(&self) -> bool {
        true
    }

    fn refreshes(&self) -> bool {
        self.configured.rules.refresh_every.is_some()
    }
}

impl Pending for Waiting {
    fn resume(self: Box<Self>, request: Request<'_>) -> Progress {
        self.wish.look(request, Instant::now())
    }
}

impl Wish {
    /// Looks at what the thread has published.
    fn look(mut self, request: Request<'_>, now: Instant) -> Progress {
        let worker = worker::this();
        let sources = worker.url_sources.borrow();
        let id = self.source.id;
        // Without a thread nothing is ever there.
        let found = sources.as_deref().and_then(|sources| Some((sources, sources.source(id)?)));
        let Some((sources, source)) = found else { return self.fail(request) };
        let look = source.look(now);
        let has_time = now < self.until;
        match (look.keys, &self.kid) {
            (Some(keys), None) => Progress::Ready(keys),
            (Some(keys), Some(kid)) if keys.has_kid(kid) => Progress::Ready(keys),
            (None, None) if look.under_way && has_time => self.wait(request, sources, look.news),
            (None, None) => self.fail(request),
            (keys, Some(_)) => {
                if self.asks_left == 0 || !has_time || !sources.want_newer(id, now) {
                    return keys.map_or(Progress::Failed, Progress::Ready);
                }
                self.asks_left = self.asks_left.saturating_sub(1);
                self.wait(request, sources, look.news)
            }
        }
    }

    fn wait(self, request: Request<'_>, sources: &UrlSources, news: u64) -> Progress {
        let Some(waiter) = Waiter::new(request) else { return Progress::Failed };
        sources.add_waiter(self.source.id, news, self.until, &waiter);
        Progress::Pending(Box::new(Waiting { wish: self, _waiter: waiter }))
    }

    fn fail(&self, request: Request<'_>) -> Progress {
        let Configured { issuer, remote, .. } = &self.source.configured;
        let url = remote.url().text();
        request.log(NGX_LOG_ERR, format_args!("issuer \"{issuer}\" has no keys from \"{url}\""));
        Progress::Failed
    }
}
