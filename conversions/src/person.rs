//! Whom a conversion is about, by hashes alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::normalise::{google, meta, phone, trim};

/// What is known of a person as it came, in memory only. It shows no value in a log.
#[derive(Clone, Copy, Default)]
pub struct RawPerson<'a> {
    /// E-mail address.
    pub email: Option<&'a str>,
    /// Phone number, with or without the country code.
    pub phone: Option<&'a str>,
    /// First name.
    pub first_name: Option<&'a str>,
    /// Last name.
    pub last_name: Option<&'a str>,
    /// City.
    pub city: Option<&'a str>,
    /// State or province, by name or abbreviation.
    pub state: Option<&'a str>,
    /// Postal code.
    pub zip: Option<&'a str>,
    /// Country, by English name or ISO 3166-1 code.
    pub country: Option<&'a str>,
    /// Date of birth in any common order.
    pub birth_date: Option<&'a str>,
    /// Gender in a word or letter.
    pub gender: Option<&'a str>,
    /// The site's own id of the person.
    pub external_id: Option<&'a str>,
}

impl fmt::Debug for RawPerson<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RawPerson(redacted)")
    }
}

/// What is kept of a person: a hash for each field and, where platforms differ, for each rule. Only SHA-256 in
/// lower-case hexadecimal, but for what came hashed in another way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Person {
    /// E-mail by Meta's rule: Meta, TikTok, Snapchat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Hash>,
    /// E-mail by Google's rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_google: Option<Hash>,
    /// Phone, digits alone: Meta, Snapchat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Hash>,
    /// Phone with the plus sign of E.164: TikTok, Google.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_e164: Option<Hash>,
    /// First name by Meta's rule: Meta, TikTok, Snapchat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Hash>,
    /// First name by Google's rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name_google: Option<Hash>,
    /// Last name by Meta's rule: Meta, TikTok, Snapchat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Hash>,
    /// Last name by Google's rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name_google: Option<Hash>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<Hash>,
    /// State, two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Hash>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip: Option<Hash>,
    /// Country, two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Hash>,
    /// Date of birth, YYYYMMDD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Hash>,
    /// Gender, `m` or `f`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<Hash>,
    /// The site's own id of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Hash>,
}

impl Person {
    /// Normalises and hashes all that is given; a value that a rule makes nothing of is left out. A value that came
    /// hashed, 64 or 32 hexadecimal digits, passes through in lower case; Google's and the E.164 fields take SHA-256
    /// alone.
    ///
    /// `default_country` (ISO 3166-1, two letters) is where a national phone number is from if the person's own country
    /// is not given, or not known by that name. `now_ms` (Unix ms) bounds the year of birth.
    pub fn hash(raw: &RawPerson<'_>, default_country: Option<&str>, now_ms: u64) -> Self {
        let own_country = raw.country.filter(|text| Hash::parse(trim(text)).is_err());
        // A guess would dial into another country.
        let own_country = own_country.and_then(meta::known_country);
        let own_country = own_country.filter(|country| phone::is_country(country));
        let country = own_country.as_deref().or(default_country);
        let in_full = |number: &str| {
            let number = phone::without_trunk_zero(number);
            match country {
                Some(country) => phone::with_country_code(&number, country),
                None => number.into_owned(),
            }
        };
        Self {
            email: hashed(raw.email, &meta::email),
            email_google: hashed_sha256(raw.email, &google::email),
            phone: hashed(raw.phone, &|number| meta::phone(&in_full(number))),
            phone_e164: hashed_sha256(raw.phone, &|number| google::phone(&in_full(number))),
            first_name: hashed(raw.first_name, &meta::name),
            first_name_google: hashed_sha256(raw.first_name, &google::name),
            last_name: hashed(raw.last_name, &meta::name),
            last_name_google: hashed_sha256(raw.last_name, &google::name),
            city: hashed(raw.city, &meta::city),
            state: hashed(raw.state, &meta::state),
            zip: hashed(raw.zip, &meta::zip),
            country: hashed(raw.country, &meta::country),
            birth_date: hashed(raw.birth_date, &|text| meta::birth_date(text, year(now_ms))),
            gender: hashed(raw.gender, &meta::gender),
            external_id: hashed(raw.external_id, &meta::external_id),
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn hashed(raw: Option<&str>, rule: &dyn Fn(&str) -> Option<String>) -> Option<Hash> {
    let raw = raw?;
    match Hash::parse(trim(raw)) {
        Ok(hash) => Some(hash),
        Err(_) => rule(raw).as_deref().map(Hash::of),
    }
}

fn hashed_sha256(raw: Option<&str>, rule: &dyn Fn(&str) -> Option<String>) -> Option<Hash> {
    hashed(raw, rule).filter(Hash::is_sha256)
}

/// The year of a Unix time (ms), in UTC; around a new year it may be a day off.
fn year(ms: u64) -> u64 {
    const MEAN_YEAR_MS: u64 = 31_556_952_000;
    1970 + ms / MEAN_YEAR_MS
}
