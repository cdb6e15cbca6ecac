//! The fields of a tracking call's JSON body. Those we know are read as what they must be; the others are kept as they
//! were written, to be passed on untouched.

use std::borrow::Cow;
use std::fmt;

use conversions::Consent;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;

/// The text of a body, without the byte order mark that some programs begin with (RFC 8259, section 8.1: it may be ignored).
///
/// # Errors
/// `INVALID_PAYLOAD`: not UTF-8.
pub fn text(body: &[u8]) -> Result<&str, Error> {
    const GZIP: &[u8] = b"\x1f\x8b";
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    std::str::from_utf8(body).map_err(|_| {
        let what = if body.starts_with(GZIP) {
            "the body is compressed (gzip): send it uncompressed"
        } else {
            "the body is not UTF-8"
        };
        Error::InvalidPayload(what.to_owned())
    })
}

/// A JSON object, its values as they were written.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD`: not UTF-8, not JSON, not an object.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let fields: Self = serde_json::from_str(text(body)?).map_err(|why| {
            let what = if why.is_data() {
                "the body is not a JSON object"
            } else {
                "the body is not valid JSON"
            };
            Error::InvalidPayload(format!(
                "{what}, at line {} column {}",
                why.line(),
                why.column()
            ))
        })?;
        match fields
            .0
            .iter()
            .find(|(_, value)| depth(value.get()) > DEPTH_LIMIT)
        {
            Some((name, _)) => Err(Error::field(name, "nested too deep")),
            None => Ok(fields),
        }
    }

    /// A field as it was written.
    fn raw(&self, name: &str) -> Option<&'a RawValue> {
        // Of a repeated name the last counts, as JSON.parse has it.
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
    }

    /// A text field; absent, null and blank are the same.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` naming the field: not a string.
    #[inline(never)]
    pub fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Error> {
        let Some(raw) = self.raw(name) else {
            return Ok(None);
        };
        let raw = raw.get();
        // Nearly every value is plain: then the text is borrowed as it stands.
        let plain = raw
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .filter(|text| !text.contains('\\'));
        let text = match plain {
            Some(text) => Some(Cow::Borrowed(text)),
            None => serde_json::from_str::<Option<String>>(raw)
                .map_err(|_| Error::field(name, "not a string"))?
                .map(Cow::Owned),
        };
        Ok(text.filter(|text| !text.trim().is_empty()))
    }

    /// A text field that must be there.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` naming the field.
    #[inline(never)]
    pub fn required(&self, name: &str) -> Result<Cow<'a, str>, Error> {
        self.text(name)?
            .ok_or_else(|| Error::field(name, "missing"))
    }

    /// What the field `consent` says that the person allowed: `granted` or `denied`.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` when it is another word, or no text.
    pub fn consent(&self) -> Result<Consent, Error> {
        let told = self.text("consent")?;
        Consent::parse(told.as_deref())
            .ok_or_else(|| Error::field("consent", "expected granted or denied"))
    }

    /// Whether a field is `true`.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` naming the field: not a boolean.
    pub fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.raw(name).map(RawValue::get) {
            Some("true") => Ok(true),
            None | Some("false" | "null") => Ok(false),
            Some(_) => Err(Error::field(name, "not a boolean")),
        }
    }

    /// A number field as it was written; absent and null are the same.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` naming the field: not a number.
    #[inline(never)]
    pub fn number(&self, name: &str) -> Result<Option<&'a str>, Error> {
        match self.raw(name).map(RawValue::get) {
            None | Some("null") => Ok(None),
            Some(text)
                if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) =>
            {
                Ok(Some(text))
            }
            Some(_) => Err(Error::field(name, "not a number")),
        }
    }

    /// An object field; absent and null are the same.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` naming the field: not an object.
    pub fn object(&self, name: &str) -> Result<Option<Self>, Error> {
        match self.raw(name).map(RawValue::get) {
            None | Some("null") => Ok(None),
            Some(text) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Error::field(name, "not an object")),
        }
    }

    /// A field that is a list of texts; absent and null are the same.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` naming the field: not a list of strings.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Error> {
        match self.raw(name).map(RawValue::get) {
            None | Some("null") => Ok(None),
            Some(text) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Error::field(name, "not a list of strings")),
        }
    }

    /// The names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    /// The fields that `is_known` does not know, each as it was written.
    pub fn others(
        &self,
        is_known: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0
            .iter()
            .filter(move |(name, _)| !is_known(name))
            .map(|(name, value)| (name.as_ref(), *value))
    }
}

