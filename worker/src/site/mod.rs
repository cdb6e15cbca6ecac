//! The landing page in front of its origin: streamed through, its Telegram links made first-party, the tracker's tag put
//! in, and the visit recorded on the page request itself, so that a page with scripts blocked is tracked the same.

use std::borrow::Cow;
use std::collections::BTreeMap;

use attribution::telegram::TelegramLink;
use attribution::{Fbp, PageView, subdomain_index, url};
use conversions::Consent;
use web_sys::Response;

use crate::adtarget::{self, Keyless, Outcome, OwedCall};
use crate::answer::{self, Answer};
use crate::caller::Caller;
use crate::config::{Backend, Front, Site};
use crate::cookies::Scope;
use crate::edge::Edge;
use crate::error::Error;
use crate::ids::{ClientSessionId, EventId, TempId, entropy};
use crate::message::Message;
use crate::notice;
use crate::record::{Attribution, CapturedBy, Record, Visit};
use crate::runtime;
use crate::track::visit::NewVisit;

/// The page behind `front`, or what else the origin has at that path.
///
/// # Errors
/// `BAD_GATEWAY`: the origin does not answer.
pub async fn page(edge: &Edge<'_>, front: &Front) -> Result<Response, Error> {
    let caller = &edge.caller;
    let query = if caller.query.is_empty() {
        String::new()
    } else {
        format!("?{}", caller.query)
    };
    let url = format!("{}{}{query}", front.origin, caller.path);
    let scheme = scheme(caller);
    let mut headers = format!(
        "x-forwarded-host:{}\nx-forwarded-proto:{scheme}",
        caller.authority
    );
    if !caller.ip.is_empty() {
        // By the latter Cloudflare tells an origin of the same zone the client's address, in CF-Connecting-IP.
        for name in ["\nx-forwarded-for:", "\nx-real-ip:"] {
            headers.push_str(name);
            headers.push_str(caller.ip);
        }
    }
    let destination = Destination::of(edge);
    let site = edge
        .config
        .site_of_host(caller.host)
        .filter(|_| destination != Destination::Other);
    // What is decorated here is not what the origin's validators speak of.
    let withheld = match site {
        Some(_) if caller.method == "GET" => "if-none-match,if-modified-since",
        _ => "",
    };
    let passed_on = runtime::pass_on(edge.request, edge.env, &url, &headers, withheld).await;
    let response = match passed_on {
        Ok(response) => response,
        Err(why) => {
            runtime::log_error(&format!("SITE_ORIGIN does not answer: {why}"));
            return away(edge, front, site, destination).await;
        }
    };
    let head = runtime::head(&response);
    let head = Head::read(&head);
    if head.is_of_a_dead_origin() {
        runtime::log_error(&format!("SITE_ORIGIN does not answer: {}", head.status));
        return away(edge, front, site, destination).await;
    }
    let is_visit = matches!(head.status, 200 | 300..=399) && is_visit(edge, front, destination);
    if !head.location.is_empty() && head.status != 200 {
        return redirect(edge, front, response, &head, site, is_visit);
    }
    let Some(site) = site.filter(|_| head.is_page() && matches!(caller.method, "GET" | "POST"))
    else {
        // What a script reads of a page is as the origin wrote it.
        return Ok(match destination {
            Destination::Other if head.is_page() => {
                let answer = Answer::empty(head.status).header("vary", USES);
                answer::amended(&response, answer.headers(), "")
            }
            _ => response,
        });
    };
    // Of a page that many people of one address open, the tracker tells: it asks again later.
    let visit = if is_visit && edge.limit_address().await.is_ok() {
        Some(capture(edge, site)?)
    } else {
        None
    };
    let mut answer = Answer::empty(head.status);
    let mut replaced = "";
    if let Some(new) = &visit {
        let scope = caller.cookie_scope(site.cookie_domain_at(caller.host));
        // The page names this one visit.
        answer = for_one_alone(new, new.add_ids(answer, scope), scope, &head);
        replaced = REPLACED;
    } else {
        answer = answer.header("vary", USES);
    }
    let decorated = || {
        // The tracker in a frame would count the visit of the page around it again.
        let tag = match destination {
            Destination::Document => tag(edge, site, visit.as_ref().map(|new| new.visit.visit_id)),
            _ => String::new(),
        };
        runtime::decorated(
            &response,
            edge.request,
            edge.env,
            &site.website_id,
            &tag,
            answer.headers(),
            replaced,
        )
        .inspect_err(|why| {
            runtime::log_warning(&format!(
                "a page goes on without links and tag of the edge's: {}",
                runtime::words(why)
            ));
        })
        .ok()
    };
    let page = (head.is_legible().then(decorated).flatten())
        .unwrap_or_else(|| answer::amended(&response, answer.headers(), replaced));
    if let Some(new) = visit {
        record(edge, new.visit);
    }
    Ok(page)
}

