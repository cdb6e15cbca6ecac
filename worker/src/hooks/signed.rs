//! `POST /hooks/{source}`: signed webhooks, which become conversions.
//!
//! An event is believed by its signature, before anything of its body is read. What its source's setting makes of it is
//! recorded as a conversion, or owed to AdTarget where that is the backend, and what came of it is written down, before it
//! is acknowledged. What makes no conversion is kept without what names a person and acknowledged too: its source could
//! only send the same again.

use conversions::{Consent, ConversionId, Person, TelegramUserId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use webhooks::mapping::Pii;
use webhooks::redaction::{looks_like_email, redact};
use webhooks::{Mapped, Reference, Source, verification};

use crate::allowance::Allowance;
use crate::answer::Answer;
use crate::config::{AdTarget, Backend, Config};
use crate::edge::{self, Edge};
use crate::error::Error;
use crate::ledger::webhooks::{self as events, Event, Failed, Standing, Status, Whom};
use crate::ledger::{DATABASE, Database, Row, Unavailable};
use crate::message::Message;
use crate::outbox;
use crate::outcomes::conversions::{
    self as ledger, IfSeveral, NewConversion, Overrides, place, record,
};
use crate::owed::{self, Debt, Owed};
use crate::runtime::{self, Env};

/// How many events one call of [`retry_failed`] tries again at most: half of an invocation's allowance, so that the outbox after it has its part.
const RETRIES_AT_ONCE: usize = 50;

/// Calls that an event costs: the lead, the conversion, what came of it, the bell of the outbox, and one to spare.
const CALLS_OF_RETRY: u32 = 5;

/// Why an event is kept until its visitor joins.
const NO_LEAD: &str = "no lead for this tempId yet";

/// Why AdTarget can't be told of a visitor's conversion.
const LEADS_ARE_ADTARGETS: &str =
    "tempId: with BACKEND adtarget the leads are AdTarget's; send the telegramUserId";

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
    let source = config.webhook(source).ok_or(Error::NotFound)?;
    let body = edge.body.clone()?;
    let header = |name: &str| edge.header(name);
    let signed_id = verification::verify(source, &header, body, edge.now_ms / 1_000)
        .map_err(|refusal| Error::InvalidSignature(refusal.words()))?;

    let payload = webhooks::payload(body);
    let event_id = event_id(source, signed_id, payload.as_ref(), body);
    let database = database_of(env, config, source)?;
    // Repeating it does no harm: it only reads.
    let standing = events::standing(&database, &source.name, &event_id).await?;
    let repeated = standing.is_some();
    let failed = standing
        .as_ref()
        .filter(|standing| standing.status == Status::Failed);
    let at_ms = failed.map_or(edge.now_ms, |standing| standing.at_ms);
    if let Some(Standing {
        status: Status::Converted,
        conversion_id,
        ..
    }) = standing
    {
        return Ok(Outcome {
            conversion_id,
            repeated,
            ..Outcome::of(Status::Converted)
        });
    }
    let whom = payload
        .as_ref()
        .filter(|_| config.backend == Backend::Ledger)
        .map(|payload| whom(config, source, payload, edge.now_ms));
    let attempt = Attempt {
        database: &database,
        source,
        event_id: &event_id,
        at_ms,
        whom: whom.unwrap_or_default(),
    };
    // Repeating it does no harm: see `Attempt::run`.
    let outcome = attempt.run(env, config, payload).await?;
    Ok(Outcome {
        repeated,
        ..outcome
    })
}

