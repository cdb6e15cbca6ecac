//! Pixel Tag events: what a page tells Telegram, by events of a cabinet's own.

use serde_json::{Map, Value};

use crate::fields::{Field, Kind, check, missing, object, text};
use crate::ids::AccountId;
use crate::problem::{Invalid, verdict};

/// A new event. Which types there are, `GET /pixel_events/types` says: AdStat refuses others by itself (422).
#[derive(Debug, Clone, PartialEq)]
pub struct NewPixelEvent(Map<String, Value>);

/// A new name of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelEventName(Map<String, Value>);

const ACCOUNT: Field = ("account_id", Kind::Words);
const TITLE: Field = ("title", Kind::Words);
const TYPE: Field = ("type", Kind::Words);

impl NewPixelEvent {
    /// Reads `{account_id, title, type}`.
    ///
    /// # Errors
    /// [`Invalid`], naming each field that is wrong.
    pub fn read(body: &str) -> Result<Self, Invalid> {
        read(body, &[ACCOUNT, TITLE, TYPE]).map(Self)
    }

    /// As AdStat wants it.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

impl PixelEventName {
    /// Reads `{account_id, title}`.
    ///
    /// # Errors
    /// [`Invalid`], naming each field that is wrong.
    pub fn read(body: &str) -> Result<Self, Invalid> {
        read(body, &[ACCOUNT, TITLE]).map(Self)
    }

    /// As AdStat wants it.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

fn read(body: &str, required: &[Field]) -> Result<Map<String, Value>, Invalid> {
    let fields = object(body)?;
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    let mut problems = missing(&fields, &names);
    problems.extend(check(&fields, required));
    if problems.is_empty() {
        AccountId::parse(text(&fields, "account_id"))?;
    }
    verdict(fields, problems)
}
