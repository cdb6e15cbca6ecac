//! From a payload to what a conversion is made of.

use std::fmt;

use chrono::DateTime;
use conversions::{Currency, EventType, Money, MoneyError, Person, RawPerson, TelegramUserId};
use serde_json::Value;
use uuid::Uuid;

use crate::redaction::{REMOVED, looks_like_email};
use crate::source::{Field, Mapping, Term, ValueIn};

/// What a payload says of a conversion, beside the person.
#[derive(Debug, PartialEq)]
pub struct Mapped {
    /// Whose it is.
    pub lead: Reference,
    /// What happened.
    pub event_type: EventType,
    /// What it is worth.
    pub value: Option<Money>,
    /// The shop's own id of the person.
    pub external_user_id: Option<String>,
    /// What was bought.
    pub content_name: Option<String>,
    /// When it happened, Unix time in ms.
    pub event_ms: Option<u64>,
    /// The channel.
    pub channel_id: Option<String>,
}

/// Whose a conversion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// A Telegram user's.
    User(TelegramUserId),
    /// The Telegram user's that the visitor with this `tempId` became.
    Visitor(Uuid),
}

/// What a payload says of the person in the clear. For memory alone: it has neither Debug nor Serialize.
#[derive(Default)]
pub struct Pii {
    /// The e-mail address.
    pub email: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The state, province or county.
    pub state: Option<String>,
    /// The postal code.
    pub zip: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The day of birth.
    pub birth_date: Option<String>,
    /// The gender.
    pub gender: Option<String>,
}

/// Why a payload makes no conversion. It holds no value of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// The field of the mapping.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl Unmapped {
    fn new(field: Field, why: &str) -> Self {
        Self {
            field: field.name(),
            why: why.to_owned(),
        }
    }
}

impl fmt::Display for Unmapped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.field)?;
        formatter.write_str(": ")?;
        formatter.write_str(&self.why)
    }
}

/// The most characters of a text that a conversion keeps.
const MAX_LENGTH: usize = 255;

impl Mapping {
    /// Maps a payload that came in at `now_ms` (Unix time in ms).
    ///
    /// # Errors
    /// [`Unmapped`] names the first field that is wrong.
    pub fn map(&self, payload: &Value, now_ms: u64) -> Result<Mapped, Unmapped> {
        let event_type = self.event_type(payload)?;
        let value = self.value(payload)?;
        let event_ms = match self.first(Field::EventTime, payload) {
            Some(time) => Some(event_ms(&time, now_ms)?),
            None => None,
        };
        Ok(Mapped {
            lead: self.lead(payload)?,
            event_type,
            value,
            external_user_id: self.kept(Field::ExternalUserId, payload)?,
            content_name: self.kept(Field::ContentName, payload)?,
            event_ms,
            channel_id: self.kept(Field::ChannelId, payload)?,
        })
    }

    /// Whom a payload is about, in the clear.
    pub fn pii(&self, payload: &Value) -> Pii {
        let first = |field| self.first(field, payload);
        let name = first(Field::Name).unwrap_or_default();
        let (first_of_name, rest_of_name) = name.split_once(' ').unwrap_or((&name, ""));
        let or = |field, part: &str| {
            let part = part.trim();
            first(field).or_else(|| (!part.is_empty()).then(|| part.to_owned()))
        };
        Pii {
            email: first(Field::Email),
            phone: first(Field::Phone),
            first_name: or(Field::FirstName, first_of_name),
            last_name: or(Field::LastName, rest_of_name),
            city: first(Field::City),
            state: first(Field::State),
            zip: first(Field::Zip),
            country: first(Field::Country),
            birth_date: first(Field::BirthDate),
            gender: first(Field::Gender),
        }
    }

    /// Which channel a payload names, if any.
    pub fn channel_id(&self, payload: &Value) -> Option<String> {
        self.first(Field::ChannelId, payload)
    }

    /// Whom a payload is about, by hashes. `channel_country` (ISO 3166-1, two letters) is where a phone number is from that does
    /// not say.
    pub fn person(&self, payload: &Value, channel_country: Option<&str>, now_ms: u64) -> Person {
        let pii = self.pii(payload);
        let external_id = self.first(Field::ExternalUserId, payload);
        let raw = RawPerson {
            email: pii.email.as_deref(),
            phone: pii.phone.as_deref(),
            first_name: pii.first_name.as_deref(),
            last_name: pii.last_name.as_deref(),
            city: pii.city.as_deref(),
            state: pii.state.as_deref(),
            zip: pii.zip.as_deref(),
            country: pii.country.as_deref(),
            birth_date: pii.birth_date.as_deref(),
            gender: pii.gender.as_deref(),
            external_id: external_id.as_deref(),
        };
        Person::hash(&raw, channel_country, now_ms)
    }

    /// What a field's term finds, in order; a word that its table lacks is passed over.
    fn texts(&self, field: Field, payload: &Value) -> Vec<String> {
        let mut texts = Vec::new();
        match self.term(field) {
            None => {}
            Some(Term::Constant(text)) => texts.push(text.clone()),
            Some(Term::At { places, table }) => {
                for place in places {
                    let Some(text) = place.text(payload) else {
                        continue;
                    };
                    if text.is_empty() || text == REMOVED {
                        continue;
                    }
                    if table.is_empty() {
                        texts.push(text);
                    } else if let Some((_, to)) = table.iter().find(|(from, _)| *from == text) {
                        texts.push(to.clone());
                    }
                }
            }
        }
        texts
    }

