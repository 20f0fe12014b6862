//! JSON for people: one member a line, each value as it was written, times explained.

use super::time::rfc3339;

/// Members at the top that are a NumericDate (RFC 7519 §4.1, OpenID Connect Core §2, §5.1).
const TIMES: [&str; 5] = ["exp", "nbf", "iat", "auth_time", "updated_at"];

/// A longer text that a server has said is cut. In characters.
const LONGEST: usize = 200;

/// A valid JSON text, indented. Order, duplicates and numbers stay as they are; control characters
/// that JSON lets through are escaped, so that no token plays with the terminal.
pub fn pretty(json: &str) -> String {
    let mut printer = Printer::default();
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string {
            match (escaped, c) {
                (true, _) => escaped = false,
                (false, '\\') => escaped = true,
                (false, '"') => in_string = false,
                _ => {}
            }
            if c.is_control() {
                printer.out.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                printer.out.push(c);
            }
            continue;
        }
        in_string = c == '"';
        printer.token(c);
    }
    printer.out.push('\n');
    printer.out
}

/// What a server has said, in quotes and in one line.
pub fn quoted(text: &str) -> String {
    let shown: String = text.chars().flat_map(char::escape_debug).take(LONGEST).collect();
    format!("\"{shown}\"")
}

/// A valid JSON text in one line, as it was written but for control characters.
pub fn one_line(json: &str) -> String {
    json.chars().fold(String::new(), |mut line, c| {
        match c {
            '\t' | '\n' | '\r' => line.push(' '),
            c if c.is_control() => line.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => line.push(c),
        }
        line
    })
}

#[derive(Default)]
struct Printer {
    out: String,
    depth: usize,
    /// Where the line under way begins.
    line: usize,
    /// The last token opened an object or an array.
    opened: bool,
}

impl Printer {
    fn token(&mut self, c: char) {
        match c {
            ' ' | '\t' | '\n' | '\r' => return,
            '}' | ']' => {
                self.explain();
                self.depth = self.depth.saturating_sub(1);
                if !self.opened {
                    self.new_line();
                }
            }
            _ if self.opened => self.new_line(),
            _ => {}
        }
        self.out.push(c);
        self.opened = matches!(c, '{' | '[');
        match c {
            '{' | '[' => self.depth = self.depth.saturating_add(1),
            ':' => self.out.push(' '),
            ',' => {
                self.explain();
                self.new_line();
            }
            _ => {}
        }
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.line = self.out.len();
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }

    /// Writes the time behind a member that is one.
    fn explain(&mut self) {
        let line = self.out.get(self.line..).unwrap_or_default().trim().trim_end_matches(',');
        let Some((name, value)) = line.split_once(": ").filter(|_| self.depth == 1) else { return };
        if TIMES.contains(&name.trim_matches('"'))
            && let Some(time) = rfc3339(value)
        {
            self.out.push_str(&format!("  // {time}"));
        }
    }
}
