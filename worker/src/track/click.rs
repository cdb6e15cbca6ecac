//! `GET …/invite` and `GET /c/{slug}`: a click on an invite. Whatever is down, the visitor reaches the channel.

use attribution::telegram::TelegramLink;
use attribution::{PageView, TOUCH_COOKIE, Touches, subdomain_index, url};

use crate::adtarget::{Keyless, Outcome, OwedCall};
use crate::answer::Answer;
use crate::config::{AdTarget, Backend, Channel, Site};
use crate::cookies;
use crate::edge::Edge;
use crate::error::Error;
use crate::ids::{ClickId, ClientSessionId, EventId, TempId};
use crate::invites;
use crate::message::Message;
use crate::notice;
use crate::record::{Attribution, Click, Client, Record};
use crate::routes::OF_A_CLICK;
use crate::runtime::{self, Reply};

/// A click by ids in the query.
///
/// # Errors
/// Those of the contract.
pub async fn invite(edge: &Edge<'_>) -> Result<Answer, Error> {
    whatever_is_set(edge, invite_of_site(edge).await)
}

/// A click on a channel's short link.
///
/// # Errors
/// `CHANNEL_NOT_FOUND`, and those of the contract.
pub async fn channel(edge: &Edge<'_>, slug: &str) -> Result<Answer, Error> {
    if !matches!(edge.caller.method, "GET" | "HEAD") {
        return Err(Error::MethodNotAllowed(OF_A_CLICK));
    }
    whatever_is_set(edge, invite_of_channel(edge, slug).await)
}

/// Whether `/c/{slug}` is a channel's; else, behind the edge, it is the site's own server's, which may have such paths, too.
pub fn is_short_link(edge: &Edge<'_>, slug: &str) -> bool {
    let config = edge.config;
    config.front.is_none()
        || config.sites.iter().any(|site| site.channel(slug).is_some())
        || is_wrong(edge, "SITES")
        || link_tapped(edge).is_some()
}

fn is_wrong(edge: &Edge<'_>, setting: &str) -> bool {
    let mut problems = edge.config.problems.iter();
    problems.any(|problem| problem.setting == setting)
}

/// That no site or channel is found is not the visitor's fault where `SITES` is wrong: the link that they tapped leads where it led.
fn whatever_is_set(edge: &Edge<'_>, answer: Result<Answer, Error>) -> Result<Answer, Error> {
    match answer {
        Err(Error::WebsiteNotFound | Error::ChannelNotFound) if is_wrong(edge, "SITES") => {
            let (path, query) = (edge.caller.path, edge.caller.query);
            runtime::log_error(&format!(
                "SITES is wrong: a click found no site or channel: {path}?{query}"
            ));
            Ok(to_channel(edge, link_tapped(edge)))
        }
        answer => answer,
    }
}

/// The page's own link.
fn link_tapped(edge: &Edge<'_>) -> Option<TelegramLink> {
    let link = TelegramLink::parse(&edge.caller.parameter("to")?).ok()?;
    // The edge in front of a page names a link without its query, which leaves nothing of the app's own kind.
    link.is_chat().then_some(link)
}

/// Whether the link that was tapped is on a page of the site, as far as the browser says.
fn is_of_page(edge: &Edge<'_>, site: &Site) -> bool {
    edge.comes_from_same_site() || edge.has_page_on(site, host_of(edge.caller.referer))
}

/// The page's own link, where a page of the site has it: one that somebody else made up leads nobody elsewhere.
fn link_of_page(edge: &Edge<'_>, site: &Site) -> Option<TelegramLink> {
    link_tapped(edge).filter(|_| is_of_page(edge, site))
}

