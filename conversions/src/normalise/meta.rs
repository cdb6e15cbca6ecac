//! Meta's rules, as its own parameter builder applies them ("Customer Information Parameters" and `capi-param-builder`,
//! `piiUtil`). TikTok and Snapchat ask for no more, so they get the same.

pub use super::birth_date::birth_date;
use super::lowercase::lowercase;
use super::{is_space, some_text, trim};

/// An address: trimmed, lower-case, and of the form Meta takes for one.
pub fn email(text: &str) -> Option<String> {
    let text = lowercase(text);
    let email = trim(&text);
    let (local, domain) = email.split_once('@')?;
    (is_local_part(local) && is_domain(domain)).then(|| email.to_owned())
}

/// Digits alone, without zeros in front; the country code is expected in it.
pub fn phone(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    some_text(digits.trim_start_matches('0').to_owned())
}

/// A first or last name: lower-case, without white space and ASCII punctuation; any script.
pub fn name(text: &str) -> Option<String> {
    let is_kept = |character: &char| !is_space(*character) && !character.is_ascii_punctuation();
    let name: String = text.chars().filter(is_kept).collect();
    some_text(lowercase(&name))
}

/// A city: a-z and 0-9, beginning with a letter. Other letters are left out, not transliterated.
pub fn city(text: &str) -> Option<String> {
    let city: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
        .collect();
    city.starts_with(|first: char| first.is_ascii_lowercase())
        .then_some(city)
}

/// A state: two letters, for those of the United States and Canada by their names too.
pub fn state(text: &str) -> Option<String> {
    two_letters(text, include_str!("states.txt"))
}

/// A country: two letters (ISO 3166-1), by its English name too.
pub fn country(text: &str) -> Option<String> {
    two_letters(text, COUNTRIES)
}

/// A country as [`country`] has it, but for what that only guesses by its first letters.
pub fn known_country(text: &str) -> Option<String> {
    named(&latin_letters(text), COUNTRIES).map(str::to_owned)
}

/// A postal code: lower-case, what stands before a hyphen, at least two UTF-16 units.
pub fn zip(text: &str) -> Option<String> {
    let text = lowercase(text);
    let zip = trim(text.split('-').next().unwrap_or_default());
    (zip.encode_utf16().count() >= 2).then(|| zip.to_owned())
}

/// `m` or `f`, from the words Meta knows.
pub fn gender(text: &str) -> Option<String> {
    let text = lowercase(text);
    let is_in = |words: &str| words.split_whitespace().any(|word| word == trim(&text));
    if is_in(MALE) {
        Some("m".to_owned())
    } else if is_in(FEMALE) {
        Some("f".to_owned())
    } else {
        None
    }
}

/// An id of the site's own: lower-case, without white space.
pub fn external_id(text: &str) -> Option<String> {
    let id: String = text
        .chars()
        .filter(|character| !is_space(*character))
        .collect();
    some_text(lowercase(&id))
}

const MALE: &str = "m male man boy guy lad chap bloke dude fellow gentleman lord sir mister mr he him his himself \
    father dad daddy papa son brother uncle nephew husband boyfriend groom widower \
    king prince duke count emperor god";

const FEMALE: &str = "f female woman girl gal lass maiden chick dame belle lady madam ma'am miss ms mrs she her hers \
    herself mother mom mama mommy daughter sister aunt niece wife girlfriend bride widow \
    queen princess duchess countess empress goddess";

/// Dot-separated runs of the characters that need no quotes (RFC 5322, "atext"). Meta's pattern lets a colon stand
/// before a dot; so it does here, or the hashes would differ.
fn is_local_part(text: &str) -> bool {
    let is_atom = |text: &str| {
        let is_symbol = |byte| b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || is_symbol(byte))
    };
    match text.rsplit_once('.') {
        None => is_atom(text),
        Some((before, last)) => {
            let mut before = before.split('.');
            is_atom(last) && before.all(|atom| is_atom(atom.strip_suffix(':').unwrap_or(atom)))
        }
    }
}

/// Two or more labels of letters, digits and inner hyphens.
fn is_domain(text: &str) -> bool {
    let is_label = |text: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !text.is_empty()
            && text.bytes().all(is_inner)
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    text.contains('.') && text.split('.').all(is_label)
}

const COUNTRIES: &str = include_str!("countries.txt");

/// The two letters of a place, by a table of names; where none fits, its first two.
fn two_letters(text: &str, table: &str) -> Option<String> {
    let letters = latin_letters(text);
    let code = named(&letters, table).unwrap_or(&letters);
    some_text(code.chars().take(2).collect())
}

fn latin_letters(text: &str) -> String {
    let mut letters = lowercase(text);
    letters.retain(|character| character.is_ascii_lowercase());
    letters
}

/// Two letters, or those of a name, by a table whose lines are a code and the names it goes by. The order of the lines
/// matters: a text that holds several names means the first of the table.
fn named<'a>(letters: &'a str, table: &'a str) -> Option<&'a str> {
    if letters.len() == 2 {
        return Some(letters);
    }
    let code_where = |is_meant: &dyn Fn(&str) -> bool| {
        table.lines().find_map(|line| {
            let (code, names) = line.split_once(' ')?;
            names.split(' ').any(is_meant).then_some(code)
        })
    };
    code_where(&|name| name == letters).or_else(|| code_where(&|name| letters.contains(name)))
}
