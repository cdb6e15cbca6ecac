//! Where each click id and UTM value is found, and how it is read.

use attribution::{Capture, PageView, WrittenPageView};
use proptest::prelude::*;

const NOW: u64 = 1_790_000_000_000;

fn capture<'a>(href: &'a str, referrer: &'a str, cookies: &'a str) -> Capture<'a> {
    PageView {
        href,
        referrer,
        cookies,
        now_ms: NOW,
        subdomain_index: 1,
    }
    .capture()
}

/// One value of what the address carries, by the parameter's own name.
fn value(capture: &Capture<'_>, name: &str) -> Option<String> {
    let Capture { click_ids, utm, .. } = capture;
    match name {
        "fbclid" => &click_ids.fbclid,
        "ttclid" => &click_ids.ttclid,
        "gclid" => &click_ids.gclid,
        "gbraid" => &click_ids.gbraid,
        "wbraid" => &click_ids.wbraid,
        "sccid" => &click_ids.sccid,
        "tgclid" => &click_ids.tgclid,
        "source" => &utm.source,
        "medium" => &utm.medium,
        "campaign" => &utm.campaign,
        "content" => &utm.content,
        "term" => &utm.term,
        _ => &None,
    }
    .as_deref()
    .map(str::to_owned)
}

/// Holds a table of (address, name, expected) against `capture`.
#[track_caller]
fn check(table: &[(&str, &str, Option<&str>)]) {
    for &(href, name, expected) in table {
        let found = value(&capture(href, "", ""), name);
        assert_eq!(found.as_deref(), expected, "{name} of {href}");
    }
}

#[test]
fn every_parameter_is_found() {
    check(&[
        (
            "https://a.example/?fbclid=IwAR0aB-c_D",
            "fbclid",
            Some("IwAR0aB-c_D"),
        ),
        (
            "https://a.example/?ttclid=E.C.P.x",
            "ttclid",
            Some("E.C.P.x"),
        ),
        ("https://a.example/?gclid=Cj0K", "gclid", Some("Cj0K")),
        ("https://a.example/?gbraid=0AAA", "gbraid", Some("0AAA")),
        ("https://a.example/?wbraid=Cl4K", "wbraid", Some("Cl4K")),
        ("https://a.example/?ScCid=3c0f-9", "sccid", Some("3c0f-9")),
        ("https://a.example/?tgclid=abc", "tgclid", Some("abc")),
        ("https://a.example/?utm_source=meta", "source", Some("meta")),
        ("https://a.example/?utm_medium=cpc", "medium", Some("cpc")),
        ("https://a.example/?utm_campaign=c", "campaign", Some("c")),
        ("https://a.example/?utm_content=d", "content", Some("d")),
        ("https://a.example/?utm_term=e", "term", Some("e")),
        ("a.example/?a=1&b&=&fbclid=x&c=2", "fbclid", Some("x")),
        ("/?fbclid=x", "fbclid", Some("x")),
        ("https://a.example/p?xfbclid=x&fbclidx=y", "fbclid", None),
        ("https://a.example/fbclid=x", "fbclid", None),
    ]);
}

#[test]
fn percent_decoding() {
    check(&[
        (
            "https://a.example/?fbclid=a%2Bb%2fc%3D",
            "fbclid",
            Some("a+b/c="),
        ),
        (
            "https://a.example/?utm_source=caf%C3%A9",
            "source",
            Some("café"),
        ),
        ("https://a.example/?utm%5Fsource=x", "source", Some("x")),
        ("https://a.example/?%66bclid=x", "fbclid", Some("x")),
        (
            "https://a.example/?utm_source=a%26utm_term%3Db",
            "source",
            Some("a&utm_term=b"),
        ),
        (
            "https://a.example/?utm_source=a%26utm_term%3Db",
            "term",
            None,
        ),
        // Decoded once, never twice.
        ("https://a.example/?fbclid=a%252Bb", "fbclid", Some("a%2Bb")),
        // Not escaped at all.
        (
            "https://a.example/?utm_source=Реклама",
            "source",
            Some("Реклама"),
        ),
        (
            "https://a.example/?utm_source=a=b=c",
            "source",
            Some("a=b=c"),
        ),
        ("https://a.example/?utm_source=a?b", "source", Some("a?b")),
    ]);
}

