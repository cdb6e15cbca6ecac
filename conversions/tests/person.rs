//! What is stored of a person: each platform's hash, and nothing one could read.

use conversions::{Hash, Person, RawPerson};
use serde_json::{Value, json};

/// 2026-09-21.
const NOW: u64 = 1_790_000_000_000;

fn hash(raw: RawPerson<'_>) -> Person {
    Person::hash(&raw, None, NOW)
}

#[test]
fn every_field_is_hashed_by_each_rule() {
    let person = hash(RawPerson {
        email: Some(" Ada.L+x@Gmail.com"),
        phone: Some("+44 (0)20 7946 0018"),
        first_name: Some("Ada-Mae"),
        last_name: Some("O'Neil"),
        city: Some("Menlo Park"),
        state: Some("California"),
        zip: Some("94025-1"),
        country: Some("United States"),
        birth_date: Some("12/10/1985"),
        gender: Some("Ms"),
        external_id: Some("User 7"),
    });
    let stored = serde_json::to_value(&person).unwrap();
    let expected = [
        ("email", "ada.l+x@gmail.com"),
        ("emailGoogle", "adal@gmail.com"),
        ("phone", "442079460018"),
        ("phoneE164", "+442079460018"),
        ("firstName", "adamae"),
        ("firstNameGoogle", "ada-mae"),
        ("lastName", "oneil"),
        ("lastNameGoogle", "o'neil"),
        ("city", "menlopark"),
        ("state", "ca"),
        ("zip", "94025"),
        ("country", "us"),
        ("birthDate", "19851210"),
        ("gender", "f"),
        ("externalId", "user7"),
    ];
    let expected =
        expected.map(|(field, value)| (field.to_owned(), json!(Hash::of(value).as_str())));
    assert_eq!(stored, Value::Object(expected.into_iter().collect()));
    assert_eq!(serde_json::from_value::<Person>(stored).unwrap(), person);
}

