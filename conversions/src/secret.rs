//! A secret that is asked for, or told to another.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::hash::sha256;

/// A secret. It shows itself in no log.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret that `text` is.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Whether `told` is it, in a time that says nothing of how much of it was right.
    pub fn is(&self, told: &str) -> bool {
        same(&self.0, told)
    }

    /// The secret itself. Only for the one it is shared with.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Whether two texts are the same, in a time that says nothing of them.
pub fn same(one: &str, other: &str) -> bool {
    // By their hashes, which are of one length.
    let [one, other] = [one, other].map(|text| sha256(text.as_bytes()));
    one.ct_eq(&other).into()
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_compared_and_not_shown() {
        let secret = Secret::new("correct horse".to_owned());
        assert!(secret.is("correct horse"));
        assert!(!secret.is("correct horsf") && !secret.is("") && !secret.is("correct horse "));
        assert!(!format!("{secret:?}").contains("horse"));
    }
}
