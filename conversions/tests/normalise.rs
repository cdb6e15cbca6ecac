//! The rules by example. `vectors.rs` holds them against the platforms' own libraries.

use conversions::normalise::{google, meta, phone};
use proptest::prelude::*;

#[track_caller]
fn check(rule: impl Fn(&str) -> Option<String>, table: &[(&str, Option<&str>)]) {
    for (value, expected) in table {
        assert_eq!(rule(value).as_deref(), *expected, "{value:?}");
    }
}

#[test]
fn meta_email() {
    check(
        meta::email,
        &[
            ("  Ada@Example.COM\u{a0}", Some("ada@example.com")),
            ("\u{feff}ada@example.com", Some("ada@example.com")),
            (
                "ada.l+news@mail.example.co.uk",
                Some("ada.l+news@mail.example.co.uk"),
            ),
            ("Ada.L@gmail.com", Some("ada.l@gmail.com")),
            ("o'neil_{x}@a-b.example", Some("o'neil_{x}@a-b.example")),
            // Meta's pattern has it so.
            ("a:.b@example.com", Some("a:.b@example.com")),
            ("a:b@example.com", None),
            ("a.b:@example.com", None),
            (":.b@example.com", None),
            ("ada@example", None),
            ("ada@-a.example", None),
            ("ada@a-.example", None),
            (".ada@example.com", None),
            ("a..b@example.com", None),
            ("a@b@example.com", None),
            ("@example.com", None),
            ("ada@", None),
            ("ада@example.com", None),
            ("ada@пример.example", None),
            ("", None),
        ],
    );
}

#[test]
fn google_email() {
    check(
        google::email,
        &[
            (" Ada.L+News@GMail.com ", Some("adal@gmail.com")),
            ("a.d.a@googlemail.com", Some("ada@googlemail.com")),
            ("Ada.L+News@example.com", Some("ada.l+news@example.com")),
            ("a.b@mail.gmail.com", Some("a.b@mail.gmail.com")),
            ("+x@gmail.com", None),
            ("...@gmail.com", None),
            ("a b@example.com", None),
            ("a@b@example.com", None),
            ("ada@", None),
            ("@example.com", None),
            ("ada", None),
            ("", None),
        ],
    );
}

#[test]
fn phones() {
    for (value, digits) in [
        ("+44 (0)20 7946 0018", Some("4402079460018")),
        ("+49-30-901820", Some("4930901820")),
        ("0049 30 901820", Some("4930901820")),
        ("tel:+7 912 345-67-89", Some("79123456789")),
        ("٠١٢", None),
        ("000", None),
        ("none", None),
        ("", None),
    ] {
        assert_eq!(meta::phone(value).as_deref(), digits, "{value}");
        let plus = digits.map(|digits| format!("+{digits}"));
        assert_eq!(google::phone(value), plus, "{value}");
    }
}

