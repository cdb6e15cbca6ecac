//! Rules that are the same question to each platform.

use conversions::platform::AGE_LIMITS;
use conversions::{
    Click, Conversion, EventType, Person, Platform, PurchaseWithoutValue, Purpose, RequestError,
    Skip,
};

use crate::*;

#[test]
fn names_of_events() {
    let kinds = || {
        [
            EventType::Lead,
            EventType::Purchase,
            EventType::CompleteRegistration,
            EventType::Subscribe,
            custom("Join VIP"),
        ]
    };
    let names = |destination: &Destination, field: &str| {
        kinds().map(|kind| {
            let conversion = of_whom_all_is_known(kind);
            event(destination, &conversion)[field]
                .as_str()
                .unwrap()
                .to_owned()
        })
    };
    assert_eq!(
        names(&meta(), "event_name"),
        [
            "Lead",
            "Purchase",
            "CompleteRegistration",
            "Subscribe",
            "Join VIP"
        ]
    );
    assert_eq!(
        names(&tiktok(), "event"),
        [
            "SubmitForm",
            "Purchase",
            "CompleteRegistration",
            "Subscribe",
            "Join VIP"
        ]
    );
    assert_eq!(
        names(&snapchat(), "event_name"),
        [
            "SIGN_UP",
            "PURCHASE",
            "SIGN_UP",
            "SUBSCRIBE",
            "CUSTOM_EVENT_1"
        ]
    );
    assert_eq!(
        names(&ga4(), "name"),
        [
            "generate_lead",
            "purchase",
            "sign_up",
            "subscribe",
            "Join_VIP"
        ]
    );
}

#[test]
fn how_old_an_event_may_be() {
    for (destination, limit_ms, limit_h) in [
        (meta(), 7 * DAY_MS, 7 * 24),
        (tiktok(), 28 * DAY_MS, 28 * 24),
        (snapchat(), 37 * DAY_MS, 37 * 24),
        (google(), 90 * DAY_MS, 90 * 24),
        (ga4(), 72 * HOUR_MS, 72),
        (telegram_ads(), 30 * DAY_MS, 30 * 24),
    ] {
        let platform = destination.platform();
        let at = |age_ms| {
            let conversion = with(full(), |conversion| conversion.at_ms = NOW_MS - age_ms);
            destination.check(&conversion, NOW_MS).map(drop)
        };
        let too_old = Err(Skip::TooOld { platform, limit_h });
        let limits = AGE_LIMITS.iter().rev();
        let told = limits.filter(|limit| limit.platform == platform);
        assert_eq!(told.map(|limit| limit.hours).next(), Some(limit_h));
        // What is taken now must still be young enough when the platform reads it.
        assert_eq!(at(limit_ms - 5 * MINUTE_MS), Ok(()), "{platform}");
        assert_eq!(at(limit_ms - 5 * MINUTE_MS + 1), too_old, "{platform}");
        assert_eq!(at(limit_ms + 1), too_old, "{platform}");
    }
}

#[test]
fn google_matches_a_person_for_less_long_than_a_click() {
    let mut conversion = with(full(), |conversion| conversion.at_ms = NOW_MS - 70 * DAY_MS);
    assert!(google().check(&conversion, NOW_MS).is_ok());
    conversion.click.gclid = None;
    assert_eq!(
        google().check(&conversion, NOW_MS),
        Err(Skip::TooOld {
            platform: Platform::Google,
            limit_h: 63 * 24
        })
    );
}

#[test]
fn nothing_happens_in_the_future() {
    let early = with(full(), |conversion| conversion.at_ms = NOW_MS + DAY_MS);
    let now_s = NOW_MS / 1000;
    assert_eq!(event(&meta(), &early)["event_time"], now_s);
    assert_eq!(event(&tiktok(), &early)["event_time"], now_s);
    assert_eq!(event(&snapchat(), &early)["event_time"], now_s);
    assert_eq!(
        event(&google(), &early)["eventTimestamp"],
        "2026-09-01T12:00:00.000Z"
    );
    assert_eq!(body(&ga4(), &early)["timestamp_micros"], NOW_MS * 1000);
    let form = request(&telegram_ads(), &early, Purpose::Deliver).body;
    assert!(form.contains("&t=1788264000000&"), "{form}");
}

