//! `DELETE leads/…` and `DELETE trail`: no more of a person.

use std::collections::BTreeSet;
use std::mem;

use conversions::{Hash, Person, RawPerson, TelegramUserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Call;
use super::leads::lead_of;
use crate::answer::Answer;
use crate::error::Error;
use crate::ledger::{Database, Row, Statement, Unavailable};
use crate::report::trail::Somebody;
use crate::telegram::ChatId;
use crate::track::update_fbp::success;

/// A person, as far as a key may see it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Erased<'a> {
    telegram_user_ids: Vec<u64>,
    temp_ids: BTreeSet<String>,
    click_id: Option<&'a str>,
    /// The sites' own ids of the person.
    external_ids: Vec<ExternalId>,
    /// The same as the persons of webhooks' events have them.
    external_ids_sha256: Vec<Hash>,
    website_id: Option<&'a str>,
    chat_ids: &'a [ChatId],
    sources: Vec<&'a str>,
    now_ms: u64,
}

/// A site's own id of a person.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalId {
    website_id: String,
    external_user_id: String,
}

/// The sites' own ids of a person.
const EXTERNAL_IDS: &str = concat!(
    "WITH them AS (SELECT value AS telegram_user_id FROM json_each(?1, '$.telegramUserIds'))",
    include_str!("../ledger/external_ids.sql"),
    "SELECT json_group_array(json_object('websiteId', website_id, 'externalUserId', external_user_id)) AS external_ids FROM external_ids"
);

/// The browsers that a database knows a person by.
const BROWSERS: &str = concat!(
    include_str!("erase/own.sql"),
    "SELECT json_group_array(temp_id) AS temp_ids FROM browsers"
);

const TRAIL: &str = concat!(
    include_str!("erase/own.sql"),
    include_str!("erase/trail.sql")
);

/// Forget what a person's browsers did, and no more.
const OF_BROWSERS: [&str; 3] = [
    TRAIL,
    include_str!("erase/webhook_events.sql"),
    include_str!("erase/invite_names.sql"),
];

const STEPS: [&str; 9] = [
    include_str!("erase/known.sql"),
    // While members, conversions and links still say whose the clicks were.
    TRAIL,
    include_str!("erase/webhook_events.sql"),
    include_str!("erase/invite_names.sql"),
    include_str!("erase/members.sql"),
    include_str!("erase/sends.sql"),
    include_str!("erase/conversions.sql"),
    include_str!("erase/leads.sql"),
    include_str!("erase/owed.sql"),
];

/// `DELETE leads/{telegramUserId}`: forgets the person. Of a key of one site, what that site knows.
pub async fn lead(call: &Call<'_>, lead: &str) -> Result<Answer, Error> {
    // Repeating it does no harm: nothing is left to forget.
    answer(forget(call, &the_lead(call, lead_of(lead)?)).await?)
}

/// `DELETE trail`: the same, of a person by any id.
pub async fn trail(call: &Call<'_>) -> Result<Answer, Error> {
    // Repeating it does no harm: nothing is left to forget.
    answer(forget(call, &call.somebody().await?).await?)
}

fn answer(was_known: bool) -> Result<Answer, Error> {
    if was_known {
        Ok(success())
    } else {
        Err(Error::LeadNotFound)
    }
}

/// A lead, as far as the key may see it.
pub fn the_lead(call: &Call<'_>, lead: TelegramUserId) -> Somebody {
    let website_id = call.holder.website_id.clone();
    Somebody {
        telegram_user_id: Some(lead),
        chat_ids: call.chats_of(website_id.as_deref()),
        website_id,
        ..Somebody::default()
    }
}

