//! What will become of a conversion that was just written down, as far as that is known at once.

use std::collections::BTreeMap;

use crate::runtime::Env;
use conversions::ConversionId;
use serde::Serialize;
use serde_json::{Value, json};

use super::attempt::check;
use super::claim::{Claimed, Fate};
use super::state::State;
use crate::config::Site;
use crate::destinations;
use crate::ledger::{Database, Statement, Unavailable};

/// One delivery to one platform, as the contract's answer has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheduled {
    /// Its id.
    pub send_id: String,
    /// `meta`, `tiktok`, `snapchat` …
    pub platform: &'static str,
}

/// What will become of a conversion.
#[derive(Debug, Default)]
pub struct Forecast {
    /// The deliveries that are scheduled, or done.
    pub sends: Vec<Scheduled>,
    /// Why there are no others, in words, each beginning with a destination's name.
    pub skipped: Vec<String>,
}

/// What will become of a conversion of `site`. What can't be sent is marked as skipped at once.
///
/// # Errors
/// The ledger's.
pub async fn forecast(
    env: &Env,
    site: &Site,
    conversion_id: ConversionId,
    now_ms: u64,
) -> Result<Forecast, Unavailable> {
    let mut forecast = Forecast::default();
    let destinations = destinations(env).of(&site.website_id);
    if destinations.is_empty() {
        return Ok(forecast);
    }
    let database = Database::bound(env, site.database())?;
    let sends: Vec<Claimed> = database
        .rows(
            "SELECT * FROM outbox WHERE conversion_id = ?1 ->> '$'",
            &conversion_id,
        )
        .await?;
    let mut skipped: BTreeMap<&str, Fate> = BTreeMap::new();
    for destination in destinations {
        let Some(send) = sends
            .iter()
            .find(|send| send.destination == destination.name)
        else {
            continue;
        };
        let refusal = match send.state {
            State::Skipped => send.words.clone(),
            State::Pending if !send.is_late() => match check(destination, send, now_ms) {
                Ok(_) => None,
                Err(why) => {
                    let fate = Fate {
                        state: State::Skipped,
                        code: Some(why.code.to_owned()),
                        words: Some(why.words.clone()),
                        sends: vec![(conversion_id, None)],
                        ..Fate::default()
                    };
                    skipped.insert(&destination.name, fate);
                    Some(why.words)
                }
            },
            _ => None,
        };
        match refusal {
            Some(why) => (forecast.skipped).push(format!("{}: {why}", destination.name)),
            None => forecast.sends.push(Scheduled {
                send_id: send_id(conversion_id, &destination.name),
                platform: destination.account.platform().as_str(),
            }),
        }
    }
    if !skipped.is_empty() {
        let settle = |(destination, fate): (&&str, &Fate)| {
            let told: Value = json!({ "destination": destination, "claim": null, "fates": [fate], "nowMs": now_ms });
            Statement::new(include_str!("settle.sql"), &told)
        };
        let statements = skipped.iter().map(settle).collect::<Result<Vec<_>, _>>()?;
        // Repeating it does no harm: what is skipped is pending no more.
        database.transact(&statements).await?;
    }
    Ok(forecast)
}

/// The id of a send: the conversion's, and the destination's name.
pub fn send_id(conversion: impl std::fmt::Display, destination: &str) -> String {
    format!("{conversion}_{destination}")
}
