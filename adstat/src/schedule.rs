//! When an ad is shown: seven days of 24 hours.

use serde_json::Value;

use crate::problem::Problem;

/// Days as AdStat names them.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The hours of each day at which an ad is shown, a bit an hour: never none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule([u32; 7]);

impl Schedule {
    /// Reads `{"mon": [0, …, 23], …, "sun": […]}`: each day is there, if with no hour, and no hour is there twice. `field` is where it
    /// stands.
    ///
    /// # Errors
    /// All that is wrong, day by day.
    pub fn read(field: &str, value: &Value) -> Result<Self, Vec<Problem>> {
        let Some(fields) = value.as_object() else {
            return Err(vec![Problem::new(
                field,
                "expected an object with the days mon to sun, each a list of hours",
            )]);
        };
        let at = |day: &str| [field, ".", day].concat();
        let mut problems = Vec::new();
        for day in fields.keys().filter(|day| !DAYS.contains(&day.as_str())) {
            problems.push(Problem::new(&at(day), "no such day: they are mon to sun"));
        }
        let mut schedule = Self([0; 7]);
        for (day, hours) in DAYS.iter().zip(&mut schedule.0) {
            match fields.get(*day).map(hours_of) {
                None => problems.push(Problem::new(
                    &at(day),
                    "missing; a day without hours is an empty list",
                )),
                Some(None) => problems.push(Problem::new(
                    &at(day),
                    "expected a list of hours from 0 to 23, each once",
                )),
                Some(Some(read)) => *hours = read,
            }
        }
        if problems.is_empty() && schedule.0 == [0; 7] {
            problems.push(Problem::new(field, "there is no hour in it"));
        }
        match problems.is_empty() {
            true => Ok(schedule),
            false => Err(problems),
        }
    }

    /// How many hours of the week it has, 1 to 168.
    pub fn hours(self) -> u32 {
        self.0.iter().map(|hours| hours.count_ones()).sum()
    }
}

/// Hours as bits; `None` where one is no hour, or there twice.
fn hours_of(list: &Value) -> Option<u32> {
    let mut hours = 0;
    for hour in list.as_array()? {
        let bit = 1 << hour.as_u64().filter(|hour| *hour < 24)?;
        if hours & bit != 0 {
            return None;
        }
        hours |= bit;
    }
    Some(hours)
}
