use conversions::{Consent, EventType, Outcome, Page, Purpose, RequestError};
use serde_json::json;

use crate::*;

#[test]
fn a_purchase_of_which_all_is_known() {
    let request = request(&meta(), &full(), Purpose::Deliver);
    assert_eq!(
        request.url,
        "https://graph.facebook.com/v25.0/1234567890/events"
    );
    assert_eq!(request.target(), request.url);
    assert_eq!(
        request.headers,
        [("Content-Type", "application/json".to_owned())]
    );
    assert!(
        request.body.contains(r#""value":19.90"#),
        "{}",
        request.body
    );
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({
            "access_token": TOKEN,
            "data": [{
                "event_name": "Purchase",
                "event_time": 1_788_263_910,
                "event_id": EVENT_ID,
                "action_source": "website",
                "event_source_url": "https://shop.example/vip?utm_source=ads",
                "referrer_url": "https://www.tiktok.com/",
                "user_data": {
                    "em": [sha("john.smith@gmail.com")],
                    "ph": [sha("16169547888")],
                    "fn": [sha("john")],
                    "ln": [sha("smith")],
                    "ct": [sha("menlopark")],
                    "st": [sha("ca")],
                    "zp": [sha("94025")],
                    "country": [sha("us")],
                    "db": [sha("19970216")],
                    "ge": [sha("m")],
                    "external_id": [EXTERNAL_ID, sha("crm-17")],
                    "client_ip_address": "203.0.113.7",
                    "client_user_agent": USER_AGENT,
                    "fbc": "fb.1.1788177600000.AbCdEfGh",
                    "fbp": "fb.1.1788000000000.1098115397",
                },
                "custom_data": {"currency": "EUR", "value": 19.9, "content_name": "VIP channel"},
            }],
        })
    );
}

#[test]
fn a_test_goes_by_the_code_or_not_at_all() {
    let tested = request(&meta(), &full(), Purpose::Test);
    let body: Value = serde_json::from_str(&tested.body).unwrap();
    assert_eq!(body["test_event_code"], "TEST12345");
    assert_eq!(body["data"][0]["event_id"], EVENT_ID);

    let settings = meta_api::Settings {
        pixel_id: "1".to_owned(),
        ..Default::default()
    };
    let pixel = meta_api::Pixel::new(settings, Secret::new(TOKEN.to_owned())).unwrap();
    let refused = Destination::Meta(pixel).request(&[&full()], None, Purpose::Test, NOW_MS);
    assert_eq!(refused.unwrap_err(), RequestError::NoTestCode);
}

#[test]
fn an_event_is_of_a_website_only_where_browser_and_page_are_known() {
    let no_page = with(full(), |conversion| conversion.page = Page::default());
    let no_browser = with(full(), |conversion| conversion.click.user_agent = None);
    let no_web_page = with(full(), |conversion| {
        conversion.page.url = Some("about:blank".to_owned());
    });
    for (conversion, source) in [
        (full(), "website"),
        (no_page, "chat"),
        (no_browser, "chat"),
        (no_web_page, "chat"),
    ] {
        assert_eq!(event(&meta(), &conversion)["action_source"], source);
    }
}

#[test]
fn an_old_or_malformed_click_is_left_out() {
    for (cookie, sent) in [
        (fbc(NOW_MS), true),
        (fbc(NOW_MS - 90 * DAY_MS), true),
        (fbc(NOW_MS - 90 * DAY_MS - 1), false),
        ("AbCdEfGh".to_owned(), false),
        (String::new(), false),
    ] {
        let conversion = with(full(), |conversion| {
            conversion.click.fbc = Some(cookie.clone());
        });
        let event = event(&meta(), &conversion);
        assert_eq!(event["user_data"].get("fbc").is_some(), sent, "{cookie}");
    }
}

#[test]
fn consent() {
    let options = |consent, destination: &Destination| {
        let event = event(destination, &consented(consent));
        ["", "_country", "_state"]
            .map(|part| event[format!("data_processing_options{part}")].clone())
    };
    let none = Value::Null;
    assert_eq!(
        options(Consent::Denied, &meta()),
        [json!(["LDU"]), json!(1), json!(1000)]
    );
    assert_eq!(
        options(Consent::Granted, &meta()),
        [json!([]), none.clone(), none.clone()]
    );
    assert_eq!(
        options(Consent::Unknown, &meta()),
        [none.clone(), none.clone(), none]
    );
    let settings = meta_api::Settings {
        pixel_id: "1".to_owned(),
        limited_country: Some(0),
        ..Default::default()
    };
    let pixel = meta_api::Pixel::new(settings, Secret::new(TOKEN.to_owned())).unwrap();
    assert_eq!(
        options(Consent::Denied, &Destination::Meta(pixel)),
        [json!(["LDU"]), json!(0), json!(0)]
    );
}