#[test]
fn a_malformed_escape_stays_as_it_is() {
    check(&[
        ("https://a.example/?fbclid=100%", "fbclid", Some("100%")),
        ("https://a.example/?fbclid=%", "fbclid", Some("%")),
        ("https://a.example/?fbclid=%4", "fbclid", Some("%4")),
        ("https://a.example/?fbclid=%zz%41", "fbclid", Some("%zzA")),
        ("https://a.example/?fbclid=%+1", "fbclid", Some("%+1")),
        ("https://a.example/?fbclid=%%41", "fbclid", Some("%A")),
        (
            "https://a.example/?utm_term=50%25+off+%u041f",
            "term",
            Some("50% off %u041f"),
        ),
    ]);
}

#[test]
fn plus_is_a_space_in_utm_and_itself_in_a_click_id() {
    check(&[
        (
            "https://a.example/?utm_campaign=black+friday",
            "campaign",
            Some("black friday"),
        ),
        (
            "https://a.example/?utm_campaign=1%2B1",
            "campaign",
            Some("1+1"),
        ),
        ("https://a.example/?utm_campaign=+", "campaign", Some(" ")),
        ("https://a.example/?gclid=a+b", "gclid", Some("a+b")),
        ("https://a.example/?gclid=a%2Bb", "gclid", Some("a+b")),
    ]);
}

#[test]
fn of_a_repeated_parameter_the_first_with_a_value_wins() {
    check(&[
        (
            "https://a.example/?fbclid=one&fbclid=two",
            "fbclid",
            Some("one"),
        ),
        (
            "https://a.example/?fbclid=&fbclid=two",
            "fbclid",
            Some("two"),
        ),
        (
            "https://a.example/?fbclid&fbclid=two",
            "fbclid",
            Some("two"),
        ),
        (
            "https://a.example/?FBCLID=one&fbclid=two",
            "fbclid",
            Some("one"),
        ),
        (
            "https://a.example/?utm_source=&utm_source=b&utm_source=c",
            "source",
            Some("b"),
        ),
        (
            "https://a.example/?fbclid=one#fbclid=two",
            "fbclid",
            Some("one"),
        ),
        (
            "https://a.example/?fbclid=#fbclid=two",
            "fbclid",
            Some("two"),
        ),
    ]);
}

#[test]
fn names_are_matched_in_any_case_and_values_keep_theirs() {
    check(&[
        ("https://a.example/?FBCLID=AbC", "fbclid", Some("AbC")),
        ("https://a.example/?FbClId=AbC", "fbclid", Some("AbC")),
        ("https://a.example/?ScCid=AbC", "sccid", Some("AbC")),
        ("https://a.example/?sccid=AbC", "sccid", Some("AbC")),
        ("https://a.example/?SCCID=AbC", "sccid", Some("AbC")),
        ("https://a.example/?UTM_Source=AbC", "source", Some("AbC")),
        ("https://a.example/?GCLID=AbC&TtClid=x", "ttclid", Some("x")),
        // U+017F folds to `s` in Unicode, and is another letter here.
        ("https://a.example/?%C5%BFccid=AbC", "sccid", None),
    ]);
}

#[test]
fn a_fragment_may_hold_a_query() {
    check(&[
        ("https://a.example/#/page?fbclid=x", "fbclid", Some("x")),
        ("https://a.example/#fbclid=x", "fbclid", Some("x")),
        (
            "https://a.example/#!/x?gclid=y&fbclid=x",
            "fbclid",
            Some("x"),
        ),
        ("https://a.example/#?fbclid=x", "fbclid", Some("x")),
        ("https://a.example/#/page&fbclid=x", "fbclid", Some("x")),
        (
            "https://a.example/#utm_source=a&fbclid=x?y",
            "fbclid",
            Some("x?y"),
        ),
        (
            "https://a.example/?utm_source=q#/p?utm_source=f&fbclid=x",
            "source",
            Some("q"),
        ),
        (
            "https://a.example/?utm_source=q#/p?utm_source=f&fbclid=x",
            "fbclid",
            Some("x"),
        ),
        (
            "https://a.example/#/p?fbclid=x#more",
            "fbclid",
            Some("x#more"),
        ),
        ("https://a.example/#section", "fbclid", None),
        ("https://a.example/#", "fbclid", None),
    ]);
}