#[test]
fn who_can_be_matched_where() {
    let click = |change: fn(&mut Click)| {
        let mut click = Click::default();
        change(&mut click);
        (Person::default(), click)
    };
    let text = |value: &str| Some(value.to_owned());
    let hash = |value: &str| Some(Hash::of(value));
    let email = Person {
        email: hash("a@b.co"),
        email_google: hash("a@b.co"),
        ..Default::default()
    };
    let phone = Person {
        phone: hash("1"),
        phone_e164: hash("+1"),
        ..Default::default()
    };
    let name = Person {
        first_name: hash("a"),
        first_name_google: hash("a"),
        external_id: hash("17"),
        ..Default::default()
    };
    let browser = Click {
        ip: text("2001:db8::1"),
        user_agent: text("UA"),
        ..Default::default()
    };
    for ((person, click), matched) in [
        (click(|_| {}), "ga4"),
        (click(|click| click.fbc = Some(fbc(NOW_MS))), "meta ga4"),
        (click(|click| click.fbc = Some(fbc(1))), "ga4"),
        (
            click(|click| click.fbp = Some("fb.1.1.1".to_owned())),
            "meta ga4",
        ),
        (click(|click| click.fbp = Some("1".to_owned())), "ga4"),
        (
            click(|click| click.ttclid = Some("E".to_owned())),
            "tiktok ga4",
        ),
        (
            click(|click| click.ttp = Some("p".to_owned())),
            "tiktok ga4",
        ),
        (
            click(|click| click.gclid = Some("g".to_owned())),
            "google ga4",
        ),
        (
            click(|click| click.gbraid = Some("g".to_owned())),
            "google ga4",
        ),
        (
            click(|click| click.wbraid = Some("g".to_owned())),
            "google ga4",
        ),
        (click(|click| click.sccid = Some("s".to_owned())), "ga4"),
        (
            click(|click| click.tgclid = Some("t".to_owned())),
            "ga4 telegram",
        ),
        (
            click(|click| click.user_agent = Some("UA".to_owned())),
            "ga4",
        ),
        (click(|click| click.ip = Some("1.2.3.4".to_owned())), "ga4"),
        ((Person::default(), browser), "meta tiktok snapchat ga4"),
        ((email, Click::default()), "meta tiktok snapchat google ga4"),
        ((phone, Click::default()), "meta tiktok snapchat google ga4"),
        ((name, Click::default()), "ga4"),
    ] {
        let conversion = with(bare(EventType::Purchase), |conversion| {
            conversion.person = person;
            conversion.click = click;
            conversion.page = full().page;
        });
        let taken: Vec<_> = all()
            .iter()
            .filter(|destination| destination.check(&conversion, NOW_MS).is_ok())
            .map(|destination| destination.platform().as_str())
            .collect();
        assert_eq!(taken.join(" "), matched, "{conversion:?}");
    }
}

#[test]
fn an_ip_address_that_is_none_is_no_key() {
    for ip in ["localhost", "1.2.3", "203.0.113.7, 10.0.0.1", ""] {
        let mut conversion = full();
        conversion.click.ip = Some(ip.to_owned());
        for destination in all() {
            let keys = destination.check(&conversion, NOW_MS).unwrap();
            assert!(
                !keys.contains(MatchKey::Ip),
                "{ip} {}",
                destination.platform()
            );
        }
    }
}

/// What could have gone is what goes when all is known, of Google's click ids one.
#[test]
fn match_keys_of_what_is_known() {
    for destination in all() {
        let keys = destination.check(&full(), NOW_MS).unwrap();
        let missing = destination.platform().takes().without(keys).to_string();
        let expected = match destination.platform() {
            Platform::Google => "gbraid,wbraid",
            _ => "",
        };
        assert_eq!(missing, expected);
        assert!(destination.platform().takes().contains_all(keys));
    }
    assert_eq!(
        tiktok().check(&full(), NOW_MS).unwrap().to_string(),
        "email,phone,first_name,last_name,zip,external_id,ip,user_agent,ttclid,ttp"
    );
}

