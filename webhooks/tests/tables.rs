//! Rules of signed webhooks, by tables.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use webhooks::redaction::redact;
use webhooks::verification::verify;
use webhooks::{Mapped, Pointer, Reference, Refusal, Source};

const NOW_MS: u64 = 1_649_367_553_000;
const NOW_S: u64 = NOW_MS / 1_000;

fn secret(name: &str) -> Option<String> {
    let secret = match name {
        "SECRET" => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "ROTATED" => {
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
        }
        "PLAIN" => "plain-secret",
        _ => return None,
    };
    Some(secret.to_owned())
}

fn read(source: &Value) -> Result<Source, String> {
    Source::read(0, source.clone(), &secret, &["atid_1"])
}

fn source_of(source: &Value) -> Source {
    read(source).unwrap()
}

fn with(base: &Value, fields: Value) -> Value {
    let mut base = base.clone();
    for (name, value) in fields.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn standard() -> Value {
    json!({
        "source": "shop", "scheme": "standard", "secret": "SECRET",
        "map": { "reference": "/ref", "eventType": { "const": "Lead" } },
    })
}

fn stripe() -> Value {
    json!({ "source": "pay", "scheme": "stripe", "secret": "PLAIN", "preset": "stripe-checkout" })
}

fn plain(hmac: Value) -> Value {
    with(
        &standard(),
        json!({ "scheme": "hmac", "secret": "PLAIN", "hmac": hmac }),
    )
}

fn check(
    source: &Source,
    headers: &[(&str, &str)],
    body: &[u8],
    now_s: u64,
) -> Result<Option<String>, Refusal> {
    let header = |name: &str| {
        let found = headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| (*value).to_owned())
            .unwrap_or_default()
    };
    verify(source, &header, body, now_s)
}

fn hex(key: &str, signed: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    base16ct::lower::encode_string(&mac.finalize().into_bytes())
}

#[test]
fn the_published_vector_of_standard_webhooks() {
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const GOOD: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    let source = source_of(&standard());
    let by = |source: &Source, id: &str, time: &str, signature: &str, body: &[u8], now_s: u64| {
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", time),
            ("webhook-signature", signature),
        ];
        check(source, &headers, body, now_s)
    };
    const TIME: &str = "1649367553";
    let good = Ok(Some(ID.to_owned()));
    assert_eq!(by(&source, ID, TIME, GOOD, BODY, NOW_S), good);
    assert_eq!(
        by(&source, ID, TIME, GOOD.trim_end_matches('='), BODY, NOW_S),
        good
    );
    let several = format!("v1a,AAAA v1,AAAA {GOOD} v1,!!");
    assert_eq!(by(&source, ID, TIME, &several, BODY, NOW_S), good);
    let rotated = source_of(&with(&standard(), json!({ "secret": "ROTATED" })));
    assert_eq!(by(&rotated, ID, TIME, GOOD, BODY, NOW_S), good);

    for (now_s, verdict) in [
        (NOW_S + 300, good.clone()),
        (NOW_S - 300, good.clone()),
        (NOW_S + 301, Err(Refusal::Stale)),
        (NOW_S - 301, Err(Refusal::Early)),
    ] {
        assert_eq!(by(&source, ID, TIME, GOOD, BODY, now_s), verdict, "{now_s}");
    }
    for (id, time, signature, body, verdict) in [
        ("msg_other", TIME, GOOD, BODY, Refusal::Wrong),
        (ID, "1649367554", GOOD, BODY, Refusal::Wrong),
        (ID, TIME, GOOD, &b"{}"[..], Refusal::Wrong),
        (ID, TIME, "v1,", BODY, Refusal::Wrong),
        (ID, TIME, "", BODY, Refusal::Wrong),
        (
            ID,
            TIME,
            "v2,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            BODY,
            Refusal::Wrong,
        ),
        (
            ID,
            TIME,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3",
            BODY,
            Refusal::Wrong,
        ),
        ("", TIME, GOOD, BODY, Refusal::Malformed),
        (ID, "", GOOD, BODY, Refusal::Malformed),
        (ID, "+1649367553", GOOD, BODY, Refusal::Malformed),
        (ID, "1649367553.0", GOOD, BODY, Refusal::Malformed),
        (ID, "99999999999999999999", GOOD, BODY, Refusal::Malformed),
    ] {
        assert_eq!(
            by(&source, id, time, signature, body, NOW_S),
            Err(verdict),
            "{id} {time} {signature}"
        );
    }
}

