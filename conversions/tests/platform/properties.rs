//! What holds whatever is known, and whatever is answered.

use conversions::platform::google::Credentials;
use conversions::{Purpose, RequestError};
use proptest::prelude::*;
use serde_json::json;

use crate::*;

fn text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        any::<String>().prop_map(Some),
        "[a-zA-Z0-9._-]{1,20}".prop_map(Some),
        "https?://[a-z]{1,9}\\.example/.{0,20}".prop_map(Some),
    ]
}

fn hash() -> impl Strategy<Value = Option<Hash>> {
    proptest::option::of("[0-9a-f]{64}|[0-9a-f]{32}")
        .prop_map(|digits| digits.map(|digits| Hash::parse(&digits).unwrap()))
}

prop_compose! {
    fn person()(hashes in proptest::collection::vec(hash(), 15)) -> Person {
        let mut hashes = hashes.into_iter();
        let mut next = || hashes.next().flatten();
        Person {
            email: next(),
            email_google: next(),
            phone: next(),
            phone_e164: next(),
            first_name: next(),
            first_name_google: next(),
            last_name: next(),
            last_name_google: next(),
            city: next(),
            state: next(),
            zip: next(),
            country: next(),
            birth_date: next(),
            gender: next(),
            external_id: next(),
        }
    }
}

prop_compose! {
    fn click()(
        texts in proptest::collection::vec(text(), 14),
        fbc_ms in any::<u64>(),
        ip in any::<std::net::IpAddr>(),
    ) -> Click {
        let mut texts = texts.into_iter();
        let mut next = || texts.next().flatten();
        Click {
            fbc: next().map(|text| if text.len() % 2 == 0 { text } else { fbc(fbc_ms) }),
            fbp: next(),
            ttclid: next(),
            ttp: next(),
            gclid: next(),
            gbraid: next(),
            wbraid: next(),
            ga_client_id: next(),
            ga_sessions: next(),
            sccid: next(),
            scid: next(),
            tgclid: next(),
            ip: next().map(|text| if text.len() % 2 == 0 { text } else { ip.to_string() }),
            country: next(),
            user_agent: Some("UA".to_owned()),
        }
    }
}

prop_compose! {
    fn conversion()(
        person in person(),
        click in click(),
        page in (text(), text()),
        content_name in text(),
        kind in 0..4_usize,
        minor_units in proptest::option::of(0..=(1_u64 << 46)),
        age_ms in prop_oneof![0..100 * DAY_MS, any::<u64>()],
        user in 1..1_u64 << 52,
        consent in 0..3_usize,
    ) -> Conversion {
        let event = [
            EventType::CompleteRegistration,
            EventType::Purchase,
            EventType::Subscribe,
            custom("Join VIP"),
        ][kind].clone();
        let currency = Currency::parse("EUR").unwrap();
        let minor_units = minor_units.or((event == EventType::Purchase).then_some(1));
        let value = minor_units.map(|units| Money::from_minor_units(units, currency).unwrap());
        let id = ConversionId::derive("test", &[&user.to_string()]);
        let lead = TelegramUserId::new(user).unwrap();
        let at_ms = NOW_MS.saturating_sub(age_ms);
        let (url, referrer) = page.clone();
        with(Conversion::new(id, event, value, at_ms, lead).unwrap(), |conversion| {
            conversion.person = person.clone();
            conversion.click = click.clone();
            conversion.page = Page { url, referrer };
            conversion.content_name = content_name.clone();
            conversion.consent = [Consent::Granted, Consent::Denied, Consent::Unknown][consent];
        })
    }
}