#[test]
fn match_keys_are_read_as_they_are_written() {
    for destination in all() {
        let keys = destination.platform().takes();
        assert_eq!(MatchKeys::parse(&keys.to_string()), keys);
    }
    assert_eq!(MatchKeys::parse(""), MatchKeys::default());
    assert_eq!(MatchKeys::parse("email,later,ip").to_string(), "email,ip");
    let names: std::collections::BTreeSet<_> =
        MatchKey::ALL.iter().map(|key| key.as_str()).collect();
    assert_eq!(names.len(), MatchKey::ALL.len());
}

#[test]
fn platforms_are_read_as_they_are_written() {
    for platform in Platform::ALL {
        assert_eq!(Platform::parse(platform.as_str()), Some(platform));
    }
    assert_eq!(Platform::parse("Meta"), None);
}

#[test]
fn a_batch_has_a_size() {
    let bearer = Secret::new(BEARER.to_owned());
    for (destination, limit) in all().into_iter().zip([1000, 1000, 2000, 2000, 1, 1]) {
        assert_eq!(destination.batch_limit(), limit);
        let conversion = full();
        let request = |count| {
            let batch = vec![&conversion; count];
            destination
                .request(&batch, Some(&bearer), Purpose::Deliver, NOW_MS)
                .map(drop)
        };
        assert_eq!(request(0), Err(RequestError::BatchSize));
        assert_eq!(request(limit), Ok(()));
        assert_eq!(request(limit + 1), Err(RequestError::BatchSize));
    }
}

#[test]
fn a_stale_event_never_joins_a_batch() {
    let stale = with(full(), |conversion| conversion.at_ms = NOW_MS - 8 * DAY_MS);
    let refused = meta().request(&[&full(), &stale], None, Purpose::Deliver, NOW_MS);
    let skip = Skip::TooOld {
        platform: Platform::Meta,
        limit_h: 168,
    };
    assert_eq!(refused.unwrap_err(), RequestError::Skip { index: 1, skip });
}

#[test]
fn a_purchase_has_a_value() {
    let known = full();
    let refused = Conversion::new(known.id(), EventType::Purchase, None, NOW_MS, known.lead);
    assert_eq!(refused, Err(PurchaseWithoutValue));
    assert_eq!(Skip::from(PurchaseWithoutValue).code(), "no_value");
}

#[test]
fn amounts_are_written_exactly() {
    let purchase = |number: &str, currency: &str| {
        let known = full();
        let money = Money::parse(number, Currency::parse(currency).unwrap()).unwrap();
        let mut conversion = Conversion::new(
            known.id(),
            EventType::Purchase,
            Some(money),
            known.at_ms,
            known.lead,
        )
        .unwrap();
        conversion.person = known.person;
        conversion.click = known.click;
        conversion.page = known.page;
        conversion
    };
    for (number, currency, written) in [
        ("0.1", "USD", "0.10"),
        ("999999999999.99", "USD", "999999999999.99"),
        ("500", "JPY", "500"),
        ("1.005", "KWD", "1.005"),
        ("0", "EUR", "0.00"),
    ] {
        for destination in [meta(), tiktok(), snapchat(), google(), ga4()] {
            let body = request(&destination, &purchase(number, currency), Purpose::Deliver).body;
            let as_value = format!(r#"alue":{written}"#);
            assert!(body.contains(&as_value), "{body}");
        }
    }
}

#[test]
fn why_something_is_skipped_in_words() {
    for (skip, code, words) in [
        (
            Skip::NoValue,
            "no_value",
            "a Purchase needs value and currency; send them, or set the channel's",
        ),
        (
            Skip::TooOld {
                platform: Platform::Meta,
                limit_h: 168,
            },
            "too_old",
            "it is older than the 7 days that Meta takes",
        ),
        (
            Skip::TooOld {
                platform: Platform::Ga4,
                limit_h: 72,
            },
            "too_old",
            "it is older than the 72 hours that Google Analytics takes",
        ),
        (
            Skip::NoSignal(Platform::TikTok),
            "no_signal",
            "nothing is known that TikTok could match; send ttclid, email, phone, or clientIp with userAgent",
        ),
        (
            Skip::NoPage(Platform::Snapchat),
            "no_page",
            "Snapchat needs the address of a page; send eventSourceUrl",
        ),
        (
            Skip::ConsentDenied(Platform::TelegramAds),
            "consent_denied",
            "the visitor denied consent, which Telegram Ads can't be told",
        ),
    ] {
        assert_eq!((skip.code(), skip.to_string().as_str()), (code, words));
    }
}