async fn invite_of_site(edge: &Edge<'_>) -> Result<Answer, Error> {
    let caller = &edge.caller;
    let site = match caller.parameter("websiteId") {
        Some(id) => edge.site(&id)?,
        None => edge
            .config
            .site_of_host(caller.host)
            .ok_or(Error::WebsiteNotFound)?,
    };
    super::check_origin(edge, site)?;
    let link = link_tapped(edge);
    let channel = match caller.parameter("channelId") {
        Some(id) => match (site.channel_by_id(&id).or_else(|| site.channel(&id)), &link) {
            (Some(channel), _) => Some(channel),
            // AdTarget may know more channels than the settings here.
            (None, _) if matches!(edge.config.backend, Backend::AdTarget(_)) => None,
            // The page calls it by another name than the settings: that is not the visitor's fault.
            (None, Some(link)) if !is_wrong(edge, "SITES") && is_of_page(edge, site) => {
                runtime::log_warning(&format!("a page names a channel that is not there: {id}"));
                site.channel_called_by(link)
            }
            (None, _) => return Err(Error::ChannelNotFound),
        },
        None => match &link {
            Some(link) => site.channel_of_link(link),
            None => site.channels.first(),
        },
    };
    click(
        edge,
        site,
        channel,
        link.as_ref().and_then(TelegramLink::start),
    )
    .await
}

async fn invite_of_channel(edge: &Edge<'_>, slug: &str) -> Result<Answer, Error> {
    let (config, caller) = (edge.config, &edge.caller);
    // On a host that is no site's, the page that was tapped says whose channel is meant.
    let page = url::split(caller.referer).map_or("", |parts| parts.host);
    let named = config.channel_of_slug(&[caller.host, page], slug);
    // Of a page that was loaded before the channel got another name, the link that was tapped is left.
    let by_link = || {
        let site = (config.site_of_host(caller.host)).filter(|_| !is_wrong(edge, "SITES"))?;
        let link = link_of_page(edge, site)?;
        Some((site, site.channel_called_by(&link)))
    };
    let named = named.map(|(site, channel)| (site, Some(channel)));
    let (site, channel) = named.or_else(by_link).ok_or(Error::ChannelNotFound)?;
    click(
        edge,
        site,
        channel,
        edge.caller.parameter("start").as_deref(),
    )
    .await
}

/// Who clicked: by the query, else by cookies, else as somebody new.
pub struct Ids {
    /// The visitor.
    pub temp_id: TempId,
    /// The session.
    pub client_session_id: ClientSessionId,
    /// The click.
    pub event_id: EventId,
    /// The visit it came from.
    pub visit_id: Option<EventId>,
}

impl Ids {
    fn read(edge: &Edge<'_>) -> Result<Self, Error> {
        let caller = &edge.caller;
        let told = |name| caller.parameter(name);
        Ok(Self {
            temp_id: TempId::resolve(told(TempId::FIELD).as_deref(), || caller.temp_id())?,
            client_session_id: ClientSessionId::resolve(
                told(ClientSessionId::FIELD).as_deref(),
                || caller.client_session_id(),
            )?,
            event_id: EventId::resolve(told(EventId::FIELD).as_deref(), || None)?,
            visit_id: told("visit").and_then(|text| EventId::parse(&text).ok()),
        })
    }
}

