//! `POST /hooks/{source}`: signed webhooks, which become conversions.
//!
//! An event is believed by its signature, before anything of its body is read. What its source's setting makes of it is
//! recorded as a conversion, and what came of it is written down, before it is acknowledged. What makes no conversion is
//! kept without what names a person and acknowledged too: its source could only send the same again.

use conversions::{ConversionId, Person};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use webhooks::redaction::{looks_like_email, redact};
use webhooks::{Reference, Source, verification};
use worker::Env;

use crate::answer::Answer;
use crate::config::{Backend, Config};
use crate::edge::Edge;
use crate::error::Error;
use crate::ledger::Database;
use crate::ledger::conversions::{self as ledger, IfSeveral, NewConversion, Overrides, record};
use crate::ledger::webhooks::{self as events, Event, Failed, Standing, Status};
use crate::runtime;

/// How long an event waits for its visitor to join, in ms: the age at which Meta takes no event any more.
const PATIENCE_MS: u64 = 7 * 86_400_000;

/// How many events one call of [`retry_failed`] tries again; each costs up to five queries, and the platform's free plan
/// allows 50 in an invocation.
const RETRIES_AT_ONCE: usize = 8;

/// Why an event is kept until its visitor joins.
const NO_LEAD: &str = "no lead for this tempId yet";

/// What came of an event, for its sender and for who replays it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// What came of it.
    pub status: Status,
    /// The conversion it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion_id: Option<ConversionId>,
    /// Why it failed; it holds nothing of the payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it came before.
    pub repeated: bool,
    /// The visitor who has to join first.
    #[serde(skip)]
    temp_id: Option<Uuid>,
}

impl Outcome {
    fn converted(conversion_id: ConversionId) -> Self {
        Self {
            conversion_id: Some(conversion_id),
            ..Self::of(Status::Converted)
        }
    }

    fn failed(reason: impl ToString) -> Self {
        Self {
            reason: Some(reason.to_string()),
            ..Self::of(Status::Failed)
        }
    }

    fn of(status: Status) -> Self {
        Self {
            status,
            conversion_id: None,
            reason: None,
            repeated: false,
            temp_id: None,
        }
    }
}

/// Takes one event of that source.
pub async fn receive(edge: &Edge<'_>, source: &str) -> Answer {
    // Repeating it does no harm: see `take`.
    match take(edge, source).await {
        Ok(outcome) => Answer::json(200, &outcome),
        Err(error) => error.into(),
    }
}

async fn take(edge: &Edge<'_>, source: &str) -> Result<Outcome, Error> {
    let Edge { env, config, .. } = *edge;
    if config.backend != Backend::Ledger {
        return Err(Error::NotFound);
    }
    let source = config.webhook(source).ok_or(Error::NotFound)?;
    let body = edge.body.clone()?;
    let header = |name: &str| edge.header(name);
    let signed_id = verification::verify(source, &header, body, edge.now_ms / 1_000)
        .map_err(|refusal| Error::InvalidSignature(refusal.words()))?;

    let payload = webhooks::payload(body);
    let event_id = event_id(source, signed_id, payload.as_ref(), body);
    let database = Database::bound(env, config.database_of(&source.website_id))?;
    // Repeating it does no harm: it only reads.
    let standing = events::standing(&database, &source.name, &event_id).await?;
    let repeated = standing.is_some();
    if let Some(Standing {
        status: Status::Converted,
        conversion_id,
    }) = standing
    {
        return Ok(Outcome {
            conversion_id,
            repeated,
            ..Outcome::of(Status::Converted)
        });
    }
    let person = payload
        .as_ref()
        .map(|payload| source.mapping.person(payload, edge.now_ms));
    let attempt = Attempt {
        database: &database,
        source,
        event_id: &event_id,
        at_ms: edge.now_ms,
        person: person.unwrap_or_default(),
    };
    // Repeating it does no harm: see `Attempt::run`.
    let outcome = attempt.run(env, config, payload).await?;
    Ok(Outcome {
        repeated,
        ..outcome
    })
}

/// What an event is known by: the id that was signed in a header, else the one at the place that the setting names, else
/// the digest of its bytes. An address that somebody made an id of is not kept either.
fn event_id(
    source: &Source,
    signed_id: Option<String>,
    payload: Option<&Value>,
    body: &[u8],
) -> String {
    let of_payload = || {
        let id = source.event_id.as_ref()?.text(payload?)?;
        verification::is_event_id(&id).then_some(id)
    };
    match signed_id.or_else(of_payload) {
        Some(id) if looks_like_email(&id) => verification::digest(id.as_bytes()),
        Some(id) => id,
        None => verification::digest(body),
    }
}

/// One attempt to make a conversion of an event.
struct Attempt<'a> {
    database: &'a Database,
    source: &'a Source,
    event_id: &'a str,
    /// When the event came first, Unix time in ms.
    at_ms: u64,
    person: Person,
}

