//! Meta's rules for `_fbc` and `_fbp`, from its own parameter builder's tests and documents.

use attribution::{Fbc, Fbp, PageView, subdomain_index};

const NOW: u64 = 1_790_000_000_000;

/// The `_fbc` after a page view, and whether it must be written.
fn fbc(href: &str, referrer: &str, cookies: &str) -> (Option<String>, bool) {
    let capture = PageView {
        href,
        referrer,
        cookies,
        now_ms: NOW,
        subdomain_index: 1,
    }
    .capture();
    (
        capture.fbc.map(|fbc| fbc.as_str().to_owned()),
        capture.fbc_is_new,
    )
}

fn new(value: &str) -> (Option<String>, bool) {
    (Some(value.to_owned()), true)
}

fn kept(value: &str) -> (Option<String>, bool) {
    (Some(value.to_owned()), false)
}

#[test]
fn valid_forms() {
    let longest = format!("fb.1.2.{}", "x".repeat(500));
    for value in [
        "fb.1.2.testpayload",
        "fb.1.2.testpayload.Bg",
        "fb.1.2.testpayload.AQYBAQAA",
        "fb.1.4567.testPayload.Bg",
        "fb.1.2.x.AQ",
        "fb.1.2.x.Ag",
        "fb.1.2.x.Aw",
        "fb.1.2.x.BA",
        "fb.1.2.x.BQ",
        "fb.0.2.x",
        "fb.2.18446744073709551615.x",
        &longest,
    ] {
        assert_eq!(Fbc::parse(value).as_ref().map(Fbc::as_str), Some(value));
        assert_eq!(Fbp::parse(value).as_ref().map(Fbp::as_str), Some(value));
    }
}

#[test]
fn absent_forms() {
    let too_long = format!("fb.1.2.{}", "x".repeat(501));
    for value in [
        "fb.1.2",
        "fb2.1.1533706565.someCl1ckID",
        "gclick.1.1533706565.x",
        "fb.1.pusheen.x",
        "fb.1.1533706565",
        "fb.1.1533706565.beep.blorp",
        "fb.1.1533706565.x.AB",
        "fb1.1.123.abc",
        "fb.1.123aa.abc",
        "fb.1.123.",
        "fb.1b.123.x",
        "",
        "fb",
        "fb...",
        "fb..123.x",
        "fb.1..x",
        "fb.+1.123.x",
        "fb.-1.123.x",
        "fb.1.+123.x",
        "fb.1. 123.x",
        "fb.256.123.x",
        "fb.1.18446744073709551616.x",
        "fb.1.123.x.",
        "fb.1.123.x.Bg.",
        "fb.1.123.x.Bg.Bg",
        "fb.1.123..Bg",
        "fb.1.123.x.bg",
        "FB.1.123.x",
        " fb.1.123.x",
        "fb.1.123.a b",
        "fb.1.123.a;b",
        "fb.1.123.a\r\nb",
        "fb.1.123.é",
        "fb.1.123.x.AQYBA\r\nA",
        &too_long,
    ] {
        assert_eq!(Fbc::parse(value), None, "{value}");
        assert_eq!(Fbp::parse(value), None, "{value}");
    }
}

#[test]
fn parts_of_a_value() {
    let fbc = Fbc::parse("fb.2.1533706565000.IwAR.Bg").unwrap();
    assert_eq!(fbc.index(), 2);
    assert_eq!(fbc.created_ms(), 1_533_706_565_000);
    assert_eq!(fbc.click_id(), "IwAR");
    assert_eq!(
        Fbc::new(1, NOW, "IwAR").unwrap().as_str(),
        "fb.1.1790000000000.IwAR"
    );
    assert_eq!(Fbc::new(0, 0, "x").unwrap().as_str(), "fb.0.0.x");
}

#[test]
fn the_random_part_of_fbp_stays_within_31_bits() {
    assert_eq!(
        Fbp::new(1, NOW, 2_147_483_647).as_str(),
        "fb.1.1790000000000.2147483647"
    );
    for random in [0, 1, 10, 0x8000_0000, u32::MAX] {
        let fbp = Fbp::new(255, u64::MAX, random);
        assert_eq!(Fbp::parse(fbp.as_str()), Some(fbp.clone()));
        let payload = fbp.as_str().rsplit('.').next().unwrap();
        assert!(payload.parse::<u32>().unwrap() <= 2_147_483_647);
    }
}

