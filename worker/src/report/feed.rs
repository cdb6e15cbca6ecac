//! What happened last, of all kinds.

use std::cmp::{Ordering, Reverse};
use std::fmt;

use conversions::{Currency, Money};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::ledger::{Database, Row, Rows, Statement, Unavailable};
use crate::runtime::Env;
use crate::telegram::ChatId;

/// How many more a page has at most that happened in the same ms as the last of it.
const SAME_MS: usize = 50;

/// One thing that happened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// `visit`, `fbp`, `click`, `join`, `leave`, `conversion` or `send`.
    pub kind: String,
    /// When, Unix time in ms.
    pub at: u64,
    /// The site; none: it is in no setting.
    pub website_id: Option<String>,
    /// A line for people.
    pub title: String,
    /// All else that is known; no IP address, nothing that names a person but Telegram's number.
    pub detail: Box<RawValue>,
    /// Which of its kind it is: the row's place in its table.
    #[serde(skip)]
    key: Key,
}

/// A row's place among those of its kind and ms.
type Key = (i64, i64);

/// A place in the feed, behind one of its items: where a page ends and the next one begins. Things of one ms are there in the order of their
/// databases, kinds and keys, the last key first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    at_ms: u64,
    database: usize,
    kind: usize,
    key: Key,
}

impl Place {
    /// What no row's key is before.
    const NO_KEY: Key = (i64::MIN, i64::MIN);

    /// Before all that happened at that Unix time (ms).
    pub fn before(at_ms: u64) -> Self {
        Self {
            at_ms,
            database: usize::MAX,
            kind: usize::MAX,
            key: Self::NO_KEY,
        }
    }

    /// Reads what its `Display` writes; `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let place = Self {
            at_ms: parts.next()?.parse().ok()?,
            database: parts.next()?.parse().ok()?,
            kind: parts.next()?.parse().ok()?,
            key: (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?),
        };
        parts.next().is_none().then_some(place)
    }

    /// From where on rows of a kind in a database are behind it: before that time (Unix ms), or at it with a key before that one.
    fn bound(self, database: usize, kind: usize) -> (u64, Key) {
        match (database, kind).cmp(&(self.database, self.kind)) {
            Ordering::Less => (self.at_ms, Self::NO_KEY),
            Ordering::Equal => (self.at_ms, self.key),
            Ordering::Greater => (self.at_ms.saturating_add(1), Self::NO_KEY),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at_ms,
            database,
            kind,
            key: (a, b),
        } = self;
        write!(formatter, "{at_ms}.{database}.{kind}.{a}.{b}")
    }
}

impl Item {
    /// What a statement of `items/` gave.
    pub(super) fn of(row: &Row, config: &Config) -> Self {
        let kind = row.text("kind").unwrap_or_default();
        let chat = row.text("chat_id");
        let website_id = row.text("website_id");
        let named = chat
            .and_then(|id| id.parse().ok().and_then(ChatId::new))
            .and_then(|id| {
                let channel_id = row.text("channel_id").unwrap_or_default();
                config.channel_of_join(id, website_id.unwrap_or_default(), channel_id)
            });
        let website_id = website_id.or(named.map(|(site, _)| site.website_id.as_str()));
        let name = row.text("name");
        let channel = named
            .map(|(_, channel)| channel.slug.as_str())
            .or(chat)
            .or(name);
        let value = stored(row);
        let title = match kind {
            "visit" => name.map_or("Visit".to_owned(), |source| format!("Visit from {source}")),
            "fbp" => "Late _fbp".to_owned(),
            "click" => format!("Click on {}", channel.unwrap_or("no channel")),
            "join" => format!("Joined {}", channel.unwrap_or_default()),
            "leave" => format!("Left {}", channel.unwrap_or_default()),
            "send" => name.unwrap_or_default().to_owned(),
            _ => match value {
                Some(value) => format!("{} {value}", name.unwrap_or_default()),
                None => name.unwrap_or_default().to_owned(),
            },
        };
        let detail = row.text("detail").unwrap_or("{}");
        let mut detail: Map<String, Value> = serde_json::from_str(detail).unwrap_or_default();
        let title = match (kind, detail.get("state").and_then(Value::as_str)) {
            ("send", Some(state)) => format!("{title}: {state}"),
            _ => title,
        };
        if chat.is_some() {
            detail.insert("channel".to_owned(), channel.into());
        }
        let mut text = Value::Object(detail).to_string();
        if let Some(value) = value {
            // As a decimal, which no float has touched.
            text.pop();
            text.push_str(&format!(
                r#","value":{},"currency":"{}"}}"#,
                value.to_decimal(),
                value.currency()
            ));
        }
        Self {
            kind: kind.to_owned(),
            at: row.number("at_ms").unwrap_or_default(),
            website_id: website_id.map(str::to_owned),
            title,
            detail: RawValue::from_string(text).unwrap_or_default(),
            key: row.text("key").and_then(key_of).unwrap_or_default(),
        }
    }
}

