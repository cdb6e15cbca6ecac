//! The keyed surface with AdTarget behind it: calls go on with AdTarget's own key in place of the caller's, which never
//! leaves the edge. While AdTarget is away a conversion is accepted and owed; all else is refused with 502.

use conversions::{ConversionId, EventType, TelegramUserId};
use serde_json::{Value, json};

use super::events::{self, Accepted};
use super::{Call, Endpoint, erase, fields, leads};
use crate::adtarget::keyed::{Outcome, Upstream, account_key};
use crate::answer::Answer;
use crate::config::AdTarget;
use crate::error::Error;
use crate::ledger::{DATABASE, Database, Statement};
use crate::message::Message;
use crate::outcomes::conversions::{age_warning, is_ahead};
use crate::owed::Debt;
use crate::runtime::{self, Reply};
use crate::track::fields::Fields;

/// What a caller may say of the person it acts for, and AdTarget takes.
const PASSED_ON: [&str; 2] = ["x-adtarget-client-ip", "x-adtarget-client-user-agent"];

/// AdTarget's answer, passed on.
fn pass_on(reply: Reply) -> Answer {
    let answer = Answer::json_text(reply.status, reply.body).retry_after(reply.retry_after_s);
    match reply.idempotent_replay.as_str() {
        "" => answer,
        said => answer.header("x-idempotent-replay", said),
    }
}

/// 502, with AdTarget's own time to come back.
fn away(retry_after_s: Option<u32>) -> Answer {
    let error = Error::AdTargetAway("AdTarget does not answer as it should; come back later");
    Answer::from(error).retry_after(retry_after_s)
}

