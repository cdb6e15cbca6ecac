//! Writing a JSON object of strings (RFC 8259, section 7).

use core::slice::IterMut;

/// An object under construction.
pub(crate) struct Object<'a> {
    room: IterMut<'a, u8>,
    opening: u8,
}

impl<'a> Object<'a> {
    /// An object to be written into `room`; what finds no place there is left out.
    pub(crate) fn new(room: &'a mut [u8]) -> Object<'a> {
        Object {
            room: room.iter_mut(),
            opening: b'{',
        }
    }

    /// Adds a member. The name holds nothing to escape; the value comes in pieces.
    pub(crate) fn put(
        &mut self,
        name: &[u8],
        value: impl Iterator<Item = impl Iterator<Item = u8>>,
    ) {
        self.byte(self.opening);
        self.opening = b',';
        self.byte(b'"');
        for &byte in name {
            self.byte(byte);
        }
        for byte in *b"\":\"" {
            self.byte(byte);
        }
        for piece in value {
            for byte in piece {
                self.escaped(byte);
            }
        }
        self.byte(b'"');
    }

    /// Ends the object, and its text with a zero byte.
    pub(crate) fn end(&mut self) {
        if self.opening == b'{' {
            self.byte(b'{');
        }
        self.byte(b'}');
        self.byte(0);
    }

    fn escaped(&mut self, byte: u8) {
        if byte < b' ' {
            for byte in *b"\\u00" {
                self.byte(byte);
            }
            self.byte(b'0' + (byte >> 4));
            let low = byte & 15;
            self.byte(low + if low < 10 { b'0' } else { b'a' - 10 });
            return;
        }
        if matches!(byte, b'"' | b'\\') {
            self.byte(b'\\');
        }
        self.byte(byte);
    }

    #[inline(never)]
    fn byte(&mut self, byte: u8) {
        if let Some(slot) = self.room.next() {
            *slot = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Object;

    #[test]
    fn strings_are_escaped() {
        let mut room = [1; 200];
        let mut object = Object::new(&mut room);
        for (name, value) in [
            ("quote", "a\"b"),
            ("backslash", "\\"),
            ("control", "\0\n\u{1f}\u{7f}"),
            ("beyond", "ё😀\u{2028}"),
            ("empty", ""),
        ] {
            object.put(name.as_bytes(), [value.bytes()].into_iter());
        }
        object.end();
        let written = concat!(
            r#"{"quote":"a\"b","backslash":"\\","control":"\u0000\u000a\u001f"#,
            "\u{7f}\",\"beyond\":\"ё😀\u{2028}\",\"empty\":\"\"}\0"
        );
        assert_eq!(&room[..written.len()], written.as_bytes());
    }
}
