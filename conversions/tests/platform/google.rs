use conversions::platform::google::{RequestStatus, Verdict};
use conversions::{Consent, EventType, Outcome, Purpose, RequestError, Skip};
use serde_json::json;

use crate::*;

#[test]
fn a_purchase_of_which_all_is_known() {
    let request = request(&google(), &full(), Purpose::Deliver);
    assert_eq!(
        request.url,
        "https://datamanager.googleapis.com/v1/events:ingest"
    );
    assert_eq!(
        request.headers,
        [
            ("Content-Type", "application/json".to_owned()),
            ("Authorization", format!("Bearer {BEARER}"))
        ]
    );
    assert!(
        request.body.contains(r#""conversionValue":19.90"#),
        "{}",
        request.body
    );
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({
            "destinations": [{
                "reference": "111",
                "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
                "loginAccount": {"accountType": "GOOGLE_ADS", "accountId": "9876543210"},
                "productDestinationId": "111",
            }],
            "events": [{
                "destinationReferences": ["111"],
                "transactionId": EVENT_ID,
                "eventTimestamp": "2026-09-01T11:58:30.000Z",
                "eventSource": "WEB",
                "adIdentifiers": {
                    "gclid": "Cj0KCQ",
                    "landingPageDeviceInfo": {"userAgent": USER_AGENT, "ipAddress": "203.0.113.7"},
                },
                "userData": {"userIdentifiers": [
                    {"emailAddress": sha("johnsmith@gmail.com")},
                    {"phoneNumber": sha("+16169547888")},
                ]},
                "currency": "EUR",
                "conversionValue": 19.9,
            }],
            "encoding": "HEX",
            "validateOnly": false,
        })
    );
}

