//! A landing link that names its ad: what the page, and the report after it, know the visit by.

/// What is known of the ad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utm<'a> {
    /// `utm_campaign`; none: it is not known.
    pub campaign: Option<&'a str>,
    /// `utm_content`
    pub content: &'a str,
}

/// The link with `utm_source=telegram`, `utm_medium=cpc` and what `utm` says. Where it has one of the four, that stands.
pub fn decorated(link: &str, utm: Utm<'_>) -> String {
    let (address, fragment) = match link.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (link, None),
    };
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let has = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.any(|(key, _)| key == name)
    };
    let parameters = [
        ("utm_source", Some("telegram")),
        ("utm_medium", Some("cpc")),
        ("utm_campaign", utm.campaign),
        ("utm_content", Some(utm.content)),
    ];
    let mut added = form_urlencoded::Serializer::new(query.trim_end_matches('&').to_owned());
    for (name, value) in parameters.into_iter().filter(|(name, _)| !has(name)) {
        if let Some(value) = value {
            added.append_pair(name, value);
        }
    }
    let mut decorated = path.to_owned();
    let query = added.finish();
    if !query.is_empty() {
        decorated.push('?');
        decorated.push_str(&query);
    }
    if let Some(fragment) = fragment {
        decorated.push('#');
        decorated.push_str(fragment);
    }
    decorated
}
