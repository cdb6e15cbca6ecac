//! The tracker's core: the crate `attribution`, as the page calls it.
//!
//! One text in, one text out; the shim beside it (`shim/`) owns the page, the clock and the network. Every
//! visitor pays for this module and its bindings, so it copies and allocates nothing, says nothing when it panics,
//! and both texts pass through its memory by pointers: bindings for strings would cost more than the core itself.

#![cfg_attr(target_arch = "wasm32", no_std)]

mod json;
#[cfg(target_arch = "wasm32")]
mod runtime;

use attribution::WrittenPageView;

/// Writes what a page view carries to `answer`, as a JSON object of the fields that have a value, and answers the room
/// that is left. An answer that has no room ends early.
///
/// `view` is what [`WrittenPageView::read`] takes.
pub fn capture<'a>(view: &[u8], answer: &'a mut [u8]) -> &'a mut [u8] {
    let view = WrittenPageView::read(view);
    let mut object = json::Object::new(answer);
    view.each_field(|name, value| object.put(name, value));
    object.end()
}

#[cfg(test)]
mod tests {
    use super::capture;

    fn captured(href: &str, referrer: &str, cookies: &str) -> String {
        let view = ["fb.1", ".1700000000000.", href, referrer, cookies].join("\n");
        let mut answer = [1; 1000];
        let left = capture(view.as_bytes(), &mut answer).len();
        String::from_utf8(answer[..answer.len() - left].to_vec()).unwrap()
    }

    #[test]
    fn a_click_becomes_fields() {
        assert_eq!(
            captured(
                "https://shop.example/?fbclid=AbC&utm_source=a%22b#top",
                "https://l.example/",
                "_fbp=fb.1.2.3",
            ),
            concat!(
                r#"{ "landingPage":"https://shop.example/?fbclid=AbC&utm_source=a%22b","#,
                r#""fbc":"fb.1.1700000000000.AbC","fbp":"fb.1.2.3","referrer":"https://l.example/","#,
                r#""utmSource":"a\u0022b"}"#,
            )
        );
    }

    #[test]
    fn nothing_carried_is_an_empty_object() {
        assert_eq!(captured("", "", ""), "{}");
    }

    #[test]
    fn a_view_that_ends_early_carries_what_it_holds() {
        let mut answer = [1; 3];
        assert_eq!(capture("fb.1\nё".as_bytes(), &mut answer), [1]);
        assert_eq!(answer, *b"{}\x01");
    }

    #[test]
    fn an_answer_without_room_ends_early() {
        let mut answer = [1; 20];
        let view = b"fb.1\n.0.\nhttps://shop.example/\n\n";
        assert!(capture(view, &mut answer).is_empty());
        assert_eq!(answer, *br#"{ "landingPage":"htt"#);
    }
}
