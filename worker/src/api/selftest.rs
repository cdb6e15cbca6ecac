//! `POST selftest`: one test event to each destination, through the platform's own test door. It counts as no conversion that ads are led by: what
//! Meta takes through its door it keeps, so that event has a name of its own.

use conversions::platform::{Outcome, Platform, Purpose, RequestError};
use conversions::{
    Click, Consent, Conversion, ConversionId, Currency, CustomName, EventType, Money, Page, Person,
    RawPerson, TelegramUserId,
};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;

use super::Call;
use crate::answer::Answer;
use crate::config::Destination;
use crate::destinations;
use crate::edge::Edge;
use crate::error::Error;
use crate::outbox;
use crate::runtime::CONNECTIONS;

/// What one destination said.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tested<'a> {
    website_id: &'a str,
    destination: &'a str,
    platform: &'static str,
    /// Whether it answered.
    reachable: Option<bool>,
    /// Whether it takes the token.
    credentials: Option<bool>,
    /// Whether it would take the event.
    accepted: Option<bool>,
    /// What it said, or why it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// By what it can recognise people.
    match_keys: Vec<&'static str>,
}

/// Tests every destination of every site.
pub async fn run(call: &Call<'_>, id: ConversionId) -> Result<Answer, Error> {
    let edge = call.edge;
    let value = || Money::parse("1", Currency::parse("USD").ok()?).ok();
    let samples: Vec<Conversion> = EVENTS
        .into_iter()
        .filter_map(|event| sample(id, event, value(), edge.now_ms))
        .collect();
    let own_name = CustomName::parse(OWN_NAME).ok().map(EventType::Custom);
    let named: Vec<Conversion> = own_name
        .and_then(|event| sample(id, event, None, edge.now_ms))
        .into_iter()
        .collect();
    let all = destinations(edge.env).all();
    let tests = all.map(|(website_id, to)| {
        let samples = match to.account.platform() {
            Platform::Meta => &named,
            _ => &samples,
        };
        test(edge, website_id, to, samples)
    });
    let tested: Vec<Tested<'_>> = futures_util::stream::iter(tests)
        .buffered(CONNECTIONS)
        .collect()
        // Repeating it does no harm: a test is no conversion.
        .await;
    Ok(Answer::json(200, &json!({ "destinations": tested })))
}

async fn test<'a>(
    edge: &Edge<'_>,
    website_id: &'a str,
    destination: &'a Destination,
    samples: &[Conversion],
) -> Tested<'a> {
    let account = &destination.account;
    // An account may name only some kinds of event.
    let keys_of = |sample: &Conversion| account.check(sample, edge.now_ms);
    let fitting = samples.iter().find(|sample| keys_of(sample).is_ok());
    let sample = fitting.or(samples.first());
    let keys = sample
        .and_then(|sample| keys_of(sample).ok())
        .unwrap_or_default();
    let mut tested = Tested {
        website_id,
        destination: &destination.name,
        platform: account.platform().as_str(),
        reachable: None,
        credentials: None,
        accepted: None,
        message: None,
        match_keys: keys.iter().map(|key| key.as_str()).collect(),
    };
    // Repeating it does no harm: a test is no conversion.
    let told = outbox::tell(
        edge.env,
        website_id,
        destination,
        sample.as_slice(),
        Purpose::Test,
    )
    .await;
    let reply = match told {
        Ok(reply) => reply,
        Err(why) => {
            tested.message = Some(match why {
                RequestError::Skip { skip, .. } => skip.to_string(),
                why => why.to_string(),
            });
            return tested;
        }
    };
    let answered = !reply.words.starts_with(outbox::NO_ANSWER);
    tested.reachable = Some(answered);
    (tested.credentials, tested.accepted) = match reply.outcome {
        Outcome::Sent | Outcome::Taken => (Some(true), Some(true)),
        Outcome::Rejected { .. } | Outcome::KindRefused => (Some(true), Some(false)),
        Outcome::Credentials => (Some(false), Some(false)),
        Outcome::Retry { .. } | Outcome::Throttled { .. } => (None, Some(false)),
    };
    tested.message = Some(reply.words).filter(|words| !words.is_empty());
    tested
}

/// The kinds of event that a destination may take, tried in that order.
const EVENTS: [EventType; 4] = [
    EventType::Lead,
    EventType::CompleteRegistration,
    EventType::Purchase,
    EventType::Subscribe,
];

/// The event's name at Meta, which does not drop what comes with a `test_event_code`: "They flow into Events Manager and are used for targeting and ads
/// measurement purposes" (Conversions API, "Using the API").
const OWN_NAME: &str = "EdgewaySelfTest";

/// An event of nobody, with all that a platform can match by.
fn sample(
    id: ConversionId,
    event: EventType,
    value: Option<Money>,
    now_ms: u64,
) -> Option<Conversion> {
    let lead = TelegramUserId::new(1).ok()?;
    let mut sample = Conversion::new(id, event, value, now_ms, lead).ok()?;
    let raw = RawPerson {
        email: Some("selftest@example.com"),
        phone: Some("+12025550123"),
        first_name: Some("Self"),
        last_name: Some("Test"),
        country: Some("US"),
        ..RawPerson::default()
    };
    sample.person = Person::hash(&raw, None, now_ms);
    let told = |text: &str| Some(text.to_owned());
    sample.click = Click {
        fbc: Some(format!("fb.1.{now_ms}.EdgewaySelfTest")),
        fbp: Some(format!("fb.1.{now_ms}.1234567890")),
        ttclid: told("EdgewaySelfTest"),
        gclid: told("EdgewaySelfTest"),
        sccid: told("11111111-1111-4111-8111-111111111111"),
        tgclid: told("EdgewaySelfTest"),
        ga_client_id: told("1234567890.1700000000"),
        // An address of documentation (RFC 5737): nobody's.
        ip: told("203.0.113.1"),
        user_agent: told(
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
        ),
        ..Click::default()
    };
    sample.page = Page {
        url: told("https://example.com/"),
        referrer: None,
    };
    sample.consent = Consent::Granted;
    Some(sample)
}