fn key_of(text: &str) -> Option<Key> {
    let (a, b) = text.split_once(' ')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

fn stored(row: &Row) -> Option<Money> {
    let currency = Currency::parse(row.text("currency")?).ok()?;
    Money::from_minor_units(row.number("value_minor")?, currency).ok()
}

/// Which page is meant.
#[derive(Debug)]
pub struct Page {
    /// The one site; none: all.
    pub website_id: Option<String>,
    /// The chats of that site.
    pub chat_ids: Vec<ChatId>,
    /// What is behind there; none: the latest.
    pub behind: Option<Place>,
    /// So many, and those of the same ms as the last of them, up to [`SAME_MS`].
    pub limit: usize,
}

/// A page of one kind in one database.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KindPage<'a> {
    website_id: Option<&'a str>,
    chat_ids: &'a [ChatId],
    before_ms: Option<u64>,
    a: i64,
    b: i64,
    limit: usize,
}

/// Whether the row in the middle of a half is before a page's end and `$slack`.
macro_rules! middle_is_before {
    ($table:literal, $made:literal, $slack:literal) => {
        concat!(
            "(SELECT ",
            $made,
            " FROM ",
            $table,
            " WHERE rowid <= (low + high + 1) / 2 ORDER BY rowid DESC LIMIT 1)",
            " < coalesce(?1 ->> 'beforeMs', 9e15) + ",
            $slack
        )
    };
}

