//! Whole numbers as decimal digits, by hand: `core::fmt` and `FromStr` would outweigh the rest of the tracker.

use alloc::string::String;

/// The digits of `u64::MAX`.
const MAX_DIGITS: usize = 20;

/// Reads a number written in ASCII digits alone: no sign, no space, at most 20 digits.
pub(crate) fn read(digits: &str) -> Option<u64> {
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut number: u64 = 0;
    for digit in digits.bytes() {
        // `checked_mul` would bring a 128-bit multiplication into the wasm.
        if !digit.is_ascii_digit() || number > u64::MAX / 10 {
            return None;
        }
        number = (number * 10).checked_add(u64::from(digit - b'0'))?;
    }
    Some(number)
}

/// Writes `number` at the end of `text`.
pub(crate) fn push(text: &mut String, number: u64) {
    let mut unit = 1;
    while number / unit >= 10 {
        unit *= 10;
    }
    while unit > 0 {
        text.push(char::from(b'0' + (number / unit % 10) as u8));
        unit /= 10;
    }
}