/// Whom a payload is about. Where it names no channel, a phone number may come to be of any country that the site's channels have.
fn whom(config: &Config, source: &Source, payload: &Value, now_ms: u64) -> Whom {
    let told = source.mapping.channel_id(payload);
    let channel = told.as_deref().or(source.channel_id.as_deref());
    let site = config.site(&source.website_id);
    let country = site.and_then(|site| site.country(channel));
    let person = source.mapping.person(payload, country, now_ms);
    let channels = site.map_or(&[][..], |site| &site.channels);
    let countries = channels.iter().filter(|_| channel.is_none());
    let by_country = countries
        .filter_map(|channel| channel.country.as_deref())
        .map(|country| {
            let there = source.mapping.person(payload, Some(country), now_ms);
            (country.to_ascii_uppercase(), there)
        })
        .filter(|(_, there)| *there != person)
        .collect();
    Whom { person, by_country }
}

/// Where the events of a source are kept: with its site's conversions, or with those that AdTarget is owed.
fn database_of(env: &Env, config: &Config, source: &Source) -> Result<Database, Unavailable> {
    match config.backend {
        Backend::Ledger => Database::bound(env, config.database_of(&source.website_id)),
        Backend::AdTarget(_) => Database::bound(env, DATABASE),
    }
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
    whom: Whom,
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
        payload: Option<Value>,
    ) -> Result<Outcome, Error> {
        let outcome = match (self.map(payload.as_ref()), &config.backend) {
            (Err(outcome), _) => outcome,
            // Repeating it does no harm: the same conversion id is the same conversion.
            (Ok(mapped), Backend::Ledger) => self.convert(env, config, mapped).await?,
            (Ok(mapped), Backend::AdTarget(adtarget)) => match mapped.lead {
                Reference::User(user) => {
                    let payload = payload.unwrap_or_default();
                    // Repeating it does no harm: AdTarget knows it by its Idempotency-Key.
                    return self.owe(env, config, adtarget, user, mapped, payload).await;
                }
                Reference::Visitor(_) => Outcome::failed(LEADS_ARE_ADTARGETS),
            },
        };
        let failed = outcome.status == Status::Failed;
        let event = self.event(&outcome, payload.filter(|_| failed));
        // Repeating it does no harm: one row for each event, and one that is converted stays so.
        events::keep(self.database, &event).await?;
        Ok(outcome)
    }

    /// The event as it is written down, with what of its payload may be.
    fn event<'a>(&'a self, outcome: &'a Outcome, mut payload: Option<Value>) -> Event<'a> {
        let lead = payload
            .as_ref()
            .and_then(|payload| self.source.mapping.lead(payload).ok());
        if let Some(payload) = &mut payload {
            redact(
                payload,
                &self.source.places_kept(),
                &self.source.places_personal(),
            );
        }
        Event {
            source: &self.source.name,
            event_id: self.event_id,
            at_ms: self.at_ms,
            status: outcome.status,
            reason: outcome.reason.as_deref(),
            conversion_id: outcome.conversion_id,
            temp_id: outcome.temp_id,
            telegram_user_id: match lead {
                Some(Reference::User(user)) => Some(user),
                Some(Reference::Visitor(_)) | None => None,
            },
            payload: payload.map(|payload| payload.to_string()),
            person: (outcome.status == Status::Failed && self.whom != Whom::default())
                .then(|| serde_json::to_string(&self.whom).ok())
                .flatten(),
        }
    }

    fn conversion_id(&self) -> ConversionId {
        ConversionId::derive("webhook", &[&self.source.name, self.event_id])
    }

    /// What the source's setting makes of a payload; else what comes of one that makes no conversion.
    fn map(&self, payload: Option<&Value>) -> Result<Mapped, Outcome> {
        let payload = payload.ok_or_else(|| Outcome::failed("body: not JSON"))?;
        let mut conditions = self.source.when.iter();
        if !conditions.all(|condition| condition.is_met(payload)) {
            return Err(Outcome::of(Status::Ignored));
        }
        let mapped = self.source.mapping.map(payload, self.at_ms);
        mapped.map_err(Outcome::failed)
    }

    /// Writes down that AdTarget is owed a conversion, and tells it at once. Only that first time it is told who it was:
    /// what is written down names nobody. Until AdTarget has taken it, the payload stays, for a replay should it be refused.
    async fn owe(
        &self,
        env: &Env,
        config: &Config,
        adtarget: &AdTarget,
        telegram_user_id: TelegramUserId,
        mapped: Mapped,
        payload: Value,
    ) -> Result<Outcome, Error> {
        let source = self.source;
        let conversion_id = self.conversion_id();
        let named = mapped.channel_id.as_ref().or(source.channel_id.as_ref());
        let mut told = format!(
            r#"{{"telegramUserId":{telegram_user_id},"eventTime":{}"#,
            mapped.event_ms.unwrap_or(self.at_ms)
        );
        let custom_name = mapped.event_type.custom_name();
        for (name, text) in [
            ("siteId", Some(source.website_id.as_str())),
            (
                "channelId",
                channel_at_adtarget(config, &source.website_id, named),
            ),
            ("eventType", Some(mapped.event_type.as_str())),
            ("customEventName", custom_name.map(|name| name.as_str())),
            (
                "currency",
                mapped.value.map(|value| value.currency().code()),
            ),
            ("contentName", mapped.content_name.as_deref()),
            ("externalUserId", mapped.external_user_id.as_deref()),
        ] {
            push_text(&mut told, name, text);
        }
        if let Some(value) = mapped.value {
            told.push_str(",\"value\":");
            told.push_str(&value.to_decimal());
        }
        let path = "events/conversion".to_owned();
        let debt = Debt {
            conversion_id,
            telegram_user_id,
            website_id: Some(&source.website_id),
            now_ms: runtime::now_ms(),
            path: &path,
            body: &[&told, "}"].concat(),
        };
        let pii = source.mapping.pii(&payload);
        let outcome = Outcome::converted(conversion_id);
        let event = self.event(&outcome, Some(payload));
        let statements = [debt.statement()?, events::statement(&event)?];
        // Repeating it does no harm: both rows are written or none, each once.
        let rows = self.database.transact(&statements).await?;
        let written = rows.first().map(|rows| rows.first::<Row>()).transpose()?;
        let Some(written) = written.flatten() else {
            // Its twin is telling AdTarget, or has.
            return Ok(outcome);
        };
        let owed = Owed {
            conversion_id,
            refusals: written.number("refusals").unwrap_or_default(),
            path,
            body: [&told, &told_pii(pii), "}"].concat(),
        };
        // Repeating it does no harm: AdTarget knows it by its Idempotency-Key.
        let retry_after_s = match owed::attempt(env, self.database, adtarget, &owed).await {
            Ok(owed::Attempt::Settled { refusal: None }) => return Ok(outcome),
            Ok(owed::Attempt::Settled {
                refusal: Some(refusal),
            }) => return Ok(Outcome::failed(format!("AdTarget: {refusal}"))),
            Ok(owed::Attempt::Later(retry_after_s)) => retry_after_s.unwrap_or(0),
            Err(why) => {
                runtime::log_error(&format!("an owed conversion: the ledger: {why}"));
                0
            }
        };
        // Repeating it does no harm: the row stands, and is delivered once.
        if let Err(why) = edge::enqueue(env, &Message::Owed(conversion_id), retry_after_s).await {
            // The sweeper finds the row.
            runtime::log_warning(&format!("the queue: {why}"));
        }
        Ok(outcome)
    }

    async fn convert(&self, env: &Env, config: &Config, mapped: Mapped) -> Result<Outcome, Error> {
        let source = self.source;
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
        let mut new = NewConversion {
            conversion_id: self.conversion_id(),
            telegram_user_id,
            website_id: Some(source.website_id.clone()),
            channel_id,
            if_several: IfSeveral::TakeLatest,
            event_type: mapped.event_type,
            value: mapped.value,
            content_name: mapped.content_name,
            external_user_id: mapped.external_user_id,
            event_ms: mapped.event_ms.unwrap_or(self.at_ms),
            // A send is owed from now on, however long its visitor took to join.
            told_ms: runtime::now_ms(),
            person: Person::default(),
            consent: Consent::Unknown,
            overrides: Overrides::default(),
            source: ledger::Source::Webhook,
        };
        // Repeating it does no harm: it reads.
        let recorded = match place(env, config, &new).await {
            Ok(place) => {
                let (_, channel) = place;
                new.person = self.whom.of(channel.country.as_deref()).clone();
                // Repeating it does no harm: the same conversion id is the same conversion.
                record(env, config, place, &new).await
            }
            Err(why) => Err(why),
        };
        match recorded {
            Ok(recorded) => {
                // Repeating it does no harm: who comes second finds nothing due.
                outbox::ring_now(env, &recorded.site.website_id).await;
                Ok(Outcome::converted(recorded.conversion_id))
            }
            // Not the sender's to mend, and nothing that another attempt would change.
            Err(why @ (Error::InvalidPayload(_) | Error::ChannelNotFound)) => {
                Ok(Outcome::failed(why))
            }
            Err(why) => Err(why),
        }
    }
}

