//! A claim on what is due for a destination: a lease on some rows, and what came of them.

use conversions::{
    Click, Consent, Conversion, ConversionId, Currency, EventType, Money, Page, Person,
    TelegramUserId,
};
use serde::{Deserialize, Serialize};

use super::State;
use crate::config::Destination;
use crate::ids::{EventId, entropy};
use crate::ledger::{Database, Row, Rows, Statement, Unavailable};

/// How long a claim holds, in ms: longer than a request may take.
pub const LEASE_MS: u64 = 120_000;

/// After how many failures in a row a destination is left alone.
pub const TRIPS_AT: u64 = 3;

/// A claim: what was due, until when nobody else takes it, and how the destination's circuit stood.
#[derive(Debug)]
pub struct Claim<'a> {
    key: Key<'a>,
    /// What it got.
    pub sends: Vec<Claimed>,
    /// How often the destination failed, in a row.
    pub failures: u64,
    /// Until when the destination is left alone, Unix time in ms; 0: it is not.
    open_ms: u64,
    /// When the first of what this did not get is due, Unix time in ms: of what another has claimed, when that lease is over.
    due_ms: Option<u64>,
}

/// What a claim is known by.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Key<'a> {
    website_id: &'a str,
    destination: &'a str,
    claim: String,
    lease_ms: u64,
}

/// A row of a claim, with all that is known of its conversion.
#[derive(Debug, Deserialize)]
pub struct Claimed {
    /// Which conversion.
    pub conversion_id: ConversionId,
    /// Which destination, by its name.
    pub destination: String,
    /// How it stands.
    pub state: State,
    /// When the conversion was told, Unix time in ms.
    pub made_ms: u64,
    /// Since when it is owed, Unix time in ms.
    pub owed_since_ms: u64,
    /// How many requests it was part of.
    pub attempts: u64,
    /// What the latest of them came to.
    pub code: Option<String>,
    /// The same in words.
    pub words: Option<String>,
    telegram_user_id: TelegramUserId,
    event_type: String,
    custom_event_name: Option<String>,
    value_minor: Option<u64>,
    currency: Option<String>,
    content_name: Option<String>,
    event_ms: u64,
    person: String,
    attribution: String,
    client_ip: Option<String>,
    client_user_agent: Option<String>,
    client_country: Option<String>,
    page_url: Option<String>,
    page_referrer: Option<String>,
    consent: Option<String>,
    is_late: u8,
}

/// What the ledger keeps of a click, under the names it keeps it by.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Attribution {
    fbc: Option<String>,
    fbp: Option<String>,
    ttclid: Option<String>,
    ttp: Option<String>,
    gclid: Option<String>,
    gbraid: Option<String>,
    wbraid: Option<String>,
    sccid: Option<String>,
    scid: Option<String>,
    ga: Option<String>,
    #[serde(rename = "gaSessions")]
    ga_sessions: Option<String>,
    tgclid: Option<String>,
}

/// The client id in the cookie `_ga`: its last two parts, a random number and when it was made
/// (`GA1.1.1234567890.1700000000`; <https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference>, `client_id`).
fn ga_client_id(cookie: &str) -> Option<String> {
    let (rest, made) = cookie.rsplit_once('.')?;
    let (version, random) = rest.rsplit_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (version.starts_with("GA") && is_number(random) && is_number(made))
        .then(|| [random, ".", made].concat())
}

impl Claimed {
    /// Whether its click or visit has yet to come through the queue.
    pub fn is_late(&self) -> bool {
        self.is_late != 0
    }

    /// What a platform may be told of it.
    ///
    /// # Errors
    /// In words: what stands in the row is no conversion.
    pub fn conversion(&self) -> Result<Conversion, String> {
        let words = |why: &dyn std::fmt::Display| why.to_string();
        let event = EventType::parse(&self.event_type, self.custom_event_name.as_deref())
            .map_err(|why| words(&why))?;
        let value = match (self.value_minor, &self.currency) {
            (Some(minor), Some(currency)) => {
                let currency = Currency::parse(currency).map_err(|why| words(&why))?;
                Some(Money::from_minor_units(minor, currency).map_err(|why| words(&why))?)
            }
            _ => None,
        };
        let mut conversion = Conversion::new(
            self.conversion_id,
            event,
            value,
            self.event_ms,
            self.telegram_user_id,
        )
        .map_err(|why| words(&why))?;
        conversion.content_name.clone_from(&self.content_name);
        conversion.person =
            serde_json::from_str::<Person>(&self.person).map_err(|why| words(&why))?;
        let known: Attribution =
            serde_json::from_str(&self.attribution).map_err(|why| words(&why))?;
        conversion.click = Click {
            fbc: known.fbc,
            fbp: known.fbp,
            ttclid: known.ttclid,
            ttp: known.ttp,
            gclid: known.gclid,
            gbraid: known.gbraid,
            wbraid: known.wbraid,
            sccid: known.sccid,
            scid: known.scid,
            ga_client_id: known.ga.as_deref().and_then(ga_client_id),
            ga_sessions: known.ga_sessions,
            tgclid: known.tgclid,
            ip: self.client_ip.clone().filter(|ip| !ip.is_empty()),
            user_agent: self
                .client_user_agent
                .clone()
                .filter(|text| !text.is_empty()),
            country: self.client_country.clone().filter(|text| !text.is_empty()),
        };
        conversion.page = Page {
            url: self.page_url.clone(),
            referrer: self.page_referrer.clone(),
        };
        conversion.consent = Consent::parse(self.consent.as_deref()).unwrap_or_default();
        Ok(conversion)
    }
}

