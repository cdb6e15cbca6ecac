//! One D1 database: statements that take one JSON text as `?1` and run as one transaction.

use std::fmt;

use futures_util::future::LocalBoxFuture;
use js_sys::Promise;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wasm_bindgen::prelude::*;

use crate::config::Config;
use crate::error::Error;
use crate::runtime::{self, Env};
use crate::tasks::promised;

#[wasm_bindgen(module = "/src/runtime.js")]
extern "C" {
    #[wasm_bindgen(js_name = transact)]
    fn run(database: &JsValue, statements: &str) -> Promise;
}

/// A database's binding. What is read through it sees all that was written before: there is one primary, and no session
/// is sent to a replica.
#[derive(Debug)]
pub struct Database(JsValue);

/// SQL and its one parameter.
#[derive(Debug, Serialize)]
pub struct Statement(&'static str, String);

/// What one statement gave.
#[derive(Debug)]
pub struct Rows(Box<RawValue>);

/// One row, its columns by name. Where a struct a query is not worth its code.
#[derive(Debug, Deserialize)]
pub struct Row(Map<String, Value>);

/// The database did not answer, or not as asked; in words for the log.
#[derive(Debug)]
pub struct Unavailable(String);

impl Statement {
    /// A statement; SQL reads `parameter`, as JSON, from `?1`.
    ///
    /// # Errors
    /// Where `parameter` can't be JSON.
    pub fn new(sql: &'static str, parameter: &impl Serialize) -> Result<Self, Unavailable> {
        Ok(Self(sql, serde_json::to_string(parameter)?))
    }

    /// A statement whose parameter is written already, as JSON.
    pub(crate) fn written(sql: &'static str, parameter: String) -> Self {
        Self(sql, parameter)
    }
}

impl Row {
    /// A text column; none: NULL.
    #[inline(never)]
    pub fn text(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_str()
    }

    /// A number column; none: NULL or negative.
    #[inline(never)]
    pub fn number(&self, column: &str) -> Option<u64> {
        self.0.get(column)?.as_u64()
    }

    /// The texts and numbers of those columns, each under another name; NULL is left out.
    #[inline(never)]
    pub fn renamed(&self, names: &[(&str, &str)]) -> Map<String, Value> {
        let mut renamed = Map::new();
        for (column, name) in names {
            let text = self.text(column).map(Value::from);
            if let Some(value) = text.or_else(|| self.number(column).map(Value::from)) {
                renamed.insert((*name).to_owned(), value);
            }
        }
        renamed
    }

    /// Whether a column is true.
    pub fn flag(&self, column: &str) -> bool {
        self.number(column).is_some_and(|number| number != 0)
    }
}

impl Rows {
    /// The rows, a struct each: its fields bear the columns' names.
    ///
    /// # Errors
    /// When the rows are not of that shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, Unavailable> {
        Ok(serde_json::from_str(self.0.get())?)
    }

    /// The first row.
    ///
    /// # Errors
    /// When the rows are not of that shape.
    #[inline(never)]
    pub fn first<T: DeserializeOwned>(&self) -> Result<Option<T>, Unavailable> {
        Ok(self.read()?.into_iter().next())
    }
}

impl Database {
    /// The database bound as `binding`.
    ///
    /// # Errors
    /// When none is.
    #[inline(never)]
    pub fn bound(env: &Env, binding: &str) -> Result<Self, Unavailable> {
        runtime::binding(env, binding)
            .map(Self)
            .ok_or_else(|| Unavailable(format!("{binding} is not bound")))
    }

    /// The newest rows that `sql` gives of each database, the latest first: `limit` of them, and those of the same time as the last of these. `at_ms` is
    /// the column of their times.
    ///
    /// # Errors
    /// A database's.
    pub async fn newest(
        env: &Env,
        config: &Config,
        sql: &'static str,
        parameter: &impl Serialize,
        at_ms: &str,
        limit: u64,
    ) -> Result<Vec<Row>, Unavailable> {
        let at_ms = |row: &Row| row.number(at_ms).unwrap_or_default();
        let mut newest: Vec<Row> = Vec::new();
        for binding in config.databases() {
            let statement = Statement::new(sql, parameter)?;
            // Repeating it does no harm: it only reads.
            for row in Self::bound(env, binding)?.ask(statement).await? {
                let place = newest.partition_point(|other| at_ms(other) >= at_ms(&row));
                newest.insert(place, row);
            }
        }
        let last = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        if let Some(last_ms) = newest.get(last).map(at_ms) {
            let end = newest.partition_point(|row| at_ms(row) >= last_ms);
            newest.truncate(end);
        }
        Ok(newest)
    }

    /// Runs statements as one transaction: all or none. Gives what each of them gave.
    ///
    /// # Errors
    /// When the database fails; nothing is written then, as far as it says.
    pub fn transact<'a>(
        &'a self,
        statements: &'a [Statement],
    ) -> LocalBoxFuture<'a, Result<Vec<Rows>, Unavailable>> {
        // Boxed: its code is there once, and not in every caller.
        Box::pin(async move {
            let packed = serde_json::to_string(statements)?;
            let text = promised(&run(&self.0, &packed))
                .await
                .map_err(|why| Unavailable(runtime::words(&why)))?
                .as_string()
                .unwrap_or_default();
            let rows: Vec<Box<RawValue>> = serde_json::from_str(&text)?;
            if rows.len() != statements.len() {
                return Err(Unavailable(
                    "an answer to each statement is missing".to_owned(),
                ));
            }
            Ok(rows.into_iter().map(Rows).collect())
        })
    }

    /// The rows of one statement, read by their columns' names.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ask(&self, statement: Statement) -> LocalBoxFuture<'_, Result<Vec<Row>, Unavailable>> {
        Box::pin(async move {
            let statements = [statement];
            let results = self.transact(&statements).await?;
            results.first().map_or(Ok(Vec::new()), Rows::read)
        })
    }

    /// The rows of one statement.
    ///
    /// # Errors
    /// When the database fails, or the rows are not of that shape.
    pub async fn rows<T: DeserializeOwned>(
        &self,
        sql: &'static str,
        parameter: &impl Serialize,
    ) -> Result<Vec<T>, Unavailable> {
        let results = self.transact(&[Statement::new(sql, parameter)?]).await?;
        results.first().map_or(Ok(Vec::new()), Rows::read)
    }
}

impl Unavailable {
    /// What could not be done, in words for the log.
    pub fn new(words: String) -> Self {
        Self(words)
    }

    /// Whether D1 itself is out of order or has too much to do: what it was asked is no reason
    /// (<https://developers.cloudflare.com/d1/observability/debug-d1/>, "List of D1_ERRORs").
    pub fn is_of_database(&self) -> bool {
        [
            "overloaded",
            "Network connection lost",
            "caused object to be reset",
            "code was updated",
            "transient issue",
        ]
        .iter()
        .any(|words| self.0.contains(words))
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<serde_json::Error> for Unavailable {
    #[cold]
    #[inline(never)]
    fn from(why: serde_json::Error) -> Self {
        Self(why.to_string())
    }
}

/// The caller learns that something failed, the log what.
impl From<Unavailable> for Error {
    #[cold]
    #[inline(never)]
    fn from(why: Unavailable) -> Self {
        runtime::log_error(&format!("the ledger: {why}"));
        Self::Internal
    }
}
