//! What AdStat answers, and logging in.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use adstat::answer::{self, StatsPage};
use adstat::call::Asked;
use adstat::login::{LoggedIn, Renewed, Token, login, renewal};
use adstat::{Call, Failure, Host};
use serde_json::json;

fn call(method: &str, path: &str, query: &str) -> Call {
    let body = "";
    let now_ms = 0;
    Call::read(&Asked {
        method,
        path,
        query,
        body,
        now_ms,
    })
    .unwrap()
}

#[test]
fn documented_answers_are_read_and_what_is_new_in_them_survives() {
    let account = "account_id=ACC1";
    let table = [
        (
            "GET",
            "accounts/telegram/names",
            "",
            json!([{ "account_uid": "ACC1", "name": "Shop", "balance": 1.5, "mode": "x", "is_audience_allowed": true }]),
        ),
        (
            "GET",
            "accounts/telegram",
            "",
            json!({ "items": [{ "account_id": "ACC1", "account_name": "Shop", "new": 1 }] }),
        ),
        (
            "GET",
            "accounts/telegram/ACC1",
            "",
            json!({ "anything": 1 }),
        ),
        (
            "GET",
            "campaigns",
            "",
            json!({ "items": [{ "id": 1, "name": "Spring", "budget": 1 }], "count": 1 }),
        ),
        (
            "GET",
            "v2/advertisement",
            "",
            json!({ "data": [{ "id": 1, "advertisement_title": "a", "ad_text": "b", "campaign_id": 2, "opened": null }] }),
        ),
        (
            "GET",
            "advertisement/telegram/1",
            "",
            json!({ "ad_id": 1, "event": { "tg_id": "x" } }),
        ),
        (
            "GET",
            "advertisement/bots/validate",
            "bots=a&account_id=ACC1",
            json!({ "bots": [{ "id": 1, "title": "A", "url": "t.me/a" }], "errors": [{ "code": "c", "detail": "d", "url": "b" }] }),
        ),
        (
            "POST",
            "v1/advertising/telegram/upload_media",
            account,
            json!({ "media_token": "t", "content_type": "image/jpeg", "error": null }),
        ),
        (
            "POST",
            "v1/advertising/telegram/upload_media",
            account,
            json!({ "media_token": null, "content_type": null, "error": "too large" }),
        ),
        ("GET", "kktu", "", json!({ "items": [] })),
        (
            "GET",
            "pixel_events",
            account,
            json!({ "items": [{ "id": "a", "tg_event_id": "b", "status": "active" }] }),
        ),
        (
            "GET",
            "pixel_events/types",
            "",
            json!({ "items": [{ "type": "purchase", "label": "Purchase" }] }),
        ),
        (
            "GET",
            "pixel_events/ACC1/code_snippet",
            "",
            json!({ "id": "a", "tg_pixel_id": "b", "code_snippet": "<script>" }),
        ),
        (
            "GET",
            "advertisement/telegram/ACC1/audiences",
            "",
            json!([{ "telegram_id": 1, "title": "a" }]),
        ),
    ];
    for (method, path, query, body) in table {
        let call = call(method, path, query);
        assert_eq!(call.check(200, &body.to_string()), Ok(()), "{path}");
        for broken in ["", "<html>", "null", "{\"items\":", "1"] {
            let read = call.check(200, broken);
            assert!(
                matches!(read, Err(Failure::Unreadable(_))),
                "{path}: {broken}"
            );
        }
    }
    let body = r#"{"data":[{"id":1,"advertisement_title":"a","ad_text":null,"campaign_id":2,"cvr":0},{"id":2}],"count":9}"#;
    let ads = answer::ads(200, body).unwrap();
    let told: Vec<_> = ads
        .iter()
        .map(|ad| (ad.id, ad.advertisement_title.as_deref(), ad.campaign_id))
        .collect();
    assert_eq!(told, [(1, Some("a"), Some(2)), (2, None, None)]);
}

