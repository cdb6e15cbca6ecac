//! First and last touch, and the cookie that remembers them.

use attribution::{ClickIds, PageView, Touch, Touches, Utm};
use proptest::prelude::*;

fn page<'a>(href: &'a str, referrer: &'a str, now_ms: u64) -> PageView<'a> {
    PageView {
        href,
        referrer,
        cookies: "",
        now_ms,
        subdomain_index: 1,
    }
}

fn touch<'a>(href: &'a str, referrer: &'a str, now_ms: u64) -> Touch<'a> {
    page(href, referrer, now_ms).capture_and_touch().1
}

/// Which were the first and the last touch, after page views that are a session apart: 1, 2, 3 …
fn times(views: &[(&str, &str)]) -> (Option<u64>, Option<u64>) {
    let mut cookie = String::new();
    for (&(href, referrer), at) in views.iter().zip(1..) {
        // Through the cookie each time, as in life.
        let touches = Touches::parse(&cookie).with(touch(href, referrer, at * 30 * MINUTE));
        cookie = touches.to_cookie();
    }
    let touches = Touches::parse(&cookie);
    let at = |touch: Option<&Touch<'_>>| touch.map(|touch| touch.at_ms / 30 / MINUTE);
    (at(touches.first.as_ref()), at(touches.last()))
}

const AD: &str = "https://www.example.com/?fbclid=one";
const DIRECT: &str = "https://www.example.com/";

#[test]
fn the_first_is_kept_and_the_last_gives_way_to_a_source() {
    for (views, expected) in [
        (&[(DIRECT, "")][..], (1, 1)),
        (&[(AD, "")], (1, 1)),
        (&[(AD, ""), (DIRECT, "")], (1, 1)),
        (&[(DIRECT, ""), (AD, "")], (1, 2)),
        (&[(DIRECT, ""), (DIRECT, "")], (1, 1)),
        (
            &[(AD, ""), ("https://www.example.com/?utm_source=mail", "")],
            (1, 2),
        ),
        (&[(AD, ""), (DIRECT, "https://t.me/")], (1, 2)),
        (
            &[(AD, ""), (DIRECT, "https://www.example.com/other")],
            (1, 1),
        ),
        (&[(AD, ""), (DIRECT, "https://shop.example.com/")], (1, 1)),
        (&[(AD, ""), (DIRECT, "https://EXAMPLE.com:8443/")], (1, 1)),
        (&[(AD, ""), (DIRECT, "about:blank")], (1, 1)),
        (&[(AD, ""), (DIRECT, "https://notexample.com/")], (1, 2)),
        (
            &[(AD, ""), (DIRECT, "android-app://com.facebook.katana/")],
            (1, 2),
        ),
        (&[(AD, ""), (DIRECT, "search.example/")], (1, 2)),
        (
            &[
                (AD, ""),
                ("https://www.example.com/?gclid=two", ""),
                (DIRECT, ""),
            ],
            (1, 2),
        ),
        // The same click again: a reload, the next page with the landing page as its referrer.
        (&[(AD, ""), (AD, "")], (1, 1)),
        (&[(AD, ""), (DIRECT, AD)], (1, 1)),
        (
            &[
                (AD, ""),
                ("https://www.example.com/?fbclid=two", ""),
                (AD, ""),
            ],
            (1, 3),
        ),
        // Another site's referrer may carry the click.
        (
            &[(DIRECT, ""), (DIRECT, "https://l.facebook.com/?fbclid=x")],
            (1, 2),
        ),
    ] {
        let (first, last) = expected;
        assert_eq!(times(views), (Some(first), Some(last)), "{views:?}");
    }
}

