//! docs/reference.md: its sections and the rows of its tables.

use std::error::Error;

/// The page, or a section of it.
pub struct Page(String);

impl Page {
    /// The whole page.
    pub fn read() -> Result<Self, Box<dyn Error>> {
        let path = format!("{}/docs/reference.md", env!("CARGO_MANIFEST_DIR"));
        Ok(Self(std::fs::read_to_string(path)?))
    }

    /// What stands under a heading, up to the next one of its level or above.
    pub fn section(&self, heading: &str) -> Self {
        let mut lines = self.0.lines().skip_while(|line| title(line) != Some(heading));
        let level = lines.next().map(level).unwrap_or_default();
        let own = lines.take_while(|line| title(line).is_none() || self::level(line) > level);
        Self(own.map(|line| format!("{line}\n")).collect())
    }

    /// The headings right under a heading.
    pub fn headings(&self, heading: &str) -> Vec<String> {
        let section = self.section(heading);
        let top = section.0.lines().filter(|line| title(line).is_some()).map(level).min();
        let own = section.0.lines().filter(|line| Some(level(line)) == top);
        own.filter_map(title).map(str::to_owned).collect()
    }

    /// The rows of all tables whose first column is headed so.
    pub fn rows(&self, column: &str) -> Vec<Vec<String>> {
        let (mut rows, mut inside) = (Vec::new(), false);
        let mut lines = self.0.lines().peekable();
        while let Some(line) = lines.next() {
            if !line.starts_with('|') {
                inside = false;
            } else if lines.peek().is_some_and(|next| next.starts_with("|---")) {
                inside = cells(line).first().is_some_and(|cell| cell == column);
                lines.next();
            } else if inside {
                rows.push(cells(line));
            }
        }
        rows
    }

    /// The second cell of the row that begins with `key`, in a table without a head.
    pub fn field(&self, key: &str) -> Option<String> {
        let rows = self.rows("");
        let row = rows.into_iter().find(|row| row.first().is_some_and(|cell| cell == key))?;
        row.into_iter().nth(1)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// The cells of a row; `\|` is a bar inside one.
pub fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "\0");
    inner.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

/// What a cell has between backquotes.
pub fn code(cell: &str) -> Option<String> {
    cell.split('`').nth(1).map(str::to_owned)
}

/// The first two cells of a row of log lines.
pub fn level_and_message(row: &[String]) -> Result<(String, String), Box<dyn Error>> {
    let level = row.first().ok_or("a row without a level")?;
    let message = row.get(1).and_then(|cell| code(cell)).ok_or("a row without a message")?;
    Ok((level.clone(), message))
}

fn level(line: &str) -> usize {
    line.chars().take_while(|c| *c == '#').count()
}

fn title(line: &str) -> Option<&str> {
    line.starts_with('#').then(|| line.trim_start_matches('#').trim())
}
