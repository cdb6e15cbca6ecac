//! Amounts of money, exact: whole minor units of a currency, never a float.

use std::fmt;

/// The largest amount there is, in major units.
const MAX_MAJOR_UNITS: u64 = 1_000_000_000_000;

/// The largest whole number that JavaScript, and so a database driver, holds exactly. Only in currencies of four
/// decimals is it the smaller bound.
const MAX_MINOR_UNITS: u64 = (1 << 53) - 1;

/// A currency of ISO 4217 that amounts are kept in. Precious metals, testing codes and the like, which have no minor
/// unit, are not.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    iso: iso_currency::Currency,
    minor_unit_digits: u8,
}

impl Currency {
    /// Reads a three-letter code in any case.
    ///
    /// # Errors
    /// [`UnknownCurrency`] for anything else.
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        let iso = iso_currency::Currency::from_code(&code.to_ascii_uppercase());
        let iso = iso.ok_or(UnknownCurrency)?;
        let digits = iso.exponent().ok_or(UnknownCurrency)?;
        Ok(Self {
            iso,
            minor_unit_digits: u8::try_from(digits).map_err(|_| UnknownCurrency)?,
        })
    }

    /// The three capital letters.
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// How many decimals its minor unit has: 0, 2, 3 or 4.
    pub fn minor_unit_digits(self) -> u8 {
        self.minor_unit_digits
    }

    fn minor_units_in_major(self) -> u64 {
        10_u64.pow(self.minor_unit_digits.into())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// The code is not one of ISO 4217 that money is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCurrency;

impl fmt::Display for UnknownCurrency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not a currency code of ISO 4217")
    }
}

impl std::error::Error for UnknownCurrency {}

/// An amount of a currency, zero or more, at most 10^12 major units and 2^53 - 1 minor units.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor_units: u64,
    currency: Currency,
}

impl Money {
    /// So many minor units (cents), as they are stored.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`].
    pub fn from_minor_units(minor_units: u64, currency: Currency) -> Result<Self, MoneyError> {
        let largest = MAX_MAJOR_UNITS * currency.minor_units_in_major();
        if minor_units > largest.min(MAX_MINOR_UNITS) {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self {
            minor_units,
            currency,
        })
    }

    /// Reads the text of a JSON number (RFC 8259, section 6), in major units: `19.90`, `1e3`.
    ///
    /// # Errors
    /// Each but [`MoneyError::Zero`].
    pub fn parse(number: &str, currency: Currency) -> Result<Self, MoneyError> {
        let number = JsonNumber::parse(number).ok_or(MoneyError::NotANumber)?;
        Self::from_minor_units(number.in_minor_units(currency)?, currency)
    }

    /// As [`Money::parse`], of a number that a program has computed in binary floats: `0.1 + 0.2`, written as
    /// `0.30000000000000004`, is 0.30. A double holds 15 decimal digits for certain (IEEE 754, C's `DBL_DIG`); what stands
    /// behind them is noise, and rounded away.
    ///
    /// # Errors
    /// Each but [`MoneyError::Zero`].
    pub fn parse_computed(number: &str, currency: Currency) -> Result<Self, MoneyError> {
        let exact = Self::parse(number, currency);
        if exact != Err(MoneyError::TooPrecise) {
            return exact;
        }
        let certain = JsonNumber::parse(number).and_then(|number| number.certain());
        certain.map_or(exact, |certain| Self::parse(&certain, currency))
    }

    /// Itself, where zero will not do.
    ///
    /// # Errors
    /// [`MoneyError::Zero`].
    pub fn positive(self) -> Result<Self, MoneyError> {
        if self.minor_units == 0 {
            return Err(MoneyError::Zero);
        }
        Ok(self)
    }

    /// The amount in minor units (cents).
    pub fn minor_units(self) -> u64 {
        self.minor_units
    }

    /// What it is an amount of.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The amount in major units, with all decimals of its currency: `19.90`. It is a JSON number too.
    pub fn to_decimal(self) -> String {
        let in_major = self.currency.minor_units_in_major();
        let major = self.minor_units / in_major;
        let minor = self.minor_units % in_major;
        match usize::from(self.currency.minor_unit_digits) {
            0 => major.to_string(),
            digits => format!("{major}.{minor:0digits$}"),
        }
    }
}