#[test]
fn stripe_signs_time_and_body() {
    let source = source_of(&stripe());
    let good = hex("plain-secret", "1649367553.{}");
    let other = hex("another-secret", "1649367553.{}");
    let by = |header: String, now_s| check(&source, &[("Stripe-Signature", &header)], b"{}", now_s);
    assert_eq!(
        by(format!("t=1649367553,v1={good},v0=abc"), NOW_S),
        Ok(None)
    );
    assert_eq!(
        by(
            format!("t=1649367553, v1={other}, v1={}", good.to_uppercase()),
            NOW_S
        ),
        Ok(None)
    );
    assert_eq!(
        by(format!("t=1649367553,v1={good}"), NOW_S + 301),
        Err(Refusal::Stale)
    );
    assert_eq!(
        by(format!("t=1649367553,v1={good}"), NOW_S - 301),
        Err(Refusal::Early)
    );
    assert_eq!(
        by(format!("t=1649367552,v1={good}"), NOW_S),
        Err(Refusal::Wrong)
    );
    assert_eq!(
        by(format!("t=1649367553,v1={other}"), NOW_S),
        Err(Refusal::Wrong)
    );
    assert_eq!(
        by(format!("t=1649367553,v0={good}"), NOW_S),
        Err(Refusal::Wrong)
    );
    assert_eq!(by(format!("v1={good}"), NOW_S), Err(Refusal::Malformed));
    assert_eq!(by(String::new(), NOW_S), Err(Refusal::Malformed));
}

#[test]
fn plain_hmac_signs_what_its_template_says() {
    let github = source_of(&plain(
        json!({ "signatureHeader": "X-Hub-Signature-256", "encoding": "hex", "prefix": "sha256=" }),
    ));
    let signature = format!("sha256={}", hex("plain-secret", "{}"));
    let by = |signature: &str, body: &[u8]| {
        check(&github, &[("x-hub-signature-256", signature)], body, NOW_S)
    };
    assert_eq!(by(&signature, b"{}"), Ok(None));
    assert_eq!(by(&signature, b"{ }"), Err(Refusal::Wrong));
    assert_eq!(by(&signature[7..], b"{}"), Err(Refusal::Malformed));
    assert_eq!(check(&github, &[], b"{}", NOW_S), Err(Refusal::Malformed));

    let slack = source_of(&plain(json!({
        "signatureHeader": "X-Signature", "timestampHeader": "X-Time", "idHeader": "X-Id", "encoding": "hex", "prefix": "v0=",
        "signed": "v0:{timestamp}:{id}:{body}",
    })));
    let by = |time: &str, id: &str, now_s| {
        let signature = format!(
            "v0={}",
            hex("plain-secret", &format!("v0:{time}:{id}:{{}}"))
        );
        check(
            &slack,
            &[("x-signature", &signature), ("x-time", time), ("x-id", id)],
            b"{}",
            now_s,
        )
    };
    assert_eq!(by("1649367553", "e1", NOW_S), Ok(Some("e1".to_owned())));
    assert_eq!(by("1649367553000", "e1", NOW_S), Ok(Some("e1".to_owned())));
    assert_eq!(by("1649367553", "e1", NOW_S + 301), Err(Refusal::Stale));
    assert_eq!(by("1649367553", "", NOW_S), Err(Refusal::Malformed));
    assert_eq!(by("1649367553", "e 1", NOW_S), Err(Refusal::Malformed));
}

