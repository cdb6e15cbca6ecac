use conversions::{Consent, Outcome, Purpose, Skip};
use serde_json::json;

use crate::*;

#[test]
fn a_purchase_of_which_all_is_known() {
    let request = request(&snapchat(), &full(), Purpose::Deliver);
    let url = "https://tr.snapchat.com/v3/1ec32188-754e-4be2-8e55-c949a984a39f/events";
    assert_eq!(request.url, url);
    assert_eq!(
        request.target(),
        format!("{url}?access_token=EAAB-very%2Bsecret%2Ftoken")
    );
    assert!(
        request.body.contains(r#""value":19.90"#),
        "{}",
        request.body
    );
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({"data": [{
            "event_name": "PURCHASE",
            "event_time": 1_788_263_910,
            "event_id": EVENT_ID,
            "action_source": "WEB",
            "event_source_url": "https://shop.example/vip?utm_source=ads",
            "user_data": {
                "em": [sha("john.smith@gmail.com")],
                "ph": [sha("16169547888")],
                "fn": [sha("john")],
                "ln": [sha("smith")],
                "ct": [sha("menlopark")],
                "st": [sha("ca")],
                "zp": [sha("94025")],
                "country": [sha("us")],
                "ge": [sha("m")],
                "external_id": [EXTERNAL_ID, sha("crm-17")],
                "client_ip_address": "203.0.113.7",
                "client_user_agent": USER_AGENT,
                "sc_click_id": "a3f4b5c6-d7e8-9012-3456-7890abcdef12",
                "sc_cookie1": "f1e2d3c4-0000-4000-8000-000000000000",
            },
            "custom_data": {
                "currency": "EUR",
                "value": 19.9,
                "content_name": "VIP channel",
                "order_id": EVENT_ID,
            },
        }]})
    );
}

#[test]
fn a_test_goes_to_its_own_door() {
    let tested = request(&snapchat(), &full(), Purpose::Test);
    assert!(tested.url.ends_with("/events/validate"), "{}", tested.url);
    assert!(tested.target().contains("/events/validate?access_token="));
}

#[test]
fn consent() {
    for (consent, options) in [
        (Consent::Denied, json!(["LMU"])),
        (Consent::Granted, Value::Null),
        (Consent::Unknown, Value::Null),
    ] {
        let event = event(&snapchat(), &consented(consent));
        assert_eq!(event["data_processing_options"], options);
    }
}

#[test]
fn what_it_needs() {
    let check = |change: fn(&mut Conversion)| {
        let mut conversion = bare(EventType::Lead);
        conversion.page = full().page;
        conversion.click = full().click;
        change(&mut conversion);
        snapchat().check(&conversion, NOW_MS).err()
    };
    assert_eq!(check(|_| {}), None);
    assert_eq!(
        check(|conversion| conversion.click.user_agent = None),
        Some(Skip::NoUserAgent(Platform::Snapchat))
    );
    assert_eq!(
        check(|conversion| conversion.click.ip = None),
        Some(Skip::NoSignal(Platform::Snapchat))
    );
    assert_eq!(
        check(|conversion| conversion.page.url = None),
        Some(Skip::NoPage(Platform::Snapchat))
    );
    let by_email = |conversion: &mut Conversion| {
        conversion.click = Click::default();
        conversion.person.email = Some(Hash::of("a@b.co"));
    };
    assert_eq!(check(by_email), None);
}

#[test]
fn answers() {
    let ok =
        r#"{"status":"OK","request_id":"r1","reason":"Events have been processed successfully."}"#;
    let invalid = r#"{"status":"INVALID","reason":"no good","error_records":[{"reason":"no currency","record_indexes":[0]}]}"#;
    for (status, body, meant) in [
        (200, ok, Outcome::Sent),
        (202, r#"{"status":"VALID"}"#, Outcome::Sent),
        (200, "{}", Outcome::Sent),
        (200, invalid, rejected("INVALID")),
        (200, r#"{"status":"failed"}"#, rejected("failed")),
        (400, invalid, rejected("400")),
        (401, "{}", Outcome::Credentials),
        (403, "{}", Outcome::Credentials),
        (429, "{}", THROTTLED),
        (500, "{}", RETRY),
        (301, "{}", RETRY),
        (200, "<html>", RETRY),
        (400, "<html>", RETRY),
        (200, "", RETRY),
    ] {
        assert_eq!(outcome(&snapchat(), status, body), meant, "{status} {body}");
    }
    let reply = snapchat().reply(400, None, invalid);
    assert_eq!(reply.words, "no good — no currency");
    let reply = snapchat().reply(200, None, ok);
    assert_eq!(reply.request_id.as_deref(), Some("r1"));
    let told = r#"{"reason":"bad access_token=EAAB-very%2Bsecret%2Ftoken"}"#;
    let reply = snapchat().reply(401, None, told);
    assert_eq!(reply.words, "bad access_token=(secret)");
}
