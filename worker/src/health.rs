//! `GET /healthz`: what is configured and reachable, without a secret.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::config::{AdTarget, Backend, Site};
use crate::edge::Edge;
use crate::invites;
use crate::ledger;
use crate::runtime::{self, Call};

/// Answers 200 when all is well, else 503; the body says what is wrong.
pub async fn health(edge: &Edge<'_>) -> Answer {
    let config = edge.config;
    let (backend, reachable) = match &config.backend {
        Backend::Ledger => (
            "ledger",
            ledger::probe(edge.env, config)
                .await
                .map_err(|why| why.to_string()),
        ),
        Backend::AdTarget(adtarget) => ("adtarget", probe(adtarget).await),
    };
    if let Err(why) = &reachable {
        runtime::log_error(&format!("healthz: {backend}: {why}"));
    }
    let mut pools = invites::statuses(edge.env, config).await.into_iter();
    let has_queue = edge.binding("RECORDS").is_some();
    let is_well = reachable.is_ok() && has_queue && config.problems.is_empty();
    let bound = |name| {
        if edge.binding(name).is_some() {
            "bound"
        } else {
            "not bound"
        }
    };
    let body = json!({
        "status": if is_well { "ok" } else { "failing" },
        "version": env!("CARGO_PKG_VERSION"),
        "backend": { "name": backend, "reachable": reachable.is_ok() },
        "bindings": {
            "ledger": bound(ledger::DATABASE),
            "queue": bound("RECORDS"),
            "invites": bound(invites::POOLS),
            "rateLimitAddress": bound("RATE_LIMIT_ADDRESS"),
            "rateLimitVisitor": bound("RATE_LIMIT_VISITOR"),
            "assets": bound("ASSETS"),
        },
        "settings": {
            "prefix": config.prefix,
            "siteOrigin": config.front.as_ref().map(|front| &front.origin),
            "edgeCapture": config.front.as_ref().map(|front| front.capture),
            "respectGpc": config.respect_gpc,
            "respectDnt": config.respect_dnt,
            "apiKey": if config.has_api_key { "set" } else { "not set" },
        },
        "sites": config.sites.iter().map(|each| site(each, &mut pools)).collect::<Vec<_>>(),
        "problems": config.problems,
    });
    Answer::json(if is_well { 200 } else { 503 }, &body)
}

/// A site, and of `pools` its channels'.
fn site(site: &Site, pools: &mut impl Iterator<Item = Value>) -> Value {
    let channels = site.channels.iter().map(|channel| {
        json!({
            "slug": channel.slug,
            "channelId": channel.channel_id,
            "invite": if channel.invite.is_some() { "set" } else { "not set" },
            "mode": channel.mode,
            "pool": pools.next(),
        })
    });
    json!({
        "websiteId": site.website_id,
        "domains": site.domains,
        "cookieDomain": site.cookie_domain,
        "channels": channels.collect::<Vec<_>>(),
    })
}

/// Whether AdTarget's host answers anything at all.
async fn probe(adtarget: &AdTarget) -> Result<(), String> {
    let call = Call {
        url: &adtarget.base,
        method: "HEAD",
        headers: "",
        body: "",
        timeout_ms: adtarget.timeout_ms,
    };
    call.send().await.map(drop)
}