#[test]
fn wrong_settings_are_named_and_no_value_is_repeated() {
    let table = [
        (json!({ "sorce": "x" }), "shop: sorce: no such field"),
        (json!({ "source": "a/b" }), "0: source: expected letters"),
        (
            json!({ "scheme": "hidden" }),
            "shop: scheme: expected standard, stripe or hmac",
        ),
        (json!({ "scheme": "hmac" }), "shop: hmac: required"),
        (
            json!({ "hmac": { "signatureHeader": "x", "encoding": "hex" } }),
            "shop: hmac: goes with scheme hmac alone",
        ),
        (
            json!({ "secret": "whsec_hidden" }),
            "shop: secret: expected the name of the setting",
        ),
        (
            json!({ "secret": "HIDDEN" }),
            "shop: secret: the setting that it names is not set",
        ),
        (
            json!({ "secret": "PLAIN" }),
            "shop: secret: expected whsec_ and base64",
        ),
        (
            json!({ "websiteId": "hidden" }),
            "shop: websiteId: no such site here",
        ),
        (
            json!({ "preset": "stripe-checkout" }),
            "shop: preset: goes with scheme stripe alone",
        ),
        (
            json!({ "when": { "type": ["hidden"] } }),
            "shop: when: expected JSON Pointers",
        ),
        (
            json!({ "when": { "/type": "hidden" } }),
            "shop: when: expected JSON Pointers",
        ),
        (
            json!({ "eventId": "/id" }),
            "shop: eventId: scheme standard has an id of its own",
        ),
        (
            json!({ "map": { "eventType": { "const": "Lead" } } }),
            "shop: map.reference: expected this",
        ),
        (
            json!({ "map": { "reference": "/ref" } }),
            "shop: map.eventType: missing",
        ),
        (
            json!({ "map": { "reference": "ref", "eventType": { "const": "Lead" } } }),
            "shop: map.reference: expected a JSON Pointer",
        ),
        (
            json!({ "map": { "reference": "/a~2", "eventType": { "const": "Lead" } } }),
            "shop: map.reference: expected a JSON Pointer",
        ),
        (
            json!({ "map": { "reference": "/ref", "eventType": { "const": "hidden" } } }),
            "shop: map.eventType: must be Lead",
        ),
        (
            json!({ "map": { "reference": "/ref", "eventType": { "const": "Custom" } } }),
            "shop: map.customEventName: required",
        ),
        (
            json!({ "map": { "reference": "/ref", "eventType": { "at": "/t", "table": { "a": "hidden" } } } }),
            "shop: map.eventType: must be Lead",
        ),
        (
            json!({ "map": { "reference": "/ref", "eventType": { "const": "Lead", "at": "/hidden" } } }),
            "shop: map.eventType: expected",
        ),
        (
            json!({ "map": { "reference": "/ref", "eventType": { "const": "Lead" }, "value": "/v" } }),
            "shop: map.currency: required with value",
        ),
        (
            json!({ "map": { "reference": "/ref", "eventType": { "const": "Lead" }, "value": "/v", "currency": { "const": "QQQ" } } }),
            "shop: map.currency: not a currency",
        ),
        (
            json!({ "map": { "reference": "/ref", "eventType": { "const": "Lead" }, "valueIn": "hidden" } }),
            "shop: map.valueIn: expected",
        ),
        (
            json!({ "map": { "reference": "/ref", "eventType": { "const": "Lead" }, "mail": "/x" } }),
            "shop: map.mail: no such field",
        ),
    ];
    for (fields, expected) in table {
        let problem = read(&with(&standard(), fields)).unwrap_err();
        assert!(problem.starts_with(expected), "{expected}: {problem}");
        assert!(!problem.to_lowercase().contains("hidden"), "{problem}");
    }
    for (hmac, expected) in [
        (
            json!({ "encoding": "hex" }),
            "shop: hmac.signatureHeader: missing",
        ),
        (
            json!({ "signatureHeader": "a b", "encoding": "hex" }),
            "shop: hmac.signatureHeader: expected a header's name",
        ),
        (
            json!({ "signatureHeader": "x" }),
            "shop: hmac.encoding: missing",
        ),
        (
            json!({ "signatureHeader": "x", "encoding": "hex", "signed": "{id}" }),
            "shop: hmac.signed: expected a template with {body}",
        ),
        (
            json!({ "signatureHeader": "x", "encoding": "hex", "idHeader": "x-id" }),
            "shop: hmac.idHeader: goes with",
        ),
        (
            json!({ "signatureHeader": "x", "encoding": "hex", "signed": "{timestamp}.{body}" }),
            "shop: hmac.timestampHeader: goes with",
        ),
    ] {
        let problem = read(&plain(hmac)).unwrap_err();
        assert!(problem.starts_with(expected), "{expected}: {problem}");
    }
    let unnamed = Source::read(0, standard(), &secret, &["a", "b"]).unwrap_err();
    assert_eq!(
        unnamed,
        "shop: websiteId: required where there is not one site"
    );
    let all = json!([
        standard(),
        standard(),
        7,
        with(&stripe(), json!({ "secret": "NONE" })),
        stripe()
    ]);
    let (sources, problems) = Source::read_all(&all.to_string(), &secret, &["atid_1"]);
    let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["shop", "pay"], "what is right stands");
    assert_eq!(
        problems,
        [
            "shop: named twice",
            "2: expected an object",
            "pay: secret: the setting that it names is not set"
        ]
    );
    for json in ["{}", "not JSON"] {
        let (_, problems) = Source::read_all(json, &secret, &["atid_1"]);
        assert_eq!(problems, ["expected a JSON list of objects"]);
    }
    let shown = format!("{:?}", source_of(&stripe()));
    assert!(shown.contains("SigningKey") && !shown.contains("plain-secret"));
}

