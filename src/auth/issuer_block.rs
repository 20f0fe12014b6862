//! The parameters of an `auth_jwt_issuer` block → an [`Issuer`] and where its keys are. Each message
//! names the block, the parameter and what is allowed.

use super::claim_path::ClaimPath;
use super::issuer::{Issuer, Typ, media_type};
use crate::jose::algorithm::SignatureAlgorithm;

/// The parameters, as a message names them.
const PARAMETERS: [&str; 10] = [
    "issuer",
    "key_file",
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

/// A block while it is read.
#[derive(Debug, Default)]
pub struct IssuerBlock {
    issuer: Issuer,
    key_files: Vec<String>,
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

    /// Sets the parameter `words` begins with; `seconds` reads a time.
    pub fn set(
        &mut self,
        words: &[&[u8]],
        seconds: impl Fn(&[u8]) -> Option<u64>,
    ) -> Result<(), String> {
        let Some((parameter, values)) = words.split_first() else { return Ok(()) };
        let known = PARAMETERS.into_iter().find(|known| known.as_bytes() == *parameter);
        let Some(parameter) = known else {
            let (name, parameter) = (self.name(), parameter.escape_ascii());
            let allowed = quoted(&PARAMETERS);
            return Err(format!(
                "unknown parameter \"{parameter}\" in issuer \"{name}\", allowed is {allowed}"
            ));
        };
        if !matches!(parameter, "issuer" | "key_file" | "audience") {
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
                    [time] => seconds(time.as_bytes()),
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

    /// The issuer and the files of its keys, once all parameters are set.
    pub fn finish(self) -> Result<(Issuer, Vec<String>), String> {
        let name = self.name();
        let missing = if self.issuer.issuers.is_empty() {
            Some((
                "issuer",
                "the \"iss\" of its tokens, such as \"issuer https://id.example.com;\"",
            ))
        } else if self.issuer.audience.is_none() && !self.any_audience {
            let example = "what its tokens are for, such as \"audience orders-api;\" (\"audience any;\" asks for none)";
            Some(("audience", example))
        } else if self.key_files.is_empty() {
            Some(("key_file", "a file with its keys, such as \"key_file shop.jwks;\""))
        } else {
            None
        };
        match missing {
            Some((parameter, example)) => {
                Err(format!("no \"{parameter}\" in issuer \"{name}\", it must name {example}"))
            }
            None => Ok((self.issuer, self.key_files)),
        }
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
            [file] if !file.contains('$') => self.key_files.push((*file).to_owned()),
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
            values => Typ::Of(values.iter().map(|typ| media_type(typ)).collect()),
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
