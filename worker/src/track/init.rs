//! `POST …/init`: a visit, as the page tells it.

use std::collections::BTreeMap;

use attribution::{Fbc, Fbp, PageView, subdomain_index};

use super::fields::Fields;
use super::update_fbp::{self, BEHIND_VISIT_S};
use super::visit::NewVisit;
use crate::adtarget::{self, Keyless, Outcome, OwedCall};
use crate::answer::Answer;
use crate::config::{AdTarget, Backend, Site};
use crate::cookies::{self, Scope};
use crate::edge::Edge;
use crate::error::Error;
use crate::ids::{ClientSessionId, EventId, TempId};
use crate::message::Message;
use crate::record::{Attribution, CapturedBy, Client, Record, Visit};
use crate::runtime;

/// Whether a body's field is read here; all else is passed on untouched. The client's own account of its address,
/// browser and place is in it, too, and is not believed: the edge knows better.
fn is_known(name: &str) -> bool {
    Attribution::has(name)
        || matches!(
            name,
            "websiteId"
                | "href"
                | "tempId"
                | "clientSessionId"
                | "externalUserId"
                | "eventId"
                | "clientIp"
                | "userAgent"
                | "country"
                | "city"
                | "region"
                | "consent"
                | "bot"
                | "capturedBy"
                | "cookie"
                | "visitId"
                | "sessionId"
        )
}

/// Answers a visit: at once with the edge's own ids (ledger), or with AdTarget's answer when it comes in time.
///
/// # Errors
/// Those of the contract; nothing is kept then.
pub async fn init(edge: &Edge<'_>) -> Result<Answer, Error> {
    edge.limit_address().await?;
    let fields = Fields::parse(super::body(edge)?)?;
    let site = edge.site(&fields.required("websiteId")?)?;
    let href = fields.required("href")?;
    let page_host = super::check_domain(edge, site, &href)?;
    let caller = &edge.caller;
    let teller = Teller {
        now_ms: edge.now_ms,
        cookies: caller.cookies,
        is_page: true,
        visit_id: None,
        client: edge.client(),
    };
    let new = told_visit(site, &fields, &href, &page_host, teller)?;
    edge.limit_visitor(new.visit.temp_id).await?;
    let scope = edge
        .caller
        .cookie_scope(site.cookie_domain_at(edge.caller.host));
    Ok(match &edge.config.backend {
        Backend::Ledger => {
            let answer = new.answer(scope);
            edge.keep(&Message::Keep(Record::Visit(Box::new(new.visit))));
            answer
        }
        Backend::AdTarget(_) if new.visit.captured_by == CapturedBy::Edge => {
            // AdTarget has the visit from the page request; only what the page learnt since is news.
            let answer = new.answer(scope);
            if let Some(fbp) = &new.visit.attribution.fbp {
                let call = update_fbp::call(site, new.visit.temp_id, fbp);
                let event = EventId::resolve(None, || None)?;
                let owed = OwedCall::new(call, event, &edge.caller);
                edge.keep_later(&Message::Deliver(Box::new(owed)), BEHIND_VISIT_S);
            }
            answer
        }
        Backend::AdTarget(adtarget) => hosted(edge, adtarget, &new, scope).await,
    })
}

/// AdTarget's answer when it comes in time, else ours; then the queue delivers the visit.
async fn hosted(edge: &Edge<'_>, adtarget: &AdTarget, new: &NewVisit, scope: Scope<'_>) -> Answer {
    let call = OwedCall::new(
        Keyless::Init(adtarget::init_body(&new.visit)),
        new.visit.visit_id,
        &edge.caller,
    );
    let mut delay_s = 0;
    if !adtarget.defer_visits {
        match call.make(adtarget, adtarget.timeout_ms).await {
            Outcome::Taken(reply, hints) => return new.pass_on(reply, &hints, scope),
            Outcome::Refused(reply) => return Answer::json_text(reply.status, reply.body),
            Outcome::Invited(_) => {}
            Outcome::Failed { why, retry_after_s } => {
                runtime::log_warning(&format!("init: AdTarget: {why}; the queue has the visit"));
                delay_s = retry_after_s.unwrap_or(0);
            }
        }
    }
    edge.keep_later(&Message::Deliver(Box::new(call)), delay_s);
    new.answer(scope)
}