impl Call<'_> {
    /// What a call is at AdTarget.
    fn upstream<'a>(&self, target: &'a str, body: &'a str, id: Option<ConversionId>) -> Upstream<'a>
    where
        Self: 'a,
    {
        let headers = PASSED_ON.map(|name| (name, self.edge.header(name)));
        Upstream {
            method: match self.edge.caller.method {
                "POST" => "POST",
                "DELETE" => "DELETE",
                _ => "GET",
            },
            target,
            body,
            idempotency_key: id,
            headers: headers
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        }
    }

    /// The path, with the query.
    fn target(&self, path: &str) -> String {
        match self.edge.caller.query {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// Whether there is a key to AdTarget.
    ///
    /// # Errors
    /// `API_DISABLED`
    pub(super) fn check_account_key(&self) -> Result<(), Error> {
        match account_key(self.edge.env) {
            Some(_) => Ok(()),
            None => Err(Error::ApiDisabled(
                "BACKEND is adtarget, and its key is not set: the secret ADTARGET_API_KEY",
            )),
        }
    }

    /// AdTarget's key is of the whole account: through it a key of one site would see the others' leads.
    fn check_scope(&self) -> Result<(), Error> {
        if self.holder.website_id.is_some() && self.edge.config.sites.len() > 1 {
            return Err(Error::ApiDisabled(
                "with BACKEND adtarget and several sites, keys of one site can't be used",
            ));
        }
        Ok(())
    }
}

/// Passes a call on that changes nothing.
pub async fn read(call: &Call<'_>, adtarget: &AdTarget) -> Result<Answer, Error> {
    call.check_scope()?;
    call.check_account_key()?;
    let target = call.target(call.path);
    let upstream = call.upstream(&target, "", None);
    Ok(match upstream.make(call.edge.env, adtarget).await {
        Outcome::Answered(reply) => pass_on(reply),
        Outcome::Away { why, retry_after_s } => {
            runtime::log_warning(&format!("{}: AdTarget: {why}", upstream.method));
            away(retry_after_s)
        }
    })
}

/// Passes a call on that changes something. What it makes while AdTarget is away bears `id`, which is its Idempotency-Key
/// there, too.
pub async fn write(
    call: &Call<'_>,
    adtarget: &AdTarget,
    id: ConversionId,
    body: &str,
) -> Result<Answer, Error> {
    call.check_scope()?;
    if call.edge.caller.method == "POST" {
        fields(body)?;
    }
    let mut was_known = false;
    let path = match call.endpoint {
        Endpoint::Value(lead, conversion) => {
            let own = at_adtarget(call, leads::lead_of(lead)?, conversion).await?;
            match own {
                Some(id) => format!("leads/{lead}/conversions/{id}/value"),
                None => call.path.to_owned(),
            }
        }
        Endpoint::Lead(lead) => {
            let lead = erase::the_lead(call, leads::lead_of(lead)?);
            // Repeating it does no harm: nothing is left to forget.
            was_known = erase::forget(call, &lead).await?;
            call.path.to_owned()
        }
        // AdTarget has no such call.
        Endpoint::Trail => {
            // Repeating it does no harm: nothing is left to forget.
            return forgotten_here(erase::forget(call, &call.somebody().await?).await?);
        }
        _ => call.path.to_owned(),
    };
    if !matches!(
        call.endpoint,
        Endpoint::Conversion | Endpoint::LeadEvents(_)
    ) {
        call.check_account_key()?;
    }
    let target = call.target(&path);
    let upstream = call.upstream(&target, body, Some(id));
    // Made again after an answer that got lost, the call is known by its Idempotency-Key.
    match upstream.make(call.edge.env, adtarget).await {
        Outcome::Answered(reply) if upstream.is_unknown(&reply) => {
            runtime::log_warning(
                "AdTarget has no call to erase a person, or does not know this one",
            );
            forgotten_here(was_known)
        }
        Outcome::Answered(reply) => Ok(pass_on(reply)),
        Outcome::Away { why, retry_after_s } => {
            runtime::log_warning(&format!("{}: AdTarget: {why}", upstream.method));
            let lead = match call.endpoint {
                Endpoint::Conversion => None,
                Endpoint::LeadEvents(lead) => Some(leads::lead_of(lead)?),
                _ => return Ok(away(retry_after_s)),
            };
            let told = fields(body)?;
            let event = OwedEvent::read(call, id, &told, lead)?;
            accept(call, &event, &target, &told, retry_after_s).await
        }
    }
}

/// What the edge has to know of an event that AdTarget is owed. All else goes there as it was told, and is AdTarget's to judge.
struct OwedEvent {
    conversion_id: ConversionId,
    telegram_user_id: TelegramUserId,
    /// When it happened, Unix time in ms.
    event_ms: u64,
    client_ip: Option<String>,
    user_agent: Option<String>,
}

impl OwedEvent {
    /// Reads it, and refuses what can't be one.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` naming the field.
    fn read(
        call: &Call<'_>,
        conversion_id: ConversionId,
        told: &Fields<'_>,
        lead: Option<TelegramUserId>,
    ) -> Result<Self, Error> {
        let event_type = told.required("eventType")?;
        // Which names a custom event may have, AdTarget does not document.
        EventType::parse(&event_type, Some("any"))
            .map_err(|why| Error::field(why.field(), &why.to_string()))?;
        if event_type == "Custom" {
            told.required("customEventName")?;
        }
        // A Purchase, too, may have none where its channel awaits it.
        told.number("value")?;
        Ok(Self {
            conversion_id,
            telegram_user_id: events::whose(told, lead)?,
            event_ms: events::event_ms(told, call.edge.now_ms)?,
            client_ip: call.client_ip(told).unwrap_or_default(),
            user_agent: call.user_agent(told).unwrap_or_default(),
        })
    }
}

/// What comes of erasing a person whom AdTarget did not erase.
fn forgotten_here(was_known: bool) -> Result<Answer, Error> {
    if !was_known {
        return Err(Error::LeadNotFound);
    }
    Ok(Answer::json(
        200,
        &json!({
            "success": true,
            "warning": "forgotten here; AdTarget documents no call to erase a person: what it knows, ask it to erase",
        }),
    ))
}

/// Accepts a conversion that AdTarget can't take now: 202, under the id it has here.
///
/// # Errors
/// `BAD_GATEWAY`: the ledger can't take it either.
async fn accept(
    call: &Call<'_>,
    event: &OwedEvent,
    target: &str,
    told: &Fields<'_>,
    retry_after_s: Option<u32>,
) -> Result<Answer, Error> {
    let row = Debt {
        conversion_id: event.conversion_id,
        telegram_user_id: event.telegram_user_id,
        website_id: call.holder.website_id.as_deref(),
        now_ms: call.edge.now_ms,
        path: target,
        body: &kept_body(told, event),
    };
    let kept = match Database::bound(call.edge.env, DATABASE) {
        // Repeating it does no harm: a row that stands is not written again.
        Ok(database) => match row.statement() {
            Ok(statement) => database.ask(statement).await,
            Err(why) => Err(why),
        },
        Err(why) => Err(why),
    };
    if let Err(why) = kept {
        runtime::log_error(&format!("an owed conversion: the ledger: {why}"));
        return Err(Error::AdTargetAway(
            "AdTarget does not answer, and the conversion could not be kept; come back later",
        ));
    }
    call.edge.keep_later(
        &Message::Owed(event.conversion_id),
        retry_after_s.unwrap_or(0),
    );
    let mut warning = match call.check_account_key() {
        Ok(()) => "AdTarget is away: the conversion is kept and goes there later".to_owned(),
        Err(why) => format!("{why}; the conversion is kept and goes there once it is"),
    };
    let mut pii = told.others(|name| name != "pii");
    if pii.any(|(_, told)| told.get() != "null") {
        warning.push_str(", without pii");
    }
    // It goes to AdTarget as it was told.
    let now_ms = call.edge.now_ms;
    let wrong = match is_ahead(event.event_ms, now_ms) {
        true => Some("eventTime is in the future".to_owned()),
        false => age_warning(event.event_ms, now_ms),
    };
    if let Some(wrong) = wrong {
        warning.push_str("; ");
        warning.push_str(&wrong);
    }
    Ok(Answer::json(
        202,
        &Accepted {
            conversion_id: event.conversion_id,
            capi_status: "pending",
            cold_lead: false,
            dispatched: false,
            warning: Some(warning),
            sends: Vec::new(),
        },
    ))
}

/// The body as it is kept: without `pii`, with the time it happened, which is no later for the wait, and with the client that headers told.
fn kept_body(told: &Fields<'_>, event: &OwedEvent) -> String {
    let mut body = format!("{{\"eventTime\":{}", event.event_ms);
    let mut say = |name: &str, json: &str| {
        body.push(',');
        body.push_str(&Value::from(name).to_string());
        body.push(':');
        body.push_str(json);
    };
    let client = [
        ("clientIp", &event.client_ip),
        ("userAgent", &event.user_agent),
    ];
    for (name, value) in client {
        if let Some(value) = value {
            say(name, &Value::from(value.as_str()).to_string());
        }
    }
    // As they were written: a number keeps its digits.
    let is_said = |name: &str| {
        let mut said = client.iter().filter(|(_, value)| value.is_some());
        matches!(name, "pii" | "eventTime") || said.any(|(said, _)| *said == name)
    };
    for (name, value) in told.others(is_said) {
        say(name, value.get());
    }
    body.push('}');
    body
}

/// AdTarget's own id of a conversion that was owed; none: it is not one of those.
///
/// # Errors
/// `BAD_GATEWAY`: AdTarget has yet to take it; `CONVERSION_NOT_FOUND`: it refused it.
async fn at_adtarget(
    call: &Call<'_>,
    lead: TelegramUserId,
    conversion: &str,
) -> Result<Option<String>, Error> {
    let Ok(id) = ConversionId::parse(conversion) else {
        return Ok(None);
    };
    let rows = Database::bound(call.edge.env, DATABASE)?
        .ask(Statement::new(
            "SELECT status, adtarget_id FROM owed_conversions
             WHERE conversion_id = ?1 ->> 'conversionId' AND telegram_user_id = ?1 ->> 'telegramUserId'",
            &json!({ "conversionId": id, "telegramUserId": lead }),
        )?)
        .await?;
    match rows
        .first()
        .map(|row| (row.text("status"), row.text("adtarget_id")))
    {
        None => Ok(None),
        Some((_, Some(id))) => Ok(Some(id.to_owned())),
        Some((Some("refused"), _)) => Err(Error::ConversionNotFound),
        Some(_) => Err(Error::AdTargetAway(
            "AdTarget has yet to take this conversion; come back later",
        )),
    }
}