/// What somebody sees whose page can't be had: in words, with the way to the channel. The ad has brought them all the same.
#[inline(never)]
async fn away(
    edge: &Edge<'_>,
    front: &Front,
    site: Option<&Site>,
    destination: Destination,
) -> Result<Response, Error> {
    let site = site
        .filter(|_| edge.wants_html())
        .ok_or(Error::BadGateway)?;
    let mut answer = notice::no_page(&edge.header("accept-language"), site.channels.first());
    if is_visit(edge, front, destination) && edge.limit_address().await.is_ok() {
        let new = capture(edge, site)?;
        let scope = (edge.caller).cookie_scope(site.cookie_domain_at(edge.caller.host));
        answer = new.add_pixel_cookies(new.add_ids(answer, scope), scope);
        record(edge, new.visit);
    }
    Ok(answer.into_response())
}

/// The headers by which an answer would be kept for others, or be taken for what it was before.
const REPLACED: &str = "cache-control,cdn-cache-control,cloudflare-cdn-cache-control,surrogate-control,x-accel-expires,etag,last-modified,expires";

/// What tells the uses of a page apart. To a script it goes as it is, into a frame without a tag: a browser is not to show one for another from its
/// cache.
const USES: &str = "sec-fetch-dest, accept";

/// Has the answer keep what brought the visitor, and no cache show it to anybody else; what is not to be stored at all stays so.
#[inline(never)]
fn for_one_alone(new: &NewVisit, answer: Answer, scope: Scope<'_>, head: &Head<'_>) -> Answer {
    let answer = new.add_pixel_cookies(answer, scope);
    let mut rules = head.cache_control.split(',').map(str::trim);
    let rule = match rules.any(|rule| rule.eq_ignore_ascii_case("no-store")) {
        true => "private, no-store",
        false => "private, no-cache",
    };
    answer.header("cache-control", rule)
}

/// An answer that leads elsewhere: to the origin's own address by way of the edge, to Telegram as a link of the page does. What brought
/// a visitor is kept in cookies, since the address that it leads to need not carry it; `site` is that of a page.
fn redirect(
    edge: &Edge<'_>,
    front: &Front,
    response: Response,
    head: &Head<'_>,
    site: Option<&Site>,
    is_visit: bool,
) -> Result<Response, Error> {
    let caller = &edge.caller;
    // Asked for by another method, a click would be refused.
    let becomes_get = caller.method == "GET" || !matches!(head.status, 307 | 308);
    let address = at_edge(head.location, &front.origin, caller)
        .or_else(|| first_party(site.filter(|_| becomes_get)?, None, head.location));
    let mut answer = Answer::empty(head.status);
    let mut replaced = String::new();
    if let Some(address) = &address {
        answer = answer.header("location", address);
        replaced.push_str("location");
    }
    if let Some(site) = site.filter(|_| is_visit) {
        let new = capture(edge, site)?;
        if new.is_sourced {
            let scope = caller.cookie_scope(site.cookie_domain_at(caller.host));
            answer = for_one_alone(&new, answer, scope, head);
            if !replaced.is_empty() {
                replaced.push(',');
            }
            replaced.push_str(REPLACED);
        }
    }
    if replaced.is_empty() {
        return Ok(response);
    }
    Ok(answer::amended(&response, answer.headers(), &replaced))
}

