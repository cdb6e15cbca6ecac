//! What each platform is asked and what its answers mean.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests"
)]

mod ga4;
mod google;
mod meta;
mod oauth;
mod properties;
mod rules;
mod settings;
mod snapchat;
mod telegram_ads;
mod tiktok;

use conversions::platform::{ga4 as ga4_api, google as google_api, meta as meta_api};
use conversions::platform::{
    snapchat as snapchat_api, telegram_ads as telegram_api, tiktok as tiktok_api,
};
use conversions::{
    Click, Consent, Conversion, ConversionId, Currency, CustomName, Destination, EventType, Hash,
    MatchKey, MatchKeys, Money, Outcome, Page, Person, Platform, Purpose, RawPerson, Request,
    Secret, TelegramUserId,
};
use serde_json::Value;

/// Tue, 01 Sep 2026 12:00:00 GMT.
const NOW_MS: u64 = 1_788_264_000_000;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The token of every destination here.
const TOKEN: &str = "EAAB-very+secret/token";
const BEARER: &str = "ya29.a0-very-secret";

/// echo -n 5123456789 | sha256sum
const EXTERNAL_ID: &str = "4a25244187e2837ae40589beb68b8df811c403144882704040f735ce8be0985c";

const USER_AGENT: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)";

fn custom(name: &str) -> EventType {
    EventType::Custom(CustomName::parse(name).unwrap())
}

fn eur(number: &str) -> Money {
    Money::parse(number, Currency::parse("EUR").unwrap()).unwrap()
}

/// A conversion of 90 s ago of which nothing more is known.
fn bare(event: EventType) -> Conversion {
    let value = (event == EventType::Purchase).then(|| eur("19.9"));
    Conversion::new(
        ConversionId::parse("000102030405060708090a0b0c0d0e0f").unwrap(),
        event,
        value,
        NOW_MS - 90_000,
        TelegramUserId::new(5_123_456_789).unwrap(),
    )
    .unwrap()
}

const EVENT_ID: &str = "adtarget_000102030405060708090a0b0c0d0e0f";

/// A conversion, but for a change.
fn with(mut conversion: Conversion, change: impl FnOnce(&mut Conversion)) -> Conversion {
    change(&mut conversion);
    conversion
}

/// A Purchase of which all is known.
fn full() -> Conversion {
    of_whom_all_is_known(EventType::Purchase)
}

/// A conversion of which all is known.
fn of_whom_all_is_known(event: EventType) -> Conversion {
    let raw = RawPerson {
        email: Some("John.Smith@gmail.com"),
        phone: Some("+1 (616) 954-78 88"),
        first_name: Some("John"),
        last_name: Some("Smith"),
        city: Some("Menlo Park"),
        state: Some("California"),
        zip: Some("94025"),
        country: Some("United States"),
        birth_date: Some("2/16/1997"),
        gender: Some("male"),
        external_id: Some("crm-17"),
    };
    let text = |value: &str| Some(value.to_owned());
    let mut conversion = bare(event);
    conversion.content_name = text("VIP channel");
    conversion.person = Person::hash(&raw, None, NOW_MS);
    conversion.click = Click {
        fbc: Some(fbc(NOW_MS - DAY_MS)),
        fbp: text("fb.1.1788000000000.1098115397"),
        ttclid: text("E.C.P.abc"),
        ttp: text("2F7h37YkS1j57AYSKTI7IHhJPYH"),
        gclid: text("Cj0KCQ"),
        gbraid: None,
        wbraid: None,
        ga_client_id: text("1234567890.1700000000"),
        ga_sessions: text("_ga_ABCDEF1234=GS2.1.s1788263000$o2$g1$t1788263900$j60$l0$h0"),
        sccid: text("a3f4b5c6-d7e8-9012-3456-7890abcdef12"),
        scid: text("f1e2d3c4-0000-4000-8000-000000000000"),
        tgclid: text("tg+click/1"),
        ip: text("203.0.113.7"),
        country: text("US"),
        user_agent: text(USER_AGENT),
    };
    conversion.page = Page {
        url: text("https://shop.example/vip?utm_source=ads"),
        referrer: text("https://www.tiktok.com/"),
    };
    conversion
}

