//! `GET …/events`: the conversions of the visitor who asks, with the ids that platforms know them by, so that a pixel on the
//! page can name the same event (`eventID` of Meta's pixel, `event_id` of TikTok's, `client_dedup_id` of Snapchat's).

use conversions::ConversionId;
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::config::Backend;
use crate::edge::Edge;
use crate::error::Error;
use crate::ids::TempId;
use crate::ledger::{Database, Row, Statement};

/// What the page is told of one conversion.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    event_id: String,
    event_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_event_name: Option<String>,
    event_time: u64,
}

impl Shown {
    fn of(row: &Row) -> Self {
        let text = |column| row.text(column).unwrap_or_default();
        Self {
            event_id: ConversionId::parse(text("conversion_id"))
                .map(ConversionId::event_id)
                .unwrap_or_default(),
            event_type: text("event_type").to_owned(),
            custom_event_name: row.text("custom_event_name").map(str::to_owned),
            event_time: row.number("event_ms").unwrap_or_default(),
        }
    }
}

/// The conversions of the visitor that the cookie or `tempId` names, the latest first. AdTarget does not tell.
///
/// # Errors
/// `NOT_FOUND` in front of AdTarget, and those of the keyless surface.
pub async fn events(edge: &Edge<'_>) -> Result<Answer, Error> {
    if edge.config.backend != Backend::Ledger {
        return Err(Error::NotFound);
    }
    let caller = &edge.caller;
    let site = match caller.parameter("websiteId") {
        Some(id) => edge.site(&id)?,
        None => edge
            .config
            .site_of_host(caller.host)
            .ok_or(Error::WebsiteNotFound)?,
    };
    super::check_origin(edge, site)?;
    let asked = caller.parameter(TempId::FIELD);
    let asked = asked.as_deref().map(TempId::parse).transpose()?;
    let Some(visitor) = asked.or_else(|| caller.temp_id()) else {
        return Ok(answer(Vec::new()));
    };
    edge.limit_address().await?;
    edge.limit_visitor(visitor).await?;
    let asked: Value = json!({ "tempId": visitor, "websiteId": site.website_id });
    let statement = Statement::new(
        "SELECT conversion_id, event_type, custom_event_name, event_ms
         FROM clicks JOIN conversions USING (click_id)
         WHERE clicks.temp_id = ?1 ->> 'tempId' AND conversions.website_id = ?1 ->> 'websiteId'
         ORDER BY event_ms DESC, conversion_id LIMIT 100",
        &asked,
    )?;
    let database = Database::bound(edge.env, site.database())?;
    let rows = database.ask(statement).await?;
    Ok(answer(rows.iter().map(Shown::of).collect()))
}

fn answer(events: Vec<Shown>) -> Answer {
    #[derive(Serialize)]
    struct Body {
        events: Vec<Shown>,
    }
    Answer::json(200, &Body { events })
}
