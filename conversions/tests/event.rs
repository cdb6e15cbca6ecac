//! Event types are those of the contract; custom names are those that every platform takes.

use conversions::{CustomName, CustomNameError, EventType, EventTypeError};

#[test]
fn the_contracts_words_read_and_write() {
    for word in ["Lead", "Purchase", "CompleteRegistration", "Subscribe"] {
        let event = EventType::parse(word, None).unwrap();
        assert_eq!(event.as_str(), word);
        assert_eq!(event.custom_name(), None);
        assert_eq!(EventType::parse(word, Some("passed over!")), Ok(event));
    }
    let custom = EventType::parse("Custom", Some("Deposit 2")).unwrap();
    assert_eq!(custom.as_str(), "Custom");
    assert_eq!(
        custom.custom_name().map(CustomName::as_str),
        Some("Deposit 2")
    );
}

#[test]
fn other_words_name_the_field() {
    for (event_type, name, error, field) in [
        ("lead", None, EventTypeError::Unknown, "eventType"),
        ("", None, EventTypeError::Unknown, "eventType"),
        ("AddToCart", None, EventTypeError::Unknown, "eventType"),
        (
            "Custom",
            None,
            EventTypeError::NameMissing,
            "customEventName",
        ),
        (
            "Custom",
            Some(""),
            EventTypeError::Name(CustomNameError::Empty),
            "customEventName",
        ),
    ] {
        assert_eq!(EventType::parse(event_type, name), Err(error));
        assert_eq!(error.field(), field);
    }
}

#[test]
fn custom_names() {
    use CustomNameError::*;
    let longest = "x".repeat(50);
    for name in [
        "a",
        "Deposit",
        "first_deposit",
        "first-deposit 2",
        "AddToCart",
        "Lead2",
        &longest,
    ] {
        assert_eq!(CustomName::parse(name).unwrap().as_str(), name);
    }
    let too_long = "x".repeat(51);
    for (name, error) in [
        ("", Empty),
        (too_long.as_str(), TooLong),
        ("Покупка", Character),
        ("buy!", Character),
        ("a.b", Character),
        ("a\tb", Character),
        ("a\u{a0}b", Character),
        ("\0", Character),
        (" buy", End),
        ("buy ", End),
        (" ", End),
        ("1st", End),
        ("_x", End),
        ("Lead", Standard),
        ("purchase", Standard),
        ("COMPLETEREGISTRATION", Standard),
        ("Subscribe", Standard),
        ("Custom", Standard),
    ] {
        assert_eq!(CustomName::parse(name), Err(error), "{name:?}");
    }
}