async fn click(
    edge: &Edge<'_>,
    site: &Site,
    channel: Option<&Channel>,
    start: Option<&str>,
) -> Result<Answer, Error> {
    let caller = &edge.caller;
    if caller.prepares || edge.is_no_navigation() {
        // Who prepares for a click, be it a browser or a script of the page, has not made it, and asks again by it. A `<link>` that
        // prefetches takes "nothing" without a word in the console; where a click would lead to what was fetched, it would lead nowhere.
        let is_link = edge.header("sec-fetch-dest") == "empty" && edge.navigates();
        let status = if is_link { 204 } else { 503 };
        return Ok(Answer::empty(status).header("cache-control", "no-store"));
    }
    let ids = Ids::read(edge)?;
    let shared = || shared_link(channel?, &ClickId::of(ids.event_id), start);
    if caller.method == "HEAD" || caller.is_crawler() {
        // Who looks where a link leads has not tapped it.
        return Ok(match shared() {
            Some(link) => Answer::redirect(&link),
            None => Answer::empty(503).header("cache-control", "no-store"),
        });
    }
    if edge.has_objected() {
        // Led to the channel, and not followed there, as by a link that tells a bot of the click.
        let link = shared().filter(|_| !channel.is_some_and(Channel::tells_click));
        if let Some(link) = link.or_else(|| link_of_page(edge, site)) {
            return Ok(Answer::redirect(&link));
        }
    }
    let is_limited =
        edge.limit_address().await.is_err() || edge.limit_visitor(ids.temp_id).await.is_err();
    if is_limited && let Some(link) = shared() {
        runtime::log_warning("a click beyond the rate limit went on to Telegram and was not kept");
        return Ok(Answer::redirect(&link));
    }
    let answer = match &edge.config.backend {
        Backend::AdTarget(adtarget) => hosted(edge, adtarget, site, channel, &ids, shared()).await,
        Backend::Ledger => {
            let carried = carried(edge, site);
            let link = hand_out(edge, site, channel, &ids, start, carried, edge.client()).await;
            to_channel(edge, link.or_else(|| link_of_page(edge, site)))
        }
    };
    // The session goes on from here. Ids that a link brought are never made the browser's own: a link can be anybody's.
    let known = caller.temp_id();
    if known.is_none() && caller.parameter(TempId::FIELD).is_some()
        || known.is_some_and(|known| known != ids.temp_id)
    {
        return Ok(answer);
    }
    let scope = caller.cookie_scope(site.cookie_domain_at(caller.host));
    let answer = answer.cookie(scope, cookies::SESSION, ids.client_session_id.as_str());
    Ok(match known {
        Some(_) => answer,
        None => answer.cookie(scope, cookies::TEMP_ID, &ids.temp_id.to_string()),
    })
}

/// The channel's own link for a click; `start` is the payload that the page's own link carried.
fn shared_link(channel: &Channel, click: &ClickId, start: Option<&str>) -> Option<TelegramLink> {
    Some(channel.invite.as_ref()?.for_click(click, start))
}

/// The link for a click, which is kept with it; `start` is the payload that the page's own link carried.
pub async fn hand_out(
    edge: &Edge<'_>,
    site: &Site,
    channel: Option<&Channel>,
    ids: &Ids,
    start: Option<&str>,
    carried: Carried,
    client: Client,
) -> Option<TelegramLink> {
    let own = match channel {
        Some(channel) => invites::hand_out(edge.env, edge.config, channel, ids.event_id).await,
        None => None,
    };
    let personal = own.is_some() || channel.is_some_and(Channel::tells_click);
    let (click_id, link) = match own {
        Some(own) => (own.click_id, Some(own.link)),
        None => {
            let click_id = ClickId::of(ids.event_id);
            let link = channel.and_then(|channel| shared_link(channel, &click_id, start));
            (click_id, link)
        }
    };
    edge.keep(&Message::Keep(Record::Click(Box::new(Click {
        click_id,
        at_ms: edge.now_ms,
        website_id: site.website_id.clone(),
        temp_id: ids.temp_id,
        client_session_id: ids.client_session_id.clone(),
        visit_id: ids.visit_id,
        channel: channel.map(|channel| channel.slug.clone()),
        invite_link: link.as_ref().map(|link| link.as_str().to_owned()),
        personal,
        attribution: carried.attribution,
        direct: carried.is_direct && ids.visit_id.is_none(),
        ga_sessions: cookies::ga_sessions(edge.caller.cookies),
        client,
    }))));
    link
}

