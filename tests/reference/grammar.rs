//! The lines that the source can write: its texts, with others in the place of their variables.

use std::collections::BTreeSet;

use crate::source::Message;

/// So deep are texts within texts.
const DEEPEST: usize = 4;

/// So many parts may follow each other in one place.
const LONGEST: usize = 3;

/// The texts of the source.
pub struct Grammar {
    templates: Vec<Template>,
    names: Vec<String>,
    words: BTreeSet<String>,
}

struct Template {
    message: Message,
    /// What stands between the places of variables.
    fixed: Vec<String>,
}

/// What is left of a line, and which texts have made the beginning.
type Read<'t> = (&'t str, BTreeSet<usize>);

impl Grammar {
    /// Of these texts; `names` stand for themselves, and within quotes so do `words`.
    pub fn new(messages: Vec<Message>, names: Vec<String>, words: BTreeSet<String>) -> Self {
        let templates = messages.into_iter().map(|message| {
            let mut pieces = message.text.split('{');
            let mut fixed = vec![pieces.next().unwrap_or_default().to_owned()];
            let after = |piece: &str| piece.split('}').nth(1).unwrap_or_default().to_owned();
            fixed.extend(pieces.map(after));
            Template { message, fixed }
        });
        Self { templates: templates.collect(), names, words }
    }

    /// Which texts make this line at this level, if any do.
    pub fn line(&self, level: &str, text: &str) -> Option<BTreeSet<usize>> {
        self.whole(text, |message| message.level.as_deref() == Some(level))
    }

    /// Which texts make this part of a line.
    pub fn part(&self, text: &str) -> Option<BTreeSet<usize>> {
        self.whole(text, |message| message.level.is_none())
    }

    /// The texts that are not among `used`, and where they are.
    pub fn without(&self, used: &BTreeSet<usize>) -> Vec<String> {
        let unused = self.templates.iter().enumerate().filter(|(at, _)| !used.contains(at));
        unused.map(|(_, t)| format!("{}: {}", t.message.file, t.message.text)).collect()
    }

    /// The texts of one file.
    pub fn of_file(&self, name: &str) -> BTreeSet<usize> {
        let all = self.templates.iter().enumerate();
        all.filter(|(_, template)| template.message.file == name).map(|(at, _)| at).collect()
    }

    fn whole(&self, text: &str, fits: impl Fn(&Message) -> bool) -> Option<BTreeSet<usize>> {
        let all = self.templates.iter().enumerate().filter(|(_, t)| fits(&t.message));
        let read = all.flat_map(|(at, template)| self.template(at, template, text, DEEPEST));
        let complete = read.filter(|(rest, _)| rest.is_empty()).map(|(_, used)| used);
        // Where two ways lead there, the plainer one is meant.
        complete.min_by_key(BTreeSet::len)
    }

    fn template<'t>(
        &self,
        at: usize,
        template: &Template,
        text: &'t str,
        depth: usize,
    ) -> Vec<Read<'t>> {
        // Most texts are not there at all, whatever stands between their fixed parts.
        let after = |rest: &'t str, fixed: &String| Some(rest.split_once(fixed.as_str())?.1);
        if template.fixed.iter().try_fold(text, after).is_none() {
            return Vec::new();
        }
        let mut states: Vec<Read<'t>> = vec![(text, BTreeSet::from([at]))];
        for (number, fixed) in template.fixed.iter().enumerate() {
            if number > 0 {
                let values = |(rest, used): Read<'t>| {
                    let with = move |(rest, more)| (rest, used.union(&more).copied().collect());
                    self.value(rest, depth).into_iter().map(with).collect::<Vec<_>>()
                };
                states = states.into_iter().flat_map(values).collect();
            }
            let fixed = |(rest, used): Read<'t>| Some((rest.strip_prefix(fixed.as_str())?, used));
            states = states.into_iter().filter_map(fixed).collect();
        }
        states
    }

    /// What may stand in the place of a variable: a word in capitals, a number, a name, a word of the
    /// source, other texts.
    fn value<'t>(&self, text: &'t str, depth: usize) -> Vec<Read<'t>> {
        let word = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
        let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let names = self.names.iter().filter_map(|name| text.strip_prefix(name.as_str()));
        let simple = [word, number]
            .into_iter()
            .chain(names)
            .chain(self.quoted(text))
            .chain(self.inside(text));
        let simple = simple.filter(|rest| rest.len() < text.len());
        // A variable may be empty, too.
        let mut found: Vec<Read<'t>> =
            simple.chain([text]).map(|rest| (rest, BTreeSet::new())).collect();
        if let Some(depth) = depth.checked_sub(1) {
            let mut ends: Vec<Read<'t>> = vec![(text, BTreeSet::new())];
            for _ in 0..LONGEST {
                ends = ends.into_iter().flat_map(|end| self.another(end, depth)).collect();
                found.extend(ends.iter().cloned());
            }
        }
        found
    }

    fn another<'t>(&self, (text, used): Read<'t>, depth: usize) -> Vec<Read<'t>> {
        let parts = self.templates.iter().enumerate().filter(|(_, t)| t.message.level.is_none());
        let read = parts.flat_map(|(at, template)| self.template(at, template, text, depth));
        let read = read.chain(self.quoted(text).map(|rest| (rest, BTreeSet::new())));
        read.map(|(rest, more)| (rest, used.union(&more).copied().collect())).collect()
    }

    /// What is behind a word of the source that ends at a quote: the text around it has both.
    fn inside<'t>(&self, text: &'t str) -> Option<&'t str> {
        let (word, rest) = text.split_at_checked(text.find('"')?)?;
        self.words.contains(word).then_some(rest)
    }

    /// What is behind a word of the source between quotes, such as `"all"`, or two, as in `"match=all"`.
    fn quoted<'t>(&self, text: &'t str) -> Option<&'t str> {
        let (quoted, rest) = text.strip_prefix('"')?.split_once('"')?;
        let is_word = |text: &str| self.words.contains(text);
        let is_two =
            |at| quoted.split_at_checked(at).is_some_and(|(a, b)| is_word(a) && is_word(b));
        (is_word(quoted) || (1..quoted.len()).any(is_two)).then_some(rest)
    }
}
