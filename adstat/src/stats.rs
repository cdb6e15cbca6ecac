//! Statistics: what can be asked for, a page at a time.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::fields::{Field, Kind, check, missing, object, text, told};
use crate::problem::{Invalid, Problem, verdict};
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

impl StatsQuestion {
    /// What each ad did on each day of `from` to `to` (both `2026-09-01`, both within), as many rows as one page may have, from `cursor` on.
    pub fn of_ad_days(from: &str, to: &str, currency: &str, cursor: Option<&str>) -> Self {
        let question = json!({
            "period_from": from, "period_to": to, "period_grouping_unit": "day", "grouping": ["ad", "campaign"],
            "currency_code": currency, "limit": MOST_ROWS, "cursor": cursor,
        });
        Self(question.as_object().cloned().unwrap_or_default())
    }
}

/// What an ad did on a day: a row of the answer to [`StatsQuestion::of_ad_days`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdDay {
    /// Days after 1970-01-01.
    pub day: i64,
    /// The ad.
    pub ad_id: u64,
    /// Its campaign.
    pub campaign_id: Option<u64>,
    /// How often it was shown.
    pub impressions: u64,
    /// How often it was clicked.
    pub clicks: u64,
    /// What it cost, in millionths of the currency asked for.
    pub spent_micros: i64,
}

impl AdDay {
    /// Reads a row. The documentation does not name the fields of statistics: they bear the names that other answers have for the same, and the
    /// day is `period`, `date` or `day`. Numbers may be texts; what is null is nothing; a correction may be below zero.
    ///
    /// # Errors
    /// [`Failure::Unreadable`]
    pub fn read(row: &Map<String, Value>) -> Result<Self, Failure> {
        let unreadable =
            |what: &str| Failure::Unreadable(["a row of statistics without ", what].concat());
        let of = |names: &[&str]| names.iter().find_map(|name| told(row, name));
        let id = |names: &[&str]| of(names).and_then(whole);
        let count = |name| told(row, name).map_or(Some(0), whole);
        let day = of(&["period", "date", "day"]).and_then(Value::as_str);
        let day = day
            .and_then(Moment::parse)
            .ok_or_else(|| unreadable("a day"))?;
        let spent = ["spent", "spend"]
            .iter()
            .find_map(|name| row.get(*name))
            .and_then(|value| match value {
                Value::Null => Some(0.0),
                _ => number(value),
            });
        let spent = spent
            .filter(|spent| spent.abs() < 1e9)
            .ok_or_else(|| unreadable("what was spent"))?;
        Ok(Self {
            day: day.at_s.div_euclid(DAY_S),
            ad_id: id(&["ad_id"]).ok_or_else(|| unreadable("an ad"))?,
            campaign_id: id(&["campaign_id"]),
            impressions: count("impressions").ok_or_else(|| unreadable("impressions"))?,
            clicks: count("clicks").ok_or_else(|| unreadable("clicks"))?,
            // Below a thousand millions the nearest whole millionth is the one that was written.
            spent_micros: (spent * 1e6).round() as i64,
        })
    }
}

/// A number, or a text that is one.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// The same where it is whole, 0 or more: `3`, `3.0`, `"3"`.
fn whole(value: &Value) -> Option<u64> {
    let exact = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    // Up to 2^53 a float that has no fraction is the number that was written.
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..9e15).contains(number);
    exact.or_else(|| number(value).filter(is_whole).map(|number| number as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_an_ads_day_to_the_millionth() {
        let read = |row: Value| AdDay::read(row.as_object().unwrap());
        let row = json!({ "period": "1970-01-03", "ad_id": "7", "campaign_id": 8, "impressions": 1000, "clicks": 3, "spent": 0.1 });
        let day = read(row).unwrap();
        assert_eq!(
            (
                day.day,
                day.ad_id,
                day.campaign_id,
                day.impressions,
                day.clicks,
                day.spent_micros
            ),
            (2, 7, Some(8), 1_000, 3, 100_000)
        );
        for spent in [0.29, 1.005, 123_456.789_012, 999_999_999.999_999] {
            let text = format!("{spent:.6}").replace('.', "");
            assert_eq!(
                read(json!({ "date": "2026-09-01", "ad_id": 1, "spend": spent }))
                    .unwrap()
                    .spent_micros,
                text.parse::<i64>().unwrap()
            );
        }
        let odd = json!({ "day": "2026-09-01", "ad_id": 7.0, "impressions": "12", "clicks": 3.0, "spent": null });
        let odd = read(odd).unwrap();
        assert_eq!(
            (odd.ad_id, odd.impressions, odd.clicks, odd.spent_micros),
            (7, 12, 3, 0)
        );
        let lower = json!({ "day": "2026-09-01", "ad_id": 7, "spent": "-0.5" });
        assert_eq!(read(lower).unwrap().spent_micros, -500_000);
        for wrong in [
            json!({}),
            json!({ "day": "2026-09-01", "spent": 1 }),
            json!({ "day": "2026-09-01", "ad_id": 1 }),
            json!({ "day": "x", "ad_id": 1, "spent": 1 }),
            json!({ "day": "2026-09-01", "ad_id": 1, "spent": "NaN" }),
            json!({ "day": "2026-09-01", "ad_id": 1, "spent": 1e9 }),
            json!({ "day": "2026-09-01", "ad_id": -1, "spent": 1 }),
            json!({ "day": "2026-09-01", "ad_id": 1, "spent": 1, "clicks": 1.5 }),
            json!({ "day": "2026-09-01", "ad_id": 1, "spent": 1, "clicks": "many" }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_question_for_ads_days_breaks_no_rule() {
        let question = StatsQuestion::of_ad_days("2026-09-01", "2026-09-03", "EUR", None);
        assert!(StatsQuestion::read(&question.to_json(), 0).is_ok());
    }
}