fn fbc(created_ms: u64) -> String {
    format!("fb.1.{created_ms}.AbCdEfGh")
}

/// The SHA-256 of a normalised value.
fn sha(normalised: &str) -> String {
    Hash::of(normalised).as_str().to_owned()
}

fn secret() -> Secret {
    Secret::new(TOKEN.to_owned())
}

fn meta() -> Destination {
    let settings = meta_api::Settings {
        pixel_id: "1234567890".to_owned(),
        test_event_code: Some("TEST12345".to_owned()),
        ..Default::default()
    };
    Destination::Meta(meta_api::Pixel::new(settings, secret()).unwrap())
}

fn tiktok() -> Destination {
    let settings = tiktok_api::Settings {
        pixel_id: "C4ABCDEFGHIJKLMNOPQR".to_owned(),
        test_event_code: Some("TEST67890".to_owned()),
        ..Default::default()
    };
    Destination::TikTok(tiktok_api::Pixel::new(settings, secret()).unwrap())
}

fn snapchat() -> Destination {
    let settings = snapchat_api::Settings {
        pixel_id: "1ec32188-754e-4be2-8e55-c949a984a39f".to_owned(),
        ..Default::default()
    };
    Destination::Snapchat(snapchat_api::Pixel::new(settings, secret()).unwrap())
}

fn google() -> Destination {
    Destination::Google(account())
}

fn account() -> google_api::Account {
    let actions = [
        ("Purchase", "111"),
        ("CompleteRegistration", "222"),
        ("Join VIP", "333"),
    ];
    let settings = google_api::Settings {
        account_id: "123-456-7890".to_owned(),
        login_account_id: Some("987-654-3210".to_owned()),
        conversion_actions: actions
            .map(|(event, id)| (event.to_owned(), id.to_owned()))
            .into(),
        ..Default::default()
    };
    google_api::Account::new(settings).unwrap()
}

fn ga4() -> Destination {
    let settings = ga4_api::Settings {
        measurement_id: "G-ABCDEF1234".to_owned(),
        ..Default::default()
    };
    Destination::Ga4(ga4_api::Stream::new(settings, secret()).unwrap())
}

fn telegram_ads() -> Destination {
    let events = [
        ("Purchase", "Px42-abcd1234"),
        ("CompleteRegistration", "Px42-abcd5678"),
        ("Join VIP", "Px42-abcd9012"),
    ];
    let settings = telegram_api::Settings {
        pixel_id: "Px42".to_owned(),
        events: events
            .map(|(event, id)| (event.to_owned(), id.to_owned()))
            .into(),
        ..Default::default()
    };
    Destination::TelegramAds(telegram_api::Pixel::new(settings).unwrap())
}

/// One of each platform.
fn all() -> [Destination; 6] {
    [
        meta(),
        tiktok(),
        snapchat(),
        google(),
        ga4(),
        telegram_ads(),
    ]
}

fn request(destination: &Destination, conversion: &Conversion, purpose: Purpose) -> Request {
    let bearer = Secret::new(BEARER.to_owned());
    destination
        .request(&[conversion], Some(&bearer), purpose, NOW_MS)
        .unwrap()
}

/// The body of a request to deliver one conversion.
fn body(destination: &Destination, conversion: &Conversion) -> Value {
    let request = request(destination, conversion, Purpose::Deliver);
    serde_json::from_str(&request.body).unwrap()
}

/// The only event in the body of a request to deliver one conversion.
fn event(destination: &Destination, conversion: &Conversion) -> Value {
    let body = body(destination, conversion);
    let events = body.get("data").or(body.get("events")).unwrap();
    let [event] = events.as_array().unwrap().as_slice() else {
        panic!("{events}");
    };
    event.clone()
}

fn consented(consent: Consent) -> Conversion {
    with(full(), |conversion| conversion.consent = consent)
}

fn outcome(destination: &Destination, status: u16, body: &str) -> Outcome {
    destination.reply(status, None, body).outcome
}

const RETRY: Outcome = Outcome::Retry { after_s: None };
const THROTTLED: Outcome = Outcome::Throttled { after_s: None };

fn rejected(code: &str) -> Outcome {
    Outcome::Rejected {
        code: code.to_owned(),
    }
}
