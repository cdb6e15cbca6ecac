//! Dates and times as AdStat takes them: ISO 8601.

use chrono::DateTime;

/// A day, or a moment of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Unix time in s: of a day its first second, of a time without a zone as though in Greenwich.
    pub at_s: i64,
    /// Whether it is a whole day.
    pub is_day: bool,
}

impl Moment {
    /// Reads `2026-09-01`, `2026-09-01T09:00:00` with or without a zone, a space in place of the `T`.
    pub fn parse(text: &str) -> Option<Self> {
        let utc = |tail: &str| DateTime::parse_from_rfc3339(&[text, tail].concat());
        if let Ok(day) = utc("T00:00:00Z") {
            return Some(Self {
                at_s: day.timestamp(),
                is_day: true,
            });
        }
        let time = utc("")
            .or_else(|_| utc("Z"))
            .or_else(|_| utc(":00Z"))
            .ok()?;
        Some(Self {
            at_s: time.timestamp(),
            is_day: false,
        })
    }
}

/// The name of a day that is so many days after 1970-01-01, as `2026-09-01`; `None`: it is beyond what calendars here reach.
pub fn day_name(day: i64) -> Option<String> {
    let at = DateTime::from_timestamp(day.checked_mul(86_400)?, 0)?;
    Some(at.date_naive().to_string())
}