/// `19.90 EUR`.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.to_decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Why a number is not an amount of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyError {
    /// The text is not a JSON number.
    NotANumber,
    /// It is below zero.
    Negative,
    /// It is zero where something must have been paid.
    Zero,
    /// It is above 10^12 major units or 2^53 - 1 minor units.
    TooLarge,
    /// It has decimals that the currency has not: `0.001 USD`.
    TooPrecise,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotANumber => "not a number",
            Self::Negative => "below zero",
            Self::Zero => "must be above zero",
            Self::TooLarge => "too large",
            Self::TooPrecise => "more decimals than the currency has",
        })
    }
}

impl std::error::Error for MoneyError {}

/// The parts of the text of a JSON number.
struct JsonNumber<'a> {
    is_negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> JsonNumber<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.as_bytes();
        let is_negative = text.first() == Some(&b'-');
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let (integer, text) = digits(text)?;
        if integer.len() > 1 && integer.first() == Some(&b'0') {
            return None;
        }
        let (fraction, text) = match text.strip_prefix(b".") {
            Some(text) => digits(text)?,
            None => (&[][..], text),
        };
        let exponent = match text.split_first() {
            None => 0,
            Some((b'e' | b'E', text)) => exponent(text)?,
            Some(_) => return None,
        };
        Some(Self {
            is_negative,
            integer,
            fraction,
            exponent,
        })
    }

    /// The number rounded to what a double holds for certain; `None`: it has no more digits than that.
    fn certain(&self) -> Option<String> {
        /// Significant decimal digits (`DBL_DIG`).
        const CERTAIN: usize = 15;
        let digits: Vec<u8> = self.integer.iter().chain(self.fraction).copied().collect();
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        let significant = digits.get(zeros..)?;
        let (kept, noise) = significant.split_at_checked(CERTAIN)?;
        let mut rounded = kept
            .iter()
            .fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        rounded += u64::from(*noise.first()? >= b'5');
        let point =
            i64::try_from(self.integer.len()).ok()? - i64::try_from(zeros + CERTAIN).ok()?;
        Some(format!("{rounded}e{}", self.exponent + point))
    }

    fn in_minor_units(&self, currency: Currency) -> Result<u64, MoneyError> {
        let all = || self.integer.iter().chain(self.fraction).copied();
        if all().all(|digit| digit == b'0') {
            return Ok(0);
        }
        if self.is_negative {
            return Err(MoneyError::Negative);
        }
        // How many of the digits stand before the point, once it is moved behind the minor unit. Lengths fit: no text
        // is as long as i64::MAX, and the exponent is bounded.
        let integer_digits = i64::try_from(self.integer.len()).unwrap_or(i64::MAX / 4);
        let point = integer_digits + self.exponent + i64::from(currency.minor_unit_digits);

        let mut minor_units: u64 = 0;
        let mut position: i64 = 0;
        for digit in all() {
            let digit = u64::from(digit - b'0');
            if position < point {
                minor_units = push_digit(minor_units, digit)?;
            } else if digit != 0 {
                return Err(MoneyError::TooPrecise);
            }
            position += 1;
        }
        // A whole number that is not zero outgrows 64 bits within 20 more digits.
        while position < point {
            minor_units = push_digit(minor_units, 0)?;
            position += 1;
        }
        Ok(minor_units)
    }
}

fn push_digit(number: u64, digit: u64) -> Result<u64, MoneyError> {
    number
        .checked_mul(10)
        .and_then(|number| number.checked_add(digit))
        .ok_or(MoneyError::TooLarge)
}

/// The digits that `text` begins with, at least one, and the rest.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (length > 0).then(|| text.split_at(length))
}

/// Beyond this every number is zero, too large or too precise.
const MAX_EXPONENT: i64 = i64::MAX / 4;

/// The signed number behind the `e`, held within ±[`MAX_EXPONENT`].
fn exponent(text: &[u8]) -> Option<i64> {
    let is_negative = text.first() == Some(&b'-');
    let text = text
        .strip_prefix(b"-")
        .or(text.strip_prefix(b"+"))
        .unwrap_or(text);
    let (digits, rest) = digits(text)?;
    if !rest.is_empty() {
        return None;
    }
    let size = digits.iter().fold(0_i64, |size, digit| {
        size.saturating_mul(10)
            .saturating_add((digit - b'0').into())
            .min(MAX_EXPONENT)
    });
    Some(if is_negative { -size } else { size })
}
