//! The settings of destinations, read once.

use std::borrow::Cow;
use std::fmt;

/// A setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// Its name, as in the settings.
    pub field: &'static str,
    /// What it must be.
    pub expected: Cow<'static, str>,
}

impl fmt::Display for SettingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: expected {}", self.field, self.expected)
    }
}

impl std::error::Error for SettingError {}

/// Appends `text` with all but RFC 3986's unreserved characters percent-encoded.
pub(super) fn percent_encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            to.push(byte.into());
        } else {
            to.push('%');
            for digit in [byte >> 4, byte & 15] {
                to.extend(
                    char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()),
                );
            }
        }
    }
}
