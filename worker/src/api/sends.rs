//! `sends` and `match-quality`: where each event went, what became of it, and by what platforms could recognise whom.

use conversions::platform::Platform;
use serde_json::json;

use super::{Call, own_id};
use crate::answer::Answer;
use crate::error::Error;
use crate::outbox::{self, Filter, State};
use crate::runtime::DAY_MS;
use crate::track::fields::Fields;

/// How many sends a page has at most.
const LONGEST_PAGE: u64 = 200;

/// How many sends one call replays at most.
const MOST_REPLAYED: u64 = 10_000;

/// How far back the quality is summed where the caller says nothing, in ms.
const WEEK_MS: u64 = 7 * DAY_MS;

/// `GET sends`: the latest first.
pub async fn list(call: &Call<'_>) -> Result<Answer, Error> {
    let asked = |name: &str| call.edge.caller.parameter(name);
    let filter = Filter {
        conversion_id: asked("conversionId").map(|id| own_id(&id)),
        before_ms: call.asked_time("before")?,
        limit: call.asked_limit(LONGEST_PAGE)?,
        ..filter(call, &|name| Ok(asked(name))).await?
    };
    let sends = outbox::list(call.edge.env, call.edge.config, &filter).await?;
    Ok(Answer::json(200, &json!({ "sends": sends })))
}

/// `POST sends/replay`: owes anew what came to nothing.
pub async fn replay(call: &Call<'_>, fields: &Fields<'_>) -> Result<Answer, Error> {
    let edge = call.edge;
    let ids = fields.texts("sendIds")?;
    let mut filter = filter(call, &|name| {
        Ok(fields.text(name)?.map(std::borrow::Cow::into_owned))
    })
    .await?;
    if ids.is_none() && filter.state.is_none() {
        return Err(Error::field("sendIds", "say which, or their state"));
    }
    if filter.state == Some(State::Pending) {
        let expected = "expected skipped, rejected, dead, or sent for those refused in part";
        return Err(Error::field("state", expected));
    }
    filter.send_ids = ids;
    filter.limit = MOST_REPLAYED;
    // Repeating it does no harm: what is owed anew is not replayed again.
    let replayed = outbox::replay(edge.env, edge.config, &filter, edge.now_ms).await?;
    for website_id in &replayed.website_ids {
        outbox::ring(edge, website_id);
    }
    Ok(Answer::json(200, &json!({ "replayed": replayed.sends })))
}

/// `GET match-quality`: of a time, the last 7 days unless said.
pub async fn match_quality(call: &Call<'_>) -> Result<Answer, Error> {
    let edge = call.edge;
    let asked = |name: &str| Ok(edge.caller.parameter(name));
    let to_ms = call.asked_time("to")?.unwrap_or(edge.now_ms + 1);
    let from_ms = call.asked_time("from")?;
    let from_ms = from_ms.unwrap_or_else(|| to_ms.saturating_sub(WEEK_MS));
    let filter = Filter {
        before_ms: Some(to_ms),
        from_ms: Some(from_ms),
        ..filter(call, &asked).await?
    };
    let quality = outbox::match_quality(edge.env, edge.config, &filter).await?;
    Ok(Answer::json(
        200,
        &json!({ "from": from_ms, "to": to_ms, "destinations": quality }),
    ))
}

/// What the caller says of which sends it means, within what its key may see.
async fn filter(
    call: &Call<'_>,
    asked: &dyn Fn(&str) -> Result<Option<String>, Error>,
) -> Result<Filter, Error> {
    let state = match asked("state")? {
        Some(name) => Some(State::parse(&name).ok_or_else(|| {
            Error::field("state", "expected pending, sent, skipped, rejected or dead")
        })?),
        None => None,
    };
    let platform = match asked("platform")? {
        Some(name) => Some(Platform::parse(&name).ok_or_else(|| {
            Error::field(
                "platform",
                "expected meta, tiktok, snapchat, google, ga4 or telegram",
            )
        })?),
        None => None,
    };
    // Repeating it does no harm: it reads.
    let website_id = call.seen_site(asked("websiteId")?).await?;
    Ok(Filter {
        website_ids: website_id.map(|id| vec![id]),
        state,
        platform: platform.map(Platform::as_str),
        destination: asked("destination")?,
        ..Filter::default()
    })
}
