//! Sources of webhooks: how each signs, and what of its payload makes a conversion.
//!
//! Read by hand, not derived, so that what is wrong is named by its field and no value is ever repeated: somebody may
//! have put a secret in the wrong place.

use std::fmt;

use base64ct::{Base64Unpadded, Encoding as _};
use conversions::{Currency, EventType};
use serde_json::{Map, Value};

/// A source of signed webhooks.
#[derive(Debug)]
pub struct Source {
    /// Its name in `/hooks/{source}`.
    pub name: String,
    /// How it signs.
    pub scheme: Scheme,
    /// What it signs with; several while it moves from one to the next.
    pub keys: Vec<SigningKey>,
    /// The site that its conversions belong to.
    pub website_id: String,
    /// The channel that they belong to, where the payload does not say; none: the lead's history says.
    pub channel_id: Option<String>,
    /// Where the payload says the event's id, where the scheme does not.
    pub event_id: Option<Pointer>,
    /// What must hold of a payload for it to be a conversion at all.
    pub when: Vec<Condition>,
    /// What of the payload makes the conversion.
    pub mapping: Mapping,
}

/// How a source signs.
#[derive(Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Standard Webhooks (<https://www.standardwebhooks.com>).
    Standard,
    /// Stripe's (<https://docs.stripe.com/webhooks/signature>).
    Stripe,
    /// HMAC-SHA256 in headers of the source's own.
    Hmac(HmacHeaders),
}

/// Where a source of its own kind puts its signature, and what it signs.
#[derive(Debug, PartialEq, Eq)]
pub struct HmacHeaders {
    /// The header with the signature.
    pub signature: String,
    /// The header with the Unix time, where that is signed.
    pub timestamp: Option<String>,
    /// The header with the event's id, where that is signed.
    pub id: Option<String>,
    /// How the signature is written.
    pub encoding: Encoding,
    /// What stands before the signature in its header, such as `sha256=`.
    pub prefix: String,
    /// What is signed.
    pub signed: Vec<Part>,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// In either case.
    Hex,
    /// With or without padding.
    Base64,
}

/// A part of what is signed.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// `{timestamp}`: the timestamp header.
    Timestamp,
    /// `{id}`: the id header.
    Id,
    /// `{body}`: the body, byte by byte.
    Body,
}

/// A key that a source signs with (secret).
#[derive(PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    /// Reads a secret as its source writes it: Standard Webhooks in base64 behind `whsec_`, the others as they stand.
    fn parse(text: &str, scheme: &Scheme) -> Option<Self> {
        let bytes = match scheme {
            Scheme::Standard => {
                let text = text.strip_prefix("whsec_").unwrap_or(text);
                Base64Unpadded::decode_vec(text.trim_end_matches('=')).ok()?
            }
            Scheme::Stripe | Scheme::Hmac(_) => text.as_bytes().to_vec(),
        };
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// The key itself.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey")
    }
}

/// A place in a payload: a JSON Pointer (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(String);