proptest! {
    /// What passes the check can be sent: as JSON, with its event id, and with no secret where it could be logged.
    #[test]
    fn what_passes_can_be_sent(conversion in conversion(), test in any::<bool>()) {
        let bearer = Secret::new(BEARER.to_owned());
        let purpose = if test { Purpose::Test } else { Purpose::Deliver };
        for destination in all() {
            let checked = destination.check(&conversion, NOW_MS);
            let request = destination.request(&[&conversion], Some(&bearer), purpose, NOW_MS);
            let request = match (checked, request) {
                (Ok(keys), Ok(request)) => {
                    prop_assert!(destination.platform().takes().contains_all(keys));
                    request
                }
                (Ok(_), Err(why)) => {
                    prop_assert_eq!(why, RequestError::NoTestDoor);
                    continue;
                }
                (Err(skip), request) => {
                    prop_assert_eq!(request.unwrap_err(), RequestError::Skip { index: 0, skip });
                    continue;
                }
            };
            let shown = format!("{request:?} {destination:?}");
            for secret in [TOKEN, BEARER] {
                prop_assert!(!request.url.contains(secret) && !shown.contains(secret));
            }
            if destination.platform() == Platform::TelegramAds {
                continue;
            }
            prop_assert!(serde_json::from_str::<Value>(&request.body).is_ok(), "{}", request.body);
            prop_assert!(request.body.contains(&conversion.id().event_id()));
        }
    }

    /// The keys that are said to go are those in the request.
    #[test]
    fn keys_are_those_in_the_request(conversion in conversion()) {
        for (destination, path, names) in [
            (meta(), "/data/0/user_data", META_NAMES),
            (tiktok(), "/data/0/user", TIKTOK_NAMES),
            (snapchat(), "/data/0/user_data", SNAPCHAT_NAMES),
        ] {
            let Ok(keys) = destination.check(&conversion, NOW_MS) else {
                continue;
            };
            let body = body(&destination, &conversion);
            let user = body.pointer(path).unwrap().as_object().unwrap();
            let sent: MatchKeys = names
                .iter()
                .filter(|(_, name)| user.contains_key(*name))
                .map(|(key, _)| *key)
                .collect();
            prop_assert_eq!(keys, sent);
            prop_assert_eq!(user.len(), names.iter().filter(|(_, name)| user.contains_key(*name)).count());
        }
    }

    /// No answer is a fault of ours, nor told on with a secret in it.
    #[test]
    fn any_answer_is_read(
        status in any::<u16>(),
        after_s in proptest::option::of(any::<u32>()),
        body in answer(),
    ) {
        for destination in all() {
            let reply = destination.reply(status, after_s, &body);
            prop_assert!(reply.words.chars().count() <= 500);
            let secret = match destination.platform() {
                Platform::TelegramAds => None,
                Platform::Google => Some(BEARER),
                _ => Some(TOKEN),
            };
            let told = format!("{reply:?}");
            prop_assert!(secret.is_none_or(|secret| !told.contains(secret)), "{told}");
            if !(200..300).contains(&status) {
                prop_assert!(!matches!(reply.outcome, Outcome::Sent | Outcome::Taken));
            }
        }
        let _ = google_api::RequestStatus::read(&body).map(|status| account().verdict(&status, &EventType::Purchase));
        let user = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": TOKEN});
        let credentials = Credentials::parse(&user.to_string()).unwrap();
        credentials.token_reply(status, after_s, &body);
    }

    #[test]
    fn any_credentials_are_read(json in any::<String>(), key in any::<String>()) {
        let _ = Credentials::parse(&json);
        let account = json!({"type": "service_account", "client_email": "e", "private_key": key});
        let _ = Credentials::parse(&account.to_string());
    }
}

/// Anything, and JSON in the shapes that platforms answer in.
fn answer() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        any::<String>(),
        Just(format!("token {TOKEN} bearer {BEARER}")),
        Just("INVALID_ARGUMENT".to_owned()),
    ];
    let code = prop_oneof![any::<i64>(), Just(100), Just(0), Just(40_002)];
    prop_oneof![
        any::<String>(),
        Just(format!("<html>{TOKEN} {BEARER}")),
        (word.clone(), word, code).prop_map(|(one, other, code)| {
            json!({
                "code": code,
                "message": one,
                "status": other,
                "reason": one,
                "request_id": other,
                "requestId": other,
                "events_received": 1,
                "error": {"code": code, "message": one, "status": other, "details": [{"reason": other}]},
                "validationMessages": [{"description": one, "validationCode": other}],
            })
            .to_string()
        }),
    ]
}

const META_NAMES: &[(MatchKey, &str)] = &[
    (MatchKey::Email, "em"),
    (MatchKey::Phone, "ph"),
    (MatchKey::FirstName, "fn"),
    (MatchKey::LastName, "ln"),
    (MatchKey::City, "ct"),
    (MatchKey::State, "st"),
    (MatchKey::Zip, "zp"),
    (MatchKey::Country, "country"),
    (MatchKey::BirthDate, "db"),
    (MatchKey::Gender, "ge"),
    (MatchKey::ExternalId, "external_id"),
    (MatchKey::Ip, "client_ip_address"),
    (MatchKey::UserAgent, "client_user_agent"),
    (MatchKey::Fbc, "fbc"),
    (MatchKey::Fbp, "fbp"),
];

const TIKTOK_NAMES: &[(MatchKey, &str)] = &[
    (MatchKey::Email, "email"),
    (MatchKey::Phone, "phone"),
    (MatchKey::FirstName, "first_name"),
    (MatchKey::LastName, "last_name"),
    (MatchKey::Zip, "zip_code"),
    (MatchKey::ExternalId, "external_id"),
    (MatchKey::Ip, "ip"),
    (MatchKey::UserAgent, "user_agent"),
    (MatchKey::Ttclid, "ttclid"),
    (MatchKey::Ttp, "ttp"),
];

const SNAPCHAT_NAMES: &[(MatchKey, &str)] = &[
    (MatchKey::Email, "em"),
    (MatchKey::Phone, "ph"),
    (MatchKey::FirstName, "fn"),
    (MatchKey::LastName, "ln"),
    (MatchKey::City, "ct"),
    (MatchKey::State, "st"),
    (MatchKey::Zip, "zp"),
    (MatchKey::Country, "country"),
    (MatchKey::Gender, "ge"),
    (MatchKey::ExternalId, "external_id"),
    (MatchKey::Ip, "client_ip_address"),
    (MatchKey::UserAgent, "client_user_agent"),
    (MatchKey::ScClickId, "sc_click_id"),
    (MatchKey::ScCookie, "sc_cookie1"),
];
