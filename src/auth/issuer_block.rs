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
mod tests {
    use super::*;

    /// `120`, in seconds.
    fn seconds(text: &[u8]) -> Option<u64> {
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// The block `b` of those parameters; `|` ends one, and a blank a word.
    fn block(parameters: &str) -> Result<(Issuer, Vec<String>), String> {
        let mut block = IssuerBlock::new("b".to_owned());
        for parameter in parameters.split('|').filter(|parameter| !parameter.is_empty()) {
            let words: Vec<&[u8]> = parameter.split(' ').map(str::as_bytes).collect();
            block.set(&words, seconds)?;
        }
        block.finish()
    }

    #[test]
    fn every_parameter() {
        use SignatureAlgorithm::*;
        let plain = "issuer i|audience a|key_file k";
        let Ok((issuer, keys)) = block(plain) else { unreachable!("{plain}") };
        assert_eq!((issuer.name.as_str(), keys), ("b", vec!["k".to_owned()]));
        assert_eq!(issuer.issuers, ["i"]);
        assert_eq!(issuer.audience, Some(vec!["a".to_owned()]));
        assert!(issuer.algorithms.is_none() && issuer.scope_claim.is_none());
        assert!(!issuer.may_lack_exp && issuer.typ == Typ::Usual);
        assert_eq!((issuer.leeway, issuer.max_lifetime, issuer.max_age), (None, None, None));

        let full = "issuer i j|issuer k|audience a b|audience c|key_file k|key_file l|\
            algorithms ES256 EdDSA|typ JWT application/X|exp optional|leeway 1|max_lifetime 2|\
            max_age 3|scope_claim a.b [\"c\"]";
        let Ok((issuer, keys)) = block(full) else { unreachable!("{full}") };
        assert_eq!(keys, ["k", "l"]);
        assert_eq!(issuer.issuers, ["i", "j", "k"]);
        assert_eq!(issuer.audience, Some(["a", "b", "c"].map(str::to_owned).to_vec()));
        assert_eq!(issuer.algorithms, Some(vec![Es256, EdDsa]));
        assert_eq!(issuer.typ, Typ::Of(vec!["JWT".to_owned(), "X".to_owned()]));
        assert!(issuer.may_lack_exp);
        let times = (issuer.leeway, issuer.max_lifetime, issuer.max_age);
        assert_eq!(times, (Some(1), Some(2), Some(3)));
        let paths = issuer.scope_claim.unwrap_or_default();
        let paths: Vec<_> = paths.iter().map(|path| path.text().to_string()).collect();
        assert_eq!(paths, ["a.b", "[\"c\"]"]);

        let any = "issuer i|audience any|key_file k|typ any|exp required|max_age 0";
        let Ok((issuer, _)) = block(any) else { unreachable!("{any}") };
        assert!(issuer.audience.is_none() && issuer.typ == Typ::Any && !issuer.may_lack_exp);
        assert_eq!(issuer.max_age, Some(0));
    }

    #[test]
    fn every_refusal_names_block_parameter_and_what_is_allowed() {
        const ALLOWED: &str = "\"issuer\", \"key_file\", \"audience\", \"algorithms\", \"typ\", \
            \"exp\", \"leeway\", \"max_lifetime\", \"max_age\" or \"scope_claim\"";
        const AUDIENCES: &str = "it must be audiences, or \"any\" and nothing else";
        const ONE_FILE: &str = "it must be the name of one file, without variables";
        const ALGORITHMS: &str = "it must be \"HS256\", \"HS384\", \"HS512\", \"RS256\", \"RS384\", \
            \"RS512\", \"PS256\", \"PS384\", \"PS512\", \"ES256\", \"ES384\", \"ES512\", \"EdDSA\", \
            \"Ed25519\" or \"Ed448\"";
        let invalid = |value: &str, parameter: &str, allowed: &str| {
            format!("invalid value \"{value}\" of \"{parameter}\" in issuer \"b\", {allowed}")
        };
        let time = format!("it must be {TIME}");
        for (parameters, message) in [
            (
                "isuer i",
                format!("unknown parameter \"isuer\" in issuer \"b\", allowed is {ALLOWED}"),
            ),
            (
                "Issuer i",
                format!("unknown parameter \"Issuer\" in issuer \"b\", allowed is {ALLOWED}"),
            ),
            (
                "",
                "no \"issuer\" in issuer \"b\", it must name the \"iss\" of its tokens, such as \
                    \"issuer https://id.example.com;\""
                    .into(),
            ),
            (
                "issuer i|key_file k",
                "no \"audience\" in issuer \"b\", it must name what its tokens are for, such as \
                    \"audience orders-api;\" (\"audience any;\" asks for none)"
                    .into(),
            ),
            (
                "issuer i|audience any",
                "no \"key_file\" in issuer \"b\", it must name a file with its keys, such as \
                    \"key_file shop.jwks;\""
                    .into(),
            ),
            ("issuer", "no value of \"issuer\" in issuer \"b\"".into()),
            ("audience", "no value of \"audience\" in issuer \"b\"".into()),
            ("exp", "no value of \"exp\" in issuer \"b\"".into()),
            ("issuer ", invalid("", "issuer", "it must be UTF-8 and not empty")),
            ("audience a ", invalid("", "audience", "it must be UTF-8 and not empty")),
            ("key_file a b", invalid("a b", "key_file", ONE_FILE)),
            ("key_file $host", invalid("$host", "key_file", ONE_FILE)),
            ("audience any a", invalid("any a", "audience", AUDIENCES)),
            ("audience any any", invalid("any any", "audience", AUDIENCES)),
            ("audience any|audience any", invalid("any", "audience", AUDIENCES)),
            ("audience any|audience a", invalid("a", "audience", AUDIENCES)),
            ("audience a|audience any", invalid("any", "audience", AUDIENCES)),
            ("algorithms ES256 none", invalid("none", "algorithms", ALGORITHMS)),
            ("algorithms es256", invalid("es256", "algorithms", ALGORITHMS)),
            ("algorithms dir", invalid("dir", "algorithms", ALGORITHMS)),
            (
                "typ any jwt",
                invalid("any jwt", "typ", "it must be types, or \"any\" and nothing else"),
            ),
            ("exp on", invalid("on", "exp", "it must be \"required\" or \"optional\"")),
            (
                "exp optional required",
                invalid("optional required", "exp", "it must be \"required\" or \"optional\""),
            ),
            ("leeway x", invalid("x", "leeway", &time)),
            ("leeway 1 2", invalid("1 2", "leeway", &time)),
            ("max_lifetime -1", invalid("-1", "max_lifetime", &time)),
            ("max_age 1.5", invalid("1.5", "max_age", &time)),
            (
                "scope_claim a b..c",
                "invalid path \"b..c\" of \"scope_claim\" in issuer \"b\": a name in it is empty"
                    .into(),
            ),
        ] {
            assert_eq!(block(parameters).err(), Some(message), "{parameters}");
        }
        for value in [
            "algorithms ES256",
            "typ any",
            "exp required",
            "leeway 1",
            "max_lifetime 1",
            "max_age 1",
            "scope_claim a",
        ] {
            let name = value.split(' ').next().unwrap_or_default();
            let message = format!("duplicate parameter \"{name}\" in issuer \"b\"");
            assert_eq!(block(&format!("{value}|{value}")).err(), Some(message));
        }
        // A message is one line, whatever stands in the configuration.
        for (parameters, shown) in [
            ("exp a\nb", "invalid value \"a\\nb\" of \"exp\""),
            ("key_file a\0 b", "invalid value \"a\\x00 b\" of \"key_file\""),
            ("algorithms a\rb", "invalid value \"a\\rb\" of \"algorithms\""),
            ("scope_claim a\rb", "invalid path \"a\\rb\" of \"scope_claim\""),
        ] {
            let message = block(parameters).err().unwrap_or_default();
            assert!(message.starts_with(shown), "{message:?}");
        }
        let mut block = IssuerBlock::new("b".to_owned());
        let message = "invalid value \"\\xff\" of \"issuer\" in issuer \"b\", it must be UTF-8 and \
            not empty";
        assert_eq!(block.set(&[b"issuer", b"\xff"], seconds).err().as_deref(), Some(message));
    }
}
