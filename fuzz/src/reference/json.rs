//! JSON by RFC 8259, one character at a time, with the contract's limits. Every value keeps its text.

/// A value and how it was written.
#[derive(Clone, Debug)]
pub struct Node {
    pub text: String,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool,
    Number,
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    /// The name as it was written, quotes and escapes included.
    pub written: String,
    pub value: Node,
}

/// Arrays and objects may be nested this deep.
const MAX_DEPTH: usize = 128;

/// The members of a strict top-level object: UTF-8, no duplicate, no lone surrogate, not too deep.
pub fn object(bytes: &[u8]) -> Option<Node> {
    let node = document(std::str::from_utf8(bytes).ok()?)?;
    let Value::Object(members) = &node.value else { return None };
    let names = members.iter().map(|member| &member.name);
    let unique =
        names.clone().enumerate().all(|(at, name)| !names.clone().take(at).any(|n| n == name));
    unique.then_some(node)
}

fn document(text: &str) -> Option<Node> {
    let mut reader = Reader { chars: text.chars().collect(), at: 0 };
    let node = reader.value(0)?;
    reader.space();
    (reader.at == reader.chars.len()).then_some(node)
}

impl Node {
    /// The members, if it is an object.
    pub fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The member of exactly that name; of several the last.
    pub fn member(&self, name: &str) -> Option<&Node> {
        self.members().iter().rfind(|member| member.name == name).map(|member| &member.value)
    }

    /// The text of a string.
    pub fn string(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        (self.peek() == Some(wanted)).then(|| self.at += 1)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        word.chars().try_for_each(|wanted| self.take(wanted))
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r' | '\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        self.space();
        let start = self.at;
        let value = match self.peek()? {
            'n' => self.word("null").map(|()| Value::Null),
            't' => self.word("true").map(|()| Value::Bool),
            'f' => self.word("false").map(|()| Value::Bool),
            '"' => self.string().map(Value::String),
            '[' if depth < MAX_DEPTH => self.array(depth + 1),
            '{' if depth < MAX_DEPTH => self.object(depth + 1),
            '-' | '0'..='9' => self.number().map(|()| Value::Number),
            _ => None,
        }?;
        Some(Node { text: self.chars[start..self.at].iter().collect(), value })
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.take('[')?;
        let mut elements = Vec::new();
        self.space();
        if self.take(']').is_some() {
            return Some(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            self.space();
            if self.take(']').is_some() {
                return Some(Value::Array(elements));
            }
            self.take(',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.take('{')?;
        let mut members = Vec::new();
        self.space();
        if self.take('}').is_some() {
            return Some(Value::Object(members));
        }
        loop {
            self.space();
            let start = self.at;
            let name = self.string()?;
            let written = self.chars[start..self.at].iter().collect();
            self.space();
            self.take(':')?;
            members.push(Member { name, written, value: self.value(depth)? });
            self.space();
            if self.take('}').is_some() {
                return Some(Value::Object(members));
            }
            self.take(',')?;
        }
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take('-');
        if self.take('0').is_none() {
            self.digits()?;
        }
        if self.take('.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn string(&mut self) -> Option<String> {
        self.take('"')?;
        let mut text = String::new();
        loop {
            let char = self.peek()?;
            self.at += 1;
            match char {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                '\0'..='\x1f' => return None,
                _ => text.push(char),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += 1;
        Some(match char {
            '"' | '\\' | '/' => char,
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.code_unit()?;
                match unit {
                    0xd800..=0xdbff => {
                        self.word("\\u")?;
                        char::decode_utf16([unit, self.code_unit()?]).next()?.ok()?
                    }
                    _ => char::from_u32(u32::from(unit))?,
                }
            }
            _ => return None,
        })
    }

    fn code_unit(&mut self) -> Option<u16> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit * 16 + self.peek()?.to_digit(16)? as u16;
            self.at += 1;
        }
        Some(unit)
    }
}