#[test]
fn a_query_with_no_value_carries_nothing() {
    for href in [
        "https://a.example/?fbclid",
        "https://a.example/?fbclid=",
        "https://a.example/?fbclid&utm_source",
        "https://a.example/?fbclid=&utm_source=&&&",
        "https://a.example/?",
        "https://a.example/?=x",
        "https://a.example/?&",
        "https://a.example",
        "",
        "?",
        "#",
        "?#?",
    ] {
        let capture = capture(href, "", "");
        assert!(capture.click_ids.is_empty(), "{href}");
        assert!(capture.utm.is_empty(), "{href}");
        assert_eq!(capture.fbc, None, "{href}");
    }
}

#[test]
fn invalid_utf8_is_marked_in_utm_and_left_alone_in_a_click_id() {
    check(&[
        (
            "https://a.example/?utm_source=a%FFb",
            "source",
            Some("a\u{fffd}b"),
        ),
        (
            "https://a.example/?utm_source=%C3",
            "source",
            Some("\u{fffd}"),
        ),
        (
            "https://a.example/?utm_source=%F0%9F%98x",
            "source",
            Some("\u{fffd}x"),
        ),
        (
            "https://a.example/?utm_source=%C3%28%A0%A1",
            "source",
            Some("\u{fffd}(\u{fffd}\u{fffd}"),
        ),
        (
            "https://a.example/?utm_source=%CF%F0%E8",
            "source",
            Some("\u{fffd}\u{fffd}\u{fffd}"),
        ),
        (
            "https://a.example/?fbclid=a%FFb%41",
            "fbclid",
            Some("a%FFb%41"),
        ),
        ("https://a.example/?gclid=%c3%28", "gclid", Some("%c3%28")),
        // A name that is not UTF-8 is no known name, and does not stop the rest.
        ("https://a.example/?%FF=1&fbclid=x", "fbclid", Some("x")),
    ]);
}

#[test]
fn long_addresses_are_read() {
    let padding = "x".repeat(8 * 1024);
    let href = format!("https://a.example/p?pad={padding}&fbclid=IwAR&utm_source=meta#top");
    let capture_8k = capture(&href, "", "");
    assert_eq!(capture_8k.click_ids.fbclid.as_deref(), Some("IwAR"));
    assert_eq!(capture_8k.utm.source.as_deref(), Some("meta"));
    assert_eq!(format!("{}#top", capture_8k.landing_page), href);

    // Beyond 16 KB nothing is read, and a click id on the border is left out rather than cut.
    for before in (16 * 1024 - 60)..(16 * 1024 + 10) {
        let path = "/".repeat(before - "https://a.example".len());
        let click_id = "IwAR".repeat(10);
        let href = format!("https://a.example{path}?fbclid={click_id}&utm_source={padding}");
        let found = capture(&href, "", "").click_ids.fbclid;
        assert!(
            found.is_none() || found == Some(click_id.into()),
            "{before}: {found:?}"
        );
    }
    let full = format!(
        "https://a.example/?fbclid=x&pad={}",
        "x".repeat(16 * 1024 - 32)
    );
    assert_eq!(full.len(), 16 * 1024);
    assert_eq!(capture(&full, "", "").landing_page, full);
    let over = format!("{full}x");
    let over = capture(&over, "", "");
    assert_eq!(over.landing_page, "https://a.example/?fbclid=x");
    assert_eq!(over.click_ids.fbclid.as_deref(), Some("x"));
    assert_eq!(capture(&"ё".repeat(20_000), "", "").landing_page, "");
}

#[test]
fn click_ids_keep_their_length_up_to_1024_bytes() {
    for (length, kept, in_fbc) in [
        (500, true, true),
        (501, true, false),
        (1024, true, false),
        (1025, false, false),
    ] {
        let id = "a".repeat(length);
        let href = format!("https://a.example/?fbclid={id}&gclid={id}");
        let capture = capture(&href, "", "");
        assert_eq!(capture.click_ids.fbclid.is_some(), kept, "{length}");
        assert_eq!(capture.click_ids.gclid.is_some(), kept, "{length}");
        assert_eq!(capture.fbc.is_some(), in_fbc, "{length}");
        assert_eq!(capture.fbc_is_new, in_fbc, "{length}");
    }
}

#[test]
fn a_click_id_unfit_for_a_cookie_is_kept_beside_it() {
    for (written, read) in [
        ("a.b", "a.b"),
        ("a%20b", "a b"),
        ("a%3Bb", "a;b"),
        ("a%2Cb", "a,b"),
        ("a%22b", "a\"b"),
        ("a%5Cb", "a\\b"),
        ("a%0D%0ASet-Cookie:x", "a\r\nSet-Cookie:x"),
        ("a%00", "a\0"),
        ("caf%C3%A9", "café"),
    ] {
        let href = format!("https://a.example/?fbclid={written}");
        let capture = capture(&href, "", "");
        assert_eq!(capture.click_ids.fbclid.as_deref(), Some(read));
        assert_eq!(capture.fbc, None, "{written}");
    }
}

