//! What the operator should look at though the edge serves everybody: what does not do its work, and why.

use serde::Serialize;

use super::backlog::Backlog;
use super::events::FailedEvents;
use super::webhooks::Webhook;
use super::{AdStatHealth, SiteHealth};
use crate::invites::PoolState;
use crate::outbox::Refusal;

/// Something to look at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Caution {
    /// What it is about.
    about: About,
    /// The site, where it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    website_id: Option<String>,
    /// The channel's slug, the bot's username, the source's or destination's name; the queue, AdStat and what is not known
    /// of all have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// How it stands, in a word or two.
    state: &'static str,
    /// Why, in words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What a caution is about.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum About {
    /// A channel's pool of links.
    Invites,
    /// A bot's webhook at Telegram, or a source of signed webhooks.
    Webhook,
    /// The queue of visits and clicks.
    Queue,
    /// A destination of conversions; AdTarget, where it is owed some.
    Deliveries,
    /// AdStat: its tokens, and what ads cost.
    AdStat,
}

/// All of it; without `refusals` it is not known whether there are any.
pub fn cautions(
    sites: &[SiteHealth<'_>],
    webhooks: &[Webhook],
    failed: Vec<FailedEvents>,
    backlog: &Backlog,
    refusals: Option<Vec<Refusal>>,
    adstat: Option<&AdStatHealth>,
    now_ms: u64,
) -> Vec<Caution> {
    let mut cautions = Vec::new();
    for site in sites {
        for channel in &site.channels {
            let (state, why) = match (&channel.pool, &channel.silence) {
                (Some(pool), _) => match pool.state(channel.pool_size, now_ms) {
                    PoolState::Filled => continue,
                    state => (state.as_str(), pool.last_error().map(str::to_owned)),
                },
                (None, Some(why)) => {
                    let why = [
                        "its links can't be reached, clicks get the channel's own: ",
                        why,
                    ];
                    ("not known", Some(why.concat()))
                }
                (None, None) => continue,
            };
            cautions.push(Caution {
                about: About::Invites,
                website_id: Some(site.website_id.to_owned()),
                name: Some(channel.slug.to_owned()),
                state,
                why,
            });
        }
    }
    for webhook in webhooks {
        if let Some((state, why)) = webhook.fault() {
            cautions.push(Caution {
                about: About::Webhook,
                website_id: None,
                name: Some(webhook.bot().to_owned()),
                state,
                why: why.map(str::to_owned),
            });
        }
    }
    for events in failed {
        cautions.push(Caution {
            about: About::Webhook,
            website_id: Some(events.website_id),
            name: Some(events.source),
            state: "failed",
            why: Some(events.why),
        });
    }
    if let Some(letters) = backlog.dead_letters() {
        cautions.push(Caution {
            about: About::Queue,
            website_id: None,
            name: None,
            state: "dead letters",
            why: Some(format!("messages that were given up: {letters}")),
        });
    }
    if refusals.is_none() {
        cautions.push(Caution {
            about: About::Deliveries,
            website_id: None,
            name: None,
            state: "not known",
            why: Some("the ledger does not say what was refused or given up".to_owned()),
        });
    }
    for refusal in refusals.into_iter().flatten() {
        cautions.push(Caution {
            about: About::Deliveries,
            website_id: Some(refusal.website_id),
            name: Some(refusal.destination),
            state: refusal.state,
            why: Some(refusal.why),
        });
    }
    if let Some(why) = backlog.refusal() {
        cautions.push(Caution {
            about: About::Deliveries,
            website_id: None,
            name: Some("AdTarget".to_owned()),
            state: "refused",
            why: Some(why),
        });
    }
    if let Some((state, why)) = adstat.and_then(AdStatHealth::fault) {
        cautions.push(Caution {
            about: About::AdStat,
            website_id: None,
            name: None,
            state,
            why: Some(why.to_owned()),
        });
    }
    cautions
}
