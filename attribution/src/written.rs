//! Text as an address or a cookie holds it, read byte by byte where it lies. The page pays for every copy, for
//! every test of a character's borders and for every string that could be absent, so there are none.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// A piece of text, and how to read it. Its bytes come decoded; they need not be UTF-8.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    rest: &'a [u8],
    spelling: Spelling,
}

/// How text is spelled.
// As wide as what it stands beside: a copy then has no gaps to step over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Spelling {
    /// It stands for itself.
    #[default]
    Plain,
    /// Percent-encoded. A malformed `%` stands for itself.
    Escaped,
    /// Percent-encoded, with `+` for a space.
    Form,
}

impl<'a> Written<'a> {
    /// Text that stands for itself.
    pub(crate) fn plain(rest: &'a [u8]) -> Written<'a> {
        Written::new(rest, Spelling::Plain)
    }

    /// Text spelled as said.
    pub(crate) fn new(rest: &'a [u8], spelling: Spelling) -> Written<'a> {
        Written { rest, spelling }
    }

    /// What is left, as it is written.
    pub(crate) fn as_written(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether nothing is left. What is not empty as it is written is not empty once decoded.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The text of it; `None` where nothing is left.
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        (!self.is_empty()).then(|| text(&[self]))
    }

    /// Gives `put` the bytes that spell it in a form (URL Standard, `application/x-www-form-urlencoded`): those it is
    /// written with, but for what a form would read in another way.
    pub fn spell_in_form(&self, mut put: impl FnMut(u8)) {
        for &byte in self.rest {
            let low_digit = match byte {
                b'%' if self.spelling == Spelling::Plain => b'5',
                b'&' => b'6',
                b'+' if self.spelling != Spelling::Form => b'B',
                _ => {
                    put(byte);
                    continue;
                }
            };
            put(b'%');
            put(b'2');
            put(low_digit);
        }
    }

    /// Whether it stands for itself as it is written.
    fn is_plain(&self) -> bool {
        let is_changed = |&byte| matches!(byte, b'%' | b'+');
        self.spelling == Spelling::Plain || !self.rest.iter().any(is_changed)
    }

    /// How many bytes are left, where they are UTF-8 as the Encoding Standard has it; else 0.
    pub(crate) fn utf8_len(self) -> usize {
        // The character under way: how long it says it is, what it lacks of that, and its number so far.
        let (mut width, mut lacking, mut code) = (0, 0, 0);
        let mut len = 0;
        for byte in self {
            len += 1;
            let ones = byte.leading_ones();
            if (ones == 1) != (lacking > 0) {
                return 0;
            }
            if ones == 1 {
                lacking -= 1;
                code = code << 6 | u32::from(byte & 0x3f);
                let fits = |code: char| code.len_utf8() == width as usize;
                if lacking == 0 && !char::from_u32(code).is_some_and(fits) {
                    return 0;
                }
            } else if ones > 0 {
                width = ones;
                lacking = ones - 1;
                code = u32::from(byte) & 0x7f >> ones;
            }
        }
        if lacking == 0 { len } else { 0 }
    }

    /// The next byte, or [`END`]: a number comes back in a register, an `Option` through memory.
    #[inline(never)]
    fn advance(&mut self) -> u32 {
        let Some((&first, rest)) = self.rest.split_first() else {
            return END;
        };
        self.rest = rest;
        if self.spelling != Spelling::Plain
            && first == b'%'
            && let [high, low, rest @ ..] = rest
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            self.rest = rest;
            return high << 4 | low;
        }
        let is_space = self.spelling == Spelling::Form && first == b'+';
        u32::from(if is_space { b' ' } else { first })
    }
}

/// No byte.
const END: u32 = 256;

impl Iterator for Written<'_> {
    type Item = u8;

    #[inline(always)]
    fn next(&mut self) -> Option<u8> {
        u8::try_from(self.advance()).ok()
    }
}

/// All of `pieces` as one text, with U+FFFD for what is not UTF-8; borrowed where it stands in one piece as it is meant.
pub(crate) fn text<'a>(pieces: &[Written<'a>]) -> Cow<'a, str> {
    if let [piece] = pieces
        && piece.is_plain()
    {
        return match core::str::from_utf8(piece.rest) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(piece.rest),
        };
    }
    let mut bytes = Vec::with_capacity(pieces.iter().map(|piece| piece.rest.len()).sum());
    for piece in pieces {
        if piece.is_plain() {
            bytes.extend_from_slice(piece.rest);
        } else {
            bytes.extend(*piece);
        }
    }
    Cow::Owned(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

/// Takes what stands before the first `mark` out of `rest`, and the mark with it; all of it where there is no mark.
#[inline(never)]
pub(crate) fn take<'a>(rest: &mut &'a [u8], mark: u8) -> &'a [u8] {
    let text = *rest;
    let at = text.iter().position(|&byte| byte == mark);
    let (before, after) = text
        .split_at_checked(at.unwrap_or(text.len()))
        .unwrap_or_default();
    *rest = after.get(1..).unwrap_or_default();
    before
}

fn hex_digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}
