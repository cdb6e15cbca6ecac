//! One person's trail, from the first visit to the last send.

use conversions::TelegramUserId;
use serde::Serialize;
use serde_json::value::RawValue;

use super::feed::{Item, bindings, gathered};
use crate::config::Config;
use crate::ledger::{Database, Statement, Unavailable};
use crate::runtime::Env;
use crate::telegram::ChatId;

/// Somebody, by one id.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the ids' names say it")]
pub struct Somebody {
    pub telegram_user_id: Option<TelegramUserId>,
    pub click_id: Option<String>,
    pub temp_id: Option<String>,
    pub conversion_id: Option<String>,
    pub external_user_id: Option<String>,
    /// The one site that may be seen; none: all.
    pub website_id: Option<String>,
    /// The chats of that site.
    pub chat_ids: Vec<ChatId>,
}

/// Whom that is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Person<'a> {
    temp_ids: Box<RawValue>,
    telegram_user_ids: Box<RawValue>,
    website_id: Option<&'a str>,
    chat_ids: &'a [ChatId],
}

/// Whom an id is about.
const PERSON: &str = concat!(
    include_str!("asked.sql"),
    include_str!("../ledger/external_ids.sql"),
    include_str!("person.sql")
);

const STATEMENTS: [&str; 7] = [
    concat!(
        include_str!("items/visits.sql"),
        include_str!("of_person/visits.sql")
    ),
    include_str!("items/late_fbp.sql"),
    concat!(
        include_str!("items/clicks.sql"),
        include_str!("of_person/clicks.sql")
    ),
    concat!(
        include_str!("items/joins.sql"),
        include_str!("of_person/joins.sql")
    ),
    concat!(
        include_str!("items/leaves.sql"),
        include_str!("of_person/leaves.sql")
    ),
    concat!(
        include_str!("items/conversions.sql"),
        include_str!("of_person/conversions.sql")
    ),
    concat!(
        include_str!("items/sends.sql"),
        include_str!("of_person/sends.sql")
    ),
];

/// What is known of somebody, the first step first; at most a thousand of a kind.
///
/// # Errors
/// A database's.
pub async fn trail(
    env: &Env,
    config: &Config,
    somebody: &Somebody,
) -> Result<Vec<Item>, Unavailable> {
    let website_id = somebody.website_id.as_deref();
    let mut steps = Vec::new();
    for binding in bindings(config, website_id) {
        let statement = Statement::new(PERSON, somebody)?;
        // Repeating it does no harm: it reads.
        let found = Database::bound(env, binding)?.ask(statement).await?;
        let ids = |column| {
            let text = found.first().and_then(|row| row.text(column));
            RawValue::from_string(text.unwrap_or("[]").to_owned()).unwrap_or_default()
        };
        let person = Person {
            temp_ids: ids("temp_ids"),
            telegram_user_ids: ids("telegram_user_ids"),
            website_id,
            chat_ids: &somebody.chat_ids,
        };
        let statements = STATEMENTS.iter().map(|sql| Statement::new(sql, &person));
        let statements = statements.collect::<Result<Vec<_>, _>>()?;
        // Repeating it does no harm: it reads.
        let kinds = gathered(env, config, binding, &statements).await?;
        steps.extend(kinds.into_iter().flatten());
    }
    steps.sort_by_key(|step| step.at);
    Ok(steps)
}