#[test]
fn pixel_cookies_stand_in_for_the_address() {
    let cookies = "ttclid=tt; _gcl_aw=GCL.1700000000.Cj0K.x_-; _tgclid=t%2Bg; _ttp=p%2B; _scid=s; _ga_X1=GS2.1.s3; _ga=GA1.1.4.5; _fbp=fb.1.2.3";
    let from_cookies = capture("https://a.example/", "", cookies);
    assert_eq!(from_cookies.click_ids.ttclid.as_deref(), Some("tt"));
    assert_eq!(from_cookies.click_ids.gclid.as_deref(), Some("Cj0K.x_-"));
    // Telegram's script encodes its own, and no other's is known to.
    assert_eq!(from_cookies.click_ids.tgclid.as_deref(), Some("t+g"));
    assert_eq!(from_cookies.ttp.as_deref(), Some("p%2B"));
    assert_eq!(from_cookies.scid.as_deref(), Some("s"));
    assert_eq!(from_cookies.ga.as_deref(), Some("GA1.1.4.5"));
    assert_eq!(
        from_cookies.fbp.as_ref().map(|fbp| fbp.as_str()),
        Some("fb.1.2.3")
    );

    let from_address = capture("https://a.example/?ttclid=1&gclid=2&tgclid=3", "", cookies);
    assert_eq!(from_address.click_ids.ttclid.as_deref(), Some("1"));
    assert_eq!(from_address.click_ids.gclid.as_deref(), Some("2"));
    assert_eq!(from_address.click_ids.tgclid.as_deref(), Some("3"));

    for cookie in [
        "_gcl_aw=GCL.1700000000.",
        "_gcl_aw=GCL.x.y",
        "_gcl_aw=GCL.1700000000",
        "_gcl_aw=2.1.k1$i1700000000",
        "_gcl_aw=",
        "x_gcl_aw=GCL.1.y",
        "ttclid=",
        "TTCLID=x",
        "ttclid",
    ] {
        assert!(
            capture("https://a.example/", "", cookie)
                .click_ids
                .is_empty(),
            "{cookie}"
        );
    }
}

#[test]
fn landing_page_and_referrer_lose_their_fragment_alone() {
    let seen = capture(
        "https://a.example/p?a=1&fbclid=x#top",
        "https://b.example/?q=1#f",
        "",
    );
    assert_eq!(seen.landing_page, "https://a.example/p?a=1&fbclid=x");
    assert_eq!(seen.referrer.as_deref(), Some("https://b.example/?q=1"));
    assert_eq!(capture("https://a.example/", "", "").referrer, None);
}

#[test]
fn fields_bear_the_names_of_the_contract() {
    let href = "https://a.example/?fbclid=F&gclid=G&ttclid=T&ScCid=S&gbraid=B&wbraid=W&tgclid=P&utm_source=1&utm_medium=2&utm_campaign=3&utm_content=4&utm_term=5";
    let capture = capture(
        href,
        "https://b.example/",
        "_fbp=fb.1.2.3; _ttp=p; _scid=s; _ga=GA1.1.4.5",
    );
    let fields: Vec<_> = capture.fields().collect();
    assert_eq!(
        fields,
        [
            ("landingPage", href),
            ("fbc", "fb.1.1790000000000.F"),
            ("fbp", "fb.1.2.3"),
            ("referrer", "https://b.example/"),
            ("gclid", "G"),
            ("ttclid", "T"),
            ("sccid", "S"),
            ("utmSource", "1"),
            ("utmMedium", "2"),
            ("utmCampaign", "3"),
            ("utmContent", "4"),
            ("utmTerm", "5"),
            ("gbraid", "B"),
            ("wbraid", "W"),
            ("tgclid", "P"),
            ("ttp", "p"),
            ("scid", "s"),
            ("ga", "GA1.1.4.5"),
        ]
    );
    assert_eq!(
        PageView {
            href: "",
            referrer: "",
            cookies: "",
            now_ms: 0,
            subdomain_index: 0
        }
        .capture()
        .fields()
        .count(),
        0
    );
}

