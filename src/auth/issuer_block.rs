//! The parameters of an `auth_jwt_issuer` block → an [`Issuer`] and where its keys are. Each message
//! names the block, the parameter and what is allowed.

mod by_url;

use super::claim_path::ClaimPath;
use super::issuer::{Issuer, Typ, media_type};
use super::key_place::{FetchSettings, KeyPlace};
use crate::jose::algorithm::SignatureAlgorithm;

/// The parameters, as a message names them.
const PARAMETERS: [&str; 15] = [
    "issuer",
    "key_file",
    "key_url",
    "config_url",
    "key_cache",
    "timeout",
    "ssl_trusted_certificate",
    "audience",
    "algorithms",
    "typ",
    "exp",
    "leeway",
    "max_lifetime",
    "max_age",
    "scope_claim",
];

/// A time, as a message describes it.
const TIME: &str = "a time in seconds or larger units, such as \"30s\" or \"12h\"";

/// Reads times as nginx does, in seconds and in milliseconds.
#[derive(Clone, Copy)]
pub struct Times {
    pub seconds: fn(&[u8]) -> Option<u64>,
    pub milliseconds: fn(&[u8]) -> Option<u64>,
}

/// What a block says, once it is read.
#[derive(Debug)]
pub struct Block {
    pub issuer: Issuer,
    /// In order.
    pub keys: Vec<KeyPlace>,
    /// How keys by URL are fetched.
    pub fetch: FetchSettings,
    /// What stands there and has no effect, as no keys are fetched.
    pub ineffective: Option<&'static str>,
}

/// A block while it is read.
#[derive(Debug, Default)]
pub struct IssuerBlock {
    issuer: Issuer,
    keys: Vec<KeyPlace>,
    fetch: FetchSettings,
    /// Whether `audience any` stands there.
    any_audience: bool,
    /// Those that may stand once, and have been set.
    once: Vec<&'static str>,
}

impl IssuerBlock {
    /// The block of that name.
    pub fn new(name: String) -> Self {
        Self { issuer: Issuer { name, ..Issuer::default() }, ..Self::default() }
    }

    /// The name of the block.
    pub fn name(&self) -> &str {
        &self.issuer.name
    }

    /// Sets the parameter `words` begins with.
    pub fn set(&mut self, words: &[&[u8]], times: Times) -> Result<(), String> {
        let Some((parameter, values)) = words.split_first() else { return Ok(()) };
        let known = PARAMETERS.into_iter().find(|known| known.as_bytes() == *parameter);
        let Some(parameter) = known else {
            let (name, parameter) = (self.name(), parameter.escape_ascii());
            let allowed = quoted(&PARAMETERS);
            return Err(format!(
                "unknown parameter \"{parameter}\" in issuer \"{name}\", allowed is {allowed}"
            ));
        };
        if !matches!(parameter, "issuer" | "key_file" | "key_url" | "audience") {
            if self.once.contains(&parameter) {
                let name = self.name();
                return Err(format!("duplicate parameter \"{parameter}\" in issuer \"{name}\""));
            }
            self.once.push(parameter);
        }
        let values = self.texts(parameter, values)?;
        let values = values.as_slice();
        let own = &mut self.issuer;
        match parameter {
            "issuer" => own.issuers.extend(values.iter().map(|iss| (*iss).to_owned())),
            "key_file" => return self.key_file(values),
            "key_url" => return self.key_url(values),
            "config_url" => return self.config_url(values),
            "key_cache" => return self.key_cache(values, times),
            "timeout" => return self.timeout(values, times),
            "ssl_trusted_certificate" => return self.trusted_certificate(values),
            "audience" => return self.audience(values),
            "algorithms" => return self.algorithms(values),
            "typ" => return self.typ(values),
            "scope_claim" => return self.scope_claim(values),
            "exp" => match values {
                ["required"] => own.may_lack_exp = false,
                ["optional"] => own.may_lack_exp = true,
                _ => return Err(self.invalid(parameter, values, "\"required\" or \"optional\"")),
            },
            _ => {
                let time = match values {
                    [time] => (times.seconds)(time.as_bytes()),
                    _ => None,
                };
                let place = match parameter {
                    "leeway" => &mut own.leeway,
                    "max_lifetime" => &mut own.max_lifetime,
                    _ => &mut own.max_age,
                };
                *place = time;
                if time.is_none() {
                    return Err(self.invalid(parameter, values, TIME));
                }
            }
        }
        Ok(())
    }