#[test]
fn a_touch_holds_what_the_address_carries_and_no_cookie() {
    let mut view = page(
        "https://www.example.com/p?gclid=g&utm_source=s&x=1#ttclid=t",
        "https://search.example/?q=1#f",
        7,
    );
    view.cookies = "_gcl_aw=GCL.1.old; _tgclid=old; _fbc=fb.1.2.old";
    assert_eq!(
        view.capture_and_touch().1,
        Touch {
            at_ms: 7,
            click_ids: ClickIds {
                gclid: Some("g".into()),
                ttclid: Some("t".into()),
                ..ClickIds::default()
            },
            utm: Utm {
                source: Some("s".into()),
                ..Utm::default()
            },
            referrer: Some("https://search.example/?q=1".into()),
            landing_page: "https://www.example.com/p".into(),
        }
    );
    let mut direct = page("https://www.example.com/", "", 7);
    direct.cookies = view.cookies;
    assert!(!direct.capture_and_touch().1.is_sourced());
}

#[test]
fn a_site_ends_where_its_registrable_domain_does() {
    for (href, referrer, index, external) in [
        (
            "https://a.example.co.uk/",
            "https://b.example.co.uk/",
            2,
            false,
        ),
        ("https://a.example.co.uk/", "https://other.co.uk/", 2, true),
        ("https://example.com/", "https://www.example.com/", 1, false),
        ("http://127.0.0.1:8787/", "http://127.0.0.1:3000/", 0, false),
        ("http://127.0.0.1/", "http://127.0.0.2/", 0, true),
        ("http://localhost/", "http://localhost/", 0, false),
        ("http://[::1]/", "http://[::1]:80/", 0, false),
        ("https://a.example.com/", "https://b.example.com/", 0, true),
        ("https://example.com/", "https://www.example.com/", 9, false),
        ("not an address", "https://example.com/", 1, true),
    ] {
        let mut view = page(href, referrer, 1);
        view.subdomain_index = index;
        assert_eq!(
            view.capture_and_touch().1.referrer.is_some(),
            external,
            "{href} {referrer}"
        );
    }
}

#[test]
fn the_cookie_is_readable() {
    let first = touch(
        "https://www.example.com/p?fbclid=IwAR",
        "",
        1_790_000_000_000,
    );
    let touches = Touches::default().with(first);
    assert_eq!(
        touches.to_cookie(),
        "at=1790000000000&fbclid=IwAR&page=https://www.example.com/p"
    );
    let touches = touches.with(touch(
        "https://www.example.com/?utm_campaign=a|b+%26;,%22",
        "https://t.me/",
        1_790_000_000_001,
    ));
    assert_eq!(
        touches.to_cookie(),
        "at=1790000000000&fbclid=IwAR&page=https://www.example.com/p|at=1790000000001\
         &utm_campaign=a%7Cb%20%26%3B%2C%22&referrer=https://t.me/&page=https://www.example.com/"
    );
    assert_eq!(Touches::parse(&touches.to_cookie()), touches);
}

#[test]
fn one_touch_may_be_missing() {
    let touch = touch(AD, "", 1);
    for touches in [
        Touches::default(),
        Touches {
            first: Some(touch.clone()),
            later: None,
        },
        Touches {
            first: None,
            later: Some(touch.clone()),
        },
    ] {
        assert_eq!(Touches::parse(&touches.to_cookie()), touches);
    }
}

#[test]
fn a_cookie_that_cannot_be_read_is_empty() {
    for cookie in [
        "",
        "|",
        "||",
        "x",
        "at=",
        "at=x",
        "at=-1",
        "at=18446744073709551616",
        "fbclid=x",
        "fbclid=x|utm_source=y",
        "%",
        "at%3D1",
        &format!("at=1&utm_source={}", "x".repeat(5000)),
    ] {
        assert_eq!(Touches::parse(cookie), Touches::default(), "{cookie}");
    }
    // What is readable of it is read.
    let half = Touches::parse("at=1&fbclid=x|rubbish");
    assert_eq!(half.last(), half.first.as_ref());
    assert_eq!(half.first.unwrap().click_ids.fbclid.as_deref(), Some("x"));
    let unknown = Touches::parse("at=1&new=thing&%FF=%FF");
    assert_eq!(unknown.last().unwrap().at_ms, 1);
}

