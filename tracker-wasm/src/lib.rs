//! The tracker's core: the crate `attribution`, as the page calls it.
//!
//! One text in, one text out; the shim beside it (`shim/`) owns the page, the clock and the network. Every
//! visitor pays for this module and its bindings, so it brings its own small allocator and no panic messages,
//! and both texts pass through its memory by pointers: bindings for strings would cost more than the shim's use
//! of them.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod json;
#[cfg(target_arch = "wasm32")]
mod runtime;

use alloc::vec::Vec;
use core::mem::ManuallyDrop;

use attribution::PageView;

/// What a page view carries, as a JSON object of the fields that have a value.
///
/// `view` is the page's address, its referrer and its cookies in a row, the first two of the lengths given; `now_ms`
/// is Unix milliseconds, `subdomain_index` Meta's count of the registrable domain's labels less one.
pub fn capture(view: &str, href: usize, referrer: usize, now_ms: u64, subdomain_index: u8) -> Vec<u8> {
    let (href, rest) = view.split_at_checked(href).unwrap_or_default();
    let (referrer, cookies) = rest.split_at_checked(referrer).unwrap_or_default();
    let view = PageView {
        href,
        referrer,
        cookies,
        now_ms,
        subdomain_index,
    };
    // The page's allocator takes nothing back, so the code that would give it back is left out.
    let capture = ManuallyDrop::new(view.capture());
    json::object(capture.fields())
}

#[cfg(test)]
mod tests {
    use super::capture;

    fn captured(href: &str, referrer: &str, cookies: &str) -> String {
        let view = [href, referrer, cookies].concat();
        let json = capture(&view, href.len(), referrer.len(), 1_700_000_000_000, 1);
        String::from_utf8(json).unwrap()
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
    fn lengths_that_do_not_fit_carry_nothing() {
        assert_eq!(capture("ё", 1, 0, 0, 0), b"{}");
        assert_eq!(capture("", 9, 9, 0, 0), b"{}");
    }
}
