//! All that reads what a browser sent: address, referrer, cookies, the touch cookie, Telegram links.
//!
//! The input's lines are the address, the referrer and the cookies. Run with `cargo +nightly fuzz run page_view`
//! from the folder above; `-- -dict=fuzz/page_view.dict` gets it further.

#![no_main]

use attribution::telegram::TelegramLink;
use attribution::{Fbc, PageView, Touches, cookie, subdomain_index, url};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (href, referrer, cookies) = (line(), line(), line());

    let host = url::split(href).map_or("", |parts| parts.host);
    let page = PageView {
        href,
        referrer,
        cookies,
        now_ms: 1_790_000_000_000,
        subdomain_index: subdomain_index(host),
    };
    let capture = page.capture();
    assert!(capture.fields().all(|(_, value)| !value.is_empty()));
    if let Some(fbc) = &capture.fbc {
        assert_eq!(Fbc::parse(fbc.as_str()).as_ref(), Some(fbc));
        if capture.fbc_is_new {
            assert_eq!(capture.click_ids.fbclid.as_deref(), Some(fbc.click_id()));
        }
        let cookies = ["_fbc=", fbc.as_str()].concat();
        let again = PageView {
            cookies: &cookies,
            now_ms: 1_790_000_000_001,
            ..page
        }
        .capture();
        assert!(!again.fbc_is_new);
        assert_eq!(again.fbc.as_ref(), Some(fbc));
    }

    let remembered = Touches::parse(cookie(cookies, attribution::TOUCH_COOKIE).unwrap_or(cookies));
    let written = remembered.with(page.capture_and_touch().1).to_cookie();
    assert!(written.len() <= 1800);
    assert!(
        written
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
    );
    assert_eq!(Touches::parse(&written).to_cookie(), written);

    for address in [href, referrer, cookies] {
        if let Ok(link) = TelegramLink::parse(address) {
            assert_eq!(TelegramLink::parse(link.as_str()).as_ref(), Ok(&link));
            if let Some(started) = link.with_start("start_1") {
                assert_eq!(started.start(), Some("start_1"));
            }
        }
    }
});
