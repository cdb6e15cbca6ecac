//! Statistics: what can be asked for, a page at a time.

use serde_json::{Map, Value};

use crate::fields::{Field, Invalid, Kind, Problem, check, missing, object, text, told, verdict};
use crate::time::Moment;

/// How far back units under a day reach, in s.
const FINE_REACH_S: i64 = 5 * DAY_S;
/// How much time one call may take of units under a day, in s.
const FINE_SPAN_S: i64 = 2 * DAY_S;
const DAY_S: i64 = 86_400;
/// The most rows of one page.
pub const MOST_ROWS: u64 = 500;

/// Currencies that AdStat counts in; without one it is euros.
pub const CURRENCIES: &[&str] = &["EUR", "TON", "USD", "RUB", "USDT", "STAR"];
const UNITS: &[&str] = &[
    "day",
    "week",
    "month",
    "year",
    "hour",
    "30_minutes",
    "5_minutes",
];
const FINE_UNITS: &[&str] = &["hour", "30_minutes", "5_minutes"];
const GROUPINGS: &[&str] = &["cabinet", "ad_object", "ad", "campaign"];

const FIELDS: &[Field] = &[
    ("period_from", Kind::Moment),
    ("period_to", Kind::Moment),
    ("period_grouping_unit", Kind::OneOf(UNITS)),
    ("grouping", Kind::Texts),
    ("platform_cabinet_ids", Kind::Texts),
    ("ad_objects", Kind::Texts),
    ("currency_code", Kind::OneOf(CURRENCIES)),
    ("limit", Kind::Id),
    ("cursor", Kind::Text),
];

/// A question for one page of statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsQuestion(Map<String, Value>);

impl StatsQuestion {
    /// Reads `{period_from, period_to, period_grouping_unit, grouping, …}`, asked at `now_ms` (Unix time in ms).
    ///
    /// # Errors
    /// [`Invalid`], naming each field that is wrong.
    pub fn read(body: &str, now_ms: u64) -> Result<Self, Invalid> {
        let fields = object(body)?;
        let mut problems = missing(
            &fields,
            &["period_from", "period_to", "period_grouping_unit"],
        );
        problems.extend(check(&fields, FIELDS));
        if problems.is_empty() {
            problems.extend(check_period(&fields, now_ms));
        }
        let groupings = told(&fields, "grouping").and_then(Value::as_array);
        let is_known = |word: &Value| word.as_str().is_some_and(|word| GROUPINGS.contains(&word));
        if groupings.is_some_and(|groupings| !groupings.iter().all(is_known)) {
            let expected = ["expected a list of ", &GROUPINGS.join(", ")].concat();
            problems.push(Problem::new("grouping", expected));
        }
        let limit = told(&fields, "limit").and_then(Value::as_u64);
        if limit.is_some_and(|limit| limit > MOST_ROWS) {
            problems.push(Problem::new("limit", format!("expected 1 to {MOST_ROWS}")));
        }
        verdict(Self(fields), problems)
    }

    /// As AdStat wants it.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

fn check_period(fields: &Map<String, Value>, now_ms: u64) -> Option<Problem> {
    let from = Moment::parse(text(fields, "period_from"))?;
    let to = Moment::parse(text(fields, "period_to"))?;
    if from.at_s > to.at_s {
        return Some(Problem::new("period_to", "it is before period_from"));
    }
    let unit = text(fields, "period_grouping_unit");
    if !FINE_UNITS.contains(&unit) {
        return None;
    }
    if to.at_s - from.at_s > FINE_SPAN_S {
        let expected = format!("with the unit {unit}, expected at most 2 days after period_from");
        return Some(Problem::new("period_to", expected));
    }
    let now_s = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
    // A day that the reach cuts is still to be had.
    let earliest_s = match from.is_day {
        true => (now_s - FINE_REACH_S).div_euclid(DAY_S) * DAY_S,
        false => now_s - FINE_REACH_S,
    };
    (from.at_s < earliest_s).then(|| {
        let expected = format!("with the unit {unit}, expected at most 5 days ago");
        Problem::new("period_from", expected)
    })
}