    /// What the block says, once all parameters are set.
    pub fn finish(mut self) -> Result<Block, String> {
        let name = self.name();
        let missing = if self.issuer.issuers.is_empty() {
            Some((
                "issuer",
                "the \"iss\" of its tokens, such as \"issuer https://id.example.com;\"",
            ))
        } else if self.issuer.audience.is_none() && !self.any_audience {
            let example = "what its tokens are for, such as \"audience orders-api;\" (\"audience any;\" asks for none)";
            Some(("audience", example))
        } else {
            None
        };
        if let Some((parameter, example)) = missing {
            return Err(format!("no \"{parameter}\" in issuer \"{name}\", it must name {example}"));
        }
        self.find_keys()?;
        let ineffective = self.ineffective();
        Ok(Block { issuer: self.issuer, keys: self.keys, fetch: self.fetch, ineffective })
    }

    /// The values as texts; there is at least one, and none is empty.
    fn texts<'v>(&self, parameter: &str, values: &[&'v [u8]]) -> Result<Vec<&'v str>, String> {
        let text = |value: &&'v [u8]| {
            let text = std::str::from_utf8(value).ok().filter(|text| !text.is_empty());
            text.ok_or_else(|| {
                let (value, name) = (value.escape_ascii(), self.name());
                format!("invalid value \"{value}\" of \"{parameter}\" in issuer \"{name}\", it must be UTF-8 and not empty")
            })
        };
        if values.is_empty() {
            let name = self.name();
            return Err(format!("no value of \"{parameter}\" in issuer \"{name}\""));
        }
        values.iter().map(text).collect()
    }

    fn key_file(&mut self, values: &[&str]) -> Result<(), String> {
        match values {
            [file] if !file.contains('$') => self.keys.push(KeyPlace::File((*file).to_owned())),
            _ => {
                let allowed = "the name of one file, without variables";
                return Err(self.invalid("key_file", values, allowed));
            }
        }
        Ok(())
    }

    fn audience(&mut self, values: &[&str]) -> Result<(), String> {
        let any = values.contains(&"any");
        if any && values.len() > 1 || self.any_audience || any && self.issuer.audience.is_some() {
            return Err(self.invalid("audience", values, "audiences, or \"any\" and nothing else"));
        }
        self.any_audience = any;
        if !any {
            let audiences = values.iter().map(|value| (*value).to_owned());
            self.issuer.audience.get_or_insert_default().extend(audiences);
        }
        Ok(())
    }

    fn algorithms(&mut self, values: &[&str]) -> Result<(), String> {
        let algorithms = values.iter().map(|name| {
            SignatureAlgorithm::from_name(name).ok_or_else(|| {
                let names: Vec<_> = SignatureAlgorithm::all().map(|(name, _)| name).collect();
                self.invalid("algorithms", &[name], &quoted(&names))
            })
        });
        self.issuer.algorithms = Some(algorithms.collect::<Result<_, _>>()?);
        Ok(())
    }

    fn typ(&mut self, values: &[&str]) -> Result<(), String> {
        self.issuer.typ = match values {
            ["any"] => Typ::Any,
            values if values.contains(&"any") => {
                return Err(self.invalid("typ", values, "types, or \"any\" and nothing else"));
            }
            values if values.iter().any(|typ| media_type(typ).is_empty()) => {
                return Err(self.invalid("typ", values, "types, such as \"at+jwt\""));
            }
            values => Typ::Of(values.iter().map(|typ| media_type(typ).to_owned()).collect()),
        };
        Ok(())
    }

    fn scope_claim(&mut self, values: &[&str]) -> Result<(), String> {
        let paths = values.iter().map(|path| {
            ClaimPath::parse(path).map_err(|error| {
                let (path, name) = (path.as_bytes().escape_ascii(), self.name());
                format!("invalid path \"{path}\" of \"scope_claim\" in issuer \"{name}\": {error}")
            })
        });
        self.issuer.scope_claim = Some(paths.collect::<Result<_, _>>()?);
        Ok(())
    }

    fn invalid(&self, parameter: &str, values: &[&str], allowed: &str) -> String {
        let (value, name) = (values.join(" "), self.name());
        let value = value.as_bytes().escape_ascii();
        format!(
            "invalid value \"{value}\" of \"{parameter}\" in issuer \"{name}\", it must be {allowed}"
        )
    }
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests;
