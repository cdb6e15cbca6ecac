//! The keyed surface, `/api/v1`: what a CRM, a shop or a script asks and tells.
//!
//! A call goes through the same steps in one order: its path and method, its key, the key's rate, its Idempotency-Key, and
//! then the endpoint. `openapi.json` describes it field for field.

mod erase;
mod events;
mod hosted;
mod keys;
mod leads;
mod query;
mod report;
mod selftest;
mod sends;
mod webhook_events;

use conversions::ConversionId;

use crate::answer::Answer;
use crate::config::{Backend, Site};
use crate::edge::Edge;
use crate::error::Error;
use crate::idempotency::{self, Begun, Repeatable};
use crate::ledger;
use crate::track::{self, fields::Fields};

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint<'a> {
    OpenApi,
    Visit,
    UpdateFbp,
    Invite,
    Conversion,
    Channels,
    Lead(&'a str),
    LeadEvents(&'a str),
    Value(&'a str, &'a str),
    WebhookEvents,
    Replay(&'a str, &'a str),
    Sends,
    ReplaySends,
    MatchQuality,
    Report,
    Feed,
    Trail,
    SelfTest,
    Keys,
    Key(&'a str),
}

impl<'a> Endpoint<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').collect();
        if segments.contains(&"") {
            return None;
        }
        Some(match segments.as_slice() {
            ["openapi.json"] => Self::OpenApi,
            ["events", "visit"] => Self::Visit,
            ["events", "update-fbp"] => Self::UpdateFbp,
            ["events", "invite"] => Self::Invite,
            ["events", "conversion"] => Self::Conversion,
            ["channels"] => Self::Channels,
            ["leads", lead] => Self::Lead(lead),
            ["leads", lead, "events"] => Self::LeadEvents(lead),
            ["leads", lead, "conversions", id, "value"] => Self::Value(lead, id),
            ["webhook-events"] => Self::WebhookEvents,
            ["webhook-events", source, event, "replay"] => Self::Replay(source, event),
            ["sends"] => Self::Sends,
            ["sends", "replay"] => Self::ReplaySends,
            ["match-quality"] => Self::MatchQuality,
            ["report"] => Self::Report,
            ["feed"] => Self::Feed,
            ["trail"] => Self::Trail,
            ["selftest"] => Self::SelfTest,
            ["keys"] => Self::Keys,
            ["keys", prefix] => Self::Key(prefix),
            _ => return None,
        })
    }

    /// The methods it takes, as an Allow header says them.
    fn methods(self) -> &'static str {
        match self {
            Self::OpenApi
            | Self::Channels
            | Self::WebhookEvents
            | Self::Sends
            | Self::MatchQuality
            | Self::Report
            | Self::Feed => "GET, HEAD, OPTIONS",
            Self::Visit
            | Self::UpdateFbp
            | Self::Invite
            | Self::Conversion
            | Self::LeadEvents(_)
            | Self::Value(..)
            | Self::Replay(..)
            | Self::ReplaySends
            | Self::SelfTest => "POST, OPTIONS",
            Self::Lead(_) | Self::Trail => "GET, HEAD, DELETE, OPTIONS",
            Self::Keys => "GET, HEAD, POST, OPTIONS",
            Self::Key(_) => "DELETE, OPTIONS",
        }
    }

    /// Whether it is the operator's: it manages keys, or shows what the secrets are good for.
    fn is_the_operators(self) -> bool {
        matches!(self, Self::Keys | Self::Key(_) | Self::SelfTest)
    }

    /// Whether the operator may ask it without a key: how things go, and what became of deliveries.
    fn is_the_operators_too(self) -> bool {
        matches!(
            self,
            Self::Sends
                | Self::ReplaySends
                | Self::MatchQuality
                | Self::Report
                | Self::Feed
                | Self::Trail
        )
    }
}

/// Who calls, by key.
#[derive(Debug)]
struct Holder {
    /// What the key's counts and Idempotency-Keys are kept by.
    prefix: String,
    /// The one site it may see; none: all.
    website_id: Option<String>,
}

/// A call that may go ahead.
struct Call<'a> {
    edge: &'a Edge<'a>,
    endpoint: Endpoint<'a>,
    /// What stands behind `/api/v1/`.
    path: &'a str,
    holder: Holder,
}

/// Answers a call to `path`, which is what stands behind `/api/v1/`.
pub async fn answer(edge: &Edge<'_>, path: &str) -> Answer {
    let answer = if edge.caller.method == "OPTIONS" {
        preflight()
    } else {
        respond(edge, path).await.unwrap_or_else(Answer::from)
    };
    answer.header("access-control-allow-origin", "*").header(
        "access-control-expose-headers",
        "X-Idempotent-Replay, Retry-After",
    )
}