impl Pointer {
    /// Reads the string form (RFC 6901, section 3); the empty one, the whole payload, names no field.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('~') {
            if !after.starts_with(['0', '1']) {
                return None;
            }
            rest = after;
        }
        text.starts_with('/').then(|| Self(text.to_owned()))
    }

    /// What is there; null counts as nothing.
    pub fn find<'a>(&self, payload: &'a Value) -> Option<&'a Value> {
        payload.pointer(&self.0).filter(|value| !value.is_null())
    }

    /// What is there, where that is a text, a number or a boolean: the text without blanks around it, the others as JSON
    /// writes them.
    pub fn text(&self, payload: &Value) -> Option<String> {
        match self.find(payload)? {
            Value::String(text) => Some(text.trim().to_owned()),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The string form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Something that must be true of a payload: at that place stands one of those.
#[derive(Debug, PartialEq)]
pub struct Condition {
    /// The place.
    pub at: Pointer,
    /// What may stand there.
    pub one_of: Vec<String>,
}

impl Condition {
    /// Whether it holds.
    pub fn is_met(&self, payload: &Value) -> bool {
        let found = self.at.text(payload);
        found.is_some_and(|found| self.one_of.contains(&found))
    }
}

/// Where a value of a conversion comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// The same for every event.
    Constant(String),
    /// The first of these places where something usable stands; where there is a table, by it.
    At {
        /// The places, in order.
        places: Vec<Pointer>,
        /// From the payload's word to the conversion's; empty: they are the same.
        table: Vec<(String, String)>,
    },
}

impl Term {
    fn read(value: Value) -> Option<Self> {
        let Value::Object(mut fields) = value else {
            return Self::at(value, Vec::new());
        };
        let term = match (fields.remove("const"), fields.remove("at")) {
            (Some(Value::String(text)), None) => Self::Constant(text),
            (Some(Value::Number(number)), None) => Self::Constant(number.to_string()),
            (None, Some(places)) => {
                let mut table = Vec::new();
                if let Some(told) = fields.remove("table") {
                    for (from, to) in told.as_object()? {
                        table.push((from.clone(), to.as_str()?.to_owned()));
                    }
                }
                Self::at(places, table)?
            }
            _ => return None,
        };
        fields.is_empty().then_some(term)
    }

    fn at(places: Value, table: Vec<(String, String)>) -> Option<Self> {
        let told = match places {
            Value::Array(told) => told,
            text => vec![text],
        };
        let mut places = Vec::new();
        for place in &told {
            places.push(Pointer::parse(place.as_str()?)?);
        }
        (!places.is_empty()).then_some(Self::At { places, table })
    }

    /// All that it can come to, as far as that stands before any payload.
    fn known_outcomes(&self) -> Vec<&str> {
        match self {
            Self::Constant(text) => vec![text],
            Self::At { table, .. } => table.iter().map(|(_, to)| to.as_str()).collect(),
        }
    }
}

/// What a mapping fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The Telegram user's id.
    TelegramUserId,
    /// The visitor's id, given by the tracker.
    TempId,
    /// Either of them.
    Reference,
    /// What happened.
    EventType,
    /// Its name, where that is `Custom`.
    CustomEventName,
    /// What it is worth.
    Value,
    /// Its currency.
    Currency,
    /// When it happened: Unix time in s or ms, or RFC 3339.
    EventTime,
    /// The channel.
    ChannelId,
    /// The shop's own id of the person.
    ExternalUserId,
    /// What was bought.
    ContentName,
    /// The person's e-mail address.
    Email,
    /// The person's phone number.
    Phone,
    /// The person's first and last name in one.
    Name,
    /// The person's first name.
    FirstName,
    /// The person's last name.
    LastName,
    /// The person's city.
    City,
    /// The person's state, province or county.
    State,
    /// The person's postal code.
    Zip,
    /// The person's country: two letters of ISO 3166-1.
    Country,
    /// The day the person was born.
    BirthDate,
    /// The person's gender.
    Gender,
}

impl Field {
    const ALL: [(Self, &str); 22] = [
        (Self::TelegramUserId, "telegramUserId"),
        (Self::TempId, "tempId"),
        (Self::Reference, "reference"),
        (Self::EventType, "eventType"),
        (Self::CustomEventName, "customEventName"),
        (Self::Value, "value"),
        (Self::Currency, "currency"),
        (Self::EventTime, "eventTime"),
        (Self::ChannelId, "channelId"),
        (Self::ExternalUserId, "externalUserId"),
        (Self::ContentName, "contentName"),
        (Self::Email, "email"),
        (Self::Phone, "phone"),
        (Self::Name, "name"),
        (Self::FirstName, "firstName"),
        (Self::LastName, "lastName"),
        (Self::City, "city"),
        (Self::State, "state"),
        (Self::Zip, "zip"),
        (Self::Country, "country"),
        (Self::BirthDate, "birthDate"),
        (Self::Gender, "gender"),
    ];

    /// Its name in the setting.
    pub fn name(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(field, _)| *field == self)
            .map_or("", |(_, name)| name)
    }

    /// Whether no conversion keeps it but by its hash.
    fn is_personal(self) -> bool {
        matches!(
            self,
            Self::Email
                | Self::Phone
                | Self::Name
                | Self::FirstName
                | Self::LastName
                | Self::City
                | Self::State
                | Self::Zip
                | Self::Country
                | Self::BirthDate
                | Self::Gender
        )
    }
}

