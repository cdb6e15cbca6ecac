//! The links of a pool, in the database of its Durable Object.

use std::str::Split;

pub use crate::durable::{Broken, Storage, wake_by};

use super::pool::{Pause, SHELF_MS, Stock, Terms};

/// A link.
#[derive(Debug)]
pub struct Link {
    /// Its name: the id of the click that gets it.
    pub name: String,
    /// Where it leads.
    pub url: String,
    /// When it is to be revoked, Unix time in ms.
    pub over_ms: u64,
    /// When Telegram ends it, Unix time in s.
    pub expires_s: u64,
}

/// Where a pool stands.
#[derive(Debug, Default)]
pub struct Standing {
    /// Whose it is: the bot's username, a colon, the chat's id.
    pub channel: String,
    /// No call before, Unix time in ms.
    pub resume_ms: u64,
    /// Calls that failed since one did not.
    pub failures: u32,
    /// What was wrong with the last call.
    pub error: Option<String>,
    /// Whether Telegram refused it.
    pub is_refused: bool,
}

impl Standing {
    /// Whether the last call went wrong and the next has to wait for it.
    pub fn is_paused(&self, now_ms: u64) -> bool {
        self.error.is_some() && self.resume_ms > now_ms
    }
}

/// How many links there are.
#[derive(Debug)]
pub struct Counts {
    /// Ready, whatever the terms.
    pub ready: u64,
    /// Handed out and not over.
    pub handed_out: u64,
}

/// The values of one row.
struct Row<'a>(Split<'a, char>);

impl Row<'_> {
    fn text(&mut self) -> String {
        self.0.next().unwrap_or_default().to_owned()
    }

    /// `None`: NULL.
    fn number(&mut self) -> Option<u64> {
        self.0.next()?.parse().ok()
    }

    fn link(mut self) -> Link {
        Link {
            name: self.text(),
            url: self.text(),
            over_ms: self.number().unwrap_or_default(),
            expires_s: self.number().unwrap_or_default(),
        }
    }
}

/// The first of the rows.
fn first(rows: &str) -> Option<Row<'_>> {
    let row = rows.split('\n').next().filter(|row| !row.is_empty())?;
    Some(Row(row.split('\t')))
}

const READY: &str = "event_id IS NULL AND by_request = ?1 AND over_ms > ?2";

impl Storage {
    fn write(&self, sql: &str, parameters: &[&str]) -> Result<(), Broken> {
        self.execute(sql, parameters).map(drop)
    }

    /// Makes the tables where they are missing.
    pub fn prepare(&self) -> Result<(), Broken> {
        self.write(include_str!("schema.sql"), &[])
    }

    /// Notes whose pool it is.
    pub fn belongs_to(&self, channel: &str) -> Result<(), Broken> {
        let sql = "INSERT INTO pool VALUES (1, ?1, 0, 0, NULL) ON CONFLICT DO NOTHING";
        self.write(sql, &[channel])
    }

    /// The link that `event` has, or a ready one that it has from now on; and how many stay ready, up to [`Terms::low`].
    /// A link is taken and marked by one statement: no other call can take it.
    pub fn hand_out(
        &self,
        event: &str,
        terms: Terms,
        now_ms: u64,
    ) -> Result<(Option<Link>, u64), Broken> {
        let take = format!(
            "UPDATE links SET event_id = ?3, over_ms = min(?2 + ?4, expires_s * 1000)
             WHERE name = (SELECT name FROM links WHERE {READY} ORDER BY over_ms LIMIT 1)
             AND NOT EXISTS (SELECT 1 FROM links WHERE event_id = ?3)"
        );
        let given =
            "SELECT name, url, over_ms, expires_s FROM links WHERE event_id = ?1 AND over_ms > ?2";
        let left = format!("SELECT count(*) FROM (SELECT 1 FROM links WHERE {READY} LIMIT ?3)");
        let (by_request, now) = (by_request(terms), now_ms.to_string());
        self.write(
            &take,
            &[by_request, &now, event, &terms.life_ms.to_string()],
        )?;
        let link = first(&self.execute(given, &[event, &now])?).map(Row::link);
        let left = self.execute(&left, &[by_request, &now, &terms.low().to_string()])?;
        Ok((
            link,
            first(&left)
                .and_then(|mut row| row.number())
                .unwrap_or_default(),
        ))
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
        let over_ms = now_ms + SHELF_MS;
        let sql = "INSERT INTO links VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
        self.write(
            sql,
            &[
                name,
                url,
                by_request(terms),
                &expires_s.to_string(),
                &over_ms.to_string(),
            ],
        )
    }

