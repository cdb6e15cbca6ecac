use conversions::{Consent, EventType, Outcome, Purpose, Skip};
use serde_json::json;

use crate::*;

#[test]
fn a_purchase_of_which_all_is_known() {
    let request = request(&ga4(), &full(), Purpose::Deliver);
    let url = "https://www.google-analytics.com/mp/collect?measurement_id=G-ABCDEF1234";
    assert_eq!(request.url, url);
    assert_eq!(
        request.target(),
        format!("{url}&api_secret=EAAB-very%2Bsecret%2Ftoken")
    );
    assert!(
        request.body.contains(r#""value":19.90"#),
        "{}",
        request.body
    );
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({
            "client_id": "1234567890.1700000000",
            "user_id": EXTERNAL_ID,
            "timestamp_micros": 1_788_263_910_000_000_u64,
            "ip_override": "203.0.113.7",
            "user_data": {
                "sha256_email_address": [sha("johnsmith@gmail.com")],
                "sha256_phone_number": [sha("+16169547888")],
            },
            "events": [{
                "name": "purchase",
                "params": {
                    "transaction_id": EVENT_ID,
                    "currency": "EUR",
                    "value": 19.9,
                    "content_name": "VIP channel",
                    "page_location": "https://shop.example/vip?utm_source=ads",
                    "page_referrer": "https://www.tiktok.com/",
                    "session_id": "1788263000",
                    "engagement_time_msec": 1,
                },
            }],
        })
    );
}

#[test]
fn a_client_without_a_cookie_is_the_persons_own() {
    // The first two groups of eight digits of EXTERNAL_ID: 0x4a252441, 0x87e2837a.
    let conversion = bare(EventType::Subscribe);
    let sent = body(&ga4(), &conversion);
    assert_eq!(sent["client_id"], "1243948097.2279768954");
    assert_eq!(sent["user_id"], EXTERNAL_ID);
    assert_eq!(sent["events"][0]["name"], "subscribe");
    let keys = ga4().check(&conversion, NOW_MS).unwrap();
    assert_eq!(keys.to_string(), "external_id");
}

#[test]
fn an_event_bears_the_session_of_its_own_stream_for_a_day() {
    let now_s = NOW_MS / 1000;
    let day_s = 24 * 3600;
    let id = now_s - 60;
    let session = |cookies: &str| {
        let mut conversion = full();
        conversion.click.ga_sessions = Some(cookies.to_owned());
        event(&ga4(), &conversion)["params"]["session_id"].clone()
    };
    for (cookies, sent) in [
        (
            format!("_ga_ABCDEF1234=GS1.1.{id}.14.0.{now_s}.0.0.2"),
            Some(id),
        ),
        (
            format!("_ga_ABCDEF1234=GS2.1.s{id}$o14$g0$t{now_s}$j60$l0$h0"),
            Some(id),
        ),
        (format!("_ga_ABCDEF1234=GS2.1.o14$s{id}"), Some(id)),
        (
            format!("_ga_X1=GS2.1.s7$o1; _ga_ABCDEF1234=GS2.1.s{id}$o1"),
            Some(id),
        ),
        (format!("_ga_X1=GS2.1.s{id}$o1"), None),
        (format!("_ga_ABCDEF1234=GS3.1.s{id}$o1"), None),
        ("_ga_ABCDEF1234=GS2.1.sx$o1".to_owned(), None),
        ("_ga_ABCDEF1234=GS1.1".to_owned(), None),
        (
            format!("_ga_ABCDEF1234=GS1.1.{}.1", now_s - day_s + 1),
            Some(now_s - day_s + 1),
        ),
        (format!("_ga_ABCDEF1234=GS1.1.{}.1", now_s - day_s), None),
    ] {
        let sent = sent.map_or(Value::Null, |id| json!(id.to_string()));
        assert_eq!(session(&cookies), sent, "{cookies}");
    }
    let mut conversion = full();
    conversion.click.ga_sessions = Some(format!("_ga_ABCDEF1234=GS1.1.{id}.1"));
    conversion.click.ga_client_id = None;
    let sent = event(&ga4(), &conversion);
    assert_eq!(sent["params"].get("session_id"), None, "nobody's session");
}

#[test]
fn a_test_goes_to_the_door_that_tells_the_truth() {
    let tested = request(&ga4(), &full(), Purpose::Test);
    assert_eq!(
        tested.url,
        "https://www.google-analytics.com/debug/mp/collect?measurement_id=G-ABCDEF1234"
    );
    let body: Value = serde_json::from_str(&tested.body).unwrap();
    assert_eq!(body["validation_behavior"], "ENFORCE_RECOMMENDATIONS");
}

#[test]
fn names_of_custom_events() {
    for (name, sent) in [
        ("Join VIP", Some("Join_VIP")),
        ("paid-twice", Some("paid_twice")),
        (
            "a234567890123456789012345678901234567890",
            Some("a234567890123456789012345678901234567890"),
        ),
        ("a2345678901234567890123456789012345678901", None),
        ("session_start", None),
        ("first-open", None),
        ("ga_x", None),
        ("google trick", None),
        ("firebase_x", None),
    ] {
        let conversion = bare(custom(name));
        match sent {
            Some(sent) => assert_eq!(event(&ga4(), &conversion)["name"], sent),
            None => assert_eq!(
                ga4().check(&conversion, NOW_MS),
                Err(Skip::CustomName(Platform::Ga4)),
                "{name}"
            ),
        }
    }
}

#[test]
fn consent() {
    for (consent, told) in [
        (
            Consent::Granted,
            json!({"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}),
        ),
        (
            Consent::Denied,
            json!({"ad_user_data": "DENIED", "ad_personalization": "DENIED"}),
        ),
        (Consent::Unknown, Value::Null),
    ] {
        assert_eq!(body(&ga4(), &consented(consent))["consent"], told);
    }
}

#[test]
fn answers() {
    let wrong = r#"{"validationMessages":[{"fieldPath":"events.params.value","description":"not a number","validationCode":"VALUE_INVALID"}]}"#;
    for (status, body, meant) in [
        (204, "", Outcome::Sent),
        (200, r#"{"validationMessages":[]}"#, Outcome::Sent),
        (200, wrong, rejected("VALUE_INVALID")),
        (413, "", rejected("413")),
        (429, "", THROTTLED),
        (500, "", RETRY),
        (503, wrong, RETRY),
        (302, "", RETRY),
    ] {
        assert_eq!(outcome(&ga4(), status, body), meant, "{status} {body}");
    }
    let reply = ga4().reply(200, None, wrong);
    assert_eq!(reply.words, "events.params.value: not a number");
}