/// A place at the origin as the caller reaches it; `None`: it is none, or needs no change. The other scheme is the same place,
/// and so is any spelling of the host.
fn at_edge(location: &str, origin: &str, caller: &Caller<'_>) -> Option<String> {
    let [place, origin] = [url::split(location)?, url::split(origin)?];
    let is_absolute = match place.scheme {
        // What begins with no slashes is a path.
        "" => location.starts_with("//"),
        scheme => scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"),
    };
    let port = |port: Option<u16>| port.filter(|port| !matches!(port, 80 | 443));
    if !is_absolute
        || !place.host.eq_ignore_ascii_case(origin.host)
        || port(place.port) != port(origin.port)
    {
        return None;
    }
    let at = |scheme| {
        let path = if place.path.is_empty() {
            "/"
        } else {
            place.path
        };
        let mut address = format!("{scheme}://{}{path}", caller.authority);
        for (mark, part) in [('?', place.query), ('#', place.fragment)] {
            if let Some(part) = part {
                address.push(mark);
                address.push_str(part);
            }
        }
        address
    };
    let address = at(scheme(caller));
    if !caller.secure && place.scheme.eq_ignore_ascii_case("https") && address == caller.url {
        // An origin that wants its visitors to come by https.
        return Some(at("https"));
    }
    // An origin that wants its other scheme would want it for ever.
    let is_loop = !place.scheme.eq_ignore_ascii_case(origin.scheme) && address == caller.url;
    (!is_loop).then_some(address)
}

fn scheme(caller: &Caller<'_>) -> &'static str {
    if caller.secure { "https" } else { "http" }
}

/// What a browser wants an answer for (Fetch Metadata, Sec-Fetch-Dest), as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    /// A page to look at.
    Document,
    /// A page within a page.
    Frame,
    /// What a page is made of, or what its scripts read.
    Other,
}

impl Destination {
    fn of(edge: &Edge<'_>) -> Self {
        match edge.header("sec-fetch-dest").as_str() {
            "document" => Self::Document,
            "iframe" | "frame" | "object" | "embed" => Self::Frame,
            // Browsers before 2023 do not say; then what they accept tells.
            "" if edge.navigates() => Self::Document,
            // What a service worker hands on, or a link has fetched ahead, is to be looked at, too.
            "empty" if edge.navigates() => Self::Document,
            _ => Self::Other,
        }
    }
}

/// What an answer of the origin says of itself.
struct Head<'a> {
    status: u16,
    location: &'a str,
    content_type: &'a str,
    content_encoding: &'a str,
    content_disposition: &'a str,
    cache_control: &'a str,
}

impl<'a> Head<'a> {
    /// Reads the lines that `head` of `runtime.js` gives.
    fn read(packed: &'a str) -> Self {
        let mut lines = packed.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        Self {
            status: line().parse().unwrap_or_default(),
            location: line(),
            content_type: line(),
            content_encoding: line(),
            content_disposition: line(),
            cache_control: line(),
        }
    }

    /// Whether it is a whole page, be it that of an error: other answers have no body, or a part of one, or are a file to be kept.
    fn is_page(&self) -> bool {
        let begins = |text: &str, with: &str| {
            let beginning = text.get(..with.len());
            beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(with))
        };
        matches!(self.status, 200 | 400..=599)
            && begins(self.content_type, "text/html")
            && !begins(self.content_disposition, "attachment")
    }

    /// Whether Cloudflare answers in place of an origin that it can't reach
    /// (<https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>).
    fn is_of_a_dead_origin(&self) -> bool {
        matches!(self.status, 520..=527 | 530)
    }

    /// Whether the platform can read its body.
    fn is_legible(&self) -> bool {
        matches!(self.content_encoding, "" | "identity" | "gzip" | "br")
    }
}