fn mapped(map_: Value, payload: &Value) -> Result<Mapped, String> {
    let source = source_of(&with(&standard(), json!({ "map": map_ })));
    source
        .mapping
        .map(payload, NOW_MS)
        .map_err(|why| why.to_string())
}

#[test]
fn references_are_a_user_or_a_visitor() {
    const TEMP_ID: &str = "6e1f0d1c-0000-4000-8000-000000000001";
    let reference = |map_: Value, payload: Value| {
        let map_ = with(&map_, json!({ "eventType": { "const": "Lead" } }));
        mapped(map_, &payload).map(|mapped| match mapped.lead {
            Reference::User(id) => id.to_string(),
            Reference::Visitor(id) => id.to_string(),
        })
    };
    let any = || json!({ "reference": ["/a", "/b/0"] });
    assert_eq!(reference(any(), json!({ "a": 42 })).as_deref(), Ok("42"));
    assert_eq!(
        reference(any(), json!({ "a": " 42 " })).as_deref(),
        Ok("42")
    );
    assert_eq!(
        reference(any(), json!({ "a": TEMP_ID.to_uppercase() })).as_deref(),
        Ok(TEMP_ID)
    );
    assert_eq!(
        reference(any(), json!({ "a": "order-7", "b": ["43"] })).as_deref(),
        Ok("43")
    );
    assert_eq!(
        reference(any(), json!({ "a": null, "b": [43] })).as_deref(),
        Ok("43")
    );
    assert_eq!(
        reference(
            json!({ "telegramUserId": "/a", "tempId": "/b" }),
            json!({ "b": TEMP_ID })
        )
        .as_deref(),
        Ok(TEMP_ID)
    );
    for payload in [
        json!({ "a": "joe@example.com" }),
        json!({ "a": 4.5 }),
        json!({ "a": "0" }),
        json!({ "a": "4503599627370496" }),
    ] {
        assert_eq!(
            reference(any(), payload).unwrap_err(),
            "reference: neither a Telegram user's id nor a tempId"
        );
    }
    assert_eq!(
        reference(json!({ "telegramUserId": "/a" }), json!({ "a": TEMP_ID })).unwrap_err(),
        "telegramUserId: neither a Telegram user's id nor a tempId"
    );
    for payload in [
        json!({}),
        json!({ "a": "" }),
        json!({ "a": { "b": 1 } }),
        json!([1]),
        json!("42"),
        Value::Null,
    ] {
        assert_eq!(
            reference(any(), payload).unwrap_err(),
            "reference: missing: nothing says whose it is"
        );
    }
}

#[test]
fn amounts_are_exact() {
    let value = |value_in: &str, value: Value, currency: &str| {
        let map_ = json!({
            "reference": { "const": 1 }, "eventType": { "const": "Lead" }, "value": "/v", "valueIn": value_in, "currency": "/c",
        });
        mapped(map_, &json!({ "v": value, "c": currency }))
            .map(|mapped| mapped.value.map(|money| money.to_string()))
    };
    let is = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(value("major", json!(19.9), "eur"), is("19.90 EUR"));
    assert_eq!(value("major", json!("19.90"), "EUR"), is("19.90 EUR"));
    assert_eq!(value("major", json!(0.07), "EUR"), is("0.07 EUR"));
    assert_eq!(
        value("major", json!(123_456_789_012.35), "EUR"),
        is("123456789012.35 EUR")
    );
    assert_eq!(value("major", json!(500), "JPY"), is("500 JPY"));
    assert_eq!(value("minor", json!(1990), "EUR"), is("19.90 EUR"));
    assert_eq!(value("minor", json!("1990"), "KWD"), is("1.990 KWD"));
    assert_eq!(value("minor", json!(1990), "JPY"), is("1990 JPY"));
    assert_eq!(value("major", Value::Null, "EUR"), Ok(None));
    for (value_in, amount, currency, why) in [
        (
            "major",
            json!(19.999),
            "EUR",
            "value: more decimals than the currency has",
        ),
        ("major", json!(-1), "EUR", "value: below zero"),
        ("major", json!("a lot"), "EUR", "value: not a number"),
        (
            "major",
            json!(1),
            "QQQ",
            "currency: not a currency code of ISO 4217",
        ),
        ("major", json!(1), "", "currency: missing beside a value"),
        (
            "minor",
            json!(19.9),
            "EUR",
            "value: not a whole number of minor units",
        ),
        (
            "minor",
            json!(-5),
            "EUR",
            "value: not a whole number of minor units",
        ),
    ] {
        assert_eq!(value(value_in, amount, currency), Err(why.to_owned()));
    }
}

