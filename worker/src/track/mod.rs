//! The keyless surface that browsers call: visits, late browser ids, clicks, calls of Telegram Ads' pixel.

pub mod click;
pub mod events;
pub mod fields;
pub mod init;
pub mod pixel;
pub mod update_fbp;
pub mod visit;

use attribution::url;

use crate::answer::Answer;
use crate::config::Site;
use crate::edge::Edge;
use crate::error::Error;

/// The body of a call: JSON, as application/json or, from a beacon, as text/plain.
///
/// # Errors
/// `INVALID_PAYLOAD`: of another type; `PAYLOAD_TOO_LARGE`.
pub fn body<'a>(edge: &Edge<'a>) -> Result<&'a [u8], Error> {
    let media_type = edge
        .caller
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !["", "application/json", "text/plain"]
        .iter()
        .any(|known| media_type.eq_ignore_ascii_case(known))
    {
        return Err(Error::InvalidPayload(
            "content-type: expected application/json or text/plain".to_owned(),
        ));
    }
    edge.body.clone()
}

/// What a page may send, asked for ahead (the Fetch standard's preflight).
pub fn preflight() -> Answer {
    Answer::empty(204)
        .header("access-control-allow-methods", "GET, POST, OPTIONS")
        .header("access-control-allow-headers", "content-type")
        .header("access-control-max-age", "86400")
}

/// Checks that a page is the site's: its address, and the Origin that the browser says.
fn check_domain(edge: &Edge<'_>, site: &Site, href: &str) -> Result<String, Error> {
    let host = page_host(href)?;
    if !edge.has_page_on(site, &host) {
        return Err(Error::ForbiddenDomain(host));
    }
    check_origin(edge, site)?;
    Ok(host)
}

/// The host of a page's address, in lower case.
///
/// # Errors
/// `INVALID_PAYLOAD`: not http or https, or no host.
pub fn page_host(href: &str) -> Result<String, Error> {
    let parts = url::split(href)
        .filter(|parts| {
            parts.scheme.eq_ignore_ascii_case("http") || parts.scheme.eq_ignore_ascii_case("https")
        })
        .filter(|parts| !parts.host.is_empty())
        .ok_or_else(|| Error::field("href", "not the address of a page"))?;
    Ok(parts.host.to_ascii_lowercase())
}

/// Checks the Origin that the browser says; none says nothing.
fn check_origin(edge: &Edge<'_>, site: &Site) -> Result<(), Error> {
    match url::split(edge.caller.origin).map(|parts| parts.host) {
        Some(host) if !edge.has_page_on(site, host) => Err(Error::ForbiddenDomain(host.to_owned())),
        _ => Ok(()),
    }
}

/// The caller's Origin, where a site is on it: its pages may read the answer.
pub fn origin_of_site<'a>(edge: &Edge<'a>) -> Option<&'a str> {
    let origin = edge.caller.origin;
    let host = url::split(origin)?.host;
    let is_ours = edge.config.sites.iter().any(|site| site.owns(host));
    is_ours.then_some(origin)
}

/// Lets pages of `origin` read the answer, and tells caches that it differs by origin.
pub fn with_cors(answer: Answer, origin: Option<&str>) -> Answer {
    let answer = answer.header("vary", "origin");
    match origin {
        Some(origin) => answer
            .header("access-control-allow-origin", origin)
            .header("access-control-allow-credentials", "true"),
        None => answer,
    }
}