/// What AdTarget calls the channel that is named, or the one channel that there is; none: it knows by the lead's history.
/// One that is in no setting may still be AdTarget's.
fn channel_at_adtarget<'a>(
    config: &'a Config,
    website_id: &str,
    named: Option<&'a String>,
) -> Option<&'a str> {
    let site = config.site(website_id)?;
    let channel = match named {
        Some(name) => match site.channels.iter().find(|channel| channel.is_named(name)) {
            Some(channel) => channel,
            None => return Some(name),
        },
        None => match site.channels.as_slice() {
            [only] => only,
            _ => return None,
        },
    };
    channel.channel_id.as_deref()
}

/// The field `pii` of a JSON object, behind others, with what AdTarget documents of it; empty: nothing is known.
fn told_pii(pii: Pii) -> String {
    let mut fields = String::new();
    for (name, text) in [
        ("email", pii.email),
        ("phone", pii.phone),
        ("firstName", pii.first_name),
        ("lastName", pii.last_name),
    ] {
        push_text(&mut fields, name, text.as_deref());
    }
    match fields.strip_prefix(',') {
        Some(fields) => [",\"pii\":{", fields, "}"].concat(),
        None => fields,
    }
}

/// Puts a field of text behind others of a JSON object.
#[inline(never)]
fn push_text(fields: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        fields.push_str(",\"");
        fields.push_str(name);
        fields.push_str("\":");
        fields.push_str(&Value::from(text).to_string());
    }
}