#[test]
fn times_in_three_spellings() {
    let time = |time: Value| {
        let map_ = json!({ "reference": { "const": 1 }, "eventType": { "const": "Lead" }, "eventTime": "/t" });
        mapped(map_, &json!({ "t": time })).map(|mapped| mapped.event_ms)
    };
    for told in [
        json!(1_649_367_553),
        json!("1649367553"),
        json!(1_649_367_553_000_u64),
        json!("2022-04-07T21:39:13Z"),
        json!("2022-04-07T23:39:13.000+02:00"),
    ] {
        assert_eq!(time(told.clone()), Ok(Some(NOW_MS)), "{told}");
    }
    assert_eq!(time(json!(1_649_367_552.5)), Ok(Some(NOW_MS - 1_000)));
    assert_eq!(
        time(json!(1_700_000_000)),
        Ok(Some(NOW_MS)),
        "what is not yet did not happen"
    );
    assert_eq!(time(Value::Null), Ok(None));
    for wrong in [
        json!("yesterday"),
        json!("2022-04-07"),
        json!(-5),
        json!("1969-01-01T00:00:00Z"),
        json!("NaN"),
        json!("1.5e300"),
    ] {
        assert!(
            time(wrong.clone()).unwrap_err().starts_with("eventTime: "),
            "{wrong}"
        );
    }
}

#[test]
fn event_types_by_table() {
    let map_ = || {
        json!({
            "reference": { "const": "1" }, "customEventName": "/name",
            "eventType": { "at": "/type", "table": { "order.paid": "Lead", "trial": "Custom" } },
        })
    };
    let event = |payload: Value| mapped(map_(), &payload).map(|mapped| mapped.event_type.as_str());
    assert_eq!(event(json!({ "type": "order.paid" })), Ok("Lead"));
    assert_eq!(
        event(json!({ "type": "trial", "name": "Trial begun" })),
        Ok("Custom")
    );
    assert_eq!(
        event(json!({ "type": "trial" })).unwrap_err(),
        "customEventName: required with eventType Custom"
    );
    assert_eq!(
        event(json!({ "type": "Lead" })).unwrap_err(),
        "eventType: missing, or not in its table"
    );
}

#[test]
fn stripes_amounts_follow_its_own_digits() {
    let source = source_of(&stripe());
    let paid = |amount: u64, currency: &str| {
        let payload = json!({ "created": 1_649_367_000, "data": { "object": {
            "amount_total": amount, "currency": currency, "client_reference_id": "42", "metadata": {},
        } } });
        source
            .mapping
            .map(&payload, NOW_MS)
            .map(|mapped| mapped.value.unwrap().to_string())
            .map_err(|why| why.to_string())
    };
    for (amount, currency, is) in [
        (1990, "eur", "19.90 EUR"),
        (500, "jpy", "500 JPY"),
        (500, "isk", "5 ISK"),
        (500, "ugx", "5 UGX"),
        (1045, "huf", "10.45 HUF"),
        (80_000, "twd", "800.00 TWD"),
        (5120, "kwd", "5.120 KWD"),
        (500, "mga", "500.00 MGA"),
        (0, "usd", "0.00 USD"),
    ] {
        assert_eq!(paid(amount, currency).as_deref(), Ok(is));
    }
    assert_eq!(
        paid(550, "isk").unwrap_err(),
        "value: more decimals than the currency has"
    );
}