/// What is known of a visit beside what its body says.
pub struct Teller<'a> {
    /// When it was told, Unix time in ms.
    pub now_ms: u64,
    /// The Cookie header, where the visitor sends one; it names visitor and session where the body does not.
    pub cookies: &'a str,
    /// Whether the page tells it, which does not know the site's own names of click ids.
    pub is_page: bool,
    /// The visit's id, where the body does not say.
    pub visit_id: Option<EventId>,
    /// Who came.
    pub client: Client,
}

/// Whether a page's clock dates a click later than it is here, where it is known besides: it would be after what comes of it.
fn runs_ahead(told: &Fbc, own: Option<&str>, now_ms: u64) -> bool {
    let is_same = |own: Fbc| own.click_id() == told.click_id();
    told.created_ms() > now_ms && own.and_then(Fbc::parse).is_some_and(is_same)
}

/// Reads the visit that a body tells of. What it says of the click wins over what its address and cookies
/// say, but for click ids under the site's own names where a page tells it.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field.
pub fn told_visit(
    site: &Site,
    fields: &Fields<'_>,
    href: &str,
    page_host: &str,
    teller: Teller<'_>,
) -> Result<NewVisit, Error> {
    let temp_id = TempId::resolve(fields.text(TempId::FIELD)?.as_deref(), || {
        cookies::temp_id(teller.cookies)
    })?;
    let client_session_id =
        ClientSessionId::resolve(fields.text(ClientSessionId::FIELD)?.as_deref(), || {
            cookies::client_session_id(teller.cookies)
        })?;
    let visit_id = EventId::resolve(fields.text(EventId::FIELD)?.as_deref(), || teller.visit_id)?;
    let consent = fields.consent()?;
    let captured_by = match fields.text("capturedBy")?.as_deref() {
        None | Some("page") => CapturedBy::Page,
        Some("edge") => CapturedBy::Edge,
        Some(_) => return Err(Error::field("capturedBy", "expected page or edge")),
    };
    let referrer = fields.text("referrer")?.unwrap_or_default();
    let page_cookies = fields.text("cookie")?;
    let restored = site.click_id_parameters.restore(href);
    let view = PageView {
        href: &restored.address,
        referrer: &referrer,
        cookies: page_cookies.as_deref().unwrap_or(teller.cookies),
        now_ms: teller.now_ms,
        subdomain_index: subdomain_index(site.registrable_domain(page_host)),
    };
    let (capture, mut touch) = view.capture_and_touch();
    let mut attribution = Attribution::from(capture);
    // A server may have read the address, and say what was in it.
    let is_told_apart = !teller.is_page && !touch.carries_anything();
    for name in fields.names() {
        let Some(slot) = attribution.field_mut(name) else {
            continue;
        };
        let Some(told) = fields.text(name)? else {
            continue;
        };
        // What it tells then is what a cookie has of an earlier click.
        let is_earlier = restored.tells(name) && slot.is_some()
            || name == "gclid" && touch.click_ids.is_googles_without_gclid();
        if teller.is_page && is_earlier {
            continue;
        }
        if is_told_apart && let Some(carried) = touch.field_mut(name) {
            *carried = Some(told.clone());
        }
        let is_broken = match name {
            "fbc" => {
                Fbc::parse(&told).is_none_or(|fbc| runs_ahead(&fbc, slot.as_deref(), teller.now_ms))
            }
            "fbp" => Fbp::parse(&told).is_none(),
            _ => false,
        };
        // Nearly always the page and its address say the same.
        if !is_broken && slot.as_deref() != Some(&*told) {
            *slot = Some(told.into_owned());
        }
    }
    let mut client = teller.client;
    client.bot |= fields.flag("bot")?;
    let visit = Visit {
        visit_id,
        at_ms: teller.now_ms,
        website_id: site.website_id.clone(),
        temp_id,
        client_session_id,
        external_user_id: fields.text("externalUserId")?.map(Into::into),
        href: href.to_owned(),
        attribution,
        client,
        captured_by,
        consent,
        // Known from its touches.
        sourced: false,
        ad_platform: None,
        extra: fields
            .others(is_known)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>(),
    };
    // Without a referrer of another site's, a page of the site's own that hides its address may have led here.
    let may_be_led = touch.referrer.is_some();
    // A page knows of its cookies what it can read, and tells those of ads alone.
    Ok(NewVisit::new(visit, touch, teller.cookies, may_be_led))
}