/// The way AdTarget hands out, when it comes in time, else the channel's own; then the queue tells AdTarget of the click.
async fn hosted(
    edge: &Edge<'_>,
    adtarget: &AdTarget,
    site: &Site,
    channel: Option<&Channel>,
    ids: &Ids,
    shared: Option<TelegramLink>,
) -> Answer {
    let mut query = format!(
        "websiteId={}&tempId={}&clientSessionId={}",
        escaped(&site.website_id),
        ids.temp_id,
        ids.client_session_id.as_str()
    );
    let channel_id = match channel {
        Some(channel) => channel.channel_id.clone(),
        None => edge.caller.parameter("channelId"),
    };
    if let Some(id) = channel_id {
        query.push_str("&channelId=");
        query.push_str(&escaped(&id));
    }
    for pair in edge.caller.query.split('&').filter(|pair| !pair.is_empty()) {
        const READ: [&str; 9] = [
            "websiteId",
            "tempId",
            "clientSessionId",
            "channelId",
            "to",
            "start",
            "eventId",
            "visit",
            "page",
        ];
        // A name may be written with escapes.
        if !url::parameters(pair).any(|(name, _)| READ.contains(&&*name)) {
            query.push('&');
            query.push_str(pair);
        }
    }
    let call = OwedCall::new(Keyless::Invite(query), ids.event_id, &edge.caller);
    match call.make(adtarget, adtarget.timeout_ms).await {
        Outcome::Invited(link) => Answer::redirect(&link),
        // A person is led on, or told in words that there is no channel.
        Outcome::Refused(reply)
            if edge.wants_html() && (shared.is_some() || reply.status == 404) =>
        {
            let Reply { status, body, .. } = reply;
            runtime::log_warning(&format!(
                "invite: AdTarget refuses it: {status} {body}: {call:?}"
            ));
            to_channel(edge, shared)
        }
        Outcome::Refused(reply) => Answer::json_text(reply.status, reply.body),
        Outcome::Taken(..) => to_channel(edge, shared),
        Outcome::Failed { why, retry_after_s } => {
            runtime::log_warning(&format!("invite: AdTarget: {why}; the queue has the click"));
            edge.keep_later(
                &Message::Deliver(Box::new(call)),
                retry_after_s.unwrap_or(0),
            );
            to_channel(edge, shared.or_else(|| link_of_page(edge, site)))
        }
    }
}

/// The redirect, or the page that says that there is no channel.
fn to_channel(edge: &Edge<'_>, link: Option<TelegramLink>) -> Answer {
    match link {
        Some(link) => Answer::redirect(&link),
        None if edge.wants_html() => notice::no_channel(&edge.header("accept-language")),
        None => Error::ChannelNotFound.into(),
    }
}

/// What a click carries.
pub struct Carried {
    /// It, under its names.
    pub attribution: Attribution,
    /// Whether an ad led right to the click: all of it is that ad's.
    pub is_direct: bool,
}

/// What the click itself carries: cookies, and the query of the landing page it came from or, where an ad leads right here, its own; else
/// the last touch.
fn carried(edge: &Edge<'_>, site: &Site) -> Carried {
    let caller = &edge.caller;
    let is_ours = |address: &str| edge.has_page_on(site, host_of(address));
    // Of a page on another host browsers tell no more than that, but a page can tell its address itself.
    let told = caller.parameter("page").filter(|page| is_ours(page));
    let page = (told.as_deref()).or_else(|| Some(caller.referer).filter(|page| is_ours(page)));
    let from_page = page.is_some();
    let (href, referrer, host) = match page {
        Some(page) => (page, "", host_of(page)),
        None => (caller.url, caller.referer, caller.host),
    };
    let restored = site.click_id_parameters.restore(href);
    let view = PageView {
        href: &restored.address,
        referrer,
        cookies: caller.cookies,
        now_ms: edge.now_ms,
        subdomain_index: subdomain_index(site.registrable_domain(host)),
    };
    let (mut seen, own) = view.capture_and_touch();
    let touches = Touches::parse(caller.cookie(TOUCH_COOKIE).unwrap_or_default());
    if touches.outdates_gclid_of_cookie(&own) {
        seen.click_ids.gclid = None;
    }
    // Where the page hides its address, the browser still says that it was one of the site's.
    let is_direct = !from_page && !edge.comes_from_same_site() && own.carries_anything();
    if is_direct {
        // Cookies have those of ads before.
        seen.fbc = seen.fbc.filter(|_| own.click_ids.fbclid.is_some());
        seen.click_ids = own.click_ids;
    }
    let mut attribution = Attribution::from(seen);
    if !from_page {
        // Nobody landed on it.
        attribution.landing_page = None;
    }
    if !is_direct && let Some(last) = touches.later.or(touches.first) {
        attribution.add(last);
    }
    Carried {
        attribution,
        is_direct,
    }
}

/// The host in an address; empty where there is none.
fn host_of(address: &str) -> &str {
    url::split(address).map_or("", |parts| parts.host)
}

/// A query's value, escaped.
fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