/// What an amount is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ValueIn {
    /// `19.90`
    #[default]
    Major,
    /// `1990`, in the minor units of ISO 4217.
    Minor,
    /// `1990`, as Stripe counts.
    StripeMinor,
}

/// What of a payload makes a conversion.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    terms: Vec<(Field, Term)>,
    pub(crate) value_in: ValueIn,
}

/// A mapping that is known, and what must hold for it.
struct Preset {
    name: &'static str,
    when: &'static [(&'static str, &'static [&'static str])],
    places: &'static [(Field, &'static [&'static str])],
}

/// Of Stripe's events. What metadata says of the person, it says for that purpose; a shop may use `client_reference_id` for
/// something else, so that comes last. The time is that of the event: a session is created long before it is paid. A slow
/// payment completes its session unpaid, and is told once more when it is paid.
const PRESETS: [Preset; 2] = [
    Preset {
        name: "stripe-checkout",
        when: &[
            (
                "/type",
                &[
                    "checkout.session.completed",
                    "checkout.session.async_payment_succeeded",
                ],
            ),
            ("/data/object/payment_status", &["paid"]),
        ],
        places: &[
            (
                Field::Reference,
                &[
                    "/data/object/metadata/telegram_user_id",
                    "/data/object/metadata/temp_id",
                    "/data/object/client_reference_id",
                ],
            ),
            (Field::Value, &["/data/object/amount_total"]),
            (Field::Currency, &["/data/object/currency"]),
            (Field::EventTime, &["/created"]),
            (Field::Email, &["/data/object/customer_details/email"]),
            (Field::Phone, &["/data/object/customer_details/phone"]),
            (Field::Name, &["/data/object/customer_details/name"]),
            (Field::City, &["/data/object/customer_details/address/city"]),
            (
                Field::State,
                &["/data/object/customer_details/address/state"],
            ),
            (
                Field::Zip,
                &["/data/object/customer_details/address/postal_code"],
            ),
            (
                Field::Country,
                &["/data/object/customer_details/address/country"],
            ),
        ],
    },
    Preset {
        name: "stripe-payment-intent",
        when: &[("/type", &["payment_intent.succeeded"])],
        places: &[
            (
                Field::Reference,
                &[
                    "/data/object/metadata/telegram_user_id",
                    "/data/object/metadata/temp_id",
                ],
            ),
            (Field::Value, &["/data/object/amount_received"]),
            (Field::Currency, &["/data/object/currency"]),
            (Field::EventTime, &["/created"]),
            (Field::Email, &["/data/object/receipt_email"]),
            (Field::Phone, &["/data/object/shipping/phone"]),
            (Field::Name, &["/data/object/shipping/name"]),
            (Field::City, &["/data/object/shipping/address/city"]),
            (Field::State, &["/data/object/shipping/address/state"]),
            (Field::Zip, &["/data/object/shipping/address/postal_code"]),
            (Field::Country, &["/data/object/shipping/address/country"]),
        ],
    },
];

impl Mapping {
    fn preset(preset: &Preset) -> Self {
        let mut mapping = Self {
            value_in: ValueIn::StripeMinor,
            ..Self::default()
        };
        mapping.set(Field::EventType, Term::Constant("Purchase".to_owned()));
        for (field, places) in preset.places {
            let places = places.iter().filter_map(|place| Pointer::parse(place));
            mapping.set(
                *field,
                Term::At {
                    places: places.collect(),
                    table: Vec::new(),
                },
            );
        }
        mapping
    }

    fn set(&mut self, field: Field, term: Term) {
        self.terms.retain(|(set, _)| *set != field);
        self.terms.push((field, term));
    }

    /// Where a field comes from.
    pub(crate) fn term(&self, field: Field) -> Option<&Term> {
        let mut terms = self.terms.iter();
        terms.find(|(set, _)| *set == field).map(|(_, term)| term)
    }