/// What became of some sends of a claim.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fate {
    /// How they stand now.
    pub state: State,
    /// Of pending ones: when they are to be tried next, Unix time in ms.
    pub due_ms: Option<u64>,
    /// How many may go together next time.
    pub batch_limit: Option<usize>,
    /// 1 where a request was made, else 0.
    pub attempted: u8,
    /// Why.
    pub code: Option<String>,
    /// The same in words.
    pub words: Option<String>,
    /// The platform's id of the request.
    pub request_id: Option<String>,
    /// Which, and what they told of the person and the click.
    pub sends: Vec<(ConversionId, Option<String>)>,
}

/// How a destination's circuit is to stand.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Circuit {
    /// How often it failed, in a row.
    pub failures: u64,
    /// Until when it is left alone, Unix time in ms.
    pub open_ms: u64,
    /// Why.
    pub code: &'static str,
    /// What it said.
    pub words: String,
}

impl<'a> Claim<'a> {
    /// Claims what is due for a destination at `now_ms` (Unix ms), `limit` sends at most.
    ///
    /// # Errors
    /// The ledger's. What was claimed all the same is due again when the lease is over.
    pub async fn take(
        database: &Database,
        website_id: &'a str,
        destination: &'a Destination,
        limit: usize,
        now_ms: u64,
    ) -> Result<Self, Unavailable> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Asked<'a> {
            #[serde(flatten)]
            key: &'a Key<'a>,
            now_ms: u64,
            limit: usize,
            trips_at: u64,
        }
        let entropy = entropy().map_err(|why| Unavailable::new(why.to_string()))?;
        let key = Key {
            website_id,
            destination: &destination.name,
            claim: EventId::new(entropy).to_string(),
            lease_ms: now_ms + LEASE_MS,
        };
        let asked = Asked {
            key: &key,
            now_ms,
            limit,
            trips_at: TRIPS_AT,
        };
        let statements = [
            Statement::new(include_str!("claim.sql"), &asked)?,
            Statement::new(
                "SELECT * FROM outbox
                 WHERE website_id = ?1 ->> 'websiteId' AND destination = ?1 ->> 'destination' AND state = 'pending'
                   AND due_ms = ?1 ->> 'leaseMs' AND claim = ?1 ->> 'claim'",
                &asked,
            )?,
            Statement::new(include_str!("standing.sql"), &asked)?,
        ];
        // Repeating it does no harm: another claim gets what this one did not.
        let rows = database.transact(&statements).await?;
        let sends = rows.get(1).map_or(Ok(Vec::new()), Rows::read)?;
        let standing = rows.get(2).map(Rows::first::<Row>).transpose()?.flatten();
        let number = |column| standing.as_ref().and_then(|row| row.number(column));
        Ok(Self {
            key,
            sends,
            failures: number("failures").unwrap_or_default(),
            open_ms: number("open_ms").unwrap_or_default(),
            due_ms: number("due_ms"),
        })
    }

    /// When something may go that this claim did not get, Unix time in ms; none: nothing is left.
    pub fn next_ms(&self) -> Option<u64> {
        self.due_ms.map(|due_ms| due_ms.max(self.open_ms))
    }

    /// Writes down what became of it, and how the circuit stands; no circuit: as before, or closed where the destination
    /// `took` what it was sent.
    ///
    /// # Errors
    /// The ledger's; then it is due again when the lease is over.
    pub async fn settle(
        &self,
        database: &Database,
        fates: &[Fate],
        circuit: Option<&Circuit>,
        took: bool,
        now_ms: u64,
    ) -> Result<(), Unavailable> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Told<'a> {
            #[serde(flatten)]
            key: &'a Key<'a>,
            fates: &'a [Fate],
            circuit: Option<&'a Circuit>,
            now_ms: u64,
        }
        let told = Told {
            key: &self.key,
            fates,
            circuit,
            now_ms,
        };
        let mut statements = vec![Statement::new(include_str!("settle.sql"), &told)?];
        if circuit.is_some() {
            statements.push(Statement::new(include_str!("trip.sql"), &told)?);
        } else if took && self.failures > 0 {
            statements.push(Statement::new(
                "DELETE FROM circuits WHERE website_id = ?1 ->> 'websiteId' AND destination = ?1 ->> 'destination'",
                &told,
            )?);
        }
        // Repeating it does no harm: a send that is settled is pending no more.
        database.transact(&statements).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_id_is_read_from_google_analytics_cookie() {
        for (cookie, client_id) in [
            ("GA1.1.1234567890.1700000000", Some("1234567890.1700000000")),
            ("GA1.2-2.7.8", Some("7.8")),
            ("GS2.1.7.8", None),
            ("GA1.1.7.", None),
            ("GA1.1.7.x", None),
            ("GA1", None),
            ("", None),
        ] {
            assert_eq!(ga_client_id(cookie).as_deref(), client_id, "{cookie}");
        }
    }
}