#[test]
fn each_kind_of_event_is_a_conversion_action() {
    let join = of_whom_all_is_known(EventType::CompleteRegistration);
    let bearer = Secret::new(BEARER.to_owned());
    let request = google()
        .request(
            &[&full(), &join, &full()],
            Some(&bearer),
            Purpose::Deliver,
            NOW_MS,
        )
        .unwrap();
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let destinations: Vec<_> = body["destinations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|destination| destination["productDestinationId"].clone())
        .collect();
    assert_eq!(destinations, ["111", "222"]);
    let of_events: Vec<_> = body["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["destinationReferences"].clone())
        .collect();
    assert_eq!(of_events, [json!(["111"]), json!(["222"]), json!(["111"])]);

    let lead = of_whom_all_is_known(EventType::Lead);
    let skip = Skip::NoEvent(Platform::Google);
    assert_eq!(google().check(&lead, NOW_MS), Err(skip));
    assert_eq!(
        google()
            .request(&[&full(), &lead], Some(&bearer), Purpose::Deliver, NOW_MS)
            .unwrap_err(),
        RequestError::Skip { index: 1, skip }
    );
}

#[test]
fn a_test_is_validated_only() {
    let tested = request(&google(), &full(), Purpose::Test);
    let body: Value = serde_json::from_str(&tested.body).unwrap();
    assert_eq!(body["validateOnly"], true);
}

#[test]
fn a_click_has_one_id() {
    let ids = |gclid: &str, gbraid: &str, wbraid: &str| {
        let mut conversion = full();
        let text = |value: &str| Some(value.to_owned());
        conversion.click.gclid = text(gclid);
        conversion.click.gbraid = text(gbraid);
        conversion.click.wbraid = text(wbraid);
        let ids = event(&google(), &conversion)["adIdentifiers"].clone();
        let keys = google().check(&conversion, NOW_MS).unwrap().to_string();
        ["gclid", "gbraid", "wbraid"].map(|name| {
            assert_eq!(keys.contains(name), ids.get(name).is_some(), "{keys}");
            ids.get(name).cloned().unwrap_or_default()
        })
    };
    let none = Value::Null;
    assert_eq!(ids("a", "b", "c"), [json!("a"), none.clone(), none.clone()]);
    assert_eq!(ids("", "b", "c"), [none.clone(), json!("b"), none.clone()]);
    assert_eq!(ids(" ", "", "c"), [none.clone(), none, json!("c")]);
}

#[test]
fn ip_addresses_go_only_from_where_google_takes_them() {
    for (country, sent) in [
        (Some("US"), true),
        (Some("br"), true),
        (Some("DE"), false),
        (Some("gb"), false),
        (Some("CH"), false),
        (Some("NO"), false),
        (Some("XX"), false),
        (Some("T1"), false),
        (Some(""), false),
        (None, false),
    ] {
        let mut conversion = full();
        conversion.click.country = country.map(str::to_owned);
        let device =
            event(&google(), &conversion)["adIdentifiers"]["landingPageDeviceInfo"].clone();
        assert_eq!(device.get("ipAddress").is_some(), sent, "{country:?}");
        assert!(device.get("userAgent").is_some());
        let keys = google().check(&conversion, NOW_MS).unwrap();
        assert_eq!(keys.contains(MatchKey::Ip), sent);
    }
}

#[test]
fn consent() {
    for (consent, told) in [
        (Consent::Granted, json!("CONSENT_GRANTED")),
        (Consent::Denied, json!("CONSENT_DENIED")),
        (Consent::Unknown, Value::Null),
    ] {
        let event = event(&google(), &consented(consent));
        assert_eq!(event["consent"]["adUserData"], told);
        assert_eq!(event["consent"]["adPersonalization"], told);
        assert_eq!(event.get("consent").is_some(), consent != Consent::Unknown);
    }
}

#[test]
fn it_takes_a_bearer_token() {
    let refused = google().request(&[&full()], None, Purpose::Deliver, NOW_MS);
    assert_eq!(refused.unwrap_err(), RequestError::NoBearer);
    let need = |destination: &&Destination| {
        let request = destination.request(&[&full()], None, Purpose::Deliver, NOW_MS);
        request.is_err_and(|why| why == RequestError::NoBearer)
    };
    let all = all();
    let need: Vec<_> = all.iter().filter(need).map(Destination::platform).collect();
    assert_eq!(need, [Platform::Google]);
}

#[test]
fn answers() {
    let error = |status: &str, reason: &str| {
        json!({"error": {
            "code": 400,
            "message": "There was a problem with the request.",
            "status": status,
            "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "datamanager.googleapis.com"},
                {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "t-abc"},
                {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [
                    {"field": "events[0].currency", "description": "Not a currency.", "reason": "INVALID_CURRENCY_CODE"},
                ]},
            ],
        }})
        .to_string()
    };
    for (status, meant) in [
        ("UNAUTHENTICATED", Outcome::Credentials),
        ("PERMISSION_DENIED", Outcome::Credentials),
        ("RESOURCE_EXHAUSTED", THROTTLED),
        ("INVALID_ARGUMENT", rejected("INVALID_CURRENCY_CODE")),
        ("NOT_FOUND", rejected("INVALID_CURRENCY_CODE")),
        ("INTERNAL", RETRY),
        ("UNAVAILABLE", RETRY),
        ("DEADLINE_EXCEEDED", RETRY),
        ("SOMETHING_NEW", RETRY),
    ] {
        assert_eq!(
            outcome(&google(), 400, &error(status, "INVALID_ARGUMENT")),
            meant,
            "{status}"
        );
    }
    for reason in [
        "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
        "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH",
    ] {
        let body = error("INVALID_ARGUMENT", reason);
        assert_eq!(
            outcome(&google(), 400, &body),
            Outcome::Credentials,
            "{reason}"
        );
    }
    for (status, reason) in [
        ("INVALID_ARGUMENT", "INVALID_CONVERSION_ACTION_ID"),
        ("INVALID_ARGUMENT", "INVALID_CONVERSION_ACTION_TYPE"),
        (
            "FAILED_PRECONDITION",
            "CONVERSION_ACTION_TOO_RECENTLY_CREATED",
        ),
    ] {
        let body = error(status, reason);
        assert_eq!(
            outcome(&google(), 400, &body),
            Outcome::KindRefused,
            "{reason}"
        );
    }
    let reply = google().reply(400, None, &error("INVALID_ARGUMENT", "INVALID_ARGUMENT"));
    assert_eq!(reply.request_id.as_deref(), Some("t-abc"));
    assert_eq!(
        reply.words,
        "There was a problem with the request. — events[0].currency: Not a currency."
    );
    for (status, body, meant) in [
        (200, r#"{"requestId":"t-1"}"#, Outcome::Taken),
        (200, "{}", Outcome::Sent),
        (200, "<html>", RETRY),
        (400, "{}", RETRY),
        (401, "{}", Outcome::Credentials),
        (429, "{}", THROTTLED),
        (429, "", THROTTLED),
        (503, "", RETRY),
        (
            400,
            r#"{"error":{"status":"INVALID_ARGUMENT"}}"#,
            rejected("INVALID_ARGUMENT"),
        ),
    ] {
        assert_eq!(outcome(&google(), status, body), meant, "{status} {body}");
    }
    let told = json!({"error": {"status": "UNAUTHENTICATED", "message": format!("bad token {BEARER} given")}});
    let reply = google().reply(401, None, &told.to_string());
    assert_eq!(reply.words, "bad token (secret) given");
}

#[test]
fn what_became_of_a_request_is_asked_by_its_id() {
    let request = account().inquiry("t-1/+=", &Secret::new(BEARER.to_owned()));
    let url = "https://datamanager.googleapis.com/v1/requestStatus:retrieve?requestId=t-1%2F%2B%3D";
    assert_eq!((request.method, request.url.as_str()), ("GET", url));
    assert_eq!(
        request.headers,
        [("Authorization", format!("Bearer {BEARER}"))]
    );
    assert!(!format!("{request:?}").contains(BEARER));
}

#[test]
fn what_became_of_a_request() {
    let errors = |counts: &[(&str, u64)]| {
        let counts: Vec<Value> = counts
            .iter()
            .map(|(reason, count)| {
                json!({"reason": format!("PROCESSING_ERROR_REASON_{reason}"), "recordCount": count.to_string()})
            })
            .collect();
        json!({ "errorCounts": counts })
    };
    let verdict = |status: &str, of: u64, counts: &[(&str, u64)]| {
        let body = json!({"requestStatusPerDestination": [{
            "destination": {"productDestinationId": "111"}, "requestStatus": status,
            "eventsIngestionStatus": {"recordCount": of.to_string()}, "errorInfo": errors(counts),
        }]});
        let read = RequestStatus::read(&body.to_string()).unwrap();
        account().verdict(&read, &EventType::Purchase)
    };
    let counted = || Verdict::Counted {
        words: String::new(),
    };
    let words = |text: &str| format!("Google took the request and then refused {text}");
    assert_eq!(verdict("PROCESSING", 1, &[]), None);
    assert_eq!(verdict("REQUEST_STATUS_UNKNOWN", 1, &[]), None);
    assert_eq!(verdict("SUCCESS", 1, &[]), Some(counted()));
    for name in ["FAILED", "FAILURE"] {
        assert_eq!(
            verdict(name, 3, &[("EVENT_TOO_OLD", 1), ("CLICK_NOT_FOUND", 2)]),
            Some(Verdict::Refused {
                code: "CLICK_NOT_FOUND".to_owned(),
                words: words(
                    "3 of the 3 that went together: CLICK_NOT_FOUND (2), EVENT_TOO_OLD (1)"
                ),
            })
        );
    }
    // A request whose answer was lost was made twice: the first counts.
    assert_eq!(
        verdict("FAILED", 2, &[("DUPLICATE_TRANSACTION_ID", 2)]),
        Some(counted())
    );
    assert_eq!(
        verdict(
            "FAILED",
            2,
            &[("DUPLICATE_TRANSACTION_ID", 1), ("INVALID_GCLID", 1)]
        ),
        Some(Verdict::PartlyRefused {
            words: words("1 of the 2 that went together: INVALID_GCLID (1)"),
        })
    );
    assert_eq!(
        verdict("PARTIAL_SUCCESS", 3, &[("INVALID_GCLID", 1)]),
        Some(Verdict::PartlyRefused {
            words: words("1 of the 3 that went together: INVALID_GCLID (1)"),
        })
    );
    // Nothing is wrong with them; of several, which is not told, but what counts already is known by its id.
    for (status, of, told_before) in [
        ("FAILED", 1, 0),
        ("PARTIAL_SUCCESS", 3, 0),
        ("FAILED", 3, 2),
    ] {
        let counts = [
            ("INTERNAL_ERROR", 1),
            ("DUPLICATE_TRANSACTION_ID", told_before),
        ];
        let counts = &counts[..1 + usize::from(told_before > 0)];
        let failed = words(&format!(
            "1 of the {of} that went together: INTERNAL_ERROR (1)"
        ));
        assert_eq!(
            verdict(status, of, counts),
            Some(Verdict::Failed { words: failed })
        );
    }
    assert_eq!(
        verdict("FAILED", 2, &[("INTERNAL_ERROR", 1), ("INVALID_GCLID", 1)]),
        Some(Verdict::Refused {
            code: "INTERNAL_ERROR".to_owned(),
            words: words("2 of the 2 that went together: INTERNAL_ERROR (1), INVALID_GCLID (1)"),
        })
    );
    let denied = words("1 of the 1 that went together: DENIED_CONSENT (1)");
    assert_eq!(
        verdict("FAILED", 1, &[("DENIED_CONSENT", 1)]),
        Some(Verdict::ConsentDenied { words: denied })
    );
    let denied = words("1 of the 2 that went together: DENIED_CONSENT (1)");
    assert_eq!(
        verdict("PARTIAL_SUCCESS", 2, &[("DENIED_CONSENT", 1)]),
        Some(Verdict::Counted { words: denied })
    );
}

#[test]
fn each_conversion_action_has_an_outcome_of_its_own() {
    let body = r#"{"requestStatusPerDestination": [
        {"destination": {"productDestinationId": "111"}, "requestStatus": "SUCCESS"},
        {"destination": {"productDestinationId": "222"}, "requestStatus": "FAILED"}]}"#;
    let read = RequestStatus::read(body).unwrap();
    let verdict = |event| account().verdict(&read, &event);
    let words = String::new();
    assert_eq!(
        verdict(EventType::Purchase),
        Some(Verdict::Counted { words })
    );
    let refused = verdict(EventType::CompleteRegistration);
    assert!(
        matches!(&refused, Some(Verdict::Refused { code, .. }) if code == "FAILED"),
        "{refused:?}"
    );
    // Of an action that the settings have no more.
    assert_eq!(verdict(EventType::Lead), None);
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"error":{"status":"NOT_FOUND"}}"#,
        "[]",
    ] {
        assert!(RequestStatus::read(body).is_none(), "{body}");
    }
}
