//! The delivery log: where each event went, and what became of it.

use crate::runtime::Env;
use conversions::platform::Platform;
use conversions::{ConversionId, MatchKeys};
use serde::Serialize;

use super::attempt::CREDENTIALS;
use super::forecast::send_id;
use super::state::State;
use crate::config::{Config, Destinations};
use crate::ledger::{Database, Row, Rows, Statement, Unavailable};

/// Which sends are meant. All of what is said has to hold; of what is not said, any will do.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Those of these sites.
    pub website_ids: Option<Vec<String>>,
    /// Those of that conversion.
    pub conversion_id: Option<String>,
    /// Those of these ids.
    pub send_ids: Option<Vec<String>>,
    /// Those in that state.
    pub state: Option<State>,
    /// Those to that platform.
    pub platform: Option<&'static str>,
    /// Those to the destination of that name.
    pub destination: Option<String>,
    /// Those made before then, Unix time in ms.
    pub before_ms: Option<u64>,
    /// Those made from then on, Unix time in ms.
    pub from_ms: Option<u64>,
    /// So many at most; of a list, and those made in the same ms as the last of them.
    pub limit: u64,
}

/// A send, as the log shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Send {
    send_id: String,
    conversion_id: String,
    event_id: String,
    website_id: String,
    destination: String,
    platform: String,
    state: String,
    attempts: u64,
    made_at: u64,
    changed_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    match_keys: Vec<&'static str>,
    missing_keys: Vec<&'static str>,
}

impl Send {
    fn of(row: &Row) -> Self {
        let text = |column| row.text(column).unwrap_or_default().to_owned();
        let known = |column| row.text(column).map(str::to_owned);
        let ms = |column| row.number(column).unwrap_or_default();
        let (conversion_id, destination) = (text("conversion_id"), text("destination"));
        let keys = MatchKeys::parse(row.text("match_keys").unwrap_or_default());
        let takes = Platform::parse(&text("platform")).map(Platform::takes);
        let missing = takes.unwrap_or_default().without(keys);
        let is_pending = row.text("state") == Some("pending");
        Self {
            send_id: send_id(&conversion_id, &destination),
            event_id: ConversionId::parse(&conversion_id)
                .map(ConversionId::event_id)
                .unwrap_or_default(),
            website_id: text("website_id"),
            platform: text("platform"),
            state: text("state"),
            attempts: ms("attempts"),
            made_at: ms("made_ms"),
            changed_at: ms("changed_ms"),
            due_at: is_pending.then(|| ms("due_ms")),
            code: known("code"),
            message: known("words"),
            request_id: known("request_id"),
            match_keys: names(keys),
            missing_keys: names(if keys.is_empty() {
                MatchKeys::default()
            } else {
                missing
            }),
            conversion_id,
            destination,
        }
    }
}

fn names(keys: MatchKeys) -> Vec<&'static str> {
    keys.iter().map(|key| key.as_str()).collect()
}

/// The sends that are meant, the latest first.
///
/// # Errors
/// A database's.
pub async fn list(env: &Env, config: &Config, filter: &Filter) -> Result<Vec<Send>, Unavailable> {
    let sql = match filter.conversion_id {
        Some(_) => include_str!("sends_of_conversion.sql"),
        None => include_str!("sends.sql"),
    };
    // Repeating it does no harm: it only reads.
    let rows = Database::newest(env, config, sql, filter, "made_ms", filter.limit).await?;
    Ok(rows.iter().map(Send::of).collect())
}

/// What was replayed.
#[derive(Debug, Default)]
pub struct Replayed {
    /// How many sends are owed anew.
    pub sends: usize,
    /// The sites they belong to.
    pub website_ids: Vec<String>,
}

/// Owes the sends that are meant anew, those alone that are skipped, rejected, refused in part or dead: they are tried for as long as new
/// ones are.
///
/// # Errors
/// A database's; what was replayed before is.
pub async fn replay(
    env: &Env,
    config: &Config,
    filter: &Filter,
    now_ms: u64,
) -> Result<Replayed, Unavailable> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked<'a> {
        #[serde(flatten)]
        filter: &'a Filter,
        now_ms: u64,
    }
    let mut replayed = Replayed::default();
    for binding in config.databases() {
        let statement = Statement::new(include_str!("replay.sql"), &Asked { filter, now_ms })?;
        // Repeating it does no harm: what is owed anew is pending, and is not replayed again.
        for row in Database::bound(env, binding)?.ask(statement).await? {
            replayed.sends += 1;
            let website_id = row.text("website_id").unwrap_or_default();
            if !replayed.website_ids.iter().any(|id| id == website_id) {
                replayed.website_ids.push(website_id.to_owned());
            }
        }
    }
    Ok(replayed)
}

/// What went to a destination, and by what it could recognise people.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchQuality {
    website_id: String,
    destination: String,
    platform: String,
    /// How many were sent.
    sent: u64,
    /// How many keys they told on average.
    average_keys: f64,
    keys: Vec<KeyQuality>,
}

#[derive(Debug, Serialize)]
struct KeyQuality {
    key: &'static str,
    /// With how many it went.
    sent: u64,
    /// With how many it could have gone, and was not known.
    missing: u64,
    /// Sent of all, 0 to 1.
    share: f64,
}

