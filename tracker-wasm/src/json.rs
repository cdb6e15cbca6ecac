//! Writing a JSON object of strings (RFC 8259, section 7).

use alloc::string::String;

/// An object of `fields`, in their order.
pub(crate) fn object<'a>(fields: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    let mut json = String::new();
    let mut opening = '{';
    for (name, value) in fields {
        json.push(opening);
        opening = ',';
        string(&mut json, name);
        json.push(':');
        string(&mut json, value);
    }
    if opening == '{' {
        json.push(opening);
    }
    json.push('}');
    json
}

fn string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.push('\\'),
            '\0'..' ' => {
                json.push_str("\\u00");
                for digit in [character as u8 >> 4, character as u8 & 15] {
                    json.push(char::from_digit(digit.into(), 16).unwrap_or_default());
                }
                continue;
            }
            _ => {}
        }
        json.push(character);
    }
    json.push('"');
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
            object(fields.into_iter()),
            concat!(
                r#"{"quote":"a\"b","backslash":"\\","control":"\u0000\u000a\u001f"#,
                "\u{7f}\",",
                "\"beyond\":\"ё😀\u{2028}\",\"empty\":\"\"}"
            )
        );
    }

    #[test]
    fn no_field_is_an_empty_object() {
        assert_eq!(object([].into_iter()), "{}");
    }
}
