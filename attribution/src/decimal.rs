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

/// Writes `number` at the end of `room`.
#[inline(never)]
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
