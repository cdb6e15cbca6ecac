//! Writing a JSON object of strings (RFC 8259, section 7).

use alloc::vec::Vec;

/// An object of `fields`, in their order, as UTF-8.
pub(crate) fn object<'a>(fields: impl Iterator<Item = (&'static str, &'a str)>) -> Vec<u8> {
    let mut json = Vec::new();
    let mut opening = b'{';
    for (name, value) in fields {
        json.push(opening);
        opening = b',';
        string(&mut json, name);
        json.push(b':');
        string(&mut json, value);
    }
    if opening == b'{' {
        json.push(opening);
    }
    json.push(b'}');
    json
}

fn string(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    for byte in text.bytes() {
        if byte < b' ' {
            json.extend_from_slice(b"\\u00");
            json.push(b'0' + (byte >> 4));
            let low = byte & 15;
            json.push(low + if low < 10 { b'0' } else { b'a' - 10 });
            continue;
        }
        if matches!(byte, b'"' | b'\\') {
            json.push(b'\\');
        }
        json.push(byte);
    }
    json.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn strings_are_escaped() {
        let fields = [
            ("quote", "a\"b"),
            ("backslash", "\\"),
            ("control", "\0\n\u{1f}\u{7f}"),
            ("beyond", "ё😀\u{2028}"),
            ("empty", ""),
        ];
        assert_eq!(
            String::from_utf8(object(fields.into_iter())).unwrap(),
            concat!(
                r#"{"quote":"a\"b","backslash":"\\","control":"\u0000\u000a\u001f"#,
                "\u{7f}\",",
                "\"beyond\":\"ё😀\u{2028}\",\"empty\":\"\"}"
            )
        );
    }

    #[test]
    fn no_field_is_an_empty_object() {
        assert_eq!(object([].into_iter()), b"{}");
    }
}
