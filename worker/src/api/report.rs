//! `report`, `feed` and `trail`: what ads brought beside what they cost, what happened last, and one person's trail.

use conversions::TelegramUserId;
use serde_json::json;

use super::{Call, own_id};
use crate::answer::Answer;
use crate::edge::Edge;
use crate::error::Error;
use crate::report::feed::{self, Page};
use crate::report::sums::{self, By, Question};
use crate::report::trail::{self, Somebody};
use crate::runtime::DAY_MS;
use crate::telegram::ChatId;

/// How many things a page has at most.
const LONGEST_PAGE: u64 = 200;
/// The most rows of a report, and of one as CSV.
const MOST_ROWS: usize = 1_000;
const MOST_LINES: usize = 20_000;
/// How many days a report has where the caller says nothing.
const WEEK_DAYS: u64 = 7;

impl Call<'_> {
    /// The one site that is asked for, or that the key may see; none: all. `asked` may be one that is in no setting any more, as long as the
    /// ledger knows of it.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD`: there is no such site; `INTERNAL_ERROR`
    pub(super) async fn seen_site(&self, asked: Option<String>) -> Result<Option<String>, Error> {
        let Edge { env, config, .. } = *self.edge;
        let Some(asked) = asked else {
            return Ok(self.holder.website_id.clone());
        };
        let is_one = match &self.holder.website_id {
            Some(own) => asked == *own,
            // Repeating it does no harm: it reads.
            None => config.site(&asked).is_some() || feed::knows_site(env, config, &asked).await?,
        };
        is_one
            .then_some(Some(asked))
            .ok_or_else(|| Error::field("websiteId", "no such site"))
    }

    /// The chats of that site; empty where it is of all.
    pub(super) fn chats_of(&self, website_id: Option<&str>) -> Vec<ChatId> {
        let sites = website_id
            .and_then(|id| self.edge.config.site(id))
            .into_iter();
        let channels = sites.flat_map(|site| &site.channels);
        channels.filter_map(|channel| channel.telegram_id).collect()
    }

    /// Whom the query names, as far as the key may see it.
    pub(super) async fn somebody(&self) -> Result<Somebody, Error> {
        let asked = |name: &str| self.edge.caller.parameter(name);
        let telegram_user_id = match asked("telegramUserId") {
            Some(text) => Some(
                TelegramUserId::parse(&text)
                    .map_err(|why| Error::field("telegramUserId", &why.to_string()))?,
            ),
            None => None,
        };
        let website_id = self.asked_site().await?;
        let somebody = Somebody {
            telegram_user_id,
            click_id: asked("clickId").map(|id| id.to_ascii_lowercase().replace('-', "")),
            temp_id: asked("tempId").map(|id| id.to_ascii_lowercase()),
            conversion_id: asked("conversionId").map(|id| own_id(&id)),
            external_user_id: asked("externalUserId"),
            chat_ids: self.chats_of(website_id.as_deref()),
            website_id,
        };
        let told = [
            somebody.telegram_user_id.is_some(),
            somebody.click_id.is_some(),
            somebody.temp_id.is_some(),
            somebody.conversion_id.is_some(),
            somebody.external_user_id.is_some(),
        ];
        if told.into_iter().filter(|is_told| *is_told).count() != 1 {
            return Err(Error::field(
                "telegramUserId",
                "expected one of telegramUserId, clickId, tempId, conversionId and externalUserId",
            ));
        }
        Ok(somebody)
    }
}

/// `GET report`
pub async fn report(call: &Call<'_>) -> Result<Answer, Error> {
    let edge = call.edge;
    let asked = |name: &str| edge.caller.parameter(name);
    let by = match asked("by") {
        None => By::Day,
        Some(name) => By::parse(&name)
            .ok_or_else(|| Error::field("by", "expected day, ad, campaign, source or channel"))?,
    };
    let is_csv = match asked("format").as_deref() {
        None | Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(Error::field("format", "expected json or csv")),
    };
    // A day that the end cuts is there whole.
    let to_day = match call.asked_day("to")? {
        Some((day, is_beginning)) => day + u64::from(!is_beginning),
        None => edge.now_ms / DAY_MS + 1,
    };
    let from_day = match call.asked_day("from")? {
        Some((day, _)) => day,
        None => to_day.saturating_sub(WEEK_DAYS),
    };
    if from_day > to_day {
        return Err(Error::field("from", "it is after to"));
    }
    let website_id = call.asked_site().await?;
    let question = Question {
        from_day,
        to_day,
        by,
        chat_ids: call.chats_of(website_id.as_deref()),
        website_id,
        most_rows: if is_csv { MOST_LINES } else { MOST_ROWS },
    };
    // Repeating it does no harm: it reads.
    let report = sums::report(edge.env, edge.config, &question).await?;
    Ok(match is_csv {
        false => Answer::json(200, &report),
        true => Answer::new(200, "text/csv; charset=utf-8", report.to_csv())
            .header("cache-control", "no-store")
            .header("content-disposition", "attachment; filename=\"report.csv\""),
    })
}

/// `GET feed`: the latest first.
pub async fn feed(call: &Call<'_>) -> Result<Answer, Error> {
    let edge = call.edge;
    let limit = call.asked_limit(LONGEST_PAGE)?;
    let website_id = call.asked_site().await?;
    let page = Page {
        chat_ids: call.chats_of(website_id.as_deref()),
        website_id,
        behind: call.asked_place()?,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    };
    // Repeating it does no harm: it reads.
    let (items, next) = feed::latest(edge.env, edge.config, &page).await?;
    let next = next.map(|place| place.to_string());
    Ok(Answer::json(200, &json!({ "items": items, "next": next })))
}

/// `GET trail`: the first step first.
pub async fn trail(call: &Call<'_>) -> Result<Answer, Error> {
    let edge = call.edge;
    let somebody = call.somebody().await?;
    // Repeating it does no harm: it reads.
    let steps = trail::trail(edge.env, edge.config, &somebody).await?;
    match steps.is_empty() {
        true => Err(Error::LeadNotFound),
        false => Ok(Answer::json(200, &json!({ "steps": steps }))),
    }
}