    /// What the pool holds under these terms.
    pub fn stock(&self, terms: Terms, now_ms: u64) -> Result<Stock, Broken> {
        let sql = format!(
            "SELECT (SELECT count(*) FROM links WHERE {READY}), (SELECT min(over_ms) FROM links)"
        );
        let rows = self.execute(&sql, &[by_request(terms), &now_ms.to_string()])?;
        let mut row = first(&rows);
        let mut number = || row.as_mut().and_then(Row::number);
        Ok(Stock {
            ready: number().unwrap_or_default(),
            over_ms: number(),
        })
    }

    /// How many links there are, for the operator.
    pub fn counts(&self, now_ms: u64) -> Result<Counts, Broken> {
        let sql = "SELECT count(*) FILTER (WHERE event_id IS NULL), count(event_id) FROM links WHERE over_ms > ?1";
        let rows = self.execute(sql, &[&now_ms.to_string()])?;
        let mut row = first(&rows);
        let mut number = || row.as_mut().and_then(Row::number).unwrap_or_default();
        Ok(Counts {
            ready: number(),
            handed_out: number(),
        })
    }

    /// The link that is over first.
    pub fn first_over(&self, now_ms: u64) -> Result<Option<Link>, Broken> {
        let sql = "SELECT name, url, over_ms, expires_s FROM links WHERE over_ms <= ?1 ORDER BY over_ms LIMIT 1";
        let rows = self.execute(sql, &[&now_ms.to_string()])?;
        Ok(first(&rows).map(Row::link))
    }

    /// From then on (Unix time in ms), the link of that name is to be revoked.
    pub fn end(&self, name: &str, at_ms: u64) -> Result<(), Broken> {
        let sql = "UPDATE links SET over_ms = ?2 WHERE name = ?1";
        self.write(sql, &[name, &at_ms.to_string()])
    }

    /// The same of a link that lets one member in. Whether it is one.
    pub fn take_seat(&self, name: &str, at_ms: u64) -> Result<bool, Broken> {
        let sql = "UPDATE links SET over_ms = ?2 WHERE name = ?1 AND NOT by_request RETURNING name";
        let rows = self.execute(sql, &[name, &at_ms.to_string()])?;
        Ok(!rows.is_empty())
    }

    /// From then on (Unix time in ms), no link that is ready is handed out: each is to be revoked.
    pub fn end_ready(&self, at_ms: u64) -> Result<(), Broken> {
        let sql =
            "UPDATE links SET over_ms = min(over_ms, CAST(?1 AS INTEGER)) WHERE event_id IS NULL";
        self.write(sql, &[&at_ms.to_string()])
    }

    /// Forgets a link.
    pub fn remove(&self, name: &str) -> Result<(), Broken> {
        self.write("DELETE FROM links WHERE name = ?1", &[name])
    }

    /// Where the pool stands; `None` before its first call.
    pub fn standing(&self) -> Result<Option<Standing>, Broken> {
        let sql =
            "SELECT channel, resume_ms, failures, EXISTS (SELECT 1 FROM refusal), error FROM pool";
        let rows = self.execute(sql, &[])?;
        Ok(first(&rows).map(|mut row| Standing {
            channel: row.text(),
            resume_ms: row.number().unwrap_or_default(),
            failures: row
                .number()
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or_default(),
            is_refused: row.number() == Some(1),
            error: Some(row.text()).filter(|error| !error.is_empty()),
        }))
    }

    /// Keeps other calls away until then (Unix time in ms).
    pub fn reserve(&self, until_ms: u64) -> Result<(), Broken> {
        let sql = "UPDATE pool SET resume_ms = max(resume_ms, CAST(?1 AS INTEGER))";
        self.write(sql, &[&until_ms.to_string()])
    }

    /// Ends the pause and what was wrong.
    pub fn resume(&self) -> Result<(), Broken> {
        self.write(
            "UPDATE pool SET resume_ms = 0, failures = 0, error = NULL",
            &[],
        )?;
        self.note_refusal(false)
    }

    /// Notes what a call left behind. A pause is never cut short.
    pub fn pause(&self, pause: &Pause) -> Result<(), Broken> {
        let sql = "UPDATE pool SET resume_ms = max(resume_ms, CAST(?1 AS INTEGER)), failures = ?2, error = nullif(?3, '')";
        // Another's words: they must not end the line.
        let error = pause.error.as_deref().unwrap_or_default();
        let error = error.replace(|c: char| c.is_ascii_control(), " ");
        self.write(
            sql,
            &[
                &pause.resume_ms.to_string(),
                &pause.failures.to_string(),
                &error,
            ],
        )?;
        self.note_refusal(pause.is_refused)
    }

    fn note_refusal(&self, is_refused: bool) -> Result<(), Broken> {
        let sql = match is_refused {
            true => "INSERT INTO refusal VALUES (1) ON CONFLICT DO NOTHING",
            false => "DELETE FROM refusal",
        };
        self.write(sql, &[])
    }
}

fn by_request(terms: Terms) -> &'static str {
    if terms.by_request { "1" } else { "0" }
}
