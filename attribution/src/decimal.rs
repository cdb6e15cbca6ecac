//! Whole numbers as decimal digits, by hand: `core::fmt` and `FromStr` would outweigh the rest of the tracker.

/// The digits of `u64::MAX`.
const MAX_DIGITS: usize = 20;

/// Room for the digits of any number.
pub(crate) type Digits = [u8; MAX_DIGITS];

/// Reads a number written in ASCII digits alone: no sign, no space, at most 20 digits.
pub(crate) fn read(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut number: u64 = 0;
    for digit in digits {
        // `checked_mul` would bring a 128-bit multiplication into the wasm.
        if !digit.is_ascii_digit() || number > u64::MAX / 10 {
            return None;
        }
        number = (number * 10).checked_add(u64::from(digit - b'0'))?;
    }
    Some(number)
}

/// Whether `digits` are a number of ASCII digits alone, and not above `max`, which has as many digits as there may be.
#[inline(never)]
pub(crate) fn is_within(digits: &[u8], max: &[u8]) -> bool {
    !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        && (digits.len() < max.len() || digits.len() == max.len() && digits <= max)
}

/// The digits of `u64::MAX`.
pub(crate) const MAX_U64: &[u8] = b"18446744073709551615";
/// The digits of `u8::MAX`.
pub(crate) const MAX_U8: &[u8] = b"255";

/// Writes `number` at the end of `room`.
pub(crate) fn write(mut number: u64, room: &mut Digits) -> &[u8] {
    let mut start = room.len();
    for slot in room.iter_mut().rev() {
        *slot = b'0' + (number % 10) as u8;
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    room.get(start..).unwrap_or_default()
}
