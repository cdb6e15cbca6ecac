//! Click ids under an advertiser's own names.

use attribution::{OwnNameError, OwnNames, PageView};
use proptest::prelude::*;

fn names() -> OwnNames {
    let mut names = OwnNames::default();
    for (name, click_id) in [("gc", "gclid"), ("TT", "TTclid"), ("f-b", "fbclid")] {
        assert_eq!(names.add(name, click_id), Ok(()));
    }
    names
}

fn view(href: &str) -> PageView<'_> {
    PageView {
        href,
        referrer: "",
        cookies: "",
        now_ms: 1_795_000_000_000,
        subdomain_index: 1,
    }
}

/// What a page view carries by `names`: gclid, ttclid and fbclid.
fn carried(href: &str) -> [Option<String>; 3] {
    let restored = names().restore(href);
    let ids = view(&restored.address).capture().click_ids;
    [ids.gclid, ids.ttclid, ids.fbclid].map(|id| id.map(Into::into))
}

#[test]
fn are_read_as_the_platforms_own() {
    for (href, gclid, ttclid, fbclid) in [
        ("https://shop.test/?gc=A", Some("A"), None, None),
        (
            "https://shop.test/?GC=A&tt=B&f-b=C",
            Some("A"),
            Some("B"),
            Some("C"),
        ),
        (
            "https://shop.test/?x=1&gc=a%2Fb#top",
            Some("a/b"),
            None,
            None,
        ),
        ("https://shop.test/#/page?gc=A", Some("A"), None, None),
        ("https://shop.test/#gc=A&tt=B", Some("A"), Some("B"), None),
        ("https://shop.test/?gc=A#", Some("A"), None, None),
        ("https://shop.test/?gc=A#a=b?c", Some("A"), None, None),
        // A platform's own name comes first, wherever it stands, and of a repeated one the first with a value.
        ("https://shop.test/?gc=A&gclid=B", Some("B"), None, None),
        ("https://shop.test/?gc=A#gclid=B", Some("B"), None, None),
        ("https://shop.test/?gc=&gc=A&gc=B", Some("A"), None, None),
        // What no platform filled in.
        (
            "https://shop.test/?gc={gclid}&tt=__CLICKID__",
            None,
            None,
            None,
        ),
        ("https://shop.test/?gc=%7Bgclid%7D&tt", None, None, None),
        ("https://shop.test/gc=A", None, None, None),
        // Another address's are not this one's.
        (
            "https://shop.test/?next=https://other.test/?gc=A",
            None,
            None,
            None,
        ),
        ("https://shop.test/a&gc=A?x=1", None, None, None),
        ("https://shop.test/?gc=a?b", Some("a?b"), None, None),
        ("https://shop.test/?xgc=A&gcx=B", None, None, None),
        ("", None, None, None),
    ] {
        let expected = [gclid, ttclid, fbclid].map(|id| id.map(str::to_owned));
        assert_eq!(carried(href), expected, "{href}");
    }
}

#[test]
fn leave_the_page_as_it_is() {
    for href in [
        "https://shop.test/lp?gc=A",
        "https://shop.test/lp?gc=A#top",
        "https://shop.test/lp?x",
    ] {
        let restored = names().restore(href);
        let (seen, touch) = view(&restored.address).capture_and_touch();
        let (plain, _) = view(href).capture_and_touch();
        assert_eq!(seen.landing_page, plain.landing_page);
        assert_eq!(touch.landing_page, "https://shop.test/lp");
        assert_eq!(touch.is_sourced(), href.contains("gc="), "{href}");
    }
    let href = "https://shop.test/?gc=A";
    assert_eq!(OwnNames::default().restore(href).address, href);
}

#[test]
fn say_which_click_ids_they_told() {
    let restored = names();
    let restored = restored.restore("https://shop.test/?gc=A&f-b=B&tt=__CLICKID__");
    for (field, is_told) in [
        ("gclid", true),
        ("fbc", true),
        ("ttclid", false),
        ("fbp", false),
    ] {
        assert_eq!(restored.tells(field), is_told, "{field}");
    }
}

#[test]
fn that_can_not_be_are_refused() {
    let long = "x".repeat(65);
    for (name, click_id, why) in [
        ("", "gclid", OwnNameError::Name),
        ("a b", "gclid", OwnNameError::Name),
        ("a&b", "gclid", OwnNameError::Name),
        ("é", "gclid", OwnNameError::Name),
        (long.as_str(), "gclid", OwnNameError::Name),
        ("ScCid", "gclid", OwnNameError::Taken),
        ("gc", "msclkid", OwnNameError::ClickId),
        ("gc", "", OwnNameError::ClickId),
    ] {
        assert_eq!(
            OwnNames::default().add(name, click_id),
            Err(why),
            "{name}={click_id}"
        );
    }
    assert_eq!(OwnNames::default().add("utm_term", "ScCid"), Ok(()));
    assert_eq!(names().add("GC", "ttclid"), Err(OwnNameError::Taken));
    let long = ["https://shop.test/?gc=", &"A".repeat(1_025)].concat();
    assert_eq!(carried(&long), [None, None, None]);
    assert!(!names().restore(&long).tells("gclid"));
}

proptest! {
    #[test]
    fn any_address_is_read(href in "[ -~é]{0,60}", tail in "([?&#=]|gc|tt|[a-z%]){0,20}") {
        carried(&[href, tail].concat());
    }

    #[test]
    fn any_address_keeps_what_it_has(path in "[a-z/]{0,9}", query in "[a-z&=%+]{0,30}", fragment in "[a-z?&=/]{0,12}") {
        // Of two the first counts.
        prop_assume!(!query.split('&').any(|pair| pair.len() > 3 && pair.starts_with("gc=")));
        let href = format!("https://shop.test/{path}?{query}&gc=A#{fragment}");
        let restored = names().restore(&href).address.into_owned();
        prop_assert!(restored.starts_with(&href));
        let ids = view(&restored).capture().click_ids;
        prop_assert_eq!(ids.gclid.as_deref(), Some("A"), "{}", restored);
    }
}
