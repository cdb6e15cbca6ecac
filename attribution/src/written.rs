//! Text as an address or a cookie holds it, read byte by byte where it lies. The page pays for every copy, for
//! every test of a character's borders and for every string that could be absent, so there are none.

use alloc::string::String;
use alloc::vec::Vec;

/// A piece of text, and how to read it. Its bytes come decoded; they need not be UTF-8.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    rest: &'a [u8],
    is_escaped: bool,
    plus_is_space: bool,
}

impl<'a> Written<'a> {
    /// Text that stands for itself.
    pub(crate) fn plain(rest: &'a [u8]) -> Written<'a> {
        Written {
            rest,
            ..Written::default()
        }
    }

    /// Percent-encoded text. A malformed `%` stands for itself.
    pub(crate) fn escaped(rest: &'a [u8], plus_is_space: bool) -> Written<'a> {
        Written {
            rest,
            is_escaped: true,
            plus_is_space,
        }
    }

    /// Whether nothing is left. What is not empty as it is written is not empty once decoded.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The text of it; `None` where nothing is left.
    pub(crate) fn into_text(self) -> Option<String> {
        (!self.is_empty()).then(|| text(&[self]))
    }

    /// Whether it stands for itself as it is written.
    fn is_plain(&self) -> bool {
        let is_changed = |&byte| byte == b'%' || self.plus_is_space && byte == b'+';
        !self.is_escaped || !self.rest.iter().any(is_changed)
    }

    /// Whether what is left is UTF-8, as the Encoding Standard has it.
    pub(crate) fn is_utf8(self) -> bool {
        // How many bytes a character lacks, and between which bounds the next of them lies.
        let (mut lacking, mut lowest, mut highest) = (0, 0x80, 0xbf);
        for byte in self {
            if lacking > 0 {
                if byte < lowest || byte > highest {
                    return false;
                }
                (lacking, lowest, highest) = (lacking - 1, 0x80, 0xbf);
                continue;
            }
            lacking = match byte {
                ..0x80 => 0,
                0xc2..0xe0 => 1,
                0xe0..0xf0 => 2,
                0xf0..0xf5 => 3,
                _ => return false,
            };
            match byte {
                0xe0 => lowest = 0xa0,
                0xed => highest = 0x9f,
                0xf0 => lowest = 0x90,
                0xf4 => highest = 0x8f,
                _ => {}
            }
        }
        lacking == 0
    }
}

impl Iterator for Written<'_> {
    type Item = u8;

    #[inline(never)]
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if self.is_escaped
            && first == b'%'
            && let [high, low, rest @ ..] = rest
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            self.rest = rest;
            return Some(high << 4 | low);
        }
        let is_space = self.plus_is_space && first == b'+';
        Some(if is_space { b' ' } else { first })
    }
}

/// All of `pieces` as one text, with U+FFFD for what is not UTF-8.
pub(crate) fn text(pieces: &[Written<'_>]) -> String {
    let mut bytes = Vec::with_capacity(pieces.iter().map(|piece| piece.rest.len()).sum());
    for piece in pieces {
        if piece.is_plain() {
            bytes.extend_from_slice(piece.rest);
        } else {
            bytes.extend(*piece);
        }
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// What stands before the first `mark`, and what follows it: nothing where there is none.
#[inline(never)]
pub(crate) fn cut(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    let at = text.iter().position(|&byte| byte == mark);
    match text.split_at_checked(at.unwrap_or(text.len())) {
        Some((before, [_, after @ ..])) => (before, after),
        _ => (text, &[]),
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