#[test]
fn index_of_a_registrable_domain() {
    for (domain, index) in [
        ("example.com", 1),
        ("EXAMPLE.com", 1),
        ("example.co.uk", 2),
        ("www.example.co.uk", 3),
        ("example.com:8080", 1),
        ("example.com.", 1),
        (".example.com", 1),
        ("localhost", 0),
        ("localhost:8787", 0),
        ("127.0.0.1", 0),
        ("127.0.0.1:8787", 0),
        ("[::1]", 0),
        ("[::1]:8080", 0),
        ("[::ffff:127.0.0.1]", 0),
        ("[2001:db8::1]:443", 0),
        ("", 0),
        (".", 0),
        (":", 0),
    ] {
        assert_eq!(subdomain_index(domain), index, "{domain}");
    }
    assert_eq!(subdomain_index(&"a.".repeat(1000)), 255);
}

#[test]
fn the_index_of_the_page_goes_into_a_new_cookie() {
    for (domain, expected) in [
        ("example.com", "fb.1.1790000000000.IwAR"),
        ("example.co.uk", "fb.2.1790000000000.IwAR"),
        ("127.0.0.1:8787", "fb.0.1790000000000.IwAR"),
        ("[::1]:8787", "fb.0.1790000000000.IwAR"),
    ] {
        let href = format!("https://{domain}/?fbclid=IwAR");
        let capture = PageView {
            href: &href,
            referrer: "",
            cookies: "",
            now_ms: NOW,
            subdomain_index: subdomain_index(domain),
        }
        .capture();
        assert_eq!(capture.fbc.unwrap().as_str(), expected);
    }
}

#[test]
fn the_same_click_keeps_its_time() {
    for cookie in [
        "fb.1.2.IwAR",
        "fb.1.2.IwAR.Bg",
        "fb.1.2.IwAR.AQYBAQAA",
        "fb.7.2.IwAR",
    ] {
        let found = fbc(
            "https://example.com/?fbclid=IwAR",
            "",
            &format!("a=b; _fbc={cookie}"),
        );
        assert_eq!(found, kept(cookie));
    }
}

#[test]
fn another_click_keeps_the_index_and_takes_a_new_time() {
    assert_eq!(
        fbc("https://example.com/?fbclid=other", "", "_fbc=fb.3.2.IwAR"),
        new("fb.3.1790000000000.other")
    );
    assert_eq!(
        fbc(
            "https://example.com/?fbclid=other",
            "",
            "_fbc=fb.1.2.IwAR.Bg"
        ),
        new("fb.1.1790000000000.other")
    );
    // The case of a click id matters.
    assert_eq!(
        fbc("https://example.com/?fbclid=iwar", "", "_fbc=fb.1.2.IwAR"),
        new("fb.1.1790000000000.iwar")
    );
}

#[test]
fn no_click_keeps_the_cookie() {
    for href in [
        "https://example.com/",
        "https://example.com/?fbclid=",
        "https://example.com/?fbclid",
    ] {
        assert_eq!(fbc(href, "", "_fbc=fb.1.2.IwAR.Bg"), kept("fb.1.2.IwAR.Bg"));
    }
}

#[test]
fn an_empty_click_id_is_absent() {
    for href in [
        "https://example.com/?fbclid=",
        "https://example.com/?fbclid",
        "https://example.com/?fbclid=&a=b",
    ] {
        assert_eq!(fbc(href, "", ""), (None, false));
        assert_eq!(fbc(href, href, ""), (None, false));
    }
}

#[test]
fn a_malformed_cookie_is_absent() {
    for cookie in ["fb.1.2", "gclick.1.2.x", "fb.1.2.a.b", "x", "\"fb.1.2.a\""] {
        let cookies = format!("_fbc={cookie}");
        assert_eq!(fbc("https://example.com/", "", &cookies), (None, false));
        assert_eq!(
            fbc("https://example.com/?fbclid=IwAR", "", &cookies),
            new("fb.1.1790000000000.IwAR")
        );
    }
    // A good one behind it, of another domain or path, counts.
    assert_eq!(
        fbc("https://example.com/", "", "_fbc=; _fbc=x; _fbc=fb.1.2.a"),
        kept("fb.1.2.a")
    );
}