#[test]
fn a_hash_that_came_as_md5_goes_to_meta_alone() {
    let raw = RawPerson {
        email: Some("0BC83CB571CD1C50BA6F3E8A78EF1346"),
        ..Default::default()
    };
    let conversion = with(full(), |conversion| {
        conversion.person = Person::hash(&raw, None, NOW_MS);
    });
    assert_eq!(
        event(&meta(), &conversion)["user_data"]["em"],
        json!(["0bc83cb571cd1c50ba6f3e8a78ef1346"])
    );
    for (destination, user, field) in [(tiktok(), "user", "email"), (snapchat(), "user_data", "em")]
    {
        assert_eq!(event(&destination, &conversion)[user].get(field), None);
    }
}

#[test]
fn answers() {
    let error =
        |code: i64| format!(r#"{{"error":{{"message":"m","code":{code},"fbtrace_id":"A1"}}}}"#);
    for (code, meant) in [
        (1, RETRY),
        (2, RETRY),
        (341, RETRY),
        (368, RETRY),
        (5000, RETRY),
        (21_009, RETRY),
        (4, THROTTLED),
        (17, THROTTLED),
        (80_003, THROTTLED),
        (10, Outcome::Credentials),
        (102, Outcome::Credentials),
        (190, Outcome::Credentials),
        (3, Outcome::Credentials),
        (200, Outcome::Credentials),
        (294, Outcome::Credentials),
        (100, rejected("100")),
        (105, rejected("105")),
        (999_999, RETRY),
        (-1, RETRY),
    ] {
        assert_eq!(outcome(&meta(), 400, &error(code)), meant, "{code}");
    }
    let sent = r#"{"events_received":1,"messages":[],"fbtrace_id":"A2"}"#;
    for (status, body, meant) in [
        (200, sent, Outcome::Sent),
        (500, sent, RETRY),
        (200, "{}", RETRY),
        (200, "<html>", RETRY),
        (200, "", RETRY),
        (502, "<html>", RETRY),
        (403, "<html>", RETRY),
        (429, "<html>", THROTTLED),
        (429, "{}", THROTTLED),
        (400, r#"{"error":{"code":100,"is_transient":true}}"#, RETRY),
        (
            400,
            r#"{"error":{"code":100,"error_subcode":2804009}}"#,
            rejected("100/2804009"),
        ),
        (
            400,
            r#"{"error":{"code":100,"error_subcode":33,"is_transient":false}}"#,
            Outcome::Credentials,
        ),
        (400, r#"{"error":{}}"#, RETRY),
        (400, r#"{"error":"text"}"#, RETRY),
    ] {
        assert_eq!(outcome(&meta(), status, body), meant, "{status} {body}");
    }
}

#[test]
fn its_words_and_its_id_of_the_request_are_kept_without_the_token() {
    let body = json!({"error": {
        "message": format!("Malformed access token {TOKEN}"),
        "code": 190,
        "error_user_title": "Session\nended",
        "error_user_msg": "x".repeat(600),
        "fbtrace_id": "AbC",
    }});
    let reply = meta().reply(401, None, &body.to_string());
    assert_eq!(reply.request_id.as_deref(), Some("AbC"));
    assert!(
        reply
            .words
            .starts_with("Malformed access token (secret) — Session ended — xxx"),
        "{}",
        reply.words
    );
    assert_eq!(reply.words.chars().count(), 500);
}

#[test]
fn how_long_it_asks_to_wait() {
    let reply = meta().reply(429, Some(30), "{}");
    assert_eq!(reply.outcome, Outcome::Throttled { after_s: Some(30) });
    let reply = meta().reply(503, Some(60), "busy");
    assert_eq!(reply.outcome, Outcome::Retry { after_s: Some(60) });
    assert_eq!(reply.words, "busy");
}

#[test]
fn what_is_not_known_is_left_out() {
    let mut conversion = bare(EventType::Lead);
    conversion.click.fbp = Some("fb.1.1788000000000.1098115397".to_owned());
    assert_eq!(
        event(&meta(), &conversion),
        json!({
            "event_name": "Lead",
            "event_time": 1_788_263_910,
            "event_id": EVENT_ID,
            "action_source": "chat",
            "user_data": {"external_id": [EXTERNAL_ID], "fbp": "fb.1.1788000000000.1098115397"},
        })
    );
}