/// Forgets all that the ledger knows of a person. Gives whether it knew anything.
///
/// # Errors
/// `INTERNAL_ERROR`; what a database has forgotten stays forgotten, and the call can be made again.
pub async fn forget(call: &Call<'_>, somebody: &Somebody) -> Result<bool, Error> {
    let edge = call.edge;
    let website_id = somebody.website_id.as_deref();
    let webhooks = edge.config.webhooks.iter();
    let own = webhooks.filter(|source| website_id.is_none_or(|own| source.website_id == own));
    let hashed = |external_id: &str| {
        let raw = RawPerson {
            external_id: Some(external_id),
            ..RawPerson::default()
        };
        Person::hash(&raw, None, edge.now_ms).external_id
    };
    let asked = somebody.external_user_id.as_deref();
    let mut erased = Erased {
        telegram_user_ids: Vec::new(),
        temp_ids: BTreeSet::new(),
        click_id: somebody.click_id.as_deref(),
        external_ids: Vec::new(),
        external_ids_sha256: asked.and_then(hashed).into_iter().collect(),
        website_id,
        chat_ids: &somebody.chat_ids,
        sources: own.map(|source| source.name.as_str()).collect(),
        now_ms: edge.now_ms,
    };
    // Each with the browsers that it knows by itself.
    let mut found: Vec<(Database, BTreeSet<String>)> = Vec::new();
    for database in call.databases()? {
        let statement = Statement::new(include_str!("erase/whom.sql"), somebody)?;
        // Repeating it does no harm: it reads.
        let rows = database.ask(statement).await?;
        let mut users: Vec<u64> = ids(&rows, "telegram_user_ids");
        // What says whose the id is goes last: cut off before, the call made again still finds them.
        let place = if users.is_empty() { 0 } else { found.len() };
        found.insert(place, (database, ids(&rows, "temp_ids")));
        erased.telegram_user_ids.append(&mut users);
    }
    for (database, _) in &found {
        let statement = Statement::new(EXTERNAL_IDS, &erased)?;
        // Repeating it does no harm: it reads.
        let rows = database.ask(statement).await?;
        erased.external_ids.append(&mut ids(&rows, "external_ids"));
    }
    // Webhooks' events don't say whose site's id they tell.
    if website_id.is_some() || edge.config.sites.len() == 1 {
        let known = erased.external_ids.iter();
        let hashes = known.filter_map(|known| hashed(&known.external_user_id));
        erased.external_ids_sha256.extend(hashes);
    }
    // Who they are may be known in one database, and by which browsers they came in another.
    for (database, temp_ids) in &mut found {
        erased.temp_ids = mem::take(temp_ids);
        // Repeating it does no harm: it reads.
        let rows = database.ask(Statement::new(BROWSERS, &erased)?).await?;
        *temp_ids = ids(&rows, "temp_ids");
    }
    let all = found.iter().flat_map(|(_, temp_ids)| temp_ids);
    erased.temp_ids = all.cloned().collect();
    // What one database knows by another's word alone goes first: cut off before, the call made again still finds it.
    for (database, own) in &found {
        let temp_ids: BTreeSet<String> = erased.temp_ids.difference(own).cloned().collect();
        if temp_ids.is_empty() {
            continue;
        }
        let elsewhere = Erased {
            telegram_user_ids: Vec::new(),
            temp_ids,
            click_id: None,
            external_ids: Vec::new(),
            external_ids_sha256: Vec::new(),
            ..erased.clone()
        };
        // One transaction: cut off, nothing is forgotten; repeated, nothing is left to forget.
        let statements = written(&OF_BROWSERS, &elsewhere)?;
        database.transact(&statements).await?;
    }
    let statements = written(&STEPS, &erased)?;
    let mut is_known = false;
    for (database, _) in found {
        // One transaction: cut off, nothing is forgotten; repeated, nothing is left to forget.
        let rows = database.transact(&statements).await?;
        let known = rows.first().map(|rows| rows.first::<Row>()).transpose()?;
        is_known |= known.flatten().is_some_and(|row| row.flag("is_known"));
    }
    Ok(is_known)
}

fn written(sql: &[&'static str], erased: &Erased<'_>) -> Result<Vec<Statement>, Unavailable> {
    sql.iter().map(|sql| Statement::new(sql, erased)).collect()
}

/// The JSON array in the one row's column.
fn ids<T: Default + DeserializeOwned>(rows: &[Row], column: &str) -> T {
    let text = rows.first().and_then(|row| row.text(column));
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
