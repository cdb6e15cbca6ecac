//! Ids read back as they are written, and the same cause gives the same id.

use conversions::{ConversionId, NotAConversionId, NotATelegramUserId, TelegramUserId};
use proptest::prelude::*;

#[test]
fn telegram_users() {
    for (text, id) in [
        ("1", 1),
        ("5123456789", 5_123_456_789),
        ("4503599627370495", (1 << 52) - 1),
    ] {
        let user = TelegramUserId::parse(text).unwrap();
        assert_eq!(user.get(), id);
        assert_eq!(user.to_string(), text);
        assert_eq!(serde_json::to_string(&user).unwrap(), text);
        assert_eq!(serde_json::from_str::<TelegramUserId>(text).unwrap(), user);
    }
    for text in [
        "",
        "0",
        "-1",
        "+1",
        "01",
        "1.0",
        "1e3",
        " 1",
        "1 ",
        "4503599627370496",
        "99999999999999999999",
        "x",
        "١",
    ] {
        assert_eq!(
            TelegramUserId::parse(text),
            Err(NotATelegramUserId),
            "{text}"
        );
    }
    for json in ["0", "-1", "1.5", "4503599627370496", "\"1\"", "null"] {
        assert!(
            serde_json::from_str::<TelegramUserId>(json).is_err(),
            "{json}"
        );
    }
}

#[test]
fn a_telegram_users_external_id_is_the_hash_of_its_digits() {
    // echo -n 5123456789 | sha256sum
    assert_eq!(
        TelegramUserId::new(5_123_456_789)
            .unwrap()
            .external_id()
            .as_str(),
        "4a25244187e2837ae40589beb68b8df811c403144882704040f735ce8be0985c"
    );
}

#[test]
fn conversion_ids() {
    let text = "00ff0123456789abcdef0123456789ab";
    let id = ConversionId::parse(text).unwrap();
    assert_eq!(id.to_string(), text);
    assert_eq!(id.event_id(), "adtarget_00ff0123456789abcdef0123456789ab");
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<ConversionId>(&json).unwrap(), id);
    for text in [
        "",
        "00ff0123456789abcdef0123456789a",
        "00ff0123456789abcdef0123456789abc",
        "00FF0123456789ABCDEF0123456789AB",
        "00ff0123456789abcdef0123456789ag",
        "+0ff0123456789abcdef0123456789ab",
        "adtarget_00ff0123456789abcdef012",
    ] {
        assert_eq!(ConversionId::parse(text), Err(NotAConversionId), "{text}");
    }
}

#[test]
fn the_way_ids_are_derived_never_changes() {
    // printf '\0\0\0\0\0\0\0\004join\0\0\0\0\0\0\0\004-100\0\0\0\0\0\0\0\00242' | sha256sum
    assert_eq!(
        ConversionId::derive("join", &["-100", "42"]).to_string(),
        "48fd2626fa4bea194566f417426fd15f"
    );
}

#[test]
fn other_causes_are_other_conversions() {
    let causes: [(&str, &[&str]); 8] = [
        ("join", &["a", "b"]),
        ("join", &["ab"]),
        ("join", &["ab", ""]),
        ("join", &["", "ab"]),
        ("join", &["b", "a"]),
        ("join", &["a"]),
        ("joina", &["b"]),
        ("api", &["a", "b"]),
    ];
    let mut ids: Vec<_> = causes
        .map(|(space, parts)| ConversionId::derive(space, parts))
        .into();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), causes.len());
}

proptest! {
    #[test]
    fn derived_ids_read_back(namespace: String, parts: Vec<String>) {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let id = ConversionId::derive(&namespace, &parts);
        prop_assert_eq!(ConversionId::parse(&id.to_string()), Ok(id));
    }
}
