//! Amounts are exact from the text of a number to the text of a number.

use conversions::{Currency, Money, MoneyError, UnknownCurrency};
use proptest::prelude::*;

#[allow(clippy::unwrap_used, reason = "a helper of tests")]
fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

#[test]
fn currencies() {
    for (text, code, digits) in [
        ("EUR", "EUR", 2),
        ("usd", "USD", 2),
        ("Jpy", "JPY", 0),
        ("KWD", "KWD", 3),
        ("CLF", "CLF", 4),
        ("UYW", "UYW", 4),
        ("RUB", "RUB", 2),
        ("UAH", "UAH", 2),
        ("KZT", "KZT", 2),
        ("VND", "VND", 0),
        ("TND", "TND", 3),
        ("XOF", "XOF", 0),
        ("ZWG", "ZWG", 2),
    ] {
        let currency = currency(text);
        assert_eq!(
            (currency.code(), currency.minor_unit_digits()),
            (code, digits),
            "{text}"
        );
    }
    for text in [
        "", "EU", "EURO", "€", "AAA", "EUR ", " EUR", "XAU", "XXX", "XTS", "ТУР", "USDT", "978",
    ] {
        assert_eq!(Currency::parse(text), Err(UnknownCurrency), "{text}");
    }
}

#[test]
fn numbers_become_minor_units() {
    let many_zeros = format!("1.{}", "0".repeat(400));
    let shifted = format!("0.{}1e400", "0".repeat(399));
    for (number, code, minor_units, written) in [
        ("19.90", "EUR", 1990, "19.90"),
        ("19.9", "EUR", 1990, "19.90"),
        ("0.1", "USD", 10, "0.10"),
        ("0.07", "USD", 7, "0.07"),
        ("1.10", "USD", 110, "1.10"),
        // 1.1, 4.35 and 8.2 times 100 are not whole in floats.
        ("1.1", "USD", 110, "1.10"),
        ("4.35", "USD", 435, "4.35"),
        ("8.20", "USD", 820, "8.20"),
        ("1e3", "USD", 100_000, "1000.00"),
        ("1E+3", "USD", 100_000, "1000.00"),
        ("1E-2", "USD", 1, "0.01"),
        ("1990e-2", "USD", 1990, "19.90"),
        ("123.4500", "USD", 12345, "123.45"),
        ("100e-4", "USD", 1, "0.01"),
        ("0", "USD", 0, "0.00"),
        ("-0", "USD", 0, "0.00"),
        ("-0.00e9", "USD", 0, "0.00"),
        ("0e999999999999999999999999", "USD", 0, "0.00"),
        ("0e-999999999999999999999999", "USD", 0, "0.00"),
        ("1990", "JPY", 1990, "1990"),
        ("1990.000", "JPY", 1990, "1990"),
        ("0.001", "KWD", 1, "0.001"),
        ("1.5", "KWD", 1500, "1.500"),
        ("0.0001", "CLF", 1, "0.0001"),
        (
            "1000000000000",
            "USD",
            100_000_000_000_000,
            "1000000000000.00",
        ),
        ("1e12", "KWD", 1_000_000_000_000_000, "1000000000000.000"),
        (
            "900719925474.0991",
            "CLF",
            9_007_199_254_740_991,
            "900719925474.0991",
        ),
        (&many_zeros, "USD", 100, "1.00"),
        (&shifted, "USD", 100, "1.00"),
    ] {
        let money = Money::parse(number, currency(code)).unwrap();
        assert_eq!(money.minor_units(), minor_units, "{number}");
        assert_eq!(money.to_decimal(), written, "{number}");
        assert_eq!(money.to_string(), format!("{written} {code}"));
    }
}

#[test]
fn what_is_no_amount_says_why() {
    use MoneyError::*;
    let long = "9".repeat(400);
    let tiny = format!("0.{}1", "0".repeat(400));
    for (number, code, error) in [
        ("", "USD", NotANumber),
        ("abc", "USD", NotANumber),
        ("\"19.90\"", "USD", NotANumber),
        ("null", "USD", NotANumber),
        ("NaN", "USD", NotANumber),
        ("Infinity", "USD", NotANumber),
        ("+1", "USD", NotANumber),
        ("01", "USD", NotANumber),
        ("00", "USD", NotANumber),
        (".5", "USD", NotANumber),
        ("1.", "USD", NotANumber),
        ("-", "USD", NotANumber),
        ("--1", "USD", NotANumber),
        ("1e", "USD", NotANumber),
        ("1e+", "USD", NotANumber),
        ("1e+-2", "USD", NotANumber),
        ("1e2.5", "USD", NotANumber),
        ("1,5", "USD", NotANumber),
        ("1 ", "USD", NotANumber),
        (" 1", "USD", NotANumber),
        ("0x10", "USD", NotANumber),
        ("1_000", "USD", NotANumber),
        ("١", "USD", NotANumber),
        ("-5", "USD", Negative),
        ("-0.001", "USD", Negative),
        ("-1e999999999999999999999999", "USD", Negative),
        ("0.001", "USD", TooPrecise),
        ("19.999", "USD", TooPrecise),
        ("1e-3", "USD", TooPrecise),
        ("1e-999999999999999999999999", "USD", TooPrecise),
        ("1.5", "JPY", TooPrecise),
        ("0.0001", "KWD", TooPrecise),
        ("0.00001", "CLF", TooPrecise),
        (&tiny, "USD", TooPrecise),
        ("1000000000000.01", "USD", TooLarge),
        ("1000000000001", "JPY", TooLarge),
        ("900719925474.0992", "CLF", TooLarge),
        ("18446744073709551616", "JPY", TooLarge),
        ("184467440737095516.16", "USD", TooLarge),
        ("1e18", "USD", TooLarge),
        ("1e400", "USD", TooLarge),
        ("1e999999999999999999999999", "USD", TooLarge),
        (&long, "USD", TooLarge),
    ] {
        assert_eq!(
            Money::parse(number, currency(code)),
            Err(error),
            "{number} {code}"
        );
    }
}

