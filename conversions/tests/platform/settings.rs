//! A wrong setting is named.

use conversions::platform::{SettingError, ga4, google, meta, snapchat, telegram_ads, tiktok};
use serde::de::DeserializeOwned;

use crate::*;

fn settings<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|why| panic!("{json}: {why}"))
}

fn wrong<T>(built: Result<T, SettingError>) -> String {
    built.err().map(|why| why.to_string()).unwrap_or_default()
}

#[test]
fn what_each_setting_must_be() {
    let secret = || Secret::new(TOKEN.to_owned());
    for (json, why) in [
        (r#"{"pixelId":" 12 "}"#, ""),
        (
            r#"{"pixelId":"12","baseUrl":"http://127.0.0.1:8787","version":"v26.0"}"#,
            "",
        ),
        (
            r#"{"pixelId":"12","limitedCountry":1,"limitedState":1004}"#,
            "",
        ),
        (
            r#"{"pixelId":""}"#,
            "pixelId: expected a number of up to 20 digits",
        ),
        (
            r#"{"pixelId":"12/../34"}"#,
            "pixelId: expected a number of up to 20 digits",
        ),
        (
            r#"{"pixelId":"12","version":"25.0"}"#,
            "version: expected a version such as v1.3",
        ),
        (
            r#"{"pixelId":"12","version":"v25/x"}"#,
            "version: expected a version such as v1.3",
        ),
        (
            r#"{"pixelId":"12","version":"v25."}"#,
            "version: expected a version such as v1.3",
        ),
        (
            r#"{"pixelId":"12","baseUrl":"http://example.com"}"#,
            "baseUrl: expected an origin such as https://example.com",
        ),
        (
            r#"{"pixelId":"12","baseUrl":"https://example.com/x"}"#,
            "baseUrl: expected an origin such as https://example.com",
        ),
        (
            r#"{"pixelId":"12","baseUrl":"https://a:b@example.com"}"#,
            "baseUrl: expected an origin such as https://example.com",
        ),
        (
            r#"{"pixelId":"12","baseUrl":"graph.facebook.com"}"#,
            "baseUrl: expected an origin such as https://example.com",
        ),
        (
            r#"{"pixelId":"12","testEventCode":"TEST 1"}"#,
            "testEventCode: expected a code such as TEST12345",
        ),
        (
            r#"{"pixelId":"12","limitedCountry":2}"#,
            "limitedCountry: expected 0 or 1",
        ),
        (
            r#"{"pixelId":"12","limitedCountry":4294967295}"#,
            "limitedCountry: expected 0 or 1",
        ),
        (
            r#"{"pixelId":"12","limitedCountry":0,"limitedState":1000}"#,
            "limitedState: expected 0 or, with limitedCountry 1, Meta's number of a state such as 1000",
        ),
    ] {
        assert_eq!(
            wrong(meta::Pixel::new(settings(json), secret())),
            why,
            "{json}"
        );
    }
    for (json, why) in [
        (r#"{"pixelId":"C4ABC"}"#, ""),
        (
            r#"{"pixelId":"C4 ABC"}"#,
            "pixelId: expected a pixel's code such as C4ABCDEFGHIJKLMNOPQR",
        ),
    ] {
        assert_eq!(
            wrong(tiktok::Pixel::new(settings(json), secret())),
            why,
            "{json}"
        );
    }
    for (json, why) in [
        (r#"{"pixelId":"1ec32188-754e-4be2-8e55-c949a984a39f"}"#, ""),
        (
            r#"{"pixelId":"1ec32188754e4be28e55c949a984a39f"}"#,
            "pixelId: expected a pixel's id such as 1ec32188-754e-4be2-8e55-c949a984a39f",
        ),
        (
            r#"{"pixelId":"1ec32188-754e-4be2-8e55-c949a984a39g"}"#,
            "pixelId: expected a pixel's id such as 1ec32188-754e-4be2-8e55-c949a984a39f",
        ),
    ] {
        assert_eq!(
            wrong(snapchat::Pixel::new(settings(json), secret())),
            why,
            "{json}"
        );
    }
    for (json, why) in [
        (r#"{"measurementId":"G-ABCDEF1234"}"#, ""),
        (
            r#"{"measurementId":"UA-1234-1"}"#,
            "measurementId: expected a web stream's id such as G-ABCDEF1234",
        ),
    ] {
        assert_eq!(
            wrong(ga4::Stream::new(settings(json), secret())),
            why,
            "{json}"
        );
    }
    for (json, why) in [
        (
            r#"{"accountId":"123-456-7890","conversionActions":{"Purchase":"1"}}"#,
            "",
        ),
        (
            r#"{"accountId":"abc","conversionActions":{"Purchase":"1"}}"#,
            "accountId: expected a number of up to 20 digits",
        ),
        (
            r#"{"accountId":"1","accountType":"ADS","conversionActions":{"Purchase":"1"}}"#,
            "accountType: expected a type of account such as GOOGLE_ADS",
        ),
        (
            r#"{"accountId":"1","loginAccountId":"-","conversionActions":{"Purchase":"1"}}"#,
            "loginAccountId: expected a number of up to 20 digits",
        ),
        (
            r#"{"accountId":"1","conversionActions":{}}"#,
            "conversionActions: expected the id of a conversion action for at least one event, such as Purchase",
        ),
        (
            r#"{"accountId":"1","conversionActions":{"Purchase":"x"}}"#,
            "conversionActions: expected the id of a conversion action for Purchase",
        ),
        (
            r#"{"accountId":"1","conversionActions":{"purchase":"1"}}"#,
            "conversionActions: expected Lead, Purchase, CompleteRegistration, Subscribe or the names of custom events",
        ),
        (
            r#"{"accountId":"1","conversionActions":{"a":"1","b":"1","c":"1","d":"1","e":"1","f":"1","g":"1","h":"1","i":"1","j":"1","k":"1"}}"#,
            "conversionActions: expected 10 at most",
        ),
    ] {
        assert_eq!(wrong(google::Account::new(settings(json))), why, "{json}");
    }
    for (json, why) in [
        (
            r#"{"pixelId":"Px","events":{"Lead":"Px-1","Join VIP":"Px-2"}}"#,
            "",
        ),
        (
            r#"{"pixelId":"P x","events":{"Lead":"Px-1"}}"#,
            "pixelId: expected the pixel's id",
        ),
        (r#"{"pixelId":"Px","events":{"Lead":"JuKiaLISFD"}}"#, ""),
        (
            r#"{"pixelId":"Px","events":{"Lead":"tgp('event')"}}"#,
            "events: expected the id that tgp('event', …) has for Lead",
        ),
    ] {
        assert_eq!(
            wrong(telegram_ads::Pixel::new(settings(json))),
            why,
            "{json}"
        );
    }
}

#[test]
fn a_token_can_stand_in_a_header() {
    for token in ["", "two words", "line\nbreak", "naïve"] {
        let json = r#"{"pixelId":"12"}"#;
        let built = meta::Pixel::new(settings(json), Secret::new(token.to_owned()));
        assert_eq!(
            wrong(built),
            "token: expected the platform's access token, in one line"
        );
    }
}

#[test]
fn an_unknown_setting_is_an_error() {
    assert!(serde_json::from_str::<meta::Settings>(r#"{"pixelId":"1","pixel":"2"}"#).is_err());
}
