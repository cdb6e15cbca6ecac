//! How each platform wants a value of a person before it is hashed: the same text from every sender, or the hashes do
//! not meet.
//!
//! Each rule takes a value that is not hashed yet, and is `None` where nothing usable is left.

mod birth_date;
pub mod google;
mod lowercase;
pub mod meta;
pub mod phone;

/// White space as ECMAScript has it (`\s`), which Meta's rules are written in: Unicode's, and the byte order mark, but
/// not U+0085.
fn is_space(character: char) -> bool {
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

/// `text` without white space at its ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

fn some_text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
