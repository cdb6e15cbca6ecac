//! What a platform can recognise a person or a click by.

use std::fmt;

/// Declares the keys with their names once.
macro_rules! match_keys {
    ($($(#[$doc:meta])* $key:ident = $name:literal,)*) => {
        /// Something that a platform can recognise a person or a click by.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum MatchKey { $($(#[$doc])* $key,)* }

        impl MatchKey {
            /// Each of them, in the order in which they are written.
            pub const ALL: &[Self] = &[$(Self::$key,)*];

            /// Its stable name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$key => $name,)* }
            }
        }
    };
}

match_keys! {
    /// E-mail address, hashed.
    Email = "email",
    /// Phone number, hashed.
    Phone = "phone",
    /// First name, hashed.
    FirstName = "first_name",
    /// Last name, hashed.
    LastName = "last_name",
    /// City, hashed.
    City = "city",
    /// State or province, hashed.
    State = "state",
    /// Postal code, hashed.
    Zip = "zip",
    /// Country, hashed.
    Country = "country",
    /// Date of birth, hashed.
    BirthDate = "birth_date",
    /// Gender, hashed.
    Gender = "gender",
    /// The Telegram user's id and, where a platform takes several, the site's own id of the person; hashed.
    ExternalId = "external_id",
    /// IP address.
    Ip = "ip",
    /// The browser's User-Agent.
    UserAgent = "user_agent",
    /// Meta's click cookie.
    Fbc = "fbc",
    /// Meta's browser cookie.
    Fbp = "fbp",
    /// TikTok's click id.
    Ttclid = "ttclid",
    /// TikTok's browser cookie.
    Ttp = "ttp",
    /// Snapchat's click id.
    ScClickId = "sc_click_id",
    /// Snapchat's browser cookie.
    ScCookie = "sc_cookie1",
    /// Google Ads' click id.
    Gclid = "gclid",
    /// Google Ads' click id from an app to the web on iOS.
    Gbraid = "gbraid",
    /// Google Ads' click id from the web to an app on iOS.
    Wbraid = "wbraid",
    /// Google Analytics' client id.
    GaClientId = "ga_client_id",
    /// Telegram Ads' click id.
    Tgclid = "tgclid",
}

/// A set of [`MatchKey`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MatchKeys(u32);

impl MatchKeys {
    /// The set of `keys`.
    pub const fn of(keys: &[MatchKey]) -> Self {
        let mut bits = 0;
        let mut rest = keys;
        while let [key, others @ ..] = rest {
            bits |= 1 << *key as u32;
            rest = others;
        }
        Self(bits)
    }

    /// Whether `key` is in it.
    pub fn contains(self, key: MatchKey) -> bool {
        self.0 & 1 << key as u32 != 0
    }

    /// Puts `key` into it.
    pub fn insert(&mut self, key: MatchKey) {
        self.0 |= 1 << key as u32;
    }

    /// What is in it and not in `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is in it.
    pub fn contains_all(self, other: Self) -> bool {
        other.without(self).is_empty()
    }

    /// Whether both have something in common.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of [`MatchKey::ALL`].
    pub fn iter(self) -> impl Iterator<Item = MatchKey> {
        let all = MatchKey::ALL.iter().copied();
        all.filter(move |key| self.contains(*key))
    }

    /// Reads names between commas, as they are shown; a name that is none of [`MatchKey::ALL`] is passed over, so that
    /// what a later version stored can be read.
    pub fn parse(text: &str) -> Self {
        text.split(',')
            .filter_map(|name| MatchKey::ALL.iter().find(|key| key.as_str() == name))
            .copied()
            .collect()
    }
}

impl FromIterator<MatchKey> for MatchKeys {
    fn from_iter<I: IntoIterator<Item = MatchKey>>(keys: I) -> Self {
        let mut set = Self::default();
        for key in keys {
            set.insert(key);
        }
        set
    }
}

/// Their names between commas, without spaces: `email,ip`.
impl fmt::Display for MatchKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for key in self.iter() {
            write!(formatter, "{comma}{}", key.as_str())?;
            comma = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for MatchKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MatchKeys({self})")
    }
}
