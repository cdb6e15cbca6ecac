//! Sums of money, exact: whole millionths of a currency, never a float.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use conversions::Currency;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Millionths of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Micros(pub i128);

/// A million of them are one.
const ONE: i128 = 1_000_000;

impl Micros {
    /// Reads a decimal of at most six places: `0.92`.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(places) || whole.len() > 12 || places.len() > 6 {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let places: i128 = format!("{places:0<6}").parse().ok()?;
        Some(Self(whole * ONE + places))
    }

    /// So many minor units of a currency.
    pub fn from_minor_units(minor: i128, currency: Currency) -> Self {
        let places = 6_u32.saturating_sub(currency.minor_unit_digits().into());
        Self(minor.saturating_mul(10_i128.pow(places)))
    }

    /// A decimal with two places or more: `19.90`.
    pub fn to_decimal(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, places) = (
            self.0.unsigned_abs() / 1_000_000,
            self.0.unsigned_abs() % 1_000_000,
        );
        let places = format!("{places:06}");
        let cents = places.get(..2).unwrap_or_default();
        let finer = places.get(2..).unwrap_or_default().trim_end_matches('0');
        format!("{sign}{whole}.{cents}{finer}")
    }

    /// That many times `rate`, half a millionth up.
    fn at(self, rate: Self) -> Self {
        Self((self.0.saturating_mul(rate.0) + ONE / 2).div_euclid(ONE))
    }

    /// A share of it, or what it is to another sum, half a millionth up; none: of nothing.
    pub fn over(self, divisor: Self) -> Option<Self> {
        (divisor.0 > 0)
            .then(|| Self((self.0.saturating_mul(ONE) + divisor.0 / 2).div_euclid(divisor.0)))
    }

    /// The share of each of `count`.
    pub fn each_of(self, count: u64) -> Option<Self> {
        self.over(Self(i128::from(count) * ONE))
    }
}

impl AddAssign for Micros {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

/// A JSON number, written as a decimal.
impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.to_decimal()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// What one unit of each currency is worth in the report's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    /// The report's currency.
    pub currency: String,
    /// By currency, the report's own among them.
    pub by_currency: BTreeMap<String, Micros>,
}

/// Whether a text is written as codes of currencies are, those of ISO 4217 and AdStat's (`TON`, `USDT`, `STAR`).
pub fn is_currency(code: &str) -> bool {
    (3..=5).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase())
}

impl Rates {
    /// Rates of JSON, `{"USD":"0.92"}`; a rate has six decimals at most and is above zero.
    ///
    /// # Errors
    /// In words for the operator.
    pub fn read(currency: String, json: &str) -> Result<Self, String> {
        let told: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json)
            .map_err(|_| r#"expected JSON such as {"USD":"0.92"}"#.to_owned())?;
        let mut by_currency = BTreeMap::new();
        for (code, rate) in told {
            let rate = Micros::parse(rate.get().trim_matches('"')).filter(|rate| rate.0 > 0);
            let rate = rate.filter(|_| is_currency(&code)).ok_or_else(|| {
                format!("{code}: expected a code in capitals, and a rate above 0 with at most 6 decimals")
            })?;
            by_currency.insert(code, rate);
        }
        if by_currency
            .insert(currency.clone(), Micros(ONE))
            .is_some_and(|rate| rate.0 != ONE)
        {
            return Err(format!(
                "{currency}: it is the report's own currency, whose rate is 1"
            ));
        }
        Ok(Self {
            currency,
            by_currency,
        })
    }

    /// No rates but the report's own.
    pub fn only(currency: String) -> Self {
        let by_currency = BTreeMap::from([(currency.clone(), Micros(ONE))]);
        Self {
            currency,
            by_currency,
        }
    }

    /// What an amount is worth in the report's currency; none: its rate is not known.
    pub fn convert(&self, amount: Micros, currency: &str) -> Option<Micros> {
        Some(amount.at(*self.by_currency.get(currency)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for (text, micros) in [
            ("0", 0),
            ("0.92", 920_000),
            ("12.000001", 12_000_001),
            ("7", 7_000_000),
        ] {
            assert_eq!(Micros::parse(text), Some(Micros(micros)), "{text}");
        }
        for wrong in ["", ".5", "1.", "-1", "1e3", "0.0000001", "1,5"] {
            assert_eq!(Micros::parse(wrong), None, "{wrong}");
        }
        for (micros, text) in [
            (0, "0.00"),
            (19_900_000, "19.90"),
            (1, "0.000001"),
            (-1_500_000, "-1.50"),
        ] {
            assert_eq!(Micros(micros).to_decimal(), text);
        }
        assert_eq!(Micros(10).each_of(3), Some(Micros(3)));
        assert_eq!(Micros(10).each_of(4), Some(Micros(3)));
        assert_eq!(Micros(10).each_of(0), None);
    }

    #[test]
    fn minor_units_are_the_currencys_own() {
        let of = |minor, code| Micros::from_minor_units(minor, Currency::parse(code).unwrap());
        assert_eq!(of(1_990, "EUR"), Micros(19_900_000));
        assert_eq!(of(1_990, "JPY"), Micros(1_990_000_000));
        assert_eq!(of(1_990, "KWD"), Micros(1_990_000));
    }

    #[test]
    fn rates_convert_exactly() {
        let rates = Rates::read("EUR".to_owned(), r#"{"USD":"0.92","TON":2.9}"#).unwrap();
        assert_eq!(
            rates.convert(Micros(1_000_001), "USD"),
            Some(Micros(920_001))
        );
        assert_eq!(rates.convert(Micros(3), "TON"), Some(Micros(9)));
        assert_eq!(rates.convert(Micros(3), "EUR"), Some(Micros(3)));
        assert_eq!(rates.convert(Micros(3), "RUB"), None);
        for wrong in [
            "[]",
            r#"{"usd":"1"}"#,
            r#"{"USD":"0"}"#,
            r#"{"USD":"-1"}"#,
            r#"{"EUR":"2"}"#,
            r#"{"USD":null}"#,
        ] {
            assert!(Rates::read("EUR".to_owned(), wrong).is_err(), "{wrong}");
        }
    }
}
