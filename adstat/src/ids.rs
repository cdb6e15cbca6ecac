//! What calls name things by.

use std::fmt;

use crate::problem::{Invalid, Problem};

/// The most characters a word of AdStat's may have. Theirs have up to 36.
const LONGEST_WORD: usize = 128;

/// Whether a text can stand in a path as it is.
fn is_word(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST_WORD).contains(&text.len()) && text.bytes().all(is_allowed)
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Reads one: letters, digits, `-` and `_`.
            ///
            /// # Errors
            /// [`Invalid`], naming the field.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                if !is_word(text) {
                    return Err(Problem::new($field, "expected letters, digits, - and _").into());
                }
                Ok(Self(text.to_owned()))
            }

            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

word! {
    /// A cabinet, such as `ACC0000222`.
    AccountId, "account_id"
}
word! {
    /// A Pixel Tag event, by AdStat's own id: not the `tg_event_id` that an ad is given.
    PixelEventId, "event_id"
}

/// An ad, by AdStat's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdId(u64);

impl AdId {
    /// Reads decimal digits, as in a path.
    ///
    /// # Errors
    /// [`Invalid`], naming the field.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse().ok().filter(|_| is_plain).and_then(Self::new);
        id.ok_or_else(|| Problem::new("ad_id", "expected a whole number above 0").into())
    }

    /// The ad of that number; 0 is none, nor is what JavaScript can't count to.
    pub fn new(id: u64) -> Option<Self> {
        (1..1 << 53).contains(&id).then_some(Self(id))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for AdId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
