//! Writing a JSON object of strings (RFC 8259, section 7).

use core::slice::IterMut;

/// An object under construction.
pub(crate) struct Object<'a> {
    room: IterMut<'a, u8>,
    separator: u8,
}

impl<'a> Object<'a> {
    /// An object to be written into `room`; what finds no place there is left out.
    pub(crate) fn new(room: &'a mut [u8]) -> Object<'a> {
        let mut object = Object {
            room: room.iter_mut(),
            separator: b' ',
        };
        object.byte(b'{');
        object
    }

    /// Adds a member. The name holds nothing to escape; the value comes in pieces.
    pub(crate) fn put(&mut self, name: &[u8], value: &mut [impl Iterator<Item = u8>]) {
        self.byte(self.separator);
        self.separator = b',';
        self.byte(b'"');
        for &byte in name {
            self.byte(byte);
        }
        for byte in *b"\":\"" {
            self.byte(byte);
        }
        for piece in value {
            self.escaped(piece);
        }
        self.byte(b'"');
    }

    /// Ends the object, and answers the room that is left.
    pub(crate) fn end(mut self) -> &'a mut [u8] {
        self.byte(b'}');
        self.room.into_slice()
    }

    #[inline(never)]
    fn escaped(&mut self, text: impl Iterator<Item = u8>) {
        for mut byte in text {
            if byte < b' ' || byte == b'"' || byte == b'\\' {
                for byte in *b"\\u00" {
                    self.byte(byte);
                }
                self.byte(b'0' + (byte >> 4));
                let low = byte & 15;
                byte = low + if low < 10 { b'0' } else { b'a' - 10 };
            }
            self.byte(byte);
        }
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
            object.put(name.as_bytes(), &mut [value.bytes()]);
        }
        let left = object.end().len();
        let written = concat!(
            r#"{ "quote":"a\u0022b","backslash":"\u005c","control":"\u0000\u000a\u001f"#,
            "\u{7f}\",\"beyond\":\"ё😀\u{2028}\",\"empty\":\"\"}"
        );
        assert_eq!(&room[..room.len() - left], written.as_bytes());
    }
}