/// Tries the events again that waited for a visitor to join who has joined meanwhile, as far as `allowance` reaches. To be
/// called every few minutes.
///
/// # Errors
/// The ledger's.
pub async fn retry_failed(
    env: &Env,
    config: &Config,
    allowance: &Allowance,
    now_ms: u64,
) -> Result<(), Error> {
    if config.backend != Backend::Ledger {
        return Ok(());
    }
    let since_ms = now_ms.saturating_sub(events::WAITS_MS);
    let mut left = RETRIES_AT_ONCE;
    for source in &config.webhooks {
        if left == 0 || !allowance.take(1) {
            break;
        }
        let (name, website_id) = (&source.name, &source.website_id);
        let database = Database::bound(env, config.database_of(website_id))?;
        // Repeating it does no harm: it only reads.
        let waiting = events::waiting(&database, name, website_id, since_ms, left).await?;
        left = left.saturating_sub(waiting.len());
        for event in waiting {
            if !allowance.take(CALLS_OF_RETRY) {
                return Ok(());
            }
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
    let database = database_of(env, config, source)?;
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
        whom: event.whom,
    };
    // Repeating it does no harm: see `Attempt::run`.
    let outcome = attempt.run(env, config, event.payload).await?;
    Ok(Outcome {
        repeated: true,
        ..outcome
    })
}