impl Attempt<'_> {
    /// Makes a conversion of the event, where it can be one, and writes down what came of it. `payload` is as it came, or
    /// redacted; none: the body was no JSON.
    ///
    /// The conversion is recorded first, in a transaction of its own. Cut off between the two, the event comes again,
    /// finds itself not converted, and derives the same conversion id: the same row. The other way round, an event that
    /// is said to be converted might have no conversion.
    async fn run(
        &self,
        env: &Env,
        config: &Config,
        mut payload: Option<Value>,
    ) -> Result<Outcome, Error> {
        // Repeating it does no harm: the same conversion id is the same conversion.
        let outcome = self.convert(env, config, payload.as_ref()).await?;
        let failed = outcome.status == Status::Failed;
        if let Some(payload) = payload.as_mut().filter(|_| failed) {
            redact(payload, &self.source.places_kept());
        }
        let event = Event {
            source: &self.source.name,
            event_id: self.event_id,
            at_ms: self.at_ms,
            status: outcome.status,
            reason: outcome.reason.as_deref(),
            conversion_id: outcome.conversion_id,
            temp_id: outcome.temp_id,
            payload: payload
                .filter(|_| failed)
                .map(|payload| payload.to_string()),
            person: (failed && !self.person.is_empty())
                .then(|| serde_json::to_string(&self.person).ok())
                .flatten(),
        };
        // Repeating it does no harm: one row for each event, and one that is converted stays so.
        events::keep(self.database, &event).await?;
        Ok(outcome)
    }

    async fn convert(
        &self,
        env: &Env,
        config: &Config,
        payload: Option<&Value>,
    ) -> Result<Outcome, Error> {
        let source = self.source;
        let Some(payload) = payload else {
            return Ok(Outcome::failed("body: not JSON"));
        };
        if !source
            .when
            .iter()
            .all(|condition| condition.is_met(payload))
        {
            return Ok(Outcome::of(Status::Ignored));
        }
        let mapped = match source.mapping.map(payload, self.at_ms) {
            Ok(mapped) => mapped,
            Err(unmapped) => return Ok(Outcome::failed(unmapped)),
        };
        let mut channel_id = mapped.channel_id.or_else(|| source.channel_id.clone());
        let telegram_user_id = match mapped.lead {
            Reference::User(user) => user,
            Reference::Visitor(visitor) => {
                let website_id = &source.website_id;
                // Repeating it does no harm: it only reads.
                let lead = events::lead_of(self.database, visitor, website_id).await?;
                let Some(lead) = lead else {
                    return Ok(Outcome {
                        temp_id: Some(visitor),
                        ..Outcome::failed(NO_LEAD)
                    });
                };
                channel_id = channel_id.or(Some(lead.channel_id));
                lead.telegram_user_id
            }
        };
        let new = NewConversion {
            conversion_id: ConversionId::derive("webhook", &[&source.name, self.event_id]),
            telegram_user_id,
            website_id: Some(source.website_id.clone()),
            channel_id,
            if_several: IfSeveral::TakeLatest,
            event_type: mapped.event_type,
            value: mapped.value,
            content_name: mapped.content_name,
            external_user_id: mapped.external_user_id,
            event_ms: mapped.event_ms.unwrap_or(self.at_ms),
            told_ms: self.at_ms,
            person: self.person.clone(),
            overrides: Overrides::default(),
            source: ledger::Source::Webhook,
        };
        // Repeating it does no harm: the same conversion id is the same conversion.
        match record(env, config, &new).await {
            Ok(recorded) => Ok(Outcome::converted(recorded.conversion_id)),
            // Not the sender's to mend, and nothing that another attempt would change.
            Err(why @ (Error::InvalidPayload(_) | Error::ChannelNotFound)) => {
                Ok(Outcome::failed(why))
            }
            Err(why) => Err(why),
        }
    }
}

/// Tries the events again that waited for a visitor to join who has joined meanwhile, a few in one call. To be called
/// every few minutes.
///
/// # Errors
/// The ledger's.
pub async fn retry_failed(env: &Env, config: &Config, now_ms: u64) -> Result<(), Error> {
    if config.backend != Backend::Ledger {
        return Ok(());
    }
    let since_ms = now_ms.saturating_sub(PATIENCE_MS);
    let mut left = RETRIES_AT_ONCE;
    for source in &config.webhooks {
        if left == 0 {
            break;
        }
        let (name, website_id) = (&source.name, &source.website_id);
        let database = Database::bound(env, config.database_of(website_id))?;
        // Repeating it does no harm: it only reads.
        let waiting = events::waiting(&database, name, website_id, since_ms, left).await?;
        left = left.saturating_sub(waiting.len());
        for event in waiting {
            // Repeating it does no harm: the same conversion id is the same conversion.
            if let Err(why) = retry(env, config, &database, source, event).await {
                runtime::log_error(&format!("a webhook event of {name}: {why}"));
            }
        }
    }
    Ok(())
}

/// Tries a failed event again, by the settings of now. What was taken out of its payload stays out, but the person's
/// hashes were kept, so it can succeed wherever reference, value and time can be read.
///
/// # Errors
/// `NOT_FOUND`: no such source, or no failed event of that id; `INTERNAL_ERROR`: the ledger's.
pub async fn replay(
    env: &Env,
    config: &Config,
    source: &str,
    event_id: &str,
) -> Result<Outcome, Error> {
    let source = config.webhook(source).ok_or(Error::NotFound)?;
    let database = Database::bound(env, config.database_of(&source.website_id))?;
    // Repeating it does no harm: it only reads.
    let event = events::failed(&database, &source.name, event_id).await?;
    // Repeating it does no harm: the same conversion id is the same conversion.
    retry(
        env,
        config,
        &database,
        source,
        event.ok_or(Error::NotFound)?,
    )
    .await
}

async fn retry(
    env: &Env,
    config: &Config,
    database: &Database,
    source: &Source,
    event: Failed,
) -> Result<Outcome, Error> {
    let attempt = Attempt {
        database,
        source,
        event_id: &event.event_id,
        at_ms: event.at_ms,
        person: event.person,
    };
    // Repeating it does no harm: see `Attempt::run`.
    let outcome = attempt.run(env, config, event.payload).await?;
    Ok(Outcome {
        repeated: true,
        ..outcome
    })
}