#[test]
fn national_numbers_get_their_country_code() {
    for (number, country, expected) in [
        ("030 901820", "DE", Some("4930901820")),
        ("(0)20 7946 0018", "gb", Some("442079460018")),
        ("067 123 45 67", "ua", Some("380671234567")),
        ("8 (912) 345-67-89", "RU", Some("79123456789")),
        ("8 701 234 56 78", "kz", Some("77012345678")),
        ("8 029 123-45-67", "by", Some("375291234567")),
        ("(212) 555-0100", "us", Some("12125550100")),
        ("876 555 0100", "jm", Some("18765550100")),
        // Nothing is dialled before these at home.
        ("612 34 56 78", "es", Some("34612345678")),
        ("512 345 678", "PL", Some("48512345678")),
        ("8123 4567", "sg", Some("6581234567")),
        ("(11) 96123-4567", "br", Some("5511961234567")),
        ("312 345 6789", "it", Some("393123456789")),
        // Italy's zero belongs to the number.
        ("06 698 12345", "it", Some("390669812345")),
        ("01 23 45 67 89", "ci", Some("2250123456789")),
        ("131 2345 6789", "cn", Some("8613123456789")),
        ("222 123 4567", "mx", Some("522221234567")),
        ("044 222 123 4567", "mx", Some("522221234567")),
        ("06 20 123 4567", "hu", Some("36201234567")),
        ("8 612 34567", "lt", Some("37061234567")),
        // As forms keep it that ask for the country apart.
        ("6 12 34 56 78", "fr", Some("33612345678")),
        ("7911 123456", "uk", Some("447911123456")),
        ("912 345 67 89", "ru", Some("79123456789")),
        ("532 123 45 67", "tr", Some("905321234567")),
        ("98765 43210", "in", Some("919876543210")),
        // To another country.
        ("011 44 20 7946 0018", "us", Some("442079460018")),
        ("8 10 44 20 7946 0018", "ru", Some("442079460018")),
        // Here the code is there already, or may be.
        ("+030901820", "de", None),
        ("0049 30 901820", "de", None),
        ("49 30 901820", "de", None),
        ("30 901820", "de", None),
        ("79123456789", "ru", None),
        ("1 212 555 0100", "us", None),
        ("112 555 0100", "us", None),
        ("493 090 1820", "us", None),
        ("39 312 345 6789", "it", None),
        ("393 123 4567", "it", Some("393931234567")),
        ("34 612 34 56 78", "es", None),
        ("447911123456", "es", None),
        ("380671234567", "de", None),
        // A foreign code after a zero too many is none of the country's numbers.
        ("0380671234567", "ua", None),
        ("＋612 34 56 78", "es", None),
        ("51 612 345 678", "br", None),
        ("0 30", "de", None),
        ("030 901820", "", None),
        ("030 901820", "d", None),
        ("030 901820", "d4", None),
        ("030 901820", "zz", None),
        ("", "de", None),
    ] {
        let expected = expected.unwrap_or(number);
        assert_eq!(
            phone::with_country_code(number, country),
            expected,
            "{number} {country}"
        );
    }
}

#[test]
fn a_zero_that_is_dialled_at_home_alone_is_left_out() {
    for (number, expected) in [
        ("+44 (0)20 7946 0018", "+44 20 7946 0018"),
        ("+49(0)170 1234567", "+49170 1234567"),
        ("0049 (0) 30 901820", "0049  30 901820"),
        ("0044 (0)20 7946 0018", "0044 20 7946 0018"),
        // There it belongs to the number.
        ("+39 (0)6 698 12345", "+39 (0)6 698 12345"),
        // None of it is behind a country code.
        ("(0)20 7946 0018", "(0)20 7946 0018"),
        ("020 (0)7946", "020 (0)7946"),
        ("+(0)20", "+(0)20"),
        ("+44 20 7946 0018", "+44 20 7946 0018"),
        ("", ""),
    ] {
        assert_eq!(phone::without_trunk_zero(number), expected, "{number}");
    }
}

#[test]
fn names() {
    check(
        meta::name,
        &[
            (" Anne-Marie  O'Neil ", Some("annemarieoneil")),
            ("ÉLOÏSE", Some("éloïse")),
            ("Анна", Some("анна")),
            ("ΟΔΥΣΣΕΑΣ", Some("οδυσσεας")),
            ("王小明", Some("王小明")),
            ("a\u{3000}b\u{feff}c", Some("abc")),
            ("a—b", Some("a—b")),
            // No white space to ECMAScript.
            ("a\u{85}b", Some("a\u{85}b")),
            ("_-_", None),
            (" ", None),
        ],
    );
    check(
        google::name,
        &[
            (" Anne-Marie  O'Neil ", Some("anne-marie  o'neil")),
            ("ÉLOÏSE", Some("éloïse")),
            ("-", Some("-")),
            (" \t", None),
        ],
    );
}

#[test]
fn cities() {
    check(
        meta::city,
        &[
            ("Aix-en-Provence", Some("aixenprovence")),
            ("Zürich 8001", Some("zrich8001")),
            ("Łódź", Some("d")),
            ("1er Arrondissement", None),
            ("Київ", None),
            ("", None),
        ],
    );
}

#[test]
fn states() {
    check(
        meta::state,
        &[
            ("Hawaii", Some("hi")),
            ("  tEXas ", Some("tx")),
            ("State of Oregon", Some("or")),
            ("West Virginia", Some("wv")),
            ("Québec", Some("qu")),
            ("Quebec", Some("qc")),
            ("N.Y.", Some("ny")),
            ("Bayern", Some("ba")),
            ("X", Some("x")),
            // What holds two names means the first of the table.
            ("Kansas near Arkansas", Some("ar")),
            ("Киев", None),
            ("42", None),
            ("", None),
        ],
    );
}