#[test]
fn the_hash_is_sha256_in_lower_case_hexadecimal() {
    // FIPS 180-2, appendix B.1.
    assert_eq!(
        Hash::of("abc").as_str(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn what_is_not_given_or_not_usable_is_not_stored() {
    let person = hash(RawPerson {
        email: Some("not an address"),
        phone: Some(""),
        first_name: Some("  "),
        gender: Some("?"),
        ..RawPerson::default()
    });
    assert!(person.is_empty());
    assert_eq!(serde_json::to_string(&person).unwrap(), "{}");
    assert_eq!(serde_json::from_str::<Person>("{}").unwrap(), person);

    let person = hash(RawPerson {
        city: Some("Rome"),
        ..RawPerson::default()
    });
    assert!(!person.is_empty());
    assert_eq!(
        serde_json::to_string(&person).unwrap(),
        format!("{{\"city\":\"{}\"}}", Hash::of("rome").as_str())
    );
}

#[test]
fn what_came_hashed_passes_through() {
    let sha256 = "AB".repeat(32);
    let given = format!(" {sha256}\n");
    let person = hash(RawPerson {
        email: Some(&given),
        phone: Some(&given),
        country: Some(&given),
        birth_date: Some(&given),
        ..RawPerson::default()
    });
    let lower = Some(Hash::parse(&"ab".repeat(32)).unwrap());
    for field in [
        &person.email,
        &person.email_google,
        &person.phone,
        &person.phone_e164,
        &person.country,
        &person.birth_date,
    ] {
        assert_eq!(*field, lower);
    }
}

#[test]
fn what_metas_parameter_builder_hashed_is_taken_without_its_appendix() {
    let digits = "AB".repeat(32);
    for appendix in ["BA", "AQQBAQAA"] {
        let given = format!("{digits}.{appendix}");
        let person = hash(RawPerson {
            email: Some(&given),
            phone: Some(&given),
            last_name: Some(&given),
            ..RawPerson::default()
        });
        let lower = Some(Hash::parse(&digits.to_lowercase()).unwrap());
        for field in [&person.email, &person.phone_e164, &person.last_name] {
            assert_eq!(*field, lower, "{appendix}");
        }
    }
    for other in ["abc", "AK", "ab"] {
        assert!(Hash::parse(&format!("{digits}.{other}")).is_err());
    }
}

#[test]
fn a_hashed_phone_is_no_national_number() {
    let given = "0123456789abcdef".repeat(4);
    let raw = RawPerson {
        phone: Some(&given),
        ..RawPerson::default()
    };
    let person = Person::hash(&raw, Some("DE"), NOW);
    assert_eq!(person.phone, Some(Hash::parse(&given).unwrap()));
    assert_eq!(person.phone_e164, Some(Hash::parse(&given).unwrap()));
}

#[test]
fn md5_goes_only_where_it_is_taken() {
    let md5 = "0123456789abcdef0123456789ABCDEF";
    let person = hash(RawPerson {
        email: Some(md5),
        phone: Some(md5),
        ..RawPerson::default()
    });
    let lower = Some(Hash::parse(&md5.to_lowercase()).unwrap());
    assert_eq!((person.email, person.phone), (lower.clone(), lower));
    assert_eq!((person.email_google, person.phone_e164), (None, None));
}

#[test]
fn a_national_phone_is_of_the_persons_country_else_the_visits() {
    let phone = |country: Option<&str>, default_country| {
        let raw = RawPerson {
            phone: Some("030 901820"),
            country,
            ..RawPerson::default()
        };
        Person::hash(&raw, default_country, NOW).phone_e164
    };
    let hash = |number| Some(Hash::of(number));
    assert_eq!(phone(None, Some("DE")), hash("+4930901820"));
    assert_eq!(phone(Some("Austria"), Some("DE")), hash("+4330901820"));
    assert_eq!(
        phone(Some(&"ab".repeat(32)), Some("DE")),
        hash("+4930901820")
    );
    assert_eq!(phone(None, None), hash("+30901820"));
}

#[test]
fn a_country_that_is_not_known_by_its_name_dials_nowhere() {
    let told = |number, country: &str, default_country| {
        let raw = RawPerson {
            phone: Some(number),
            country: Some(country),
            ..RawPerson::default()
        };
        let person = Person::hash(&raw, Some(default_country), NOW);
        (person.phone, person.phone_e164)
    };
    let hashes = |number: &str| {
        (
            Some(Hash::of(number)),
            Some(Hash::of(&format!("+{number}"))),
        )
    };
    // Meta's rule for the country itself makes `es` of the first, `uk` of the second, `au` of the third and `uk` of the last.
    let czech = told("601 123 456", "Česká republika", "CZ");
    assert_eq!(czech, hashes("420601123456"));
    let ukrainian = told("067 123 45 67", "UKR", "UA");
    assert_eq!(ukrainian, hashes("380671234567"));
    let austrian = told("0664 1234567", "AUT", "AT");
    assert_eq!(austrian, hashes("436641234567"));
    let british = told("020 7946 0018", "UK", "GB");
    assert_eq!(british, hashes("442079460018"));
}

#[test]
fn the_default_country_is_not_stored() {
    let raw = RawPerson::default();
    assert!(Person::hash(&raw, Some("DE"), NOW).is_empty());
}

#[test]
fn no_value_is_seen_in_a_log() {
    let raw = RawPerson {
        email: Some("ada@example.com"),
        phone: Some("+442079460018"),
        first_name: Some("Ada"),
        ..RawPerson::default()
    };
    assert_eq!(
        format!("{raw:?} {raw:#?}"),
        "RawPerson(redacted) RawPerson(redacted)"
    );
    let stored = format!("{:?}", hash(raw));
    for value in ["@", "example", "2079460018"] {
        assert!(!stored.to_lowercase().contains(value), "{stored}");
    }
}

#[test]
fn what_is_stored_must_be_hashes() {
    for json in [
        r#"{"email":"ada@example.com"}"#,
        r#"{"email":""}"#,
        r#"{"email":1}"#,
        r#"{"phone":"zz34567890123456789012345678901234567890123456789012345678901234"}"#,
    ] {
        assert!(serde_json::from_str::<Person>(json).is_err(), "{json}");
    }
}

#[test]
fn the_year_of_birth_is_bounded_by_the_clock() {
    let birth_date = |now_ms| {
        let raw = RawPerson {
            birth_date: Some("2028-01-02"),
            ..RawPerson::default()
        };
        Person::hash(&raw, None, now_ms).birth_date
    };
    const YEAR: u64 = 365 * 24 * 60 * 60 * 1000;
    assert_eq!(birth_date(NOW), None);
    assert_eq!(birth_date(NOW + YEAR), Some(Hash::of("20280102")));
}
