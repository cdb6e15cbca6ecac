//! The tracker's core: the crate `attribution`, as the page calls it.
//!
//! One text in, one text out; the shim beside it (`shim/`) owns the page, the clock and the network. Every
//! visitor pays for this module and its bindings, so it copies and allocates nothing, says nothing when it panics,
//! and both texts pass through its memory by pointers: bindings for strings would cost more than the core itself.

#![cfg_attr(target_arch = "wasm32", no_std)]

mod form;
#[cfg(target_arch = "wasm32")]
mod runtime;

use attribution::WrittenPageView;

/// Writes what a page view carries to `answer`, as a form of the fields that have a value, and answers the room that is
/// left. An answer that has no room ends early.
///
/// `view` is what [`WrittenPageView::read`] takes.
pub fn capture<'a>(view: &[u8], answer: &'a mut [u8]) -> &'a mut [u8] {
    let view = WrittenPageView::read(view);
    let mut form = form::Form::new(answer);
    view.each_field(|name, value| form.put(name, value));
    form.into_rest()
}

#[cfg(test)]
mod tests {
    use super::capture;
    use attribution::PageView;

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
                "https://shop.example/?fbclid=AbC&utm_source=a%22b+c#top",
                "https://l.example/",
                "_fbp=fb.1.2.3",
            ),
            concat!(
                "&landingPage=https://shop.example/?fbclid=AbC%26utm_source=a%2522b%2Bc",
                "&fbc=fb.1.1700000000000.AbC&fbp=fb.1.2.3&referrer=https://l.example/",
                "&utmSource=a%22b+c",
            )
        );
    }

    #[test]
    fn a_form_reads_as_it_was_captured() {
        let now_ms = 1_700_000_000_000;
        for (href, cookies) in [
            (
                "https://a.example/ё?gclid=a%2Bb+c%26d%25e%&utm_term=a%20b%2Bc+d%zz%3D=#x",
                "_scid=a+b%2Bc&d=e%",
            ),
            (
                "https://a.example/#/?ttclid=%FF+&utm_term=%FF&sccid=%C3%A9",
                "_tgclid=t%2Bg+&%",
            ),
            (
                "https://a.example/?fbclid=a%2Bb&utm_source=%00%0A%22",
                "_fbc=fb.1.2.a+b%; _ga=%%26",
            ),
        ] {
            let view = PageView {
                href,
                referrer: "https://b.example/?a=%26&b=+",
                cookies,
                now_ms,
                subdomain_index: 1,
            };
            let form = captured(href, view.referrer, cookies);
            let read: Vec<_> = attribution::url::parameters(&form).collect();
            let capture = view.capture();
            let expected: Vec<_> = capture
                .fields()
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn nothing_carried_is_an_empty_form() {
        assert_eq!(captured("", "", ""), "");
    }

    #[test]
    fn a_view_that_ends_early_carries_what_it_holds() {
        let mut answer = [1; 40];
        let left = capture("fb.1\n.0.\nhttps://ё".as_bytes(), &mut answer).len();
        assert_eq!(answer[..40 - left], *"&landingPage=https://ё".as_bytes());
    }

    #[test]
    fn an_answer_without_room_ends_early() {
        let mut answer = [1; 20];
        let view = b"fb.1\n.0.\nhttps://shop.example/\n\n";
        assert!(capture(view, &mut answer).is_empty());
        assert_eq!(answer, *b"&landingPage=https:/");
    }
}
