use conversions::{Consent, EventType, Outcome, Purpose};
use serde_json::json;

use crate::*;

#[test]
fn a_purchase_of_which_all_is_known() {
    let request = request(&tiktok(), &full(), Purpose::Deliver);
    assert_eq!(
        request.url,
        "https://business-api.tiktok.com/open_api/v1.3/event/track/"
    );
    assert_eq!(request.target(), request.url);
    assert_eq!(
        request.headers,
        [
            ("Content-Type", "application/json".to_owned()),
            ("Access-Token", TOKEN.to_owned())
        ]
    );
    assert!(
        request.body.contains(r#""value":19.90"#),
        "{}",
        request.body
    );
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({
            "event_source": "web",
            "event_source_id": "C4ABCDEFGHIJKLMNOPQR",
            "data": [{
                "event": "Purchase",
                "event_time": 1_788_263_910,
                "event_id": EVENT_ID,
                "user": {
                    "email": [sha("john.smith@gmail.com")],
                    "phone": [sha("+16169547888")],
                    "first_name": sha("john"),
                    "last_name": sha("smith"),
                    "zip_code": sha("94025"),
                    "external_id": [EXTERNAL_ID, sha("crm-17")],
                    "ttclid": "E.C.P.abc",
                    "ttp": "2F7h37YkS1j57AYSKTI7IHhJPYH",
                    "ip": "203.0.113.7",
                    "user_agent": USER_AGENT,
                },
                "page": {
                    "url": "https://shop.example/vip?utm_source=ads",
                    "referrer": "https://www.tiktok.com/",
                },
                "properties": {"currency": "EUR", "value": 19.9, "content_name": "VIP channel"},
            }],
        })
    );
}

#[test]
fn a_test_goes_by_the_code() {
    let tested = request(&tiktok(), &full(), Purpose::Test);
    let body: Value = serde_json::from_str(&tested.body).unwrap();
    assert_eq!(body["test_event_code"], "TEST67890");
}

#[test]
fn what_is_not_known_is_left_out() {
    let mut conversion = bare(EventType::Lead);
    conversion.click.ttclid = Some("E.C.P.abc".to_owned());
    assert_eq!(
        event(&tiktok(), &conversion),
        json!({
            "event": "SubmitForm",
            "event_time": 1_788_263_910,
            "event_id": EVENT_ID,
            "user": {"external_id": [EXTERNAL_ID], "ttclid": "E.C.P.abc"},
            "properties": {},
        })
    );
}

#[test]
fn consent() {
    for (consent, limited) in [
        (Consent::Denied, json!(true)),
        (Consent::Granted, json!(false)),
        (Consent::Unknown, Value::Null),
    ] {
        let event = event(&tiktok(), &consented(consent));
        assert_eq!(event["limited_data_use"], limited);
    }
}

#[test]
fn answers() {
    let told =
        |code: i64| format!(r#"{{"code":{code},"message":"m","request_id":"2026","data":{{}}}}"#);
    for (status, code, meant) in [
        (200, 0, Outcome::Sent),
        (200, 20_001, Outcome::Sent),
        (200, 40_100, THROTTLED),
        (200, 40_001, Outcome::Credentials),
        (200, 40_105, Outcome::Credentials),
        (401, 40_105, Outcome::Credentials),
        (200, 40_002, rejected("40002")),
        (200, 50_000, RETRY),
        (200, 50_002, RETRY),
        (200, 51_010, RETRY),
        (200, 12_345, RETRY),
        (500, 0, RETRY),
        (429, 12_345, THROTTLED),
    ] {
        assert_eq!(
            outcome(&tiktok(), status, &told(code)),
            meant,
            "{status} {code}"
        );
    }
    for (status, body, meant) in [
        (200, "{}", RETRY),
        (200, r#"{"code":"0"}"#, RETRY),
        (200, "<html>", RETRY),
        (503, "", RETRY),
        (429, "", THROTTLED),
    ] {
        assert_eq!(outcome(&tiktok(), status, body), meant, "{status} {body}");
    }
    let reply = tiktok().reply(200, None, &told(40_002));
    assert_eq!(reply.request_id.as_deref(), Some("2026"));
    assert_eq!(reply.words, "m");
}