fn preflight() -> Answer {
    Answer::empty(204)
        .header("access-control-allow-methods", "GET, POST, DELETE, OPTIONS")
        .header(
            "access-control-allow-headers",
            "authorization, content-type, idempotency-key",
        )
        .header("access-control-max-age", "86400")
}

async fn respond(edge: &Edge<'_>, path: &str) -> Result<Answer, Error> {
    let endpoint = Endpoint::of(path).ok_or(Error::NotFound)?;
    let method = edge.caller.method;
    if !endpoint
        .methods()
        .split(", ")
        .any(|allowed| allowed == method)
    {
        return Err(Error::MethodNotAllowed(endpoint.methods()));
    }
    if endpoint == Endpoint::OpenApi {
        return Ok(Answer::new(
            200,
            "application/json",
            include_str!("openapi.json").to_owned(),
        ));
    }
    if edge.binding(ledger::DATABASE).is_none() {
        return Err(Error::ApiDisabled(
            "the keyed API needs the ledger's database, and none is bound",
        ));
    }
    let holder = match holder(edge, endpoint).await {
        Ok(holder) => holder,
        Err(why) => return Err(edge.refuse_key(why).await),
    };
    edge.limit_key(&holder.prefix).await?;
    let call = Call {
        edge,
        endpoint,
        path,
        holder,
    };
    let body = match method {
        "POST" => track::body(edge)?,
        "DELETE" => b"",
        _ => return call.read().await,
    };
    let body = track::fields::text(body)?;
    let repeatable = Repeatable {
        edge,
        holder: &call.holder.prefix,
        path,
        body,
        key: edge.header(idempotency::HEADER),
        reopens: true,
    };
    match idempotency::begin(&repeatable).await? {
        Begun::Replay(answer) => Ok(answer),
        Begun::Go(turn) => {
            let answer = call.write(turn.id, body).await;
            let answer = answer.unwrap_or_else(Answer::from);
            // A new API key is shown once and kept nowhere; made again, the call makes the same one.
            let is_secret = endpoint == Endpoint::Keys && answer.status == 201;
            let is_final = answer.status != 429 && answer.status < 500 && !is_secret;
            turn.end(edge, is_final.then_some(&answer)).await;
            Ok(answer)
        }
    }
}

/// Who calls `endpoint`.
///
/// # Errors
/// As [`keys::operator`] and [`keys::holder`].
async fn holder(edge: &Edge<'_>, endpoint: Endpoint<'_>) -> Result<Holder, Error> {
    if endpoint.is_the_operators() {
        return keys::operator(edge);
    }
    if endpoint.is_the_operators_too()
        && let Ok(operator) = keys::operator(edge)
    {
        return Ok(operator);
    }
    keys::holder(edge).await
}

