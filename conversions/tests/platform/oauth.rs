//! Tokens of Google.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use conversions::Outcome;
use conversions::platform::google::{Credentials, TokenReply};
use serde_json::json;

use crate::*;

const KEY: &[u8] = b"0\x82 what WebCrypto makes of it is not looked at here";

fn service_account() -> Value {
    let base64 = STANDARD.encode(KEY);
    let (first, second) = base64.split_at(32);
    json!({
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": format!("-----BEGIN PRIVATE KEY-----\n{first}\n{second}\n-----END PRIVATE KEY-----\n"),
        "client_email": "edgeway@p.iam.gserviceaccount.com",
        "client_id": "1",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
    })
}

fn user() -> Value {
    json!({
        "type": "authorized_user",
        "client_id": "c1",
        "client_secret": "GOCSPX-secret",
        "refresh_token": "1//secret",
    })
}

fn parsed(json: &Value) -> Credentials {
    Credentials::parse(&json.to_string()).unwrap()
}

#[test]
fn a_service_account_signs_for_a_token() {
    let credentials = parsed(&service_account());
    let Credentials::ServiceAccount(account) = &credentials else {
        panic!("{credentials:?}");
    };
    assert_eq!(account.private_key(), KEY);
    let signed = account.signing_input(NOW_MS);
    let parts: Vec<Value> = signed
        .as_str()
        .split('.')
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(
        parts,
        [
            json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}),
            json!({
                "iss": "edgeway@p.iam.gserviceaccount.com",
                "scope": "https://www.googleapis.com/auth/datamanager",
                "aud": "https://oauth2.googleapis.com/token",
                "iat": NOW_MS / 1000,
                "exp": NOW_MS / 1000 + 3600,
            })
        ]
    );
    let request = account.token_request(&signed, &[0xfb, 0xff]);
    assert_eq!(request.url, "https://oauth2.googleapis.com/token");
    assert_eq!(
        request.body,
        format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}.-_8",
            signed.as_str()
        )
    );
}

#[test]
fn a_refresh_token_is_traded_for_a_token() {
    let credentials = parsed(&user());
    let Credentials::RefreshToken(user) = &credentials else {
        panic!("{credentials:?}");
    };
    let request = user.token_request();
    assert_eq!(request.url, "https://oauth2.googleapis.com/token");
    assert_eq!(
        request.body,
        "grant_type=refresh_token&client_id=c1&client_secret=GOCSPX-secret&refresh_token=1%2F%2Fsecret"
    );
}

#[test]
fn wrong_credentials_are_named_and_not_shown() {
    let with = |mut json: Value, field: &str, value: Value| {
        json[field] = value;
        let why = Credentials::parse(&json.to_string()).unwrap_err();
        assert_eq!(why.field, field);
        assert!(!why.to_string().contains("hush"), "{why}");
    };
    with(service_account(), "type", json!("hush"));
    with(service_account(), "client_email", json!(""));
    with(service_account(), "private_key", json!("hush"));
    with(
        service_account(),
        "private_key",
        json!("-----BEGIN PRIVATE KEY-----\nhush!\n-----END PRIVATE KEY-----"),
    );
    with(
        service_account(),
        "private_key",
        json!("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"),
    );
    with(service_account(), "token_uri", json!("http://hush.example"));
    with(user(), "refresh_token", Value::Null);
    with(user(), "client_secret", Value::Null);
    assert_eq!(Credentials::parse("hush").unwrap_err().field, "credentials");

    for json in [service_account(), user()] {
        let shown = format!("{:?}", parsed(&json));
        for secret in ["GOCSPX", "1//secret", "130"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn answers() {
    let credentials = parsed(&user());
    let read = |status, body: &str| match credentials.token_reply(status, None, body) {
        TokenReply::Token(token) => Ok((token.token.reveal().to_owned(), token.lifetime_s)),
        TokenReply::None(reply) => Err(reply.outcome),
    };
    let token = r#"{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}"#;
    assert_eq!(read(200, token), Ok(("ya29.x".to_owned(), 3599)));
    for (status, body, meant) in [
        (400, r#"{"error":"invalid_grant"}"#, Outcome::Credentials),
        (401, r#"{"error":"invalid_client"}"#, Outcome::Credentials),
        (403, "{}", Outcome::Credentials),
        (400, "{}", RETRY),
        (200, "{}", RETRY),
        (200, r#"{"access_token":""}"#, RETRY),
        (400, token, RETRY),
        (200, "<html>", RETRY),
        (400, r#"{"error":"temporarily_unavailable"}"#, RETRY),
        (429, "{}", THROTTLED),
        (403, r#"{"error":"rate_limit_exceeded"}"#, THROTTLED),
        (500, "", RETRY),
    ] {
        assert_eq!(read(status, body), Err(meant), "{status} {body}");
    }
    let body = r#"{"error":"invalid_grant","error_description":"1//secret was revoked"}"#;
    let TokenReply::None(reply) = credentials.token_reply(400, None, body) else {
        panic!("a token");
    };
    assert_eq!(reply.words, "invalid_grant — (secret) was revoked");
    let cut = r#"{"access_token":"ya29.x","expires_in":35"#;
    let TokenReply::None(reply) = credentials.token_reply(200, None, cut) else {
        panic!("a token");
    };
    assert_eq!(reply.words, "");
}
