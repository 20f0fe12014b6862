//! The source: its string literals, its constants, and what of them nginx is told.

use std::error::Error;
use std::path::Path;

/// A file of `src/`, without its unit tests and comments.
pub struct File {
    /// Its path under `src/`.
    pub name: String,
    /// The code; of each string literal only its quotes.
    pub code: String,
    literals: Vec<Literal>,
    /// The comment at its head.
    head: String,
}

/// A string literal, escapes resolved, and where it stands in the code.
struct Literal {
    text: String,
    before: usize,
}

/// A text that is logged, or a part of one.
pub struct Message {
    pub file: String,
    pub text: String,
    /// The level it is logged at; `None` where it is a part of others.
    pub level: Option<String>,
}

/// All files but those of tests, by name.
pub fn read() -> Result<Vec<File>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(&root)?.to_string_lossy().into_owned();
            if path.is_dir() {
                folders.extend(Some(path).filter(|_| !name.ends_with("tests")));
            } else if !["tests.rs", "minted.rs", "wycheproof.rs"]
                .iter()
                .any(|tests| name.ends_with(tests))
            {
                files.push(File::new(name, &std::fs::read_to_string(&path)?));
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

impl File {
    fn new(name: String, source: &str) -> Self {
        let own = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let head = own.lines().map_while(|line| line.strip_prefix("//!"));
        let head = head.map(|line| format!("{}\n", line.trim())).collect();
        let (mut code, mut literals) = (String::new(), Vec::new());
        let mut rest = own.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '/' if rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
                // A character, which may be a quote, or a lifetime.
                '\'' => match rest.next() {
                    Some('\\') => {
                        rest.next();
                        while rest.next_if(|c| *c != '\'').is_some() {}
                        rest.next();
                    }
                    Some(c) if rest.next_if_eq(&'\'').is_none() => code.extend(['\'', c]),
                    _ => {}
                },
                // A raw string.
                'r' if rest.clone().take(2).eq(['#', '"']) => {
                    rest.nth(1);
                    code.push('"');
                    let raw: String = rest.clone().collect();
                    let text = raw.split("\"#").next().unwrap_or_default().to_owned();
                    rest.nth(text.chars().count());
                    rest.next();
                    literals.push(Literal { text, before: code.len() });
                    code.push('"');
                }
                '"' => {
                    code.push(c);
                    let mut text = String::new();
                    while let Some(c) = rest.next_if(|c| *c != '"') {
                        match c {
                            '\\' if rest.next_if_eq(&'\n').is_some() => {
                                while rest.next_if(|c| c.is_whitespace()).is_some() {}
                            }
                            '\\' => text.extend(rest.next()),
                            _ => text.push(c),
                        }
                    }
                    literals.push(Literal { text, before: code.len() });
                    code.extend(rest.next());
                }
                _ => code.push(c),
            }
        }
        Self { name, code, literals, head }
    }

    /// What the head of the file says after `key:`.
    pub fn head(&self, key: &str) -> Option<String> {
        let value = |line: &str| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim().to_owned());
        self.head.lines().find_map(value)
    }

    /// The strings of all constants declared so.
    pub fn constants(&self, declared: &str) -> Vec<String> {
        let declared = format!("const {declared} = ");
        let is_so = |literal: &&Literal| {
            let before = self.before(literal);
            before.trim_end_matches('"').trim_end_matches('c').ends_with(&declared)
        };
        self.literals.iter().filter(is_so).map(|literal| literal.text.clone()).collect()
    }

    /// The strings of a constant that is an array of them.
    pub fn listed(&self, constant: &str) -> Vec<String> {
        let declared = format!("const {constant}: [");
        let (before, rest) = self.code.split_once(&declared).unwrap_or_default();
        let after = rest.split_once("];").unwrap_or_default().1;
        let inside = before.len()..self.code.len().saturating_sub(after.len());
        let is_in = |literal: &&Literal| inside.contains(&literal.before);
        self.literals.iter().filter(is_in).map(|literal| literal.text.clone()).collect()
    }

    /// The words that are no texts for people: those without a space.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let texts = self.literals.iter().map(|literal| literal.text.as_str());
        texts.filter(|text| !text.is_empty() && !text.contains(' '))
    }

    /// The value of a constant: a number, or one shifted by another.
    pub fn number(&self, constant: &str) -> Option<u64> {
        let declared = self.code.split(&format!("const {constant}: ")).nth(1)?;
        let value = declared.split('=').nth(1)?.split(';').next()?.replace('_', "");
        let mut parts = value.split("<<").map(|part| part.trim().parse::<u64>().ok());
        let (number, shift) = (parts.next()??, parts.next().unwrap_or(Some(0))?);
        number.checked_shl(u32::try_from(shift).ok()?)
    }

    /// The texts for people: those that have a space.
    pub fn messages(&self) -> impl Iterator<Item = Message> {
        let texts = self.literals.iter().filter(|literal| literal.text.contains(' '));
        texts.map(|literal| self.message(literal))
    }

    fn message(&self, literal: &Literal) -> Message {
        let file = self.name.clone();
        // nginx says which directive.
        if literal.text == "is duplicate" {
            let text = "\"{directive}\" directive is duplicate".to_owned();
            return Message { file, text, level: Some("emerg".to_owned()) };
        }
        let before = self.before(literal).trim_end_matches('"').trim_end();
        let whole = ["format_args!(", "format!(", "ConfError::Message(", "return Err("];
        // What is allowed completes a message.
        let is_part = file == "auth/claim_rule.rs" || before.ends_with("let allowed = format!(");
        // Why a binding is not proven is a line; what is wrong with a proof is a reason in one.
        let is_fault = file == "auth/binding/fault.rs"
            && !self.before(literal).contains("impl fmt::Display for ProofFault");
        let is_whole = file == "auth/outcome.rs"
            || is_fault
            || !is_part && whole.iter().any(|start| before.ends_with(start));
        let level = is_whole.then(|| self.level(literal));
        Message { file, text: literal.text.clone(), level }
    }

    fn level(&self, literal: &Literal) -> String {
        let configuration = [
            "auth/issuer_block.rs",
            "auth/issuer_block/by_url.rs",
            "nginx/merge.rs",
            "nginx/resources.rs",
            "ffi/block.rs",
            "ffi/conf.rs",
            "ffi/variable.rs",
            "ffi/phase.rs",
            "ffi/server_name.rs",
        ];
        let name = match &*self.name {
            "auth/outcome.rs" | "auth/binding/fault.rs" => "info",
            "nginx/lint.rs" => "warn",
            _ if self
                .before(literal)
                .trim_end_matches('"')
                .trim_end()
                .ends_with("warn(format_args!(") =>
            {
                "warn"
            }
            // What refuses a configuration is no line by itself.
            "nginx/counting.rs" | "nginx/replays.rs"
                if self.before(literal).trim_end_matches('"').trim_end().ends_with(" format!(") =>
            {
                "emerg"
            }
            "fetch/keeper.rs" => match self.before(literal).rsplit("Level::").next() {
                Some(after) if after.starts_with("Notice") => "notice",
                Some(after) if after.starts_with("Error") => "error",
                _ => "warn",
            },
            name if name.contains("/directives/") => "emerg",
            name if configuration.iter().any(|file| name.ends_with(file)) => "emerg",
            // The nearest of those that the code names.
            _ => match self.nearest_level(literal) {
                "ERR" => "error",
                "NOTICE" => "notice",
                "WARN" => "warn",
                "INFO" => "info",
                "CRIT" => "crit",
                other => other,
            },
        };
        name.to_owned()
    }

    fn nearest_level(&self, literal: &Literal) -> &str {
        let places = self.code.match_indices("NGX_LOG_");
        let nearest = places.min_by_key(|(at, _)| at.abs_diff(literal.before));
        let after = nearest.and_then(|(at, _)| self.code.get(at..)).unwrap_or_default();
        let name = after.strip_prefix("NGX_LOG_").unwrap_or_default();
        name.split(|c: char| !c.is_ascii_uppercase()).next().unwrap_or_default()
    }

    fn before(&self, literal: &Literal) -> &str {
        self.code.get(..literal.before).unwrap_or_default()
    }
}
