//! The parameters of a block for keys by URL: where they are, and how they are fetched.

use super::{IssuerBlock, Times};
use crate::auth::key_cache::Rules;
use crate::auth::key_place::{Discovery, FetchSettings, KeyPlace, Remote};
use crate::auth::url::Url;

/// A URL, as a message describes it.
pub(super) const URL: &str = "one URL that begins with \"https://\" (\"http://\" to this machine alone), without credentials, fragment and variables";

/// A time of `key_cache` or `timeout`, as a message describes it.
pub(super) const TIME_OF_FETCHING: &str = "a time above 0, such as \"10m\"";

/// What may be configured of a cache of keys by URL, as a message describes it.
pub(super) const KEY_CACHE: &str = "a time above 0, such as \"10m\", with \"refresh=30s\", \"refresh=off\" or \"stale=1d\" behind it";

/// The parameters that say how keys are fetched. They have an effect beside keys by URL alone.
const OF_FETCHING: [&str; 3] = ["key_cache", "timeout", "ssl_trusted_certificate"];

impl IssuerBlock {
    pub(super) fn key_url(&mut self, values: &[&str]) -> Result<(), String> {
        let url = self.url("key_url", values)?;
        self.keys.push(KeyPlace::Remote(Box::new(Remote::KeySet(url))));
        Ok(())
    }

    pub(super) fn config_url(&mut self, values: &[&str]) -> Result<(), String> {
        let url = self.url("config_url", values)?;
        // Whose it is, is known once the whole block is.
        let discovery = Discovery { url, fallback: None, issuer: String::new() };
        self.keys.push(KeyPlace::Remote(Box::new(Remote::Discovery(discovery))));
        Ok(())
    }

    pub(super) fn key_cache(&mut self, values: &[&str], times: Times) -> Result<(), String> {
        let mut parameters = values.iter();
        let at_least = |time: &str, least: u64| {
            (times.milliseconds)(time.as_bytes()).filter(|time| *time >= least)
        };
        let read = || {
            let fresh_for = at_least(parameters.next()?, 1)?;
            let (mut refresh, mut stale) = (None, None);
            for parameter in parameters {
                let place = if let Some(time) = parameter.strip_prefix("refresh=") {
                    let off = (time == "off").then_some(0);
                    refresh.replace(off.or_else(|| at_least(time, 1))?)
                } else {
                    stale.replace(at_least(parameter.strip_prefix("stale=")?, 0)?)
                };
                if place.is_some() {
                    return None;
                }
            }
            let default = FetchSettings::default().cache;
            let refresh_every = match refresh {
                Some(interval) => Some(interval).filter(|interval| *interval > 0),
                None => default.refresh_every,
            };
            Some(Rules { fresh_for, refresh_every, stale_for: stale.unwrap_or(default.stale_for) })
        };
        self.fetch.cache = read().ok_or_else(|| self.invalid("key_cache", values, KEY_CACHE))?;
        Ok(())
    }

    pub(super) fn timeout(&mut self, values: &[&str], times: Times) -> Result<(), String> {
        let time = match values {
            [time] => (times.milliseconds)(time.as_bytes()),
            _ => None,
        };
        let time = time.filter(|time| *time > 0);
        let time = time.ok_or_else(|| self.invalid("timeout", values, TIME_OF_FETCHING))?;
        self.fetch.timeout = time;
        Ok(())
    }

    pub(super) fn trusted_certificate(&mut self, values: &[&str]) -> Result<(), String> {
        match values {
            [file] if !file.contains('$') => self.fetch.certificates = Some((*file).to_owned()),
            _ => {
                let allowed = "the name of one file in PEM, without variables";
                return Err(self.invalid("ssl_trusted_certificate", values, allowed));
            }
        }
        Ok(())
    }

    /// Once all parameters are set: a block that names no keys has those that its issuer names, and a document
    /// must be of the first issuer.
    pub(super) fn find_keys(&mut self) -> Result<(), String> {
        let first = self.issuer.issuers.first().cloned().unwrap_or_default();
        if self.keys.is_empty() {
            let discovery = Discovery::of(&first).map_err(|error| {
                let (first, name) = (first.as_bytes().escape_ascii(), self.name());
                format!("no keys in issuer \"{name}\", it must name \"key_file\", \"key_url\" or \"config_url\": its keys cannot be found by \"issuer {first}\", {error}")
            })?;
            self.keys.push(KeyPlace::Remote(Box::new(Remote::Discovery(discovery))));
        }
        for place in &mut self.keys {
            if let KeyPlace::Remote(remote) = place
                && let Remote::Discovery(discovery) = &mut **remote
            {
                discovery.issuer.clone_from(&first);
            }
        }
        Ok(())
    }

    /// The first parameter that has no effect, as no keys are fetched.
    pub(super) fn ineffective(&self) -> Option<&'static str> {
        let fetches = self.keys.iter().any(|place| !matches!(place, KeyPlace::File(_)));
        let stands = |parameter: &&str| self.once.contains(parameter);
        OF_FETCHING.into_iter().find(stands).filter(|_| !fetches)
    }

    fn url(&self, parameter: &str, values: &[&str]) -> Result<Url, String> {
        let url = match values {
            [url] if !url.contains('$') => url.parse().ok(),
            _ => None,
        };
        url.ok_or_else(|| self.invalid(parameter, values, URL))
    }
}
