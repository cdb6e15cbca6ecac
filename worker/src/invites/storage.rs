//! A pool's own database. Every call here runs at once, without waiting, so nothing comes in between two of them as long as there is no
//! `await`: the platform also writes them as one.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use wasm_bindgen::prelude::*;

use super::pool::{Pause, SHELF_MS, Stock, Terms};
use crate::runtime;

#[wasm_bindgen(module = "/src/runtime.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = execute)]
    fn run(storage: &Storage, statements: &str) -> Result<String, JsValue>;

    /// Wakes the object at that Unix time (ms) or before.
    #[wasm_bindgen(js_name = wakeBy)]
    pub fn wake_by(storage: &Storage, at_ms: f64);
}

#[wasm_bindgen]
extern "C" {
    /// The storage of a Durable Object.
    pub type Storage;
}

/// Why the database did not do as told; in words for the log.
#[derive(Debug)]
pub struct Broken(String);

impl std::fmt::Display for Broken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<serde_json::Error> for Broken {
    fn from(why: serde_json::Error) -> Self {
        Self(why.to_string())
    }
}

/// SQL and its parameters.
type Statement<'a> = (&'a str, Vec<Value>);

/// A link as it was handed out.
#[derive(Debug, Deserialize)]
pub struct Link {
    /// Its name: the click's id.
    pub name: String,
    /// Where it leads.
    pub url: String,
    /// When it is over, Unix time in ms.
    pub over_ms: u64,
    /// When Telegram ends it, Unix time in s.
    pub expires_s: u64,
}

/// Where a pool stands.
#[derive(Debug, Deserialize)]
pub struct Standing {
    /// Whose it is: the bot's username, a colon, the chat's id.
    pub channel: String,
    /// No call before, Unix time in ms.
    pub resume_ms: u64,
    /// Calls that failed since one did not.
    pub failures: u32,
    /// What was wrong with the last call.
    pub error: Option<String>,
}

/// How many links there are.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Counts {
    /// Ready, whatever the terms.
    pub ready: u32,
    /// Handed out and not over.
    pub handed_out: u32,
}

const READY: &str = "event_id IS NULL AND by_request = ?1 AND over_ms > ?2";

impl Storage {
    fn execute(&self, statements: &[(&str, Vec<Value>)]) -> Result<Vec<Box<RawValue>>, Broken> {
        let packed = serde_json::to_string(statements)?;
        let rows = run(self, &packed).map_err(|why| Broken(runtime::words(&why)))?;
        Ok(serde_json::from_str(&rows)?)
    }

    /// The rows of one statement.
    fn rows<T: DeserializeOwned>(
        &self,
        (sql, parameters): Statement<'_>,
    ) -> Result<Vec<T>, Broken> {
        let results = self.execute(&[(sql, parameters)])?;
        results
            .first()
            .map_or(Ok(Vec::new()), |rows| Ok(serde_json::from_str(rows.get())?))
    }

    fn write(&self, statement: Statement<'_>) -> Result<(), Broken> {
        self.rows::<IgnoredAny>(statement).map(drop)
    }

    /// Makes the tables where they are missing.
    pub fn prepare(&self) -> Result<(), Broken> {
        self.write((include_str!("schema.sql"), Vec::new()))
    }

    /// Notes whose pool it is.
    pub fn belongs_to(&self, channel: &str) -> Result<(), Broken> {
        let sql = "INSERT INTO pool VALUES (1, ?1, 0, 0, NULL) ON CONFLICT DO NOTHING";
        self.write((sql, vec![channel.into()]))
    }

    /// The link that `event` has, or a ready one that it has from now on; and how many stay ready, up to [`Terms::low`].
    /// A link is taken and marked by one statement: no other call can take it.
    pub fn hand_out(
        &self,
        event: &str,
        terms: Terms,
        now_ms: u64,
    ) -> Result<(Option<Link>, u32), Broken> {
        let take = format!(
            "UPDATE links SET event_id = ?3, over_ms = min(?2 + ?4, expires_s * 1000)
             WHERE name = (SELECT name FROM links WHERE {READY} ORDER BY over_ms LIMIT 1)
             AND NOT EXISTS (SELECT 1 FROM links WHERE event_id = ?3)"
        );
        let left =
            format!("SELECT count(*) AS ready FROM (SELECT 1 FROM links WHERE {READY} LIMIT ?3)");
        let by_request = Value::from(u8::from(terms.by_request));
        let results = self.execute(&[
            (
                &take,
                vec![by_request.clone(), now_ms.into(), event.into(), terms.life_ms.into()],
            ),
            (
                "SELECT name, url, over_ms, expires_s FROM links WHERE event_id = ?1 AND over_ms > ?2",
                vec![event.into(), now_ms.into()],
            ),
            (&left, vec![by_request, now_ms.into(), terms.low().into()]),
        ])?;
        #[derive(Deserialize)]
        struct Left {
            ready: u32,
        }
        let mut results = results.iter().skip(1);
        let mut rows = || results.next().map_or("[]", |rows| rows.get());
        let link = serde_json::from_str::<Vec<Link>>(rows())?
            .into_iter()
            .next();
        let left = serde_json::from_str::<Vec<Left>>(rows())?;
        Ok((link, left.first().map_or(0, |left| left.ready)))
    }