#[test]
fn stripes_presets_take_metadata_before_the_shops_own_reference() {
    let source = source_of(&stripe());
    let payload = json!({ "created": 1_649_367_000, "data": { "object": {
        "amount_total": 1990, "currency": "eur", "client_reference_id": "42", "metadata": { "telegram_user_id": "43" },
        "customer_details": { "email": " Ada@Example.com ", "phone": "+4915112345678", "name": "Ada King Lovelace",
            "address": { "city": "New York", "state": "NY", "postal_code": "10001-2345", "country": "US" } },
    } } });
    let mapped = source.mapping.map(&payload, NOW_MS).unwrap();
    assert!(matches!(mapped.lead, Reference::User(id) if id.get() == 43));
    assert_eq!(
        (mapped.event_type.as_str(), mapped.event_ms),
        ("Purchase", Some(1_649_367_000_000))
    );
    let person = source.mapping.person(&payload, None, NOW_MS);
    let hash = |text| Some(conversions::Hash::of(text));
    assert_eq!(person.email, hash("ada@example.com"));
    assert_eq!(person.phone_e164, hash("+4915112345678"));
    assert_eq!(
        (person.first_name, person.last_name),
        (hash("ada"), hash("kinglovelace"))
    );
    assert_eq!(
        (person.city, person.state, person.zip, person.country),
        (hash("newyork"), hash("ny"), hash("10001"), hash("us"))
    );
    assert!(source.when.len() == 2 && source.event_id.unwrap().as_str() == "/id");
}

#[test]
fn what_names_a_person_is_taken_out() {
    let mut payload = json!({
        "id": "evt_1234567890", "type": "order.paid", "created": 1_649_367_553, "at": "2022-04-07T21:39:13Z", "paid": true, "none": null,
        "ref": "7654321098", "temp": "6e1f0d1c-0000-4000-8000-000000000001", "amount": "19.90", "productName": "Gold", "state": "CA",
        "email": "ada@example.com", "customerEmail": "x", "billing_address": { "line1": "Main St 1", "zip": 94105 }, "name": "Ada",
        "lastName": "King", "first_name": "Ada", "contacts": [1], "phone": 4_915_112_345_678_u64, "contact": { "id": 7 },
        "note": "call +49 (151) 123-456-78 now", "url": "https://x.test/?e=ada%40example.com", "digits": "4915112345678",
        "two": "+49 151 12345678, +49 30 1234567", "glued": "tel:+16169547888x5", "deep": [{ "a": "mail ada@example.com" }], "ada@example.com": 1,
        "handle": "@shop", "price": "12 EUR", "order": "A-1001", "ort": "Wien", "kunde": { "id": 9 },
        "chat": "-1001234567890", "customer": "cust-2024-000123", "course": "2025-0001234", "caller": "+49 151 12345678", "other": "-1001234567890",
    });
    let places = [
        "/ref",
        "/temp",
        "/amount",
        "/at",
        "/contact/id",
        "/email",
        "/chat",
        "/customer",
        "/course",
        "/caller",
    ]
    .map(|place| Pointer::parse(place).unwrap());
    let kept: Vec<_> = places.iter().collect();
    let places =
        ["/ort", "/kunde/id", "/nowhere", "/none"].map(|place| Pointer::parse(place).unwrap());
    redact(&mut payload, &kept, &places.iter().collect::<Vec<_>>());
    assert_eq!(
        payload,
        json!({
            "id": "evt_1234567890", "type": "order.paid", "created": 1_649_367_553, "at": "2022-04-07T21:39:13Z", "paid": true, "none": null,
            "ref": "7654321098", "temp": "6e1f0d1c-0000-4000-8000-000000000001", "amount": "19.90", "productName": "Gold", "state": "[removed]",
            "email": "[removed]", "customerEmail": "[removed]", "billing_address": { "line1": "[removed]", "zip": "[removed]" }, "name": "[removed]",
            "lastName": "[removed]", "first_name": "[removed]", "contacts": ["[removed]"], "phone": "[removed]", "contact": { "id": 7 },
            "note": "[removed]", "url": "[removed]", "digits": "[removed]",
            "two": "[removed]", "glued": "[removed]", "deep": [{ "a": "[removed]" }], "[removed]": 1,
            "handle": "@shop", "price": "12 EUR", "order": "A-1001", "ort": "[removed]", "kunde": { "id": "[removed]" },
            "chat": "-1001234567890", "customer": "cust-2024-000123", "course": "2025-0001234", "caller": "[removed]", "other": "[removed]",
        })
    );
}
