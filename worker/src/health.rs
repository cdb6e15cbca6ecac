//! `GET /healthz`: what is configured and reachable, without a secret. The operator, by the key, sees besides what waits and how Telegram's
//! webhooks stand.

mod backlog;
mod cautions;
mod events;
mod webhooks;

use std::vec;

use serde::Serialize;

use crate::answer::Answer;
use crate::config::{AccessPolicy, AdTarget, Backend, Destinations, InviteMode, Problem, Site};
use crate::destinations;
use crate::edge::Edge;
use crate::error::Error;
use crate::invites::{self, PoolStatus};
use crate::ledger::{self, Database, Row, Statement, Unavailable};
use crate::operator;
use crate::outbox;
use crate::report_settings;
use crate::review;
use crate::runtime::{self, Call, HOUR_MS};
use crate::tokens;
use backlog::Backlog;
use cautions::{Caution, cautions};
use webhooks::Webhook;

/// Answers 200 when all is well, else 503; the body says what is wrong. To the operator it says besides what to look at, and with 200, that
/// the edge is degraded.
pub async fn health(edge: &Edge<'_>) -> Answer {
    // Repeating it does no harm: it counts the call once more.
    match is_the_operators(edge).await {
        // Repeating it does no harm: it reads.
        Ok(is_the_operators) => respond(edge, is_the_operators).await,
        Err(error) => error.into(),
    }
}

/// Whether a call is the operator's; without a key it is anybody's. All but the operator's are counted against their address.
///
/// # Errors
/// `RATE_LIMITED`; as [`operator::check_key`], of a call that bears a key.
async fn is_the_operators(edge: &Edge<'_>) -> Result<bool, Error> {
    if edge.header("authorization").is_empty() {
        // Repeating it does no harm: it counts the call once more.
        return edge.limit_address().await.map(|()| false);
    }
    match operator::check_key(edge) {
        Ok(()) => Ok(true),
        // Repeating it does no harm: it counts the call once more.
        Err(why) => Err(edge.refuse_key(why).await),
    }
}

async fn respond(edge: &Edge<'_>, is_the_operators: bool) -> Answer {
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
    let has_queue = edge.binding("RECORDS").is_some();
    // Repeating it does no harm: it reads.
    let deliveries = known(outbox::statuses(edge.env, config, edge.now_ms).await);
    let destinations = destinations(edge.env);
    // Nobody but the operator can mend those.
    let are_refused =
        (deliveries.iter().flatten()).any(|status| status.needs_the_operator(destinations));
    let problems: Vec<_> = (config.problems.iter())
        .chain(review(edge.env))
        .chain(&destinations.problems)
        .chain(&report_settings(edge.env).problems)
        .collect();
    let is_well = reachable.is_ok() && has_queue && problems.is_empty() && !are_refused;
    let bound = |name| {
        if edge.binding(name).is_some() {
            "bound"
        } else {
            "not bound"
        }
    };
    let adstat = match &config.adstat {
        Some(_) => Some(AdStatHealth::of(edge).await),
        None => None,
    };
    let mut pools = invites::statuses(edge.env, config).await.into_iter();
    let sites = (config.sites.iter()).map(|site| SiteHealth::of(site, destinations, &mut pools));
    let sites: Vec<_> = sites.collect();
    let operators = match is_the_operators {
        true => {
            // Repeating it does no harm: both read.
            let webhooks = webhooks::webhooks(edge).await;
            let backlog = Backlog::of(edge, deliveries.as_deref()).await;
            // Repeating it does no harm: it reads.
            let refusals = known(outbox::refusals(edge.env, config, edge.now_ms).await);
            let failed = known(events::failed_events(edge).await).unwrap_or_default();
            let adstat = adstat.as_ref();
            let now_ms = edge.now_ms;
            let cautions = cautions(
                &sites, &webhooks, failed, &backlog, refusals, adstat, now_ms,
            );
            Some(Operators {
                webhooks,
                backlog,
                cautions,
            })
        }
        false => None,
    };
    let is_degraded = (operators.as_ref()).is_some_and(|operators| !operators.cautions.is_empty());
    let body = Health {
        status: match (is_well, is_degraded) {
            (true, false) => "ok",
            (true, true) => "degraded",
            (false, _) => "failing",
        },
        version: env!("CARGO_PKG_VERSION"),
        backend: BackendHealth {
            name: backend,
            reachable: reachable.is_ok(),
        },
        bindings: Bindings {
            ledger: bound(ledger::DATABASE),
            queue: bound("RECORDS"),
            invites: bound(invites::POOLS),
            tokens: bound(tokens::KEEPER),
            rate_limit_address: bound("RATE_LIMIT_ADDRESS"),
            rate_limit_visitor: bound("RATE_LIMIT_VISITOR"),
            rate_limit_key: bound("RATE_LIMIT_KEY"),
            assets: bound("ASSETS"),
        },
        settings: Settings {
            prefix: &config.prefix,
            site_origin: (config.front.as_ref())
                .filter(|_| is_the_operators)
                .map(|front| front.origin.as_str()),
            edge_capture: config.front.as_ref().map(|front| front.capture),
            respect_gpc: config.respect_gpc,
            require_consent: config.require_consent,
            respect_dnt: config.respect_dnt,
            operator_key: set(config.operator_key.is_ok()),
            access: match &config.access {
                AccessPolicy::Off => "off",
                AccessPolicy::Required(_) => "required",
                AccessPolicy::Broken => "broken",
            },
            api_key: set(config.has_api_key),
        },
        sites,
        adstat,
        deliveries,
        operators,
        problems,
    };
    Answer::json(if is_well { 200 } else { 503 }, &body)
}