    /// Puts a new link into the pool.
    pub fn add(
        &self,
        name: &str,
        url: &str,
        terms: Terms,
        expires_s: u64,
        now_ms: u64,
    ) -> Result<(), Broken> {
        let parameters = vec![
            name.into(),
            url.into(),
            u8::from(terms.by_request).into(),
            expires_s.into(),
            (now_ms + SHELF_MS).into(),
        ];
        self.write((
            "INSERT INTO links VALUES (?1, ?2, ?3, ?4, ?5, NULL)",
            parameters,
        ))
    }

    /// What the pool holds under these terms.
    pub fn stock(&self, terms: Terms, now_ms: u64) -> Result<Stock, Broken> {
        #[derive(Deserialize)]
        struct Row {
            ready: u32,
            over_ms: Option<u64>,
        }
        let sql = format!(
            "SELECT (SELECT count(*) FROM links WHERE {READY}) AS ready, (SELECT min(over_ms) FROM links) AS over_ms"
        );
        let parameters = vec![u8::from(terms.by_request).into(), now_ms.into()];
        let rows = self.rows::<Row>((&sql, parameters))?;
        Ok(rows.first().map_or(
            Stock {
                ready: 0,
                over_ms: None,
            },
            |row| Stock {
                ready: row.ready,
                over_ms: row.over_ms,
            },
        ))
    }

    /// How many links there are, for the operator.
    pub fn counts(&self, now_ms: u64) -> Result<Counts, Broken> {
        let sql = "SELECT count(*) FILTER (WHERE event_id IS NULL) AS ready, count(event_id) AS handed_out FROM links WHERE over_ms > ?1";
        Ok(self
            .rows((sql, vec![now_ms.into()]))?
            .into_iter()
            .next()
            .unwrap_or_default())
    }

    /// The link that is over first.
    pub fn first_over(&self, now_ms: u64) -> Result<Option<Link>, Broken> {
        let sql = "SELECT name, url, over_ms, expires_s FROM links WHERE over_ms <= ?1 ORDER BY over_ms LIMIT 1";
        Ok(self.rows((sql, vec![now_ms.into()]))?.into_iter().next())
    }

    /// From then on (Unix time in ms), the link of that name is to be revoked. Whether there is one.
    pub fn end(&self, name: &str, at_ms: u64) -> Result<bool, Broken> {
        let sql = "UPDATE links SET over_ms = ?2 WHERE name = ?1 RETURNING name";
        let rows = self.rows::<IgnoredAny>((sql, vec![name.into(), at_ms.into()]))?;
        Ok(!rows.is_empty())
    }

    /// Forgets a link.
    pub fn remove(&self, name: &str) -> Result<(), Broken> {
        self.write(("DELETE FROM links WHERE name = ?1", vec![name.into()]))
    }

    /// Where the pool stands; `None` before its first call.
    pub fn standing(&self) -> Result<Option<Standing>, Broken> {
        let sql = "SELECT channel, resume_ms, failures, error FROM pool";
        Ok(self.rows((sql, Vec::new()))?.into_iter().next())
    }

    /// Keeps other calls away until then (Unix time in ms).
    pub fn reserve(&self, until_ms: u64) -> Result<(), Broken> {
        let sql = "UPDATE pool SET resume_ms = max(resume_ms, ?1)";
        self.write((sql, vec![until_ms.into()]))
    }

    /// Notes what a call left behind. A pause is never cut short.
    pub fn pause(&self, pause: &Pause) -> Result<(), Broken> {
        let sql = "UPDATE pool SET resume_ms = max(resume_ms, ?1), failures = ?2, error = ?3";
        let parameters = vec![
            pause.resume_ms.into(),
            pause.failures.into(),
            pause.error.clone().into(),
        ];
        self.write((sql, parameters))
    }
}
