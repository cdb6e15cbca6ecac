//! `POST …/update-fbp`: Meta's browser id, which fbevents.js sets after the visit was told.

use attribution::Fbp;
use serde_json::json;

use super::fields::Fields;
use crate::adtarget::{self, Keyless, Outcome, OwedCall};
use crate::answer::Answer;
use crate::config::{Backend, Site};
use crate::cookies;
use crate::edge::Edge;
use crate::error::Error;
use crate::ids::{EventId, TempId};
use crate::message::Message;
use crate::record::{LateFbp, Record};
use crate::runtime;

/// How long it waits in the queue where its visit may be there, too, in s: AdTarget patches the visitor's latest, so it must not come first.
pub const BEHIND_VISIT_S: u32 = 60;

/// Patches the visitor's latest visit.
///
/// # Errors
/// Those of the contract.
pub async fn update_fbp(edge: &Edge<'_>) -> Result<Answer, Error> {
    edge.limit_address().await?;
    let fields = Fields::parse(super::body(edge)?)?;
    let site = match fields.text("websiteId")? {
        Some(id) => edge.site(&id)?,
        None => edge
            .config
            .site_of_host(edge.caller.host)
            .ok_or(Error::WebsiteNotFound)?,
    };
    super::check_origin(edge, site)?;
    let (temp_id, fbp) = told(&fields, edge.caller.temp_id())?;
    let event = EventId::resolve(fields.text(EventId::FIELD)?.as_deref(), || None)?;
    edge.limit_visitor(temp_id).await?;
    let owed = || OwedCall::new(call(site, temp_id, fbp.as_str()), event, &edge.caller);
    let answer = match &edge.config.backend {
        Backend::Ledger => {
            keep(edge, site, temp_id, &fbp);
            success()
        }
        Backend::AdTarget(adtarget) if adtarget.defer_visits || adtarget::was_away(edge.now_ms) => {
            edge.keep_later(&Message::Deliver(Box::new(owed())), BEHIND_VISIT_S);
            success()
        }
        Backend::AdTarget(adtarget) => {
            let owed = owed();
            match owed.make(adtarget, adtarget.timeout_ms).await {
                Outcome::Taken(reply, _) | Outcome::Refused(reply) => {
                    Answer::json_text(reply.status, reply.body)
                }
                Outcome::Invited(_) => success(),
                Outcome::Failed { why, retry_after_s } => {
                    runtime::log_warning(&format!("update-fbp: AdTarget: {why}; the queue has it"));
                    edge.keep_later(
                        &Message::Deliver(Box::new(owed)),
                        retry_after_s.unwrap_or(0),
                    );
                    success()
                }
            }
        }
    };
    let scope = edge
        .caller
        .cookie_scope(site.cookie_domain_at(edge.caller.host));
    Ok(answer.cookie(scope, cookies::FBP, fbp.as_str()))
}

/// The visitor and the browser id that a body tells of; `known` is the visitor where the body does not say.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field.
pub fn told(fields: &Fields<'_>, known: Option<TempId>) -> Result<(TempId, Fbp), Error> {
    let temp_id = match fields.text(TempId::FIELD)? {
        Some(text) => TempId::parse(&text)?,
        None => known.ok_or_else(|| Error::field(TempId::FIELD, "missing"))?,
    };
    let fbp = Fbp::parse(&fields.required("fbp")?)
        .ok_or_else(|| Error::field("fbp", "not of the form fb.<index>.<ms>.<number>"))?;
    Ok((temp_id, fbp))
}

/// Hands a late browser id to the ledger.
pub fn keep(edge: &Edge<'_>, site: &Site, temp_id: TempId, fbp: &Fbp) {
    edge.keep(&Message::Keep(Record::LateFbp(LateFbp {
        website_id: site.website_id.clone(),
        temp_id,
        at_ms: edge.now_ms,
        fbp: fbp.as_str().to_owned(),
    })));
}

/// The call that tells AdTarget.
pub fn call(site: &Site, temp_id: TempId, fbp: &str) -> Keyless {
    Keyless::UpdateFbp(
        json!({ "websiteId": site.website_id, "tempId": temp_id, "fbp": fbp }).to_string(),
    )
}

/// That it is done.
pub fn success() -> Answer {
    Answer::json(200, &json!({ "success": true }))
}
