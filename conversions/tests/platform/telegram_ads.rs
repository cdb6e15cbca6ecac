use conversions::{Consent, EventType, Outcome, Purpose, RequestError, Skip};

use crate::*;

#[test]
fn the_pixels_form() {
    let request = request(&telegram_ads(), &full(), Purpose::Deliver);
    assert_eq!(request.url, "https://telegram.org/pxl");
    assert_eq!(request.target(), request.url);
    assert_eq!(
        request.headers,
        [(
            "Content-Type",
            "application/x-www-form-urlencoded".to_owned()
        )]
    );
    assert_eq!(
        request.body,
        "e=Px42-abcd1234&c=tg%2Bclick%2F1&t=1788263910000\
         &l=https%3A%2F%2Fshop.example%2Fvip%3Futm_source%3Dads&value=19.90&currency=EUR"
    );
}

#[test]
fn what_it_needs() {
    let skip = |change: fn(&mut Conversion)| {
        let mut conversion = full();
        change(&mut conversion);
        telegram_ads().check(&conversion, NOW_MS).err()
    };
    assert_eq!(skip(|_| {}), None);
    assert_eq!(
        skip(|conversion| conversion.click.tgclid = None),
        Some(Skip::NoSignal(Platform::TelegramAds))
    );
    assert_eq!(
        skip(|conversion| conversion.consent = Consent::Denied),
        Some(Skip::ConsentDenied(Platform::TelegramAds))
    );
    assert_eq!(
        skip(|conversion| *conversion = bare(EventType::Lead)),
        Some(Skip::NoEvent(Platform::TelegramAds))
    );
}

#[test]
fn it_has_no_test_door() {
    let refused = telegram_ads().request(&[&full()], None, Purpose::Test, NOW_MS);
    assert_eq!(refused.unwrap_err(), RequestError::NoTestDoor);
}

#[test]
fn answers() {
    for (status, meant) in [
        (200, Outcome::Sent),
        (204, Outcome::Sent),
        (400, rejected("400")),
        (404, rejected("404")),
        (429, THROTTLED),
        (500, RETRY),
        (302, RETRY),
    ] {
        assert_eq!(outcome(&telegram_ads(), status, ""), meant, "{status}");
    }

    // The picture that a pixel answers is no words.
    let words = |status, body| telegram_ads().reply(status, None, body).words;
    assert_eq!(words(200, "GIF89a\u{fffd}\u{1}"), "");
    assert_eq!(words(502, "Bad Gateway"), "Bad Gateway");
}