/// A statement of `items/`, a page by `$at` of what is `$meant`, of a table whose rows stand in the order of `$made` but for `$slack` ms: by halves, it is
/// found from where on they are too new. The search is written out, as SQLite takes no subquery over the recursive table.
macro_rules! latest_by_halves {
    ($table:literal, $made:literal, $slack:literal, $at:literal, $meant:literal) => {
        concat!(
            include_str!(concat!("items/", $table, ".sql")),
            "WHERE ",
            $table,
            ".rowid <= (
    WITH RECURSIVE halves (low, high) AS (
      SELECT (SELECT min(rowid) FROM ",
            $table,
            "), (SELECT max(rowid) FROM ",
            $table,
            ")
      UNION ALL
      SELECT
        iif(",
            middle_is_before!($table, $made, $slack),
            ", (low + high + 1) / 2, low),
        iif(",
            middle_is_before!($table, $made, $slack),
            ", high, (low + high + 1) / 2 - 1)
      FROM halves WHERE low < high
    )
    SELECT low FROM halves WHERE low >= high
  )
  AND (",
            $at,
            ", ",
            $table,
            ".rowid) < (coalesce(?1 ->> 'beforeMs', 9e15), ?1 ->> 'a') AND (?1 ->> 'websiteId' IS NULL OR ",
            $table,
            ".website_id = ?1 ->> 'websiteId') AND ",
            $meant,
            "
ORDER BY ",
            $table,
            ".rowid DESC
LIMIT ?1 ->> 'limit'
"
        )
    };
}

/// A statement of `items/`, and a page of it.
macro_rules! latest {
    ($items:literal, $page:literal) => {
        concat!(
            include_str!(concat!("items/", $items, ".sql")),
            include_str!(concat!("latest/", $page, ".sql"))
        )
    };
}

const STATEMENTS: [&str; 7] = [
    // In the order they came, which is that of their times but for those that were long in the queue: an hour.
    latest_by_halves!("visits", "at_ms", "3600000", "visits.at_ms", "true"),
    latest_by_halves!("clicks", "at_ms", "3600000", "clicks.at_ms", "true"),
    latest!("joins", "joins"),
    latest!("leaves", "leaves"),
    latest!("conversions", "conversions"),
    // In the order they were made, and none has changed before: a minute.
    latest_by_halves!(
        "sends",
        "made_ms",
        "60000",
        "changed_ms",
        "NOT (state IN ('rejected', 'dead') AND changed_ms > made_ms + 60000)"
    ),
    // What failed hours after it was made, in the order of its failing.
    latest!("sends", "failed_sends"),
];

/// What happened, the latest first, and where the next page begins; none: this is the last.
///
/// # Errors
/// A database's.
pub async fn latest(
    env: &Env,
    config: &Config,
    page: &Page,
) -> Result<(Vec<Item>, Option<Place>), Unavailable> {
    let website_id = page.website_id.as_deref();
    let limit = page.limit + SAME_MS;
    let mut found: Vec<(Place, Item)> = Vec::new();
    for (database, binding) in bindings(config, website_id).enumerate() {
        let statement = |(kind, sql): (usize, &&'static str)| {
            let bound = page.behind.map(|place| place.bound(database, kind));
            let (a, b) = bound.map_or(Place::NO_KEY, |(_, key)| key);
            let asked = KindPage {
                website_id,
                chat_ids: &page.chat_ids,
                before_ms: bound.map(|(before_ms, _)| before_ms),
                a,
                b,
                // One more says that there is one.
                limit: limit + 1,
            };
            Statement::new(sql, &asked)
        };
        let statements = STATEMENTS.iter().enumerate().map(statement);
        let statements = statements.collect::<Result<Vec<_>, _>>()?;
        // Repeating it does no harm: it reads.
        let kinds = gathered(env, config, binding, &statements).await?;
        for (kind, items) in kinds.into_iter().enumerate() {
            found.extend(items.into_iter().map(|item| {
                let place = Place {
                    at_ms: item.at,
                    database,
                    kind,
                    key: item.key,
                };
                (place, item)
            }));
        }
    }
    found.sort_by_key(|(place, _)| {
        let Place {
            at_ms,
            database,
            kind,
            key,
        } = *place;
        (Reverse(at_ms), database, kind, Reverse(key))
    });
    let many = found.len();
    if let Some(last) = found.get(page.limit.saturating_sub(1)) {
        let last_ms = last.0.at_ms;
        let end = found.partition_point(|(place, _)| place.at_ms >= last_ms);
        found.truncate(end.min(limit));
    }
    let next = found.last().filter(|_| found.len() < many);
    let next = next.map(|(place, _)| *place);
    Ok((found.into_iter().map(|(_, item)| item).collect(), next))
}

/// Whether the ledger has anything of a site, which may be in no setting any more.
///
/// # Errors
/// A database's.
pub async fn knows_site(env: &Env, config: &Config, website_id: &str) -> Result<bool, Unavailable> {
    const SQL: &str = "SELECT 1 FROM traffic WHERE website_id = ?1 ->> '$' UNION ALL SELECT 1 FROM conversions WHERE website_id = ?1 ->> '$' LIMIT 1";
    for binding in bindings(config, Some(website_id)) {
        let statement = Statement::new(SQL, &website_id)?;
        // Repeating it does no harm: it reads.
        if !Database::bound(env, binding)?
            .ask(statement)
            .await?
            .is_empty()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What statements of `items/` give, each.
pub(super) async fn gathered(
    env: &Env,
    config: &Config,
    binding: &str,
    statements: &[Statement],
) -> Result<Vec<Vec<Item>>, Unavailable> {
    // Repeating it does no harm: it reads.
    let results = Database::bound(env, binding)?.transact(statements).await?;
    let items = |rows: &Rows| -> Result<Vec<Item>, Unavailable> {
        let rows: Vec<Row> = rows.read()?;
        Ok(rows.iter().map(|row| Item::of(row, config)).collect())
    };
    results.iter().map(items).collect()
}

/// The databases that have a site; none: all.
pub(super) fn bindings<'a>(
    config: &'a Config,
    website_id: Option<&str>,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let own = website_id.map(|id| config.database_of(id));
    let bindings = config.databases().into_iter();
    bindings.filter(move |binding| own.is_none_or(|own| own == *binding))
}