impl Call<'_> {
    /// Answers a call that changes nothing.
    async fn read(&self) -> Result<Answer, Error> {
        match (&self.edge.config.backend, self.endpoint) {
            (_, Endpoint::Keys) => keys::list(self.edge).await,
            (_, Endpoint::WebhookEvents) => webhook_events::list(self).await,
            (_, Endpoint::Sends) => sends::list(self).await,
            (_, Endpoint::MatchQuality) => sends::match_quality(self).await,
            (_, Endpoint::Report) => report::report(self).await,
            (_, Endpoint::Feed) => report::feed(self).await,
            (_, Endpoint::Trail) => report::trail(self).await,
            (Backend::AdTarget(adtarget), _) => hosted::read(self, adtarget).await,
            (Backend::Ledger, Endpoint::Lead(lead)) => leads::get(self, lead).await,
            (Backend::Ledger, Endpoint::Channels) => leads::channels(self).await,
            (Backend::Ledger, _) => Err(Error::NotFound),
        }
    }

    /// Answers a call that changes something. What it makes bears ids of `id`: a call that is made again with its
    /// Idempotency-Key has the same.
    async fn write(&self, id: ConversionId, body: &str) -> Result<Answer, Error> {
        match (&self.edge.config.backend, self.endpoint) {
            (_, Endpoint::Keys) => keys::create(self.edge, id, &fields(body)?).await,
            (_, Endpoint::Key(prefix)) => keys::revoke(self.edge, prefix).await,
            (_, Endpoint::Replay(source, event)) => {
                webhook_events::replay(self, source, event).await
            }
            (_, Endpoint::ReplaySends) => sends::replay(self, &fields(body)?).await,
            (_, Endpoint::SelfTest) => selftest::run(self, id).await,
            (Backend::AdTarget(adtarget), _) => hosted::write(self, adtarget, id, body).await,
            (Backend::Ledger, Endpoint::Visit) => events::visit(self, id, &fields(body)?).await,
            (Backend::Ledger, Endpoint::UpdateFbp) => {
                events::update_fbp(self, &fields(body)?).await
            }
            (Backend::Ledger, Endpoint::Invite) => events::invite(self, id, &fields(body)?).await,
            (Backend::Ledger, Endpoint::Conversion) => {
                events::conversion(self, id, &fields(body)?).await
            }
            (Backend::Ledger, Endpoint::LeadEvents(lead)) => {
                leads::event(self, lead, id, &fields(body)?).await
            }
            (Backend::Ledger, Endpoint::Value(lead, conversion)) => {
                leads::value(self, lead, conversion, &fields(body)?).await
            }
            (Backend::Ledger, Endpoint::Lead(lead)) => erase::lead(self, lead).await,
            (Backend::Ledger, Endpoint::Trail) => erase::trail(self).await,
            (
                Backend::Ledger,
                Endpoint::OpenApi
                | Endpoint::Channels
                | Endpoint::WebhookEvents
                | Endpoint::Sends
                | Endpoint::MatchQuality
                | Endpoint::Report
                | Endpoint::Feed,
            ) => Err(Error::NotFound),
        }
    }

    /// The site a body names, by either name, within what the key may see.
    fn named_site(&self, fields: &Fields<'_>) -> Result<Option<&'static Site>, Error> {
        let mut named = None;
        for name in ["siteId", "websiteId"] {
            let Some(id) = fields.text(name)? else {
                continue;
            };
            let site = self.visible_sites().find(|site| site.website_id == id);
            let site = site.ok_or_else(|| Error::field(name, "no such site"))?;
            if named.is_some_and(|other: &Site| other.website_id != site.website_id) {
                return Err(Error::field(name, "siteId says another site"));
            }
            named = Some(site);
        }
        match &self.holder.website_id {
            // The key's own, where it is still configured.
            Some(own) if named.is_none() => {
                Ok(Some(self.edge.config.site(own).ok_or_else(|| {
                    Error::field("siteId", "the key's site is not configured any more")
                })?))
            }
            _ => Ok(named),
        }
    }

    /// The sites that the key may see.
    fn visible_sites(&self) -> impl Iterator<Item = &'static Site> {
        let own = self.holder.website_id.as_deref();
        let sites = self.edge.config.sites.iter();
        sites.filter(move |site| own.is_none_or(|own| site.website_id == own))
    }

    /// What the caller says of the person it acts for, in a header or, where there is none, in a field.
    fn told(
        &self,
        fields: &Fields<'_>,
        header: &str,
        field: &str,
    ) -> Result<Option<String>, Error> {
        let told = self.edge.header(header);
        if told.trim().is_empty() {
            return events::text(fields, field);
        }
        Ok(Some(told))
    }
}

/// The id of a conversion as the ledger has it, of one in any case or as ad platforms know it: `adtarget_<id>`.
fn own_id(told: &str) -> String {
    let id = told.to_ascii_lowercase();
    match id.strip_prefix(ConversionId::EVENT_ID_PREFIX) {
        Some(own) => own.to_owned(),
        None => id,
    }
}

fn fields(body: &str) -> Result<Fields<'_>, Error> {
    Fields::parse(body.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let table = [
            ("events/visit", Some(Endpoint::Visit)),
            ("leads/5", Some(Endpoint::Lead("5"))),
            ("leads/5/events", Some(Endpoint::LeadEvents("5"))),
            (
                "leads/5/conversions/c/value",
                Some(Endpoint::Value("5", "c")),
            ),
            ("webhook-events", Some(Endpoint::WebhookEvents)),
            (
                "webhook-events/shop/m%2F1/replay",
                Some(Endpoint::Replay("shop", "m%2F1")),
            ),
            ("webhook-events/shop", None),
            ("webhook-events/shop//replay", None),
            ("sends", Some(Endpoint::Sends)),
            ("sends/replay", Some(Endpoint::ReplaySends)),
            ("sends/c_meta", None),
            ("match-quality", Some(Endpoint::MatchQuality)),
            ("report", Some(Endpoint::Report)),
            ("feed", Some(Endpoint::Feed)),
            ("trail", Some(Endpoint::Trail)),
            ("trail/5", None),
            ("selftest", Some(Endpoint::SelfTest)),
            ("keys", Some(Endpoint::Keys)),
            ("keys/abc", Some(Endpoint::Key("abc"))),
            ("openapi.json", Some(Endpoint::OpenApi)),
            ("", None),
            ("leads", None),
            ("leads/", None),
            ("leads/5/", None),
            ("leads//events", None),
            ("leads/5/conversions/c/value/x", None),
            ("leads/5/conversions/c", None),
            ("events/visit/x", None),
            ("channels/1", None),
        ];
        for (path, endpoint) in table {
            assert_eq!(Endpoint::of(path), endpoint, "{path}");
        }
    }
}
