//! Times as people read and write them.

use jiff::Timestamp;

/// The unit names of nginx's times that make sense here, in seconds.
const UNITS: [(char, i64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

/// `90`, `15m`, `1h30m`, `-5m` → seconds.
pub fn duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("\"{text}\" is no time such as 90s, 15m, 1h30m or 7d");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut sum: i64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, behind) = rest.split_at_checked(end).ok_or_else(wrong)?;
        let mut behind = behind.chars();
        let unit = match behind.next() {
            None => 1,
            Some(name) => UNITS
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, unit)| *unit)
                .ok_or_else(wrong)?,
        };
        let number: i64 = number.parse().map_err(|_| wrong())?;
        sum = number.checked_mul(unit).and_then(|part| sum.checked_add(part)).ok_or_else(wrong)?;
        rest = behind.as_str();
    }
    Ok(sum.saturating_mul(sign))
}

/// A duration that is not negative.
pub fn leeway(text: &str) -> Result<u64, String> {
    u64::try_from(duration(text)?).map_err(|_| format!("\"{text}\" is negative"))
}

/// A time of nginx's configuration, in seconds: units fall from years to seconds, each at most once.
pub fn nginx_seconds(text: &[u8]) -> Option<u64> {
    const UNITS: [(&[u8], i64); 7] = [
        (b"y", 31_536_000),
        (b"M", 2_592_000),
        (b"w", 604_800),
        (b"d", 86_400),
        (b"h", 3600),
        (b"m", 60),
        (b"s", 1),
    ];
    nginx_time(text, &UNITS, 1)
}

/// The same in milliseconds: units fall from weeks to milliseconds.
pub fn nginx_milliseconds(text: &[u8]) -> Option<u64> {
    const UNITS: [(&[u8], i64); 6] = [
        (b"w", 604_800_000),
        (b"d", 86_400_000),
        (b"h", 3_600_000),
        (b"m", 60_000),
        (b"s", 1_000),
        (b"ms", 1),
    ];
    nginx_time(text, &UNITS, 1_000)
}

/// As `ngx_parse_time` reads it; a number without a unit counts `second`s.
fn nginx_time(text: &[u8], units: &[(&[u8], i64)], second: i64) -> Option<u64> {
    let mut units = units.iter();
    let (mut total, mut value) = (0i64, 0i64);
    let mut rest = text.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte.is_ascii_digit() {
            let digit = i64::from(byte.saturating_sub(b'0'));
            value = value.checked_mul(10)?.checked_add(digit)?;
            continue;
        }
        let unit = match byte {
            // A number without a unit is the last.
            b' ' if units.any(|(name, _)| *name == b"s") => {
                units = [].iter();
                second
            }
            b'm' if rest.next_if_eq(&b's').is_some() => units.find(|(name, _)| *name == b"ms")?.1,
            _ => units.find(|(name, _)| *name == [byte])?.1,
        };
        total = total.checked_add(value.checked_mul(unit)?)?;
        value = 0;
        while rest.next_if_eq(&b' ').is_some() {}
    }
    let has_digits = text.iter().any(u8::is_ascii_digit);
    let rest = value.checked_mul(second)?;
    u64::try_from(total.checked_add(rest)?).ok().filter(|_| has_digits)
}

/// `2026-01-31T12:00:00Z`, or seconds since 1970.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = |_| format!("\"{text}\" is no time such as 2026-01-31T12:00:00Z or 1769860800");
    match text.parse() {
        Ok(seconds) => Timestamp::from_second(seconds).map_err(wrong),
        Err(_) => text.parse().map_err(wrong),
    }
}

/// A NumericDate as a token writes it → RFC 3339; `None` if it is none, or beyond the calendar.
pub fn rfc3339(number: &str) -> Option<String> {
    let milliseconds = number.parse::<f64>().ok()? * 1000.0;
    let moment = Timestamp::from_millisecond(milliseconds.floor() as i64).ok()?;
    milliseconds.is_finite().then(|| moment.to_string())
}

/// How long `seconds` are, by the two greatest units.
pub fn span(seconds: f64) -> String {
    let mut rest = seconds.abs() as u64;
    let mut parts = Vec::new();
    for (name, unit) in [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)] {
        let count = rest.checked_div(unit).unwrap_or_default();
        rest = rest.checked_rem(unit).unwrap_or_default();
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "less than a second".to_owned() } else { parts.join(" ") }
}
