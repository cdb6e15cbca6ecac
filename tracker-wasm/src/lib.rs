//! The tracker's core: the crate `attribution`, as the page calls it.
//!
//! One text in, one text out; the shim beside it (`shim/`) owns the page, the clock and the network. Every
//! visitor pays for this module and its bindings, so it copies and allocates nothing, says nothing when it panics,
//! and both texts pass through its memory by pointers: bindings for strings would cost more than the core itself.

#![cfg_attr(target_arch = "wasm32", no_std)]

mod json;
#[cfg(target_arch = "wasm32")]
mod runtime;

use attribution::PageView;

/// Writes what a page view carries to `answer`, as a JSON object of the fields that have a value, with a zero byte at
/// its end. An answer that has no room ends early.
///
/// `view` is the page's address, its referrer and its cookies in a row, the first two of the lengths given; `now_ms`
/// is Unix milliseconds, `subdomain_index` Meta's count of the registrable domain's labels less one.
pub fn capture(
    view: &str,
    href: usize,
    referrer: usize,
    now_ms: u64,
    subdomain_index: u8,
    answer: &mut [u8],
) {
    let (href, rest) = view.split_at_checked(href).unwrap_or_default();
    let (referrer, cookies) = rest.split_at_checked(referrer).unwrap_or_default();
    let view = PageView {
        href,
        referrer,
        cookies,
        now_ms,
        subdomain_index,
    };
    let mut object = json::Object::new(answer);
    view.each_field(|name, value| object.put(name, value.iter().copied()));
    object.end();
}

#[cfg(test)]
mod tests {
    use super::capture;

    fn captured(href: &str, referrer: &str, cookies: &str) -> String {
        let view = [href, referrer, cookies].concat();
        let mut answer = [1; 1000];
        capture(
            &view,
            href.len(),
            referrer.len(),
            1_700_000_000_000,
            1,
            &mut answer,
        );
        let end = answer.iter().position(|&byte| byte == 0).unwrap();
        String::from_utf8(answer[..end].to_vec()).unwrap()
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
                r#"{"landingPage":"https://shop.example/?fbclid=AbC&utm_source=a%22b","#,
                r#""fbc":"fb.1.1700000000000.AbC","fbp":"fb.1.2.3","referrer":"https://l.example/","#,
                r#""utmSource":"a\"b"}"#,
            )
        );
    }

    #[test]
    fn nothing_carried_is_an_empty_object() {
        assert_eq!(captured("", "", ""), "{}");
    }

    #[test]
    fn lengths_that_do_not_fit_carry_nothing() {
        let mut answer = [1; 3];
        capture("ё", 1, 0, 0, 0, &mut answer);
        assert_eq!(answer, *b"{}\0");
    }

    #[test]
    fn an_answer_without_room_ends_early() {
        let mut answer = [1; 20];
        capture("https://shop.example/", 21, 0, 0, 0, &mut answer);
        assert_eq!(answer, *br#"{"landingPage":"http"#);
    }
}