#[test]
fn what_a_deletion_answers_matters_not() {
    let delete = call("DELETE", "pixel_events/ACC1/events/e", "");
    assert_eq!(delete.check(204, ""), Ok(()));
    assert_eq!(delete.check(200, "{}"), Ok(()));
    assert!(
        delete
            .check(404, r#"{"detail":"gone","status_code":404}"#)
            .is_err()
    );
}

#[test]
fn errors_come_in_their_own_words() {
    let said = |status, body: &str| answer::success(status, body).unwrap_err().to_string();
    for (status, body, words) in [
        (
            401,
            r#"{"detail":"Token has expired","status_code":401}"#,
            "401: Token has expired",
        ),
        (
            403,
            r#"{"detail":"No","status_code":403,"more":1}"#,
            "403: No",
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","cpm"],"msg":"field required","type":"value_error.missing"},{"loc":["query","bots",0],"msg":"bad"}]}"#,
            "422: cpm: field required; query.bots.0: bad",
        ),
        (500, r#"{"detail":{"a":1}}"#, r#"500: {"a":1}"#),
        (
            502,
            "<html>bad gateway</html>",
            "not an answer of its documentation: 502",
        ),
        (
            400,
            r#"{"error":"x"}"#,
            "not an answer of its documentation: 400",
        ),
        (302, "", "not an answer of its documentation: 302"),
    ] {
        assert_eq!(said(status, body), words);
    }
    assert_eq!(answer::success(201, "x"), Ok("x"));
}

#[test]
fn pages_of_statistics() {
    for (body, rows, cursor) in [
        (r#"{"items":[{"spent":1}],"cursor":"abc"}"#, 1, Some("abc")),
        (r#"{"data":[],"next_cursor":null}"#, 0, None),
        (r#"{"items":[{},{}]}"#, 2, None),
    ] {
        let page = StatsPage::read(200, body).unwrap();
        assert_eq!(
            (page.items.len(), page.cursor.as_deref()),
            (rows, cursor),
            "{body}"
        );
    }
}

#[test]
fn the_number_of_an_ad_that_was_made() {
    for (answer, expected) in [
        (json!({ "ad_id": 7 }), Some(7)),
        (json!({ "id": 7, "status": "ok" }), Some(7)),
        (json!({ "data": { "id": 7 } }), Some(7)),
        (json!({ "ad_id": "7" }), None),
        (json!([7]), None),
    ] {
        assert_eq!(answer::ad_id(&answer), expected);
    }
}

#[test]
fn logging_in_and_renewing() {
    let request = login("buyer@shop.test", "p&ss wörd");
    assert_eq!(
        (request.host, request.method, request.target.as_str()),
        (Host::Client, "POST", "/api/v2/login")
    );
    assert_eq!(
        request.body,
        "username=buyer%40shop.test&password=p%26ss+w%C3%B6rd"
    );
    assert_eq!(
        request.headers,
        [(
            "content-type",
            "application/x-www-form-urlencoded".to_owned()
        )]
    );
    let told = LoggedIn::read(
        200,
        r#"{"user_id":1,"access_token":"a","refresh_token":"r","new":1}"#,
    )
    .unwrap();
    assert_eq!(
        (told.access_token.reveal(), told.refresh_token.reveal()),
        ("a", "r")
    );

    let request = renewal(&told.refresh_token);
    assert_eq!(
        (request.method, request.target.as_str()),
        ("GET", "/api/v2/access-token")
    );
    assert_eq!(request.headers, [("refresh_token", "r".to_owned())]);
    let told = Renewed::read(200, r#"{"access_token":"b","token_type":"bearer"}"#).unwrap();
    assert_eq!(told.access_token.reveal(), "b");
    assert!(Renewed::read(200, r#"{"token_type":"bearer"}"#).is_err());
}

#[test]
fn secrets_are_not_shown() {
    let request = login("buyer", "secret-word");
    let token = Token::new("secret-word".to_owned());
    for shown in [
        format!("{request:?}"),
        format!("{token:?}"),
        format!("{:?}", renewal(&token)),
    ] {
        assert!(
            !shown.contains("secret-word") && !shown.contains("buyer"),
            "{shown}"
        );
    }
}

#[test]
fn a_token_may_say_when_it_ends() {
    let expires = |token: &str| Token::new(token.to_owned()).expires_s();
    // {"sub":"77","exp":1789041600}
    assert_eq!(
        expires("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3NyIsImV4cCI6MTc4OTA0MTYwMH0.sig"),
        Some(1_789_041_600)
    );
    assert_eq!(
        expires("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3NyIsImV4cCI6MTc4OTA0MTYwMH0=.sig"),
        Some(1_789_041_600)
    );
    for opaque in [
        "",
        "abc",
        "a.b.c",
        "a..c",
        "a.eyJzdWIiOiI3NyJ9.c",
        "a.eyJleHAiOi0xfQ.c",
    ] {
        assert_eq!(expires(opaque), None, "{opaque}");
    }
}
