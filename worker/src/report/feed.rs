//! What happened last, of all kinds.

use conversions::{Currency, Money};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::ledger::{Database, Row, Rows, Statement, Unavailable};
use crate::runtime::Env;
use crate::telegram::ChatId;

/// How many more of each kind are looked at, for those that happened in the same ms as the last of a page.
const SAME_MS: u64 = 50;

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
}

impl Item {
    /// What a statement of `items/` gave.
    pub(super) fn of(row: &Row, config: &Config) -> Self {
        let kind = row.text("kind").unwrap_or_default();
        let chat = row.text("chat_id");
        let named = chat
            .and_then(|id| id.parse().ok().and_then(ChatId::new))
            .and_then(|id| config.channel_of_chat(id));
        let website_id = row.text("website_id");
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
        }
    }
}

fn stored(row: &Row) -> Option<Money> {
    let currency = Currency::parse(row.text("currency")?).ok()?;
    Money::from_minor_units(row.number("value_minor")?, currency).ok()
}

/// Which page is meant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The one site; none: all.
    pub website_id: Option<String>,
    /// The chats of that site.
    pub chat_ids: Vec<ChatId>,
    /// Things before then, Unix time in ms; none: the latest.
    pub before_ms: Option<u64>,
    /// So many, and those of the same ms as the last of them.
    pub limit: u64,
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

/// A statement of `items/`, a page of it by `$at`, of a table whose rows stand in the order of `$made` but for `$slack` ms: by halves, it is
/// found from where on they are too new. The search is written out, as SQLite takes no subquery over the recursive table.
macro_rules! latest_by_halves {
    ($table:literal, $made:literal, $slack:literal, $at:literal) => {
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
  AND ",
            $at,
            " < coalesce(?1 ->> 'beforeMs', 9e15) AND (?1 ->> 'websiteId' IS NULL OR ",
            $table,
            ".website_id = ?1 ->> 'websiteId')
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
    ($items:literal) => {
        concat!(
            include_str!(concat!("items/", $items, ".sql")),
            include_str!(concat!("latest/", $items, ".sql"))
        )
    };
}

const STATEMENTS: [&str; 6] = [
    // In the order they came, which is that of their times but for those that were long in the queue: an hour.
    latest_by_halves!("visits", "at_ms", "3600000", "visits.at_ms"),
    latest_by_halves!("clicks", "at_ms", "3600000", "clicks.at_ms"),
    latest!("joins"),
    latest!("leaves"),
    latest!("conversions"),
    // In the order they were made, and none has changed before: a minute.
    latest_by_halves!("sends", "made_ms", "60000", "changed_ms"),
];

/// What happened, the latest first.
///
/// # Errors
/// A database's.
pub async fn latest(env: &Env, config: &Config, page: &Page) -> Result<Vec<Item>, Unavailable> {
    let asked = Page {
        limit: page.limit + SAME_MS,
        website_id: page.website_id.clone(),
        chat_ids: page.chat_ids.clone(),
        ..*page
    };
    let mut items = Vec::new();
    for binding in bindings(config, page.website_id.as_deref()) {
        // Repeating it does no harm: it reads.
        items.append(&mut gathered(env, config, binding, &STATEMENTS, &asked).await?);
    }
    items.sort_by_key(|item| std::cmp::Reverse(item.at));
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    if let Some(last) = items.get(limit.saturating_sub(1)).map(|item| item.at) {
        items.retain(|item| item.at >= last);
    }
    Ok(items)
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

/// What statements of `items/` give.
pub(super) async fn gathered(
    env: &Env,
    config: &Config,
    binding: &str,
    statements: &[&'static str],
    parameter: &impl Serialize,
) -> Result<Vec<Item>, Unavailable> {
    let statements = statements
        .iter()
        .map(|sql| Statement::new(sql, parameter))
        .collect::<Result<Vec<_>, _>>()?;
    // Repeating it does no harm: it reads.
    let results = Database::bound(env, binding)?.transact(&statements).await?;
    let mut items = Vec::new();
    for rows in &results {
        let rows: Vec<Row> = Rows::read(rows)?;
        items.extend(rows.iter().map(|row| Item::of(row, config)));
    }
    Ok(items)
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