    /// The places of what is personal, or of what a conversion keeps in the clear.
    fn places(&self, personal: bool) -> impl Iterator<Item = &Pointer> {
        let terms = self.terms.iter();
        let asked = terms.filter(move |(field, _)| field.is_personal() == personal);
        asked.flat_map(|(_, term)| match term {
            Term::Constant(_) => [].as_slice(),
            Term::At { places, .. } => places,
        })
    }

    /// Puts the terms of a setting over its own.
    fn amend(&mut self, mut fields: Fields) -> Result<(), String> {
        for (field, name) in Field::ALL {
            let Some(told) = fields.take(name) else {
                continue;
            };
            let Some(term) = Term::read(told) else {
                return Err(fields.wrong(
                    name,
                    r#"expected a JSON Pointer such as "/data/id", a list of them, {"at", "table"} or {"const"}"#,
                ));
            };
            self.set(field, term);
        }
        match fields.text("valueIn")?.as_deref() {
            None => {}
            Some("major") => self.value_in = ValueIn::Major,
            Some("minor") => self.value_in = ValueIn::Minor,
            Some(_) => return Err(fields.wrong("valueIn", "expected major or minor")),
        }
        self.check(&fields)?;
        fields.end()
    }

    fn check(&self, fields: &Fields) -> Result<(), String> {
        let has = |field| self.term(field).is_some();
        if !has(Field::TelegramUserId) && !has(Field::TempId) && !has(Field::Reference) {
            return Err(fields.wrong(
                "reference",
                "expected this, telegramUserId or tempId: whose is the conversion?",
            ));
        }
        let Some(event_type) = self.term(Field::EventType) else {
            return Err(fields.wrong("eventType", "missing"));
        };
        let name = self.term(Field::CustomEventName).map(|name| match name {
            Term::Constant(name) => name.as_str(),
            // Known with the payload.
            Term::At { .. } => "Some name",
        });
        for outcome in event_type.known_outcomes() {
            EventType::parse(outcome, name)
                .map_err(|why| fields.wrong(why.field(), &why.to_string()))?;
        }
        match (self.term(Field::Value), self.term(Field::Currency)) {
            (Some(_), None) => Err(fields.wrong("currency", "required with value")),
            (None, Some(_)) => Err(fields.wrong("value", "required with currency")),
            (_, Some(Term::Constant(code))) if Currency::parse(code).is_err() => {
                Err(fields.wrong("currency", "not a currency code of ISO 4217"))
            }
            _ => Ok(()),
        }
    }
}

/// An object of a setting: what is taken from it is known, and nothing may be left.
struct Fields {
    path: String,
    fields: Map<String, Value>,
}

impl Fields {
    fn wrong(&self, name: &str, expected: &str) -> String {
        [&self.path, name, ": ", expected].concat()
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "expected a text")),
        }
    }

    fn required(&mut self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "missing"))
    }

    fn header(&mut self, name: &str) -> Result<Option<String>, String> {
        let header = self.text(name)?;
        if !header.as_deref().is_none_or(is_word) {
            return Err(self.wrong(name, "expected a header's name"));
        }
        Ok(header)
    }

    fn object(&mut self, name: &str) -> Result<Option<Self>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self {
                path: [&self.path, name, "."].concat(),
                fields,
            })),
            Some(_) => Err(self.wrong(name, "expected an object")),
        }
    }

    fn end(self) -> Result<(), String> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(unknown) => Err(self.wrong(unknown, "no such field")),
        }
    }
}

impl HmacHeaders {
    fn read(mut fields: Fields) -> Result<Self, String> {
        let signature = fields.header("signatureHeader")?;
        let signature = signature.ok_or_else(|| fields.wrong("signatureHeader", "missing"))?;
        let timestamp = fields.header("timestampHeader")?;
        let id = fields.header("idHeader")?;
        let encoding = match fields.required("encoding")?.as_str() {
            "hex" => Encoding::Hex,
            "base64" => Encoding::Base64,
            _ => return Err(fields.wrong("encoding", "expected hex or base64")),
        };
        let prefix = fields.text("prefix")?.unwrap_or_default();
        let signed = fields.text("signed")?;
        let signed = parts(signed.as_deref().unwrap_or("{body}"));
        if signed.iter().filter(|part| **part == Part::Body).count() != 1 {
            return Err(fields.wrong("signed", "expected a template with {body}, once"));
        }
        // A header that is not signed is anybody's: it would let an old event pass as new.
        for (name, part, is_set) in [
            ("timestampHeader", Part::Timestamp, timestamp.is_some()),
            ("idHeader", Part::Id, id.is_some()),
        ] {
            if is_set != signed.contains(&part) {
                return Err(fields.wrong(
                    name,
                    "goes with {timestamp} or {id} in `signed`: both or neither",
                ));
            }
        }
        fields.end()?;
        Ok(Self {
            signature,
            timestamp,
            id,
            encoding,
            prefix,
            signed,
        })
    }
}