/// What [`WrittenPageView::each_field`] gives, as texts.
fn each_field(page: &PageView<'_>) -> Vec<(String, String)> {
    let PageView {
        href,
        referrer,
        cookies,
        now_ms,
        subdomain_index,
    } = page;
    let lines = format!("fb.{subdomain_index}\n.{now_ms}.\n{href}\n{referrer}\n{cookies}");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut fields = Vec::new();
    WrittenPageView::read(lines.as_bytes()).each_field(|name, pieces| {
        fields.push((
            text(name.to_vec()),
            text(pieces.iter().copied().flatten().collect()),
        ));
    });
    fields
}

proptest! {
    #[test]
    fn nothing_panics(href: Vec<u8>, referrer: Vec<u8>, cookies: Vec<u8>, now_ms: u64, subdomain_index: u8) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (href, referrer, cookies) = (text(&href), text(&referrer), text(&cookies));
        let page = PageView { href: &href, referrer: &referrer, cookies: &cookies, now_ms, subdomain_index };
        page.capture_and_touch();
    }

    /// Text made of the marks that steer the parser gets further than arbitrary text.
    #[test]
    fn nothing_panics_on_near_misses(
        href in "(https?://)?[a-z.@:\\[\\]\\\\]{0,12}(/|\\?|#|&|=|%|%[0-9A-F]{2}|\\+|fbclid|utm_source|gclid|é|[a-z]){0,30}",
        cookies in "((_fbc|_fbp|_gcl_aw|ttclid| |x)(=|;|fb|GCL|\\.|[0-9]{1,25}|é){0,8}; ?){0,5}",
        now_ms: u64,
        subdomain_index: u8,
    ) {
        let page = PageView { href: &href, referrer: &href, cookies: &cookies, now_ms, subdomain_index };
        let (capture, _) = page.capture_and_touch();
        for (_, value) in capture.fields() {
            prop_assert!(!value.is_empty());
        }
        let fields: Vec<_> = capture.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        prop_assert_eq!(each_field(&page), fields);
    }

    #[test]
    fn a_click_id_comes_back_as_it_was_sent(id in "[A-Za-z0-9_.+=/-]{1,300}", escaped: bool) {
        let written = if escaped { id.bytes().map(|byte| format!("%{byte:02x}")).collect() } else { id.clone() };
        let href = format!("https://a.example/?x=1&gclid={written}");
        prop_assert_eq!(capture(&href, "", "").click_ids.gclid, Some(id.into()));
    }

    #[test]
    fn a_click_id_is_decoded_where_its_escapes_are_utf8(bytes in prop::collection::vec(prop_oneof![
        any::<u8>(), 0x80..=0xbfu8, Just(0xe0), Just(0xed), Just(0xf0), Just(0xf4), Just(b'a'),
    ], 1..6)) {
        let written: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
        let expected = String::from_utf8(bytes).unwrap_or(written.clone());
        let href = format!("https://a.example/?gclid={written}");
        prop_assert_eq!(capture(&href, "", "").click_ids.gclid, Some(expected.into()));
    }

    #[test]
    fn an_fbc_made_parses_back_and_carries_the_click_id(id in "[ -~]{1,40}|[A-Za-z0-9_-]{1,520}|\\PC{1,20}", index: u8, ms: u64) {
        if let Some(fbc) = attribution::Fbc::new(index, ms, &id) {
            prop_assert_eq!(attribution::Fbc::parse(fbc.as_str()), Some(fbc.clone()));
            prop_assert_eq!(fbc.click_id(), id);
            prop_assert_eq!(fbc.created_ms(), ms);
            prop_assert_eq!(fbc.index(), index);
        }
    }

    #[test]
    fn capturing_again_with_the_cookie_written_writes_nothing(
        written in "([A-Za-z0-9_+=/.-]|%[0-9A-F]{2}|%){0,40}",
        before in "(fb\\.[0-9]\\.[0-9]{1,6}\\.[a-z]{1,5}(\\.Bg)?)?",
        later: u32,
    ) {
        let href = format!("https://a.example/?fbclid={written}");
        let before = format!("_fbc={before}");
        let first = capture(&href, "", &before);
        let cookies = first.fbc.as_ref().map(|fbc| format!("a=b; _fbc={}", fbc.as_str())).unwrap_or_default();
        let again = PageView { href: &href, referrer: "", cookies: &cookies, now_ms: NOW + u64::from(later), subdomain_index: 1 }.capture();
        prop_assert!(!again.fbc_is_new);
        prop_assert_eq!(again.fbc, first.fbc);
    }
}
