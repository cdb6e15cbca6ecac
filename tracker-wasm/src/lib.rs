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

use alloc::string::String;

use attribution::PageView;

/// What a page view carries, as a JSON object of the fields that have a value.
///
/// `view` is the page's address, its referrer and its cookies, each on a line; `now` is Unix milliseconds,
/// `subdomain_index` Meta's count of the registrable domain's labels less one.
pub fn capture(view: &str, now: f64, subdomain_index: u8) -> String {
    let mut lines = view.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let view = PageView {
        href: line(),
        referrer: line(),
        cookies: line(),
        now_ms: now as u64,
        subdomain_index,
    };
    json::object(view.capture().fields())
}

#[cfg(test)]
mod tests {
    use super::capture;

    #[test]
    fn a_click_becomes_fields() {
        assert_eq!(
            capture(
                "https://shop.example/?fbclid=AbC&utm_source=a%22b#top\n\n_fbp=fb.1.2.3",
                1_700_000_000_000.0,
                1,
            ),
            concat!(
                r#"{"landingPage":"https://shop.example/?fbclid=AbC&utm_source=a%22b","#,
                r#""fbc":"fb.1.1700000000000.AbC","fbp":"fb.1.2.3","utmSource":"a\"b"}"#,
            )
        );
    }

    #[test]
    fn a_view_without_its_lines_is_still_a_view() {
        assert_eq!(capture("", 0.0, 0), "{}");
        assert_eq!(capture("a\nb\n_fbp=fb.1.2.3\nx", f64::NAN, 0).len(), 57);
    }
}
