//! Dates and times as AdStat takes them: ISO 8601.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

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
        if let Ok(day) = text.parse::<NaiveDate>() {
            let at_s = day.and_time(NaiveTime::MIN).and_utc().timestamp();
            return Some(Self { at_s, is_day: true });
        }
        let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp());
        let at_s = zoned.ok().or_else(|| {
            let local = [
                "%Y-%m-%dT%H:%M:%S%.f",
                "%Y-%m-%d %H:%M:%S%.f",
                "%Y-%m-%dT%H:%M",
            ];
            let mut forms = local.iter();
            forms.find_map(|form| {
                let time = NaiveDateTime::parse_from_str(text, form).ok()?;
                Some(time.and_utc().timestamp())
            })
        })?;
        Some(Self {
            at_s,
            is_day: false,
        })
    }
}
