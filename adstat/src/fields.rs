//! Fields of a JSON object, each of its documented type.

use serde_json::{Map, Value};

use crate::problem::{Invalid, Problem};
use crate::schedule::Schedule;
use crate::time::Moment;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole number above 0.
    Id,
    /// A number above 0.
    Price,
    /// A number, 0 or more.
    Amount,
    /// Seconds east of Greenwich.
    Offset,
    Text,
    /// A text that says something.
    Words,
    /// One of those texts.
    OneOf(&'static [&'static str]),
    Flag,
    Texts,
    /// A list of at most one text.
    OneText,
    Numbers,
    Moment,
    Schedule,
    /// A list of objects with a `url`, and an `id` where it is known.
    Bots,
}

/// A field: its name and type.
pub(crate) type Field = (&'static str, Kind);

/// The object that a body is.
pub(crate) fn object(body: &str) -> Result<Map<String, Value>, Invalid> {
    match serde_json::from_str(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Problem::new("body", "expected a JSON object").into()),
        Err(_) => Err(Problem::new("body", "not JSON").into()),
    }
}

/// Checks each of `documented` that is there; null is as good as not there.
pub(crate) fn check(fields: &Map<String, Value>, documented: &[Field]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, kind) in documented {
        if let Some(value) = told(fields, name) {
            problems.extend(kind.check(name, value));
        }
    }
    problems
}

/// Names of `required` that are not there.
pub(crate) fn missing(fields: &Map<String, Value>, required: &[&str]) -> Vec<Problem> {
    let absent = required.iter().filter(|name| told(fields, name).is_none());
    absent.map(|name| Problem::new(name, "missing")).collect()
}

/// A field's value, where it says something.
pub(crate) fn told<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// The text of a field, empty where there is none.
pub(crate) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    told(fields, name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

impl Kind {
    fn check(self, name: &str, value: &Value) -> Vec<Problem> {
        let number = || value.as_f64().unwrap_or(f64::NAN);
        let is_list_of = |holds: fn(&Value) -> bool| {
            let list = value.as_array();
            list.is_some_and(|list| list.iter().all(holds))
        };
        let is_right = match self {
            Self::Id => is_id(value),
            Self::Price => number() > 0.0,
            Self::Amount => number() >= 0.0,
            // UTC-12 to UTC+14.
            Self::Offset => value
                .as_i64()
                .is_some_and(|offset| (-43_200..=50_400).contains(&offset)),
            Self::Text => value.is_string(),
            Self::Words => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Self::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Flag => value.is_boolean(),
            Self::Texts => is_list_of(Value::is_string),
            Self::OneText => {
                is_list_of(Value::is_string) && value.as_array().is_some_and(|list| list.len() < 2)
            }
            Self::Numbers => is_list_of(Value::is_number),
            Self::Moment => value
                .as_str()
                .is_some_and(|text| Moment::parse(text).is_some()),
            Self::Schedule => return Schedule::read(name, value).err().unwrap_or_default(),
            Self::Bots => is_list_of(|bot| {
                let id = bot.get("id").filter(|id| !id.is_null());
                bot.get("url").is_some_and(Value::is_string) && id.is_none_or(is_id)
            }),
        };
        match is_right {
            true => Vec::new(),
            false => vec![Problem::new(name, ["expected ", &self.words()].concat())],
        }
    }

    fn words(self) -> String {
        let words = match self {
            Self::Id => "a whole number above 0",
            Self::Price => "a number above 0",
            Self::Amount => "a number, 0 or more",
            Self::Offset => {
                "seconds east of Greenwich, from -43200 to 50400, such as 10800 for Moscow"
            }
            Self::Text => "a string",
            Self::Words => "a string that is not blank",
            Self::OneOf(words) => return ["one of ", &words.join(", ")].concat(),
            Self::Flag => "true or false",
            Self::Texts => "a list of strings",
            Self::OneText => "a list of at most one string",
            Self::Numbers => "a list of numbers",
            Self::Moment => {
                "a date or time of ISO 8601, such as 2026-09-01 or 2026-09-01T09:00:00Z"
            }
            Self::Schedule => "an object of seven days",
            Self::Bots => r#"a list of objects such as {"id": 123456789, "url": "t.me/some_bot"}"#,
        };
        words.to_owned()
    }
}

fn is_id(value: &Value) -> bool {
    value.as_u64().is_some_and(|id| (1..1 << 53).contains(&id))
}