/// The body.
#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    version: &'static str,
    backend: BackendHealth,
    bindings: Bindings,
    settings: Settings<'a>,
    sites: Vec<SiteHealth<'a>>,
    /// Of destinations for which something waits, or that fail; none: the ledger does not say.
    deliveries: Option<Vec<outbox::Status>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adstat: Option<AdStatHealth>,
    #[serde(flatten)]
    operators: Option<Operators>,
    problems: Vec<&'a Problem>,
}

/// What the operator alone is told.
#[derive(Serialize)]
struct Operators {
    webhooks: Vec<Webhook>,
    backlog: Backlog,
    cautions: Vec<Caution>,
}

#[derive(Serialize)]
struct BackendHealth {
    name: &'static str,
    reachable: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bindings {
    ledger: &'static str,
    queue: &'static str,
    invites: &'static str,
    tokens: &'static str,
    rate_limit_address: &'static str,
    rate_limit_visitor: &'static str,
    rate_limit_key: &'static str,
    assets: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings<'a> {
    prefix: &'a str,
    /// The operator's alone: the site's own server is nobody else's business.
    #[serde(skip_serializing_if = "Option::is_none")]
    site_origin: Option<&'a str>,
    edge_capture: Option<bool>,
    respect_gpc: bool,
    require_consent: bool,
    respect_dnt: bool,
    operator_key: &'static str,
    access: &'static str,
    api_key: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SiteHealth<'a> {
    website_id: &'a str,
    domains: &'a [String],
    cookie_domain: Option<&'a str>,
    channels: Vec<ChannelHealth<'a>>,
    /// Where its conversions go.
    destinations: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelHealth<'a> {
    slug: &'a str,
    channel_id: Option<&'a str>,
    invite: &'static str,
    mode: InviteMode,
    pool: Option<PoolStatus>,
    /// Why it is not known how its pool stands.
    #[serde(skip)]
    silence: Option<String>,
    /// How many links are to be ready.
    pool_size: u32,
}

impl<'a> SiteHealth<'a> {
    /// What is shown of `site`; its channels' pools are the next of `pools`.
    fn of(
        site: &'a Site,
        destinations: &'a Destinations,
        pools: &mut vec::IntoIter<Option<Result<PoolStatus, String>>>,
    ) -> Self {
        let channels = site.channels.iter().map(|channel| {
            let (pool, silence) = match pools.next().flatten().transpose() {
                Ok(pool) => (pool, None),
                Err(why) => {
                    runtime::log_warning(&format!("invites: {}: {why}", channel.slug));
                    (None, Some(why))
                }
            };
            ChannelHealth {
                slug: &channel.slug,
                channel_id: channel.channel_id.as_deref(),
                invite: set(channel.invite.is_some()),
                mode: channel.mode,
                pool,
                silence,
                pool_size: channel.pool_size,
            }
        });
        Self {
            website_id: &site.website_id,
            domains: &site.domains,
            cookie_domain: site.cookie_domain.as_deref(),
            channels: channels.collect(),
            destinations: (destinations.of(&site.website_id).iter())
                .map(|destination| destination.name.as_str())
                .collect(),
        }
    }
}

/// How long what ads cost may not come before the operator is told, in ms: it is asked for once an hour, and anew every five minutes where that fails.
const BEHIND_MS: u64 = HOUR_MS;

/// How AdStat's tokens stand, without them. None of it is the visitors' affair, so nothing here is failing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdStatHealth {
    /// When the token was fetched, and when it ends, Unix time in ms.
    token_fetched_at: Option<u64>,
    token_expires_at: Option<u64>,
    refresh_token_expires_at: Option<u64>,
    last_error: Option<String>,
    warning: Option<String>,
    /// When what ads cost was last pulled, Unix time in ms.
    pulled_at: Option<u64>,
    /// Why it has not come for more than an hour, in words for the operator.
    #[serde(skip)]
    behind: Option<String>,
}