/// Whether a request is a person coming to a page: not a frame, not a fetch, not a page prepared in advance.
fn is_visit(edge: &Edge<'_>, front: &Front, destination: Destination) -> bool {
    front.capture
        && destination == Destination::Document
        && edge.caller.method == "GET"
        && !edge.caller.prepares
        && !edge.has_objected()
        && !edge.config.require_consent
}

/// The visit that a page request is.
#[inline(never)]
fn capture(edge: &Edge<'_>, site: &Site) -> Result<NewVisit, Error> {
    let caller = &edge.caller;
    let index = subdomain_index(site.registrable_domain(caller.host));
    let restored = site.click_id_parameters.restore(caller.url);
    let view = PageView {
        href: &restored.address,
        referrer: caller.referer,
        cookies: caller.cookies,
        now_ms: edge.now_ms,
        subdomain_index: index,
    };
    let (mut seen, touch) = view.capture_and_touch();
    // Made on first sight, as Meta's own server libraries do: fbevents.js goes on with the one it finds.
    if seen.fbp.is_none() {
        let [a, b, c, d, ..] = entropy()?;
        seen.fbp = Some(Fbp::new(
            index,
            edge.now_ms,
            u32::from_le_bytes([a, b, c, d]),
        ));
    }
    let is_landing = caller.referer.is_empty() || touch.referrer.is_some();
    let may_be_led = is_landing && !edge.comes_from_same_site();
    let visit = Visit {
        visit_id: EventId::resolve(None, || None)?,
        at_ms: edge.now_ms,
        website_id: site.website_id.clone(),
        temp_id: TempId::resolve(None, || caller.temp_id())?,
        client_session_id: ClientSessionId::resolve(None, || caller.client_session_id())?,
        external_user_id: None,
        href: caller.url.to_owned(),
        attribution: Attribution::from(seen),
        client: edge.client(),
        captured_by: CapturedBy::Edge,
        consent: Consent::Unknown,
        // Known from its touches.
        sourced: false,
        ad_platform: None,
        extra: BTreeMap::new(),
    };
    Ok(NewVisit {
        // A page is asked for when somebody comes.
        is_behind: false,
        ..NewVisit::new(visit, touch, view.cookies, may_be_led)
    })
}

/// Hands the visit to whoever keeps it, after the page.
fn record(edge: &Edge<'_>, visit: Visit) {
    let Backend::AdTarget(adtarget) = &edge.config.backend else {
        return edge.keep(&Message::Keep(Record::Visit(Box::new(visit))));
    };
    let call = OwedCall::new(
        Keyless::Init(adtarget::init_body(&visit)),
        visit.visit_id,
        &edge.caller,
    );
    if adtarget.defer_visits {
        return edge.keep(&Message::Deliver(Box::new(call)));
    }
    let (env, context) = (edge.env.clone(), edge.context.clone());
    edge.context.after_answer(async move {
        match call.make(adtarget, adtarget.timeout_ms).await {
            Outcome::Taken(..) | Outcome::Invited(_) => {}
            // Nothing in it will change: asking again can't help.
            Outcome::Refused(reply) => {
                let (Keyless::Init(told) | Keyless::UpdateFbp(told) | Keyless::Invite(told)) =
                    &call.call;
                runtime::log_error(&format!(
                    "AdTarget refused a page's visit: {} {}: {told}",
                    reply.status, reply.body
                ));
            }
            Outcome::Failed { why, retry_after_s } => {
                runtime::log_warning(&format!(
                    "a page's visit: AdTarget: {why}; the queue has it"
                ));
                crate::edge::keep(
                    &env,
                    &context,
                    &Message::Deliver(Box::new(call)),
                    retry_after_s.unwrap_or(0),
                );
            }
        }
    });
}

