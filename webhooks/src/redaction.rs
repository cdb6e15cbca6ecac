//! A payload without what names a person.

use serde_json::Value;
use uuid::Uuid;

use crate::source::Pointer;

/// What stands where something was taken out.
pub const REMOVED: &str = "[removed]";

/// Words in a key that make its whole value personal.
const PERSONAL: [&str; 41] = [
    "email",
    "mail",
    "phone",
    "mobile",
    "tel",
    "telephone",
    "fax",
    "whatsapp",
    "firstname",
    "lastname",
    "fullname",
    "surname",
    "username",
    "nickname",
    "contact",
    "address",
    "street",
    "line1",
    "line2",
    "city",
    "town",
    "zip",
    "postcode",
    "postal",
    "state",
    "county",
    "birthday",
    "birth",
    "birthdate",
    "dob",
    "gender",
    "sex",
    "age",
    "ip",
    "passport",
    "ssn",
    "iban",
    "card",
    "cardholder",
    "login",
    "signature",
];

/// Words that make a key personal wherever they stand in it, though nothing parts them from the rest.
const PERSONAL_ANYWHERE: [&str; 6] = ["email", "phone", "address", "birth", "surname", "postal"];

/// What bears a name and is no person: the word before `name`.
const THINGS: [&str; 9] = [
    "event", "product", "content", "item", "plan", "channel", "campaign", "file", "currency",
];

/// Takes out of a payload every value under a key that names a person, and every text that looks like an e-mail address or
/// a phone number. At the places `kept`, which a mapping reads into what a conversion keeps in the clear, a key's name does
/// not matter, and an id is no phone number, whatever digits it has. What stands at the places `personal`, which a mapping reads into the person,
/// is taken out whatever it looks like.
pub fn redact(payload: &mut Value, kept: &[&Pointer], personal: &[&Pointer]) {
    redact_at(payload, &mut String::new(), false, kept);
    for place in personal {
        if !kept.contains(place)
            && let Some(value) = payload.pointer_mut(place.as_str())
            && !value.is_null()
        {
            *value = Value::String(REMOVED.to_owned());
        }
    }
}

fn redact_at(value: &mut Value, place: &mut String, is_personal: bool, kept: &[&Pointer]) {
    match value {
        Value::Null => {}
        Value::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                redact_under(value, place, &index.to_string(), is_personal, kept);
            }
        }
        Value::Object(fields) => {
            let mut personal_keys = Vec::new();
            for (key, value) in fields.iter_mut() {
                redact_under(value, place, key, is_personal || names_person(key), kept);
                if looks_like_email(key) || looks_like_phone(key) {
                    personal_keys.push(key.clone());
                }
            }
            for key in personal_keys {
                if let Some(value) = fields.remove(&key) {
                    fields.insert(REMOVED.to_owned(), value);
                }
            }
        }
        leaf => {
            let is_kept = kept.iter().any(|kept| kept.as_str() == place);
            let looks_personal = match &*leaf {
                Value::String(text) => {
                    looks_like_email(text)
                        || (looks_like_phone(text) && !(is_kept && is_bare(text)))
                }
                _ => false,
            };
            if looks_personal || (is_personal && !is_kept) {
                *leaf = Value::String(REMOVED.to_owned());
            }
        }
    }
}

/// Redacts what stands in `place` under `token`.
fn redact_under(
    value: &mut Value,
    place: &mut String,
    token: &str,
    is_personal: bool,
    kept: &[&Pointer],
) {
    let length = place.len();
    place.push('/');
    // As RFC 6901 escapes them.
    for char in token.chars() {
        match char {
            '~' => place.push_str("~0"),
            '/' => place.push_str("~1"),
            char => place.push(char),
        }
    }
    redact_at(value, place, is_personal, kept);
    place.truncate(length);
}

/// Whether a key names what belongs to a person: `customerEmail`, `billing_address`, `name`.
fn names_person(key: &str) -> bool {
    let words = words(key);
    let whole = words.concat();
    let is_name = |at: usize, word: &str| {
        let before = at.checked_sub(1).and_then(|before| words.get(before));
        word == "name" && !before.is_some_and(|before| THINGS.contains(&before.as_str()))
    };
    PERSONAL_ANYWHERE.iter().any(|word| whole.contains(word))
        || PERSONAL.contains(&whole.as_str())
        || words
            .iter()
            .enumerate()
            .any(|(at, word)| PERSONAL.contains(&word.as_str()) || is_name(at, word))
}

/// The words of a key, in lower case and without the s of the plural: `customerFirst_names` is customer, first, name.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for char in key.chars() {
        if (char.is_uppercase() && was_lower) || !char.is_alphanumeric() {
            words.push(String::new());
        }
        was_lower = char.is_lowercase() || char.is_numeric();
        if let Some(word) = words.last_mut().filter(|_| char.is_alphanumeric()) {
            word.push(char.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    for word in &mut words {
        if word.ends_with('s') && !word.ends_with("ss") {
            word.pop();
        }
    }
    words
}

/// Whether there is an `@` between two words, as it stands or as URLs write it.
pub fn looks_like_email(text: &str) -> bool {
    ["@", "%40"].into_iter().any(|at| {
        text.match_indices(at).any(|(index, at)| {
            let (before, after) = text.split_at(index);
            let after = after.get(at.len()..).unwrap_or_default();
            before.ends_with(|char: char| !char.is_whitespace())
                && after.starts_with(|char: char| !char.is_whitespace())
        })
    })
}

/// Whether seven digits or more stand together, parted by nothing but what parts a phone number's. A letter right before them makes it
/// an id.
fn looks_like_phone(text: &str) -> bool {
    const FEWEST_DIGITS: usize = 7;
    if Uuid::try_parse(text).is_ok() {
        return false;
    }
    let is_of_number = |char: char| char.is_ascii_digit() || "+()-./ \u{a0}".contains(char);
    let mut digits = 0;
    let mut is_id = false;
    let mut previous = ' ';
    for char in text.chars().chain(['\n']) {
        if is_of_number(char) {
            is_id |= digits == 0 && char.is_ascii_digit() && is_letter(previous);
            digits += usize::from(char.is_ascii_digit());
        } else {
            if digits >= FEWEST_DIGITS && !is_id {
                return true;
            }
            (digits, is_id) = (0, false);
        }
        previous = char;
    }
    false
}

fn is_letter(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Whether a text is an id (`-1001234567890`, `cust-2024-000123`), an amount or a time, and nothing else.
fn is_bare(text: &str) -> bool {
    let is_time = || chrono::DateTime::parse_from_rfc3339(text).is_ok();
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        || is_time()
}