impl AdStatHealth {
    async fn of(edge: &Edge<'_>) -> Self {
        let status = tokens::status(edge.env, tokens::adstat::KIND).await;
        let status = status.unwrap_or_default();
        // Repeating it does no harm: it reads.
        let pulls = Self::pulls(edge).await;
        let number = |column| pulls.as_ref()?.number(column);
        let why = pulls.as_ref().and_then(|row| row.text("why"));
        let since_ms = number("since_ms").unwrap_or(edge.now_ms);
        let is_behind = edge.now_ms.saturating_sub(since_ms) > BEHIND_MS;
        Self {
            warning: operator::adstat::warning(status.renewal_expires_at, edge.now_ms),
            token_fetched_at: status.token_fetched_at,
            token_expires_at: status.token_expires_at,
            refresh_token_expires_at: status.renewal_expires_at,
            last_error: status.last_error,
            pulled_at: number("at_ms"),
            behind: why
                .filter(|_| is_behind)
                .map(|why| ["what ads cost does not come: ", why].concat()),
        }
    }

    /// How it fails, or is about to, and why.
    fn fault(&self) -> Option<(&'static str, &str)> {
        let failing = self.last_error.as_deref().map(|why| ("failing", why));
        let behind = || Some(("behind", self.behind.as_deref()?));
        let expiring = || Some(("expiring", self.warning.as_deref()?));
        failing.or_else(behind).or_else(expiring)
    }

    /// When what ads cost was last pulled, since when it fails, and why.
    async fn pulls(edge: &Edge<'_>) -> Option<Row> {
        let statement = Statement::new(include_str!("health/pulls.sql"), &true).ok()?;
        let database = Database::bound(edge.env, ledger::DATABASE).ok()?;
        // Repeating it does no harm: it reads.
        database.ask(statement).await.ok()?.into_iter().next()
    }
}

/// What the ledger says; the log has why it does not.
fn known<T>(told: Result<T, Unavailable>) -> Option<T> {
    told.inspect_err(|why| runtime::log_error(&format!("healthz: the ledger: {why}")))
        .ok()
}

fn set(is_set: bool) -> &'static str {
    if is_set { "set" } else { "not set" }
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