#[test]
fn what_a_program_computed_is_what_it_meant() {
    use MoneyError::*;
    for (number, code, expected) in [
        ("0.30000000000000004", "EUR", Ok(30)),
        ("59.699999999999996", "EUR", Ok(5970)),
        ("19.999999999999998", "EUR", Ok(2000)),
        ("999.9999999999999", "USD", Ok(100_000)),
        ("3.0000000000000004e1", "USD", Ok(3000)),
        ("0.010000000000000002", "USD", Ok(1)),
        ("1100.0000000000002", "JPY", Ok(1100)),
        ("1.2339999999999998", "KWD", Ok(1234)),
        // As Python's Decimal(0.1) and C's %.20f write it.
        (
            "0.1000000000000000055511151231257827021181583404541015625",
            "EUR",
            Ok(10),
        ),
        ("19.90", "EUR", Ok(1990)),
        // What somebody wrote down is no noise.
        ("19.999", "EUR", Err(TooPrecise)),
        ("0.333333333333333", "EUR", Err(TooPrecise)),
        ("0.33333333333333331", "EUR", Err(TooPrecise)),
        ("0.00000000000000001", "EUR", Err(TooPrecise)),
        ("1e-999999999999999999999999", "EUR", Err(TooPrecise)),
        ("-0.30000000000000004", "EUR", Err(Negative)),
        ("1e400", "EUR", Err(TooLarge)),
        ("x", "EUR", Err(NotANumber)),
    ] {
        assert_eq!(
            Money::parse_computed(number, currency(code)).map(Money::minor_units),
            expected,
            "{number} {code}"
        );
    }
}

#[test]
fn zero_is_the_callers_choice() {
    let zero = Money::parse("0.00", currency("USD")).unwrap();
    assert_eq!(zero.positive(), Err(MoneyError::Zero));
    let cent = Money::parse("0.01", currency("USD")).unwrap();
    assert_eq!(cent.positive(), Ok(cent));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        minor_units in 0..=900_000_000_000_u64,
        code in prop::sample::select(vec!["JPY", "USD", "KWD", "CLF"]),
    ) {
        let money = Money::from_minor_units(minor_units, currency(code)).unwrap();
        prop_assert_eq!(Money::parse(&money.to_decimal(), money.currency()), Ok(money));
    }

    #[test]
    fn a_moved_point_changes_nothing(minor_units in 0..=900_000_000_000_u64, shift in 0..30_usize) {
        let money = Money::from_minor_units(minor_units, currency("USD")).unwrap();
        let up = format!("{minor_units}{}e-{}", "0".repeat(shift), shift + 2);
        if minor_units > 0 || shift == 0 {
            prop_assert_eq!(Money::parse(&up, currency("USD")), Ok(money));
        }
        let down = format!("0.{}{minor_units}e{}", "0".repeat(shift), shift + minor_units.to_string().len());
        prop_assert_eq!(
            Money::parse(&down, currency("JPY")).map(Money::minor_units),
            Ok(money.minor_units())
        );
    }

    #[test]
    fn no_text_panics(text in "[-+]?[0-9.eE+-]{0,40}") {
        let _ = Money::parse(&text, currency("EUR"));
        let _ = Money::parse_computed(&text, currency("EUR"));
    }

    #[test]
    fn a_sum_of_cents_in_floats_is_that_sum(cents in prop::collection::vec(1..1_000_000_u32, 1..40)) {
        let sum: f64 = cents.iter().map(|cents| f64::from(*cents) / 100.0).sum();
        let exact: u64 = cents.iter().map(|cents| u64::from(*cents)).sum();
        let money = Money::parse_computed(&sum.to_string(), currency("EUR"));
        prop_assert_eq!(money.map(Money::minor_units), Ok(exact));
    }
}