/// The parts of a template such as `{timestamp}.{body}`.
fn parts(template: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (part, length) = if rest.starts_with("{timestamp}") {
            (Part::Timestamp, "{timestamp}".len())
        } else if rest.starts_with("{id}") {
            (Part::Id, "{id}".len())
        } else if rest.starts_with("{body}") {
            (Part::Body, "{body}".len())
        } else {
            let mut braces = rest.match_indices('{').map(|(at, _)| at);
            let end = braces.find(|at| *at > 0).unwrap_or(rest.len());
            let text = rest.get(..end).unwrap_or_default();
            (Part::Text(text.to_owned()), end)
        };
        parts.push(part);
        rest = rest.get(length..).unwrap_or_default();
    }
    parts
}

impl Source {
    /// Reads the setting `WEBHOOKS`: the sources that are right, and what is wrong with the others. For the arguments, see
    /// [`Source::read`].
    pub fn read_all(
        json: &str,
        secret: &dyn Fn(&str) -> Option<String>,
        sites: &[&str],
    ) -> (Vec<Self>, Vec<String>) {
        let mut sources: Vec<Self> = Vec::new();
        let mut problems = Vec::new();
        let Ok(Value::Array(entries)) = serde_json::from_str(json) else {
            return (sources, vec!["expected a JSON list of objects".to_owned()]);
        };
        for (index, entry) in entries.into_iter().enumerate() {
            match Self::read(index, entry, secret, sites) {
                Ok(source) if sources.iter().any(|each| each.name == source.name) => {
                    problems.push([&source.name, ": named twice"].concat());
                }
                Ok(source) => sources.push(source),
                Err(why) => problems.push(why),
            }
        }
        (sources, problems)
    }