#[test]
fn long_values_are_dropped_whole() {
    let long = "x".repeat(1000);
    let fits = "y".repeat(500);
    let href =
        format!("https://www.example.com/?fbclid={fits}&gclid={long}&utm_source={long}&utm_term=t");
    let referrer = format!("https://a.example/{long}");
    let cookie = Touches::default()
        .with(touch(&href, &referrer, 1))
        .to_cookie();
    let read = Touches::parse(&cookie).first.unwrap();
    assert_eq!(read.click_ids.fbclid.as_deref(), Some(&*fits));
    assert_eq!(read.click_ids.gclid, None);
    assert_eq!(read.utm.source, None);
    assert_eq!(read.utm.term.as_deref(), Some("t"));
    assert_eq!(read.referrer, None);
    assert_eq!(read.landing_page, "https://www.example.com/");
}

fn values(pattern: &'static str) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(pattern)
}

prop_compose! {
    fn any_touch(value: &'static str)(
        at_ms: u64,
        ids in proptest::collection::vec(values(value), 7),
        utm in proptest::collection::vec(values(value), 5),
        referrer in values(value),
        landing_page in value,
    ) -> Touch<'static> {
        let mut ids = ids.into_iter().flatten().map(|id| Some(id.into()));
        let mut utm = utm.into_iter().flatten().map(|value| Some(value.into()));
        let mut id = || ids.next().flatten();
        let mut utm = || utm.next().flatten();
        Touch {
            at_ms,
            click_ids: ClickIds { fbclid: id(), ttclid: id(), gclid: id(), gbraid: id(), wbraid: id(), sccid: id(), tgclid: id() },
            utm: Utm { source: utm(), medium: utm(), campaign: utm(), content: utm(), term: utm() },
            referrer: referrer.map(Into::into),
            landing_page: landing_page.into(),
        }
    }
}

