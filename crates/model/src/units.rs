use std::time::Duration;

/// Why a text is not an amount with a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a size such as `512 MB`, `1.5GiB` or `1024`.
    #[error("'{text}' is not a size (try 512 MB, 1.5 GiB or a plain number of bytes)")]
    NotASize {
        /// The text as given.
        text: String,
    },
    /// Not a duration such as `90s`, `5m` or `1.5h`.
    #[error("'{text}' is not a duration (try 90s, 5m or 1.5h)")]
    NotADuration {
        /// The text as given.
        text: String,
    },
}

fn split_number(text: &str) -> Option<(f64, String)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    Some((number, text[end..].trim().to_ascii_lowercase()))
}

/// Reads a size: decimal units (`kB MB GB TB`) and binary units (`KiB MiB GiB TiB`), any case; no unit means bytes.
///
/// # Errors
///
/// [`UnitError::NotASize`] for anything else.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    let refuse = || UnitError::NotASize { text: text.to_owned() };
    let (number, unit) = split_number(text).ok_or_else(refuse)?;
    let factor: f64 = match unit.as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return Err(refuse()),
    };
    let bytes = number * factor;
    if bytes.is_finite() && bytes < 9e18 { Ok(bytes as u64) } else { Err(refuse()) }
}

/// Reads a duration: `ms`, `s`, `m`/`min`, `h`, `d`; no unit means seconds.
///
/// # Errors
///
/// [`UnitError::NotADuration`] for anything else.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let refuse = || UnitError::NotADuration { text: text.to_owned() };
    let (number, unit) = split_number(text).ok_or_else(refuse)?;
    let factor = match unit.as_str() {
        "ms" => 1e-3,
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(refuse()),
    };
    Duration::try_from_secs_f64(number * factor).map_err(|_| refuse())
}

/// Writes a size for people in decimal units: `0 B`, `999 B`, `1.5 MB`, `24 GB`.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 9.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// Writes a duration for people: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`; a round one as `1 min`, `8 h`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let secs = duration.as_secs();
    match secs {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{secs} s"),
        60..3_600 => two(secs / 60, "min", secs % 60, "s"),
        3_600..86_400 => two(secs / 3_600, "h", secs % 3_600 / 60, "min"),
        _ => two(secs / 86_400, "d", secs % 86_400 / 3_600, "h"),
    }
}

fn two(more: u64, unit: &str, rest: u64, smaller: &str) -> String {
    if rest == 0 { format!("{more} {unit}") } else { format!("{more} {unit} {rest} {smaller}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_in_both_unit_systems() {
        assert_eq!(parse_bytes("1.5 GiB"), Ok(1_610_612_736));
        assert_eq!(parse_bytes("8GB"), Ok(8_000_000_000));
        assert_eq!(parse_bytes("17"), Ok(17));
        assert!(parse_bytes("GB").is_err());
        assert!(parse_bytes("8 parsecs").is_err());
    }

    #[test]
    fn sizes_and_durations_are_written_for_people() {
        assert_eq!(format_bytes(1_500_000), "1.5 MB");
        assert_eq!(format_bytes(999_999), "1.0 MB");
        assert_eq!(format_duration(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(format_duration(Duration::from_secs(60)), "1 min");
        assert_eq!(format_duration(Duration::from_secs(8 * 3_600)), "8 h");
        assert_eq!(parse_duration("1.5h"), Ok(Duration::from_secs(5_400)));
    }
}