    fn first(&self, field: Field, payload: &Value) -> Option<String> {
        self.texts(field, payload).into_iter().next()
    }

    /// A text that is kept in the clear. An address is no name of a thing and no id: of that, only the hash is kept.
    fn kept(&self, field: Field, payload: &Value) -> Result<Option<String>, Unmapped> {
        match self.first(field, payload) {
            Some(text) if looks_like_email(&text) => Ok(None),
            Some(text) if text.chars().count() > MAX_LENGTH => {
                Err(Unmapped::new(field, "over 255 characters"))
            }
            text => Ok(text),
        }
    }

    /// Whose a payload's conversion is: the first place that says so; what names one kind of id comes before what may be
    /// either.
    ///
    /// # Errors
    /// [`Unmapped`] names the field.
    pub fn lead(&self, payload: &Value) -> Result<Reference, Unmapped> {
        let mut told = None;
        for field in [Field::TelegramUserId, Field::TempId, Field::Reference] {
            for text in self.texts(field, payload) {
                if field != Field::TempId
                    && let Ok(user) = TelegramUserId::parse(&text)
                {
                    return Ok(Reference::User(user));
                }
                if field != Field::TelegramUserId
                    && let Ok(visitor) = Uuid::try_parse(&text)
                {
                    return Ok(Reference::Visitor(visitor));
                }
                told.get_or_insert(field);
            }
        }
        Err(match told {
            Some(field) => Unmapped::new(field, "neither a Telegram user's id nor a tempId"),
            None => Unmapped::new(Field::Reference, "missing: nothing says whose it is"),
        })
    }

    fn event_type(&self, payload: &Value) -> Result<EventType, Unmapped> {
        let Some(told) = self.first(Field::EventType, payload) else {
            return Err(Unmapped::new(
                Field::EventType,
                "missing, or not in its table",
            ));
        };
        let name = self.first(Field::CustomEventName, payload);
        EventType::parse(&told, name.as_deref()).map_err(|why| Unmapped {
            field: why.field(),
            why: why.to_string(),
        })
    }

    fn value(&self, payload: &Value) -> Result<Option<Money>, Unmapped> {
        let Some(amount) = self.first(Field::Value, payload) else {
            return Ok(None);
        };
        let Some(code) = self.first(Field::Currency, payload) else {
            return Err(Unmapped::new(Field::Currency, "missing beside a value"));
        };
        let currency = Currency::parse(&code)
            .map_err(|why| Unmapped::new(Field::Currency, &why.to_string()))?;
        let is_whole = amount.bytes().all(|byte| byte.is_ascii_digit());
        let digits = match self.value_in {
            ValueIn::Major => 0,
            _ if !is_whole => {
                return Err(Unmapped::new(
                    Field::Value,
                    "not a whole number of minor units",
                ));
            }
            ValueIn::Minor => currency.minor_unit_digits(),
            ValueIn::StripeMinor => stripe_digits(currency),
        };
        amount_in(digits, &amount, currency)
            .map(Some)
            .map_err(|why| Unmapped::new(Field::Value, &why.to_string()))
    }
}

/// An amount with its point moved to the left by so many digits. A number of JSON that has no more than 15 digits comes
/// through a float unchanged.
fn amount_in(digits: u8, amount: &str, currency: Currency) -> Result<Money, MoneyError> {
    if digits == 0 {
        return Money::parse_computed(amount, currency);
    }
    Money::parse(&[amount, "e-", &digits.to_string()].concat(), currency)
}

/// How many decimals an amount of Stripe's has: those of ISO 4217, but for ISK and UGX, which have none, two decimals that
/// are zero, and for MGA none; HUF and TWD, too, have two, as ISO 4217 says (<https://docs.stripe.com/currencies>,
/// "Zero-decimal currencies" and "Special cases").
fn stripe_digits(currency: Currency) -> u8 {
    match currency.code() {
        "ISK" | "UGX" => 2,
        "MGA" => 0,
        _ => currency.minor_unit_digits(),
    }
}

/// A time as payloads write it: Unix time in s or, from 10^11 on, in ms, fractions cut off; or RFC 3339.
fn event_ms(text: &str, now_ms: u64) -> Result<u64, Unmapped> {
    const FIRST_IN_MS: u64 = 100_000_000_000;
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => whole,
        _ => text,
    };
    let ms = match whole.parse::<u64>() {
        Ok(number) if number >= FIRST_IN_MS => Some(number),
        Ok(number) => Some(number * 1_000),
        Err(_) => DateTime::parse_from_rfc3339(text)
            .ok()
            .and_then(|time| u64::try_from(time.timestamp_millis()).ok()),
    };
    // The clocks of others run ahead; what is not yet did not happen.
    ms.map(|ms| ms.min(now_ms))
        .ok_or_else(|| Unmapped::new(Field::EventTime, "neither Unix time nor RFC 3339"))
}