/// The attributes of the tracker's tag, `name=value` a line. The first one, which has to stand before `src`, keeps Cloudflare's Rocket
/// Loader from holding the script back until the page is complete.
fn tag(edge: &Edge<'_>, site: &Site, visit: Option<EventId>) -> String {
    let mut tag = format!(
        "data-cfasync=false\nsrc={}/t.js\ndata-website-id={}",
        edge.config.prefix, site.website_id
    );
    if edge.config.respect_gpc {
        tag.push_str("\ndata-gpc=respect");
    }
    if edge.config.respect_dnt {
        tag.push_str("\ndata-dnt=respect");
    }
    if edge.config.require_consent {
        tag.push_str("\ndata-consent=required");
    }
    if let Some(visit) = visit {
        tag.push_str(&format!("\ndata-visit={visit}"));
    }
    tag
}

/// The first-party way to the channel that a page's link means; `None`: the link stays. It names the link itself, by which the page's
/// own scripts and styles know it, as `a[href*="t.me/"]`. `channel` is the one that the page has all its links lead to, by its id or its slug.
pub fn first_party(site: &Site, channel: Option<&str>, href: &str) -> Option<String> {
    let href = match href.strip_prefix("//") {
        Some(rest) => Cow::Owned(format!("https://{rest}")),
        None => Cow::Borrowed(href),
    };
    let link = TelegramLink::parse(&href)
        .ok()
        .filter(TelegramLink::is_chat)?;
    let named = channel.and_then(|name| site.channel_by_id(name).or_else(|| site.channel(name)));
    let channel = named.or_else(|| site.channel_of_link(&link))?;
    let [name, start] = link.start().map_or([""; 2], |start| ["&start=", start]);
    // In a query a plus is a blank.
    let to = link.address().replace('+', "%2B");
    Some(format!("/c/{}?to={to}{name}{start}", channel.slug))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origins_places_at_the_edge() {
        let head = "GET\nhttps://edge.test/a?b=c\n";
        let table = [
            ("https://shop.co/x?y#z", Some("https://edge.test/x?y#z")),
            ("https://shop.co", Some("https://edge.test/")),
            ("https://shop.co:443/x", Some("https://edge.test/x")),
            ("HTTP://Shop.CO/x", Some("https://edge.test/x")),
            ("//shop.co/x", Some("https://edge.test/x")),
            ("https://u:p@shop.co/x", Some("https://edge.test/x")),
            // Back to where it came from: with the origin's scheme it may have set a cookie, with the other it would not end.
            ("https://shop.co/a?b=c", Some("https://edge.test/a?b=c")),
            ("http://shop.co/a?b=c", None),
            ("https://shop.com/x", None),
            ("https://shop.co.evil.test/x", None),
            ("https://shop.co@evil.test/x", None),
            ("https://shop.co:8443/x", None),
            ("ftp://shop.co/x", None),
            ("shop.co/x", None),
            ("/x?y", None),
            ("x", None),
            ("", None),
        ];
        for (location, there) in table {
            let found = at_edge(location, "https://shop.co", &Caller::read(head));
            assert_eq!(found.as_deref(), there, "{location}");
        }
    }

    #[test]
    fn an_origin_has_its_visitors_by_https() {
        let caller = Caller::read("GET\nhttp://edge.test/a?b=c\n");
        for (location, there) in [
            ("https://shop.co/a?b=c", Some("https://edge.test/a?b=c")),
            ("https://shop.co/x", Some("http://edge.test/x")),
            ("http://shop.co/a?b=c", None),
        ] {
            let found = at_edge(location, "https://shop.co", &caller);
            assert_eq!(found.as_deref(), there, "{location}");
        }
        let root = Caller::read("GET\nhttp://edge.test/\n");
        let found = at_edge("https://shop.co", "https://shop.co", &root);
        assert_eq!(found.as_deref(), Some("https://edge.test/"));
    }
}