/// How deep a value may be nested: what is kept must be readable by others, and SQLite's JSON ends at 1,000.
const DEPTH_LIMIT: usize = 64;

/// How many arrays and objects stand around the innermost value of `json`.
fn depth(json: &str) -> usize {
    if !json.starts_with(['[', '{']) {
        return 0;
    }
    let (mut depth, mut deepest, mut in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(32);
                while let Some((Name(name), value)) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(Fields(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// A field's name, borrowed where it holds no escape.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_flags_and_the_rest() {
        let fields = Fields::parse(
            br#"{"a":"x","b":null,"c":" ","d":"\u00e9","bot":true,"n":1.50,"o":{"k":[1]}}"#,
        )
        .unwrap();
        assert_eq!(fields.text("a").unwrap().as_deref(), Some("x"));
        assert_eq!(fields.text("b").unwrap(), None);
        assert_eq!(fields.text("c").unwrap(), None);
        assert_eq!(fields.text("d").unwrap().as_deref(), Some("é"));
        assert_eq!(fields.text("e").unwrap(), None);
        assert!(fields.flag("bot").unwrap());
        assert_eq!(fields.text("n"), Err(Error::field("n", "not a string")));
        assert_eq!(fields.flag("a"), Err(Error::field("a", "not a boolean")));
        assert_eq!(fields.required("e"), Err(Error::field("e", "missing")));
        let others: Vec<_> = fields
            .others(|name| name != "n" && name != "o")
            .map(|(name, value)| (name.to_owned(), value.get()))
            .collect();
        assert_eq!(
            others,
            [("n".to_owned(), "1.50"), ("o".to_owned(), r#"{"k":[1]}"#)]
        );
    }

    #[test]
    fn bodies_that_are_no_object() {
        let message = |body: &[u8]| Fields::parse(body).unwrap_err().to_string();
        assert_eq!(message(b"\xff"), "the body is not UTF-8");
        assert_eq!(
            message(b"\x1f\x8b\x08\x00"),
            "the body is compressed (gzip): send it uncompressed"
        );
        assert_eq!(
            message(b"[1]"),
            "the body is not a JSON object, at line 1 column 0"
        );
        assert_eq!(
            message(b"{\"a\":"),
            "the body is not valid JSON, at line 1 column 5"
        );
        assert_eq!(
            message(b""),
            "the body is not valid JSON, at line 1 column 0"
        );
    }

    #[test]
    fn a_byte_order_mark_is_ignored() {
        let fields = Fields::parse(b"\xef\xbb\xbf{\"a\":\"b\"}").unwrap();
        assert_eq!(fields.text("a").unwrap().as_deref(), Some("b"));
        assert!(Fields::parse(b"\xef\xbb\xbf\xef\xbb\xbf{}").is_err());
    }

    #[test]
    fn a_value_too_deep_to_keep() {
        let nested = |depth| {
            format!(
                "{{\"a\":{}\"]\\\"[\"{}}}",
                "[".repeat(depth),
                "]".repeat(depth)
            )
        };
        assert!(Fields::parse(nested(64).as_bytes()).is_ok());
        assert_eq!(
            Fields::parse(nested(65).as_bytes()).unwrap_err(),
            Error::field("a", "nested too deep")
        );
    }

    #[test]
    fn of_a_repeated_name_the_last_counts() {
        let fields = Fields::parse(br#"{"a":"x","\u0061":"y"}"#).unwrap();
        assert_eq!(fields.text("a").unwrap().as_deref(), Some("y"));
    }
}
