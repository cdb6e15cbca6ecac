//! Our hashes against what Meta's and Google's own libraries make of the same values, where their recorded outputs lie
//! beside the project, in `../shared/vectors`.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use conversions::normalise::google;
use conversions::{Hash, Person, RawPerson};
use serde::Deserialize;
use serde_json::Value;

/// When Meta's outputs were recorded: 2026-05-17.
const RECORDED_MS: u64 = 1_778_976_000_000;

/// Field and value where we differ from Meta on purpose, and why. A listed case that agrees fails the test.
const EXPECTED_DIFFERENCES: &[(&str, &str, &str)] = &[];

/// The text of a file of vectors; says so when there is none.
fn vectors(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/vectors")
        .join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("no vectors at {}: nothing was compared", path.display());
    }
    text
}

/// What Meta's rule makes of one field, which may be kept in several places.
fn of_meta(field: &str, value: &str) -> Vec<Option<Hash>> {
    let mut raw = RawPerson::default();
    let given = Some(value);
    match field {
        "city" => raw.city = given,
        "country" => raw.country = given,
        "dob" => raw.birth_date = given,
        "email" => raw.email = given,
        "externalid" => raw.external_id = given,
        "gender" => raw.gender = given,
        "name" => (raw.first_name, raw.last_name) = (given, given),
        "phone" => raw.phone = given,
        "state" => raw.state = given,
        "zipcode" => raw.zip = given,
        _ => {}
    }
    let person = Person::hash(&raw, None, RECORDED_MS);
    match field {
        "city" => vec![person.city],
        "country" => vec![person.country],
        "dob" => vec![person.birth_date],
        "email" => vec![person.email],
        "externalid" => vec![person.external_id],
        "gender" => vec![person.gender],
        "name" => vec![person.first_name, person.last_name],
        "phone" => vec![person.phone],
        "state" => vec![person.state],
        "zipcode" => vec![person.zip],
        _ => vec![],
    }
}

#[test]
fn meta() {
    #[derive(Deserialize)]
    struct Recorded {
        vectors: BTreeMap<String, Vec<(String, Option<String>)>>,
    }
    let Some(text) = vectors("meta-normalise.json") else {
        return;
    };
    let recorded: Recorded = serde_json::from_str(&text).unwrap();

    let mut agreed = 0;
    let mut surprises = Vec::new();
    for (field, pairs) in &recorded.vectors {
        for (value, normalised) in pairs {
            // An empty value is not sent; one that came hashed is not hashed again.
            let normalised = normalised.as_deref().filter(|text| !text.is_empty());
            let theirs =
                normalised.map(|text| Hash::parse(text.trim()).unwrap_or_else(|_| Hash::of(text)));
            let ours = of_meta(field, value);
            let agrees = !ours.is_empty() && ours.iter().all(|hash| *hash == theirs);
            let is_expected = EXPECTED_DIFFERENCES
                .iter()
                .any(|(in_field, of, _)| in_field == field && of == value);
            agreed += usize::from(agrees);
            if agrees == is_expected {
                surprises.push((field, value, normalised, agrees));
            }
        }
    }
    let total: usize = recorded.vectors.values().map(Vec::len).sum();
    println!("Meta: {agreed} of {total} agree");
    assert!(
        surprises.is_empty(),
        "field, value, theirs, agrees: {surprises:#?}"
    );
    assert_eq!(agreed + EXPECTED_DIFFERENCES.len(), total);
}

#[test]
fn google_formatter() {
    #[derive(Deserialize)]
    struct Recorded {
        calls: Vec<Call>,
    }
    #[derive(Deserialize, Debug)]
    struct Call {
        r#fn: String,
        args: Vec<Option<String>>,
        out: Value,
    }
    let Some(text) = vectors("google-formatter.json") else {
        return;
    };
    let recorded: Recorded = serde_json::from_str(&text).unwrap();

    for call in &recorded.calls {
        let given = call.args.first().and_then(Option::as_deref);
        let raw = given.unwrap_or_default();
        let person = |raw: RawPerson<'_>| Person::hash(&raw, None, RECORDED_MS);
        let (step, field) = call.r#fn.split_once('_').unwrap();
        let ours = match (step, field) {
            ("format", "email_address") => google::email(raw),
            ("format", "phone_number") => google::phone(raw),
            ("format", "given_name" | "family_name") => google::name(raw),
            ("format" | "process", "region_code") => google::region_code(raw),
            ("format" | "process", "postal_code") => google::postal_code(raw),
            ("process", _) => {
                let hash = match field {
                    "email_address" => {
                        person(RawPerson {
                            email: given,
                            ..Default::default()
                        })
                        .email_google
                    }
                    "phone_number" => {
                        person(RawPerson {
                            phone: given,
                            ..Default::default()
                        })
                        .phone_e164
                    }
                    "given_name" => {
                        person(RawPerson {
                            first_name: given,
                            ..Default::default()
                        })
                        .first_name_google
                    }
                    "family_name" => {
                        person(RawPerson {
                            last_name: given,
                            ..Default::default()
                        })
                        .last_name_google
                    }
                    _ => None,
                };
                // Whoever sends chooses the encoding; we send hexadecimal.
                let is_base64 = call.args[1].as_deref().unwrap().contains("BASE64");
                hash.map(|hash| match is_base64 {
                    true => BASE64.encode(hex_bytes(hash.as_str())),
                    false => hash.as_str().to_owned(),
                })
            }
            ("hash", "string") => {
                (!raw.trim().is_empty()).then(|| Hash::of(raw).as_str().to_owned())
            }
            ("base64", "encode") => some_bytes(given).map(|bytes| BASE64.encode(bytes)),
            ("hex", "encode") => some_bytes(given)
                .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
            _ => Some("a call we do not know".to_owned()),
        };
        assert_eq!(ours.as_deref(), call.out.as_str(), "{call:?}");
    }
    println!("Google: {} calls agree", recorded.calls.len());
}

#[allow(clippy::unwrap_used, reason = "a helper of tests")]
fn hex_bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The bytes that Python writes as `b'…'`, if there are any.
#[allow(clippy::unwrap_used, reason = "a helper of tests")]
fn some_bytes(literal: Option<&str>) -> Option<Vec<u8>> {
    let literal = literal?.strip_prefix('b')?;
    let mut characters = literal[1..literal.len() - 1].chars();
    let mut bytes = Vec::new();
    while let Some(character) = characters.next() {
        bytes.push(match character {
            '\\' => match characters.next().unwrap() {
                'x' => {
                    let pair: String = characters.by_ref().take(2).collect();
                    u8::from_str_radix(&pair, 16).unwrap()
                }
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                escaped => u8::try_from(escaped).unwrap(),
            },
            plain => u8::try_from(plain).unwrap(),
        });
    }
    (!bytes.is_empty()).then_some(bytes)
}
