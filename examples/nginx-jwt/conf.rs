//! nginx's configuration language: words, quotes, escapes, comments, `;` and blocks, as nginx's own
//! reader takes them.

/// A statement, and the line it begins in.
pub struct Statement {
    pub line: usize,
    pub content: Content,
}

pub enum Content {
    /// Words that `;` ends.
    Simple(Vec<Vec<u8>>),
    /// Words that `{` ends: the block follows.
    Opens(Vec<Vec<u8>>),
    /// `}`.
    Closes,
}

/// What cannot be read, and the line.
pub struct Fault {
    pub line: usize,
    pub text: String,
}

/// Reads a configuration, statement by statement.
pub struct Reader<'t> {
    rest: &'t [u8],
    line: usize,
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self { rest: text, line: 1 }
    }

    /// Where it is.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The next statement; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Statement>, Fault> {
        let mut words = Vec::new();
        let mut begins = None;
        loop {
            self.skip_space();
            let Some(first) = self.peek() else {
                return match words.is_empty() {
                    true => Ok(None),
                    false => Err(self.fault("unexpected end of file, expecting \";\" or \"}\"")),
                };
            };
            let line = *begins.get_or_insert(self.line);
            let content = match first {
                b';' if !words.is_empty() => Content::Simple(words),
                b'{' if !words.is_empty() => Content::Opens(words),
                b'}' if words.is_empty() => Content::Closes,
                b';' | b'{' | b'}' => return Err(self.unexpected(first)),
                b'"' | b'\'' => {
                    self.take();
                    words.push(self.quoted(first)?);
                    continue;
                }
                _ => {
                    words.push(self.word());
                    continue;
                }
            };
            self.take();
            return Ok(Some(Statement { line, content }));
        }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if *first == b'\n' {
            self.line = self.line.saturating_add(1);
        }
        Some(*first)
    }

    /// White space, and comments where a word may begin.
    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => while !matches!(self.take(), Some(b'\n') | None) {},
                _ if is_space(byte) => drop(self.take()),
                _ => return,
            }
        }
    }

    /// Up to white space, `;` or `{`, but for the `{` of a variable.
    fn word(&mut self) -> Vec<u8> {
        let mut word = Vec::new();
        while let Some(byte) = self.peek() {
            let is_variable = byte == b'{' && word.last() == Some(&b'$');
            if !is_variable && (is_space(byte) || matches!(byte, b';' | b'{')) {
                break;
            }
            self.take();
            match byte {
                b'\\' => self.escape(&mut word),
                byte => word.push(byte),
            }
        }
        word
    }

    /// Up to the closing quote, behind which a word must end.
    fn quoted(&mut self, quote: u8) -> Result<Vec<u8>, Fault> {
        let mut word = Vec::new();
        loop {
            match self.take() {
                None => {
                    return Err(self.fault("unexpected end of file, a quote is not closed"));
                }
                Some(b'\\') => self.escape(&mut word),
                Some(byte) if byte == quote => break,
                Some(byte) => word.push(byte),
            }
        }
        match self.peek() {
            Some(byte) if !is_space(byte) && !matches!(byte, b';' | b'{') => {
                Err(self.unexpected(byte))
            }
            _ => Ok(word),
        }
    }

    /// What stands for `\` and the byte behind it.
    fn escape(&mut self, word: &mut Vec<u8>) {
        match self.take() {
            Some(byte @ (b'"' | b'\'' | b'\\')) => word.push(byte),
            Some(b't') => word.push(b'\t'),
            Some(b'r') => word.push(b'\r'),
            Some(b'n') => word.push(b'\n'),
            Some(byte) => word.extend([b'\\', byte]),
            None => word.push(b'\\'),
        }
    }

    fn unexpected(&self, byte: u8) -> Fault {
        self.fault(&format!("unexpected \"{}\"", byte.escape_ascii()))
    }

    fn fault(&self, text: &str) -> Fault {
        Fault { line: self.line, text: text.to_owned() }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The words behind a directive's name, as an option gives them.
pub fn words(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let text = [b"name ", text.as_bytes(), b"\n;"].concat();
    let mut reader = Reader::new(&text);
    let wrong = |fault: Fault| fault.text;
    match (reader.next().map_err(wrong)?, reader.next().map_err(wrong)?) {
        (Some(Statement { content: Content::Simple(words), .. }), None) => {
            Ok(words.into_iter().skip(1).collect())
        }
        _ => Err("\";\", \"{\" and \"}\" must be quoted".to_owned()),
    }
}
