//! Google's rules, as its Data Manager formatter applies them ("Format user data").

use super::lowercase::lowercase;
use super::{some_text, trim};

/// An address: trimmed, lower-case, one `@` with text on both sides and no white space. At gmail.com and googlemail.com
/// the local part loses its dots and what follows a plus sign.
pub fn email(text: &str) -> Option<String> {
    let text = lowercase(trim(text));
    let (user, domain) = text.split_once('@')?;
    if domain.is_empty() || domain.contains('@') || text.contains(super::is_space) {
        return None;
    }
    let user = match domain {
        "gmail.com" | "googlemail.com" => {
            user.split('+').next().unwrap_or_default().replace('.', "")
        }
        _ => user.to_owned(),
    };
    (!user.is_empty()).then(|| format!("{user}@{domain}"))
}

/// A number as E.164: a plus sign and digits; the country code is expected in it. TikTok's rule too.
pub fn phone(text: &str) -> Option<String> {
    super::meta::phone(text).map(|digits| format!("+{digits}"))
}

/// A given or family name: trimmed, lower-case.
pub fn name(text: &str) -> Option<String> {
    some_text(lowercase(trim(text)))
}

/// A country: two letters (ISO 3166-1) in upper case. Google takes it unhashed.
pub fn region_code(text: &str) -> Option<String> {
    let code = trim(text).to_ascii_uppercase();
    (code.chars().count() == 2).then_some(code)
}

/// A postal code: trimmed. Google takes it unhashed.
pub fn postal_code(text: &str) -> Option<String> {
    some_text(trim(text).to_owned())
}