#[test]
fn the_query_beats_the_referrer() {
    assert_eq!(
        fbc(
            "https://example.com/?fbclid=query",
            "https://example.com/?fbclid=referrer",
            ""
        ),
        new("fb.1.1790000000000.query")
    );
    assert_eq!(
        fbc(
            "https://example.com/#fbclid=fragment",
            "https://example.com/?fbclid=referrer",
            ""
        ),
        new("fb.1.1790000000000.fragment")
    );
    for href in ["https://example.com/", "https://example.com/?fbclid="] {
        assert_eq!(
            fbc(href, "https://l.facebook.com/?u=x&fbclid=referrer", ""),
            new("fb.1.1790000000000.referrer")
        );
    }
}

#[test]
fn a_referrer_without_a_scheme_counts() {
    for referrer in [
        "example.com/?fbclid=r",
        "example.com?fbclid=r",
        "//example.com/?fbclid=r",
        "example.com:8080/a?b=c&fbclid=r#top",
        "127.0.0.1/?fbclid=r",
        "[::1]:80/?FBCLID=r",
    ] {
        assert_eq!(
            fbc("https://example.com/", referrer, ""),
            new("fb.1.1790000000000.r"),
            "{referrer}"
        );
    }
    // Of a referrer only `fbclid` is taken.
    let capture = PageView {
        href: "https://example.com/",
        referrer: "https://example.com/?gclid=g&utm_source=s&fbclid=r",
        cookies: "",
        now_ms: NOW,
        subdomain_index: 1,
    }
    .capture();
    assert_eq!(capture.click_ids.gclid, None);
    assert!(capture.utm.is_empty());
}

/// The faults of Meta's own builder, version 1.3.1, shown not to be ours.
mod faults_of_metas_builder {
    use super::{NOW, fbc, new};
    use attribution::{Fbc, PageView};

    #[test]
    fn a_click_id_with_reserved_characters_is_not_encoded_anew_on_every_load() {
        let href = "https://example.com/?fbclid=a%2Bb%2Fc%3D";
        let (mut cookie, is_new) = fbc(href, "", "");
        assert!(is_new);
        assert_eq!(cookie.as_deref(), Some("fb.1.1790000000000.a+b/c="));
        for _ in 0..3 {
            let (next, is_new) = fbc(href, "", &format!("_fbc={}", cookie.as_deref().unwrap()));
            assert!(!is_new);
            assert_eq!(next, cookie);
            cookie = next;
        }
    }

    #[test]
    fn a_malformed_escape_does_not_lose_the_rest() {
        for href in [
            "https://example.com/?x=%&fbclid=IwAR&utm_source=meta",
            "https://example.com/?x=%E0%A4%A&fbclid=IwAR&utm_source=meta",
            "https://example.com/?%=1&fbclid=IwAR&utm_source=meta",
            "https://example.com/?fbclid=IwAR&utm_source=meta&y=100%",
        ] {
            let capture = PageView {
                href,
                referrer: "%",
                cookies: "a=%; %=b",
                now_ms: NOW,
                subdomain_index: 1,
            }
            .capture();
            assert_eq!(capture.fbc.unwrap().as_str(), "fb.1.1790000000000.IwAR");
            assert_eq!(capture.utm.source.as_deref(), Some("meta"), "{href}");
        }
        assert_eq!(
            fbc("https://example.com/?fbclid=50%", "", ""),
            new("fb.1.1790000000000.50%")
        );
    }

    #[test]
    fn a_click_id_with_a_dot_makes_no_cookie_that_cannot_be_read_back() {
        assert_eq!(Fbc::new(1, NOW, "beep.blorp"), None);
        let capture = PageView {
            href: "https://example.com/?fbclid=beep.blorp",
            referrer: "",
            cookies: "",
            now_ms: NOW,
            subdomain_index: 1,
        }
        .capture();
        assert_eq!(capture.fbc, None);
        assert!(!capture.fbc_is_new);
        // Nor is the click id lost.
        assert_eq!(capture.click_ids.fbclid.as_deref(), Some("beep.blorp"));
    }
}
