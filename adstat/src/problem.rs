//! Rules that were broken, by field.

use std::fmt;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its name, with a path where it lies deeper: `schedule.mon`.
    pub field: String,
    /// What was expected there. It repeats no value.
    pub expected: String,
}

impl Problem {
    /// What is wrong with a field.
    pub fn new(field: &str, expected: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            expected: expected.into(),
        }
    }
}

/// What is asked breaks a rule, or several; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(Vec<Problem>);

impl Invalid {
    /// All that is wrong, in the order in which the documentation names the fields.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Problem> for Invalid {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// `cpm: expected a number above 0; schedule.tue: missing`
impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Problem { field, expected }) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(formatter, "{separator}{field}: {expected}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

/// `Ok` where nothing is wrong.
pub(crate) fn verdict<T>(read: T, problems: Vec<Problem>) -> Result<T, Invalid> {
    match problems.is_empty() {
        true => Ok(read),
        false => Err(Invalid(problems)),
    }
}