/// How well each destination of those sites could match what it was sent from `filter.from_ms` to `filter.before_ms`.
///
/// # Errors
/// A database's.
pub async fn match_quality(
    env: &Env,
    config: &Config,
    filter: &Filter,
) -> Result<Vec<MatchQuality>, Unavailable> {
    let mut found: Vec<MatchQuality> = Vec::new();
    for binding in config.databases() {
        let statement = Statement::new(include_str!("match_quality.sql"), filter)?;
        // Repeating it does no harm: it only reads.
        for row in Database::bound(env, binding)?.ask(statement).await? {
            let text = |column| row.text(column).unwrap_or_default();
            let sent = row.number("sent").unwrap_or_default();
            let Some(platform) = Platform::parse(text("platform")) else {
                continue;
            };
            let same = |each: &MatchQuality| {
                each.website_id == text("website_id") && each.destination == text("destination")
            };
            let place = found.iter().position(same).unwrap_or(found.len());
            if place == found.len() {
                let keys = platform.takes().iter().map(|key| KeyQuality {
                    key: key.as_str(),
                    sent: 0,
                    missing: 0,
                    share: 0.0,
                });
                found.push(MatchQuality {
                    website_id: text("website_id").to_owned(),
                    destination: text("destination").to_owned(),
                    platform: platform.as_str().to_owned(),
                    sent: 0,
                    average_keys: 0.0,
                    keys: keys.collect(),
                });
            }
            let went = names(MatchKeys::parse(text("match_keys")));
            if let Some(quality) = found.get_mut(place) {
                quality.sent += sent;
                for key in &mut quality.keys {
                    *(if went.contains(&key.key) {
                        &mut key.sent
                    } else {
                        &mut key.missing
                    }) += sent;
                }
            }
        }
    }
    for quality in &mut found {
        let all = quality.sent.max(1) as f64;
        for key in &mut quality.keys {
            key.share = (key.sent as f64 / all * 1_000.0).round() / 1_000.0;
        }
        let told: u64 = quality.keys.iter().map(|key| key.sent).sum();
        quality.average_keys = (told as f64 / all * 100.0).round() / 100.0;
    }
    Ok(found)
}

/// How the deliveries to a destination stand.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The site's public id.
    pub website_id: String,
    /// The destination's name.
    pub destination: String,
    /// How many wait.
    pub pending: u64,
    /// Since when the oldest of them is owed, Unix time in ms.
    pub oldest_at: Option<u64>,
    /// How many of them wait as what the settings name for their kind of event is refused.
    #[serde(skip_serializing_if = "is_none_held")]
    pub held: u64,
    /// How many gave up in the last 7 days.
    pub dead: u64,
    /// Why nothing is sent for now: `UNAVAILABLE`, `THROTTLED` or `CREDENTIALS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}

impl Status {
    /// Whether the destination refuses the token it is called with, or a kind of event. One that is in the settings no more is asked by nobody.
    pub fn needs_the_operator(&self, destinations: &Destinations) -> bool {
        let is_refused = self.held > 0 || self.paused.as_deref() == Some(CREDENTIALS);
        let of_settings = || destinations.named(&self.website_id, &self.destination);
        is_refused && of_settings().is_some()
    }
}

fn is_none_held(held: &u64) -> bool {
    *held == 0
}

/// How the deliveries stand, of destinations for which something waits or that fail.
///
/// # Errors
/// A database's.
pub async fn statuses(env: &Env, config: &Config, now_ms: u64) -> Result<Vec<Status>, Unavailable> {
    let mut statuses = Vec::new();
    for binding in config.databases() {
        let statement = Statement::new(include_str!("statuses.sql"), &now_ms)?;
        // Repeating it does no harm: it only reads.
        let rows = Database::bound(env, binding)?
            .transact(&[statement])
            .await?;
        let rows: Vec<Row> = rows.first().map_or(Ok(Vec::new()), Rows::read)?;
        statuses.extend(rows.iter().map(|row| Status {
            website_id: row.text("website_id").unwrap_or_default().to_owned(),
            destination: row.text("destination").unwrap_or_default().to_owned(),
            pending: row.number("pending").unwrap_or_default(),
            oldest_at: row.number("oldest_ms"),
            held: row.number("held").unwrap_or_default(),
            dead: row.number("dead").unwrap_or_default(),
            paused: row.text("paused").map(str::to_owned),
        }));
    }
    Ok(statuses)
}

/// What a destination refused of late, or was given up for.
#[derive(Debug)]
pub struct Refusal {
    /// The site's public id.
    pub website_id: String,
    /// The destination's name.
    pub destination: String,
    /// What became of it, in a word or two.
    pub state: &'static str,
    /// How many sends, and why the latest of them, in words for people.
    pub why: String,
}

/// What was refused or given up in the last day.
///
/// # Errors
/// A database's.
pub async fn refusals(
    env: &Env,
    config: &Config,
    now_ms: u64,
) -> Result<Vec<Refusal>, Unavailable> {
    let mut refusals = Vec::new();
    for binding in config.databases() {
        let statement = Statement::new(include_str!("refusals.sql"), &now_ms)?;
        // Repeating it does no harm: it only reads.
        for row in Database::bound(env, binding)?.ask(statement).await? {
            let text = |column| row.text(column).unwrap_or_default();
            let count = row.number("count").unwrap_or_default();
            let latest = [text("code"), text("words")].join(" ");
            let (state, time) = match text("state") {
                "dead" => ("given up", "in a day"),
                "held" => ("held up", "wait"),
                _ => ("refused", "in a day"),
            };
            refusals.push(Refusal {
                website_id: text("website_id").to_owned(),
                destination: text("destination").to_owned(),
                state,
                why: format!("{count} {time}, the latest: {}", latest.trim()),
            });
        }
    }
    Ok(refusals)
}