    /// Reads the setting's entry at `index`. `secret` gives the value of a setting, where it is set; `sites` are the
    /// public ids of those that are configured.
    ///
    /// # Errors
    /// In words: the source, the field, and what was expected there; no value.
    pub fn read(
        index: usize,
        entry: Value,
        secret: &dyn Fn(&str) -> Option<String>,
        sites: &[&str],
    ) -> Result<Self, String> {
        let Value::Object(fields) = entry else {
            return Err(format!("{index}: expected an object"));
        };
        let name = fields.get("source").and_then(Value::as_str);
        let path = match name.filter(|name| is_word(name)) {
            Some(name) => [name, ": "].concat(),
            None => format!("{index}: "),
        };
        let mut fields = Fields { path, fields };
        let name = fields.required("source")?;
        if !is_word(&name) {
            return Err(fields.wrong("source", "expected letters, digits, - and _"));
        }
        let hmac = fields.object("hmac")?.map(HmacHeaders::read).transpose()?;
        let scheme = match (fields.required("scheme")?.as_str(), hmac) {
            ("standard", None) => Scheme::Standard,
            ("stripe", None) => Scheme::Stripe,
            ("hmac", Some(headers)) => Scheme::Hmac(headers),
            ("hmac", None) => return Err(fields.wrong("hmac", "required with scheme hmac")),
            ("standard" | "stripe", Some(_)) => {
                return Err(fields.wrong("hmac", "goes with scheme hmac alone"));
            }
            _ => return Err(fields.wrong("scheme", "expected standard, stripe or hmac")),
        };
        let keys = keys(&mut fields, &scheme, secret)?;
        let website_id = match (fields.text("websiteId")?, sites) {
            (None, [only]) => (*only).to_owned(),
            (None, _) => {
                return Err(fields.wrong("websiteId", "required where there is not one site"));
            }
            (Some(id), _) if sites.contains(&id.as_str()) => id,
            _ => return Err(fields.wrong("websiteId", "no such site here")),
        };
        let channel_id = fields.text("channelId")?;
        let event_id = match (fields.text("eventId")?, &scheme) {
            (Some(_), Scheme::Standard) => {
                return Err(fields.wrong("eventId", "scheme standard has an id of its own"));
            }
            (Some(place), _) => Some(Pointer::parse(&place).ok_or_else(|| {
                fields.wrong("eventId", r#"expected a JSON Pointer such as "/id""#)
            })?),
            (None, Scheme::Stripe) => Pointer::parse("/id"),
            (None, _) => None,
        };
        let (mut mapping, mut when) = preset(&mut fields, &scheme)?;
        for (at, one_of) in fields
            .object("when")?
            .map(|when| when.fields)
            .unwrap_or_default()
        {
            when.push(condition(&at, &one_of).ok_or_else(|| {
                fields.wrong(
                    "when",
                    r#"expected JSON Pointers and lists such as {"/type": ["order.paid"]}"#,
                )
            })?);
        }
        let map = fields.object("map")?.unwrap_or_else(|| Fields {
            path: [&fields.path, "map."].concat(),
            fields: Map::new(),
        });
        mapping.amend(map)?;
        fields.end()?;
        Ok(Self {
            name,
            scheme,
            keys,
            website_id,
            channel_id,
            event_id,
            when,
            mapping,
        })
    }

    /// The places whose values may be kept of a payload that makes no conversion: what a conversion would keep in the clear,
    /// and what decided about it.
    pub fn places_kept(&self) -> Vec<&Pointer> {
        let conditions = self.when.iter().map(|condition| &condition.at);
        let places = self.mapping.places(false).chain(conditions);
        places.chain(&self.event_id).collect()
    }

    /// The places whose values name a person or tell of one: of them, hashes alone are kept.
    pub fn places_personal(&self) -> Vec<&Pointer> {
        self.mapping.places(true).collect()
    }
}

/// The keys in the setting that `secret` names, separated by spaces.
fn keys(
    fields: &mut Fields,
    scheme: &Scheme,
    secret: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<SigningKey>, String> {
    let name = fields.required("secret")?;
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.bytes().all(is_name) {
        return Err(fields.wrong(
            "secret",
            "expected the name of the setting that holds it: A-Z, 0-9 and _",
        ));
    }
    let Some(text) = secret(&name) else {
        return Err(fields.wrong("secret", "the setting that it names is not set"));
    };
    let mut keys = Vec::new();
    for secret in text.split_ascii_whitespace() {
        keys.push(SigningKey::parse(secret, scheme).ok_or_else(|| {
            fields.wrong(
                "secret",
                "expected whsec_ and base64 in the setting it names",
            )
        })?);
    }
    Ok(keys)
}

fn preset(fields: &mut Fields, scheme: &Scheme) -> Result<(Mapping, Vec<Condition>), String> {
    let Some(name) = fields.text("preset")? else {
        return Ok((Mapping::default(), Vec::new()));
    };
    if *scheme != Scheme::Stripe {
        return Err(fields.wrong("preset", "goes with scheme stripe alone"));
    }
    let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) else {
        return Err(fields.wrong(
            "preset",
            "expected stripe-checkout or stripe-payment-intent",
        ));
    };
    let mut when = Vec::new();
    for (at, one_of) in preset.when {
        when.extend(Pointer::parse(at).map(|at| Condition {
            at,
            one_of: one_of.iter().map(|&word| word.to_owned()).collect(),
        }));
    }
    Ok((Mapping::preset(preset), when))
}

fn condition(at: &str, one_of: &Value) -> Option<Condition> {
    let mut words = Vec::new();
    for word in one_of.as_array()? {
        words.push(match word {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => word.to_string(),
            _ => return None,
        });
    }
    Some(Condition {
        at: Pointer::parse(at)?,
        one_of: words,
    })
}

fn is_word(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_allowed)
}