proptest! {
    #[test]
    fn what_fits_comes_back(first in any_touch("[ -~é|]{1,12}"), last in any_touch("\\PC{1,4}")) {
        let touches = Touches { first: Some(first), later: Some(last) };
        let cookie = touches.to_cookie();
        prop_assert_eq!(Touches::parse(&cookie), touches);
    }

    #[test]
    fn any_cookie_is_within_its_bounds(first in any_touch(".{1,400}"), last in any_touch("[ -~]{1,300}")) {
        let touches = Touches { first: Some(first.clone()), later: Some(last.clone()) };
        let cookie = touches.to_cookie();
        prop_assert!(cookie.len() <= 1800);
        prop_assert!(cookie.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')));
        let read = Touches::parse(&cookie);
        // Each value is whole or absent, and writing what was read changes nothing.
        for (read, whole) in [(read.first.as_ref().unwrap(), first), (read.last().unwrap(), last)] {
            prop_assert!(read.click_ids.fbclid.is_none() || read.click_ids.fbclid == whole.click_ids.fbclid);
            prop_assert!(read.utm.term.is_none() || read.utm.term == whole.utm.term);
            prop_assert!(read.referrer.is_none() || read.referrer == whole.referrer);
            prop_assert!(read.landing_page.is_empty() || read.landing_page == whole.landing_page);
        }
        prop_assert_eq!(read.to_cookie(), cookie);
    }

    #[test]
    fn any_cookie_is_read_without_a_panic(cookie in "(at=[0-9]{0,21}|&|\\||[a-z_]{0,4}=|%[0-9A-F]{0,2}|\\PC){0,20}") {
        let touches = Touches::parse(&cookie);
        let cookie = touches.to_cookie();
        prop_assert_eq!(Touches::parse(&cookie), touches);
    }
}

const GOOGLE: &str = "https://www.google.com/";
const GCLID: &str = "https://www.example.com/?gclid=one&utm_source=google";
const MINUTE: u64 = 60_000;

#[test]
fn what_brings_nothing_of_its_own_is_no_new_touch_within_a_session() {
    const UTM: &str = "https://www.example.com/next?utm_source=google";
    for (then, expected) in [
        // A redirect that drops the query; a reload after a script tidied the address.
        ((DIRECT, GOOGLE, 1), 0),
        ((DIRECT, GOOGLE, 29 * MINUTE), 0),
        ((DIRECT, GOOGLE, 30 * MINUTE), 30 * MINUTE),
        // Back from where somebody has paid.
        ((DIRECT, "https://checkout.example/", 29 * MINUTE), 0),
        (
            (DIRECT, "https://checkout.example/", 30 * MINUTE),
            30 * MINUTE,
        ),
        // On a site that hands its UTM values on, without click ids.
        ((UTM, "", 29 * MINUTE), 0),
        ((UTM, "", 30 * MINUTE), 30 * MINUTE),
        (("https://www.example.com/?utm_source=x", GOOGLE, 1), 1),
        ((AD, GOOGLE, 1), 1),
    ] {
        let (href, referrer, now_ms) = then;
        let touches = Touches::default()
            .with(touch(GCLID, GOOGLE, 0))
            .with(touch(href, referrer, now_ms));
        let last = touches.last().map(|touch| touch.at_ms);
        assert_eq!(last, Some(expected), "{then:?}");
    }
    // A link that bears UTM values alone, tapped again, leads on as the first time, be it by a redirect.
    const LINK: &str = "https://www.example.com/r?utm_source=blog";
    let touches = Touches::default()
        .with(touch(LINK, "", 0))
        .with(touch(LINK, "", 29 * MINUTE));
    let landing = touch(DIRECT, "", 29 * MINUTE + 1);
    assert!(touches.led_to(&landing).is_some());
    assert!(touches.go_on_with(&touch(LINK, "", 58 * MINUTE)));
    assert_eq!(touches.later, None);
    // What brought nothing but a place gives way to another at once.
    let touches = Touches::default().with(touch(DIRECT, GOOGLE, 0));
    let next = touch(DIRECT, "https://www.bing.com/", 1);
    assert_eq!(touches.with(next).last().map(|touch| touch.at_ms), Some(1));
}

#[test]
fn a_redirect_leads_on_at_once_from_the_same_place_and_with_nothing() {
    let touches = Touches::default().with(touch(GCLID, GOOGLE, 0));
    for (then, is_led) in [
        ((DIRECT, GOOGLE, 0), true),
        ((DIRECT, GOOGLE, 29_999), true),
        ((DIRECT, GOOGLE, 30_000), false),
        ((DIRECT, "", 0), false),
        ((DIRECT, "https://www.bing.com/", 0), false),
        ((AD, GOOGLE, 0), false),
        (("https://www.example.com/?utm_source=x", GOOGLE, 0), false),
    ] {
        let (href, referrer, now_ms) = then;
        let found = touches.led_to(&touch(href, referrer, now_ms));
        assert_eq!(found.is_some(), is_led, "{then:?}");
    }
    assert_eq!(Touches::default().led_to(&touch(DIRECT, "", 0)), None);
}

#[test]
fn a_click_that_comes_right_behind_another_is_told_late() {
    let touches = Touches::default().with(touch(GCLID, "", 0));
    for ((href, now_ms), is_behind) in [
        ((AD, 9_999), true),
        ((AD, 10_000), false),
        ((GCLID, 0), false),
        ((DIRECT, 0), false),
        (("https://www.example.com/?utm_source=x", 0), false),
    ] {
        let found = touches.is_behind(&touch(href, "", now_ms));
        assert_eq!(found, is_behind, "{href} {now_ms}");
    }
    let unsourced = Touches::default().with(touch(DIRECT, "", 0));
    assert!(!unsourced.is_behind(&touch(AD, "", 0)));
}

#[test]
fn a_gclid_in_a_cookie_is_older_than_a_click_without_one() {
    const BRAID: &str = "https://www.example.com/?gbraid=two";
    for (before, then, is_older) in [
        (BRAID, DIRECT, true),
        (BRAID, AD, true),
        (BRAID, GCLID, false),
        (GCLID, DIRECT, false),
        (
            "https://www.example.com/?gclid=one&gbraid=two",
            DIRECT,
            false,
        ),
        (AD, DIRECT, false),
    ] {
        let touches = Touches::default().with(touch(before, "", 0));
        let found = touches.outdates_gclid_of_cookie(&touch(then, "", 1));
        assert_eq!(found, is_older, "{before} {then}");
    }
}