#[test]
fn countries() {
    check(
        meta::country,
        &[
            ("Netherlands", Some("nl")),
            ("The Netherlands", Some("nl")),
            ("Cote d'Ivoire", Some("ci")),
            ("Ivory Coast", Some("ci")),
            ("SOUTH KOREA", Some("kr")),
            ("United States of America", Some("us")),
            ("united kingdom of great britain", Some("gb")),
            ("Republic of Moldova", Some("md")),
            ("Ukraine", Some("ua")),
            ("UA", Some("ua")),
            ("Romania", Some("ro")),
            ("Oman", Some("om")),
            ("Dominica", Some("dm")),
            ("Dominican Republic", Some("do")),
            // Names the table has not are cut.
            ("Deutschland", Some("de")),
            ("Россия", None),
            ("1", None),
        ],
    );
}

#[test]
fn zips() {
    check(
        meta::zip,
        &[
            ("94110-1234", Some("94110")),
            (" SW1A 1AA ", Some("sw1a 1aa")),
            ("7", None),
            // One character, two UTF-16 units.
            ("𝟕", Some("𝟕")),
            ("-94110", None),
            ("", None),
        ],
    );
    check(
        google::postal_code,
        &[(" 94110-1234 ", Some("94110-1234")), (" ", None)],
    );
    check(
        google::region_code,
        &[(" de ", Some("DE")), ("DEU", None), ("d", None), ("", None)],
    );
}

#[test]
fn genders() {
    check(
        meta::gender,
        &[
            (" Mrs ", Some("f")),
            ("HIM", Some("m")),
            ("Ma'am", Some("f")),
            ("F", Some("f")),
            ("m f", None),
            ("diverse", None),
            ("", None),
        ],
    );
}

#[test]
fn birth_dates() {
    check(
        |text| meta::birth_date(text, 2026),
        &[
            ("1984-03-09", Some("19840309")),
            ("03/09/1984", Some("19840309")),
            ("23.9.1984", Some("19840923")),
            ("1984-23-09", Some("19840923")),
            ("born 9 (the month) on 23 in 1984", Some("19840923")),
            ("03/1984/09", Some("19840903")),
            ("1984-03-09T08:15:00Z", Some("19840309")),
            ("19840309", Some("19840309")),
            ("01-02-1800", Some("18000102")),
            ("01-02-1799", None),
            ("01-02-2027", Some("20270102")),
            ("01-02-2028", None),
            ("01-02-03", None),
            ("13-13-1984", None),
            ("00-09-1984", None),
            ("1984-03", None),
            ("1984 0309", None),
            ("1984", None),
            ("9 March 1984", None),
            ("1-1-99999999999999999999999999", None),
            ("", None),
        ],
    );
}

#[test]
fn external_ids() {
    check(
        meta::external_id,
        &[
            (" User\t42\u{a0}X ", Some("user42x")),
            ("\u{2003}", None),
            ("", None),
        ],
    );
}

proptest! {
    #[test]
    fn no_text_panics_or_leaves_an_empty_value(text: String) {
        let rules: [fn(&str) -> Option<String>; 11] = [
            meta::email, meta::phone, meta::name, meta::city, meta::state, meta::country,
            meta::zip, meta::gender, google::email, google::phone, google::name,
        ];
        for rule in rules {
            if let Some(once) = rule(&text) {
                prop_assert!(!once.is_empty());
            }
        }
        let _ = meta::birth_date(&text, 2026);
        let _ = phone::with_country_code(&text, &text);
    }

    #[test]
    fn what_is_normalised_stays(
        email in "[A-Za-z0-9]{1,8}([.][A-Z]{1,3})?@[a-z]{1,5}[.](com|example)",
        phone in "[+]?[0-9() -]{3,15}",
    ) {
        for rule in [meta::email, google::email] {
            let once = rule(&email);
            prop_assert!(once.is_some());
            prop_assert_eq!(once.as_deref().and_then(rule), once);
        }
        for rule in [meta::phone, google::phone] {
            let once = rule(&phone);
            prop_assert_eq!(once.as_deref().and_then(rule), once);
        }
    }
}
