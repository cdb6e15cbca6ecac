//! The parts of an address, the parameters of a query, and cookies.

use std::borrow::Cow;

use attribution::cookie;
use attribution::url::{UrlParts, is_within, parameters, split};
use proptest::prelude::*;

fn parts<'a>(scheme: &'a str, host: &'a str, port: Option<u16>, path: &'a str) -> UrlParts<'a> {
    UrlParts {
        scheme,
        host,
        port,
        path,
        query: None,
        fragment: None,
    }
}

#[test]
fn addresses_come_apart() {
    for (address, expected) in [
        (
            "https://example.com",
            parts("https", "example.com", None, ""),
        ),
        (
            "HTTPS://Example.COM/",
            parts("HTTPS", "Example.COM", None, "/"),
        ),
        (
            "http://example.com:8080/a/b",
            parts("http", "example.com", Some(8080), "/a/b"),
        ),
        (
            "http://example.com:/a",
            parts("http", "example.com", None, "/a"),
        ),
        (
            "https://user:pass@example.com/",
            parts("https", "example.com", None, "/"),
        ),
        (
            "https://a@b@example.com/",
            parts("https", "example.com", None, "/"),
        ),
        ("https://[::1]/", parts("https", "[::1]", None, "/")),
        (
            "https://[::1]:8787/",
            parts("https", "[::1]", Some(8787), "/"),
        ),
        (
            "https://127.0.0.1:1/",
            parts("https", "127.0.0.1", Some(1), "/"),
        ),
        (
            "android-app://com.facebook.katana/",
            parts("android-app", "com.facebook.katana", None, "/"),
        ),
        ("example.com", parts("", "example.com", None, "")),
        ("example.com:80/a", parts("", "example.com", Some(80), "/a")),
        ("//example.com/a", parts("", "example.com", None, "/a")),
        (
            "https://bücher.example/",
            parts("https", "bücher.example", None, "/"),
        ),
        (
            "https://site.example\\@evil.example/",
            parts("https", "site.example", None, "\\@evil.example/"),
        ),
    ] {
        assert_eq!(split(address), Some(expected), "{address}");
    }
    let full = split("https://a.example/p?q=1?2#f?x#y").unwrap();
    assert_eq!(
        (full.path, full.query, full.fragment),
        ("/p", Some("q=1?2"), Some("f?x#y"))
    );
    let bare = split("https://a.example?#").unwrap();
    assert_eq!(
        (bare.path, bare.query, bare.fragment),
        ("", Some(""), Some(""))
    );
}

#[test]
fn addresses_without_a_host_are_none() {
    for address in [
        "",
        "/",
        "/path?x=https://a.example/",
        "?a=b",
        "#a",
        "https://",
        "https:///path",
        "https://?a",
        "https://:80/",
        "https://user@/",
        "https:example.com",
        "https:/example.com",
        "https:\\\\example.com",
        "https://exa mple.com/",
        "https://exa\tmple.com/",
        "https://example.com\n/",
        "https://ex%61mple.com/",
        "https://example.com:port/",
        "https://example.com:65536/",
        "https://example.com:80:80/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[a@b]/",
        "https://a<b/",
        "about:blank",
        "mailto:a",
        "javascript:alert(1)",
        "data:text/html,x",
    ] {
        assert_eq!(split(address), None, "{address}");
    }
}

#[test]
fn a_host_lies_within_its_own_domain_alone() {
    for (host, domain, within) in [
        ("example.com", "example.com", true),
        ("WWW.Example.com", "example.COM", true),
        ("a.b.example.com", "example.com", true),
        ("evilexample.com", "example.com", false),
        ("example.com.evil", "example.com", false),
        ("com", "example.com", false),
        ("example.com", "", false),
        ("", "", false),
        ("éexample.com", "example.com", false),
        ("é.com", "\u{a9}.com", false),
    ] {
        assert_eq!(is_within(host, domain), within, "{host} in {domain}");
    }
}

#[test]
fn parameters_are_decoded_in_order() {
    let read = |query| parameters(query).collect::<Vec<_>>();
    for (query, expected) in [
        ("", &[][..]),
        ("&&", &[]),
        ("a", &[("a", "")]),
        ("a=", &[("a", "")]),
        ("=a", &[("", "a")]),
        ("a=1&b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]),
        ("a+b=c+d", &[("a b", "c d")]),
        ("a%3Db=%26", &[("a=b", "&")]),
        ("a=b=c", &[("a", "b=c")]),
        ("a=%FF%41", &[("a", "\u{fffd}A")]),
        ("a=%4", &[("a", "%4")]),
    ] {
        let expected: Vec<_> = expected
            .iter()
            .map(|&(name, value)| (Cow::from(name), Cow::from(value)))
            .collect();
        assert_eq!(read(query), expected, "{query}");
    }
}

#[test]
fn cookies_are_found_by_their_whole_name() {
    for (cookies, name, expected) in [
        ("a=1; b=2", "a", Some("1")),
        ("a=1; b=2", "b", Some("2")),
        ("a=1;b=2", "b", Some("2")),
        ("a=1;   b=2", "b", Some("2")),
        ("xa=1; a=2", "a", Some("2")),
        ("a=1=2", "a", Some("1=2")),
        ("a=; a=2", "a", Some("2")),
        ("a=1; a=2", "a", Some("1")),
        ("A=1", "a", None),
        ("a", "a", None),
        ("a=", "a", None),
        ("", "a", None),
        (";;=;", "a", None),
    ] {
        assert_eq!(cookie(cookies, name), expected, "{name} in {cookies}");
    }
}

proptest! {
    /// Percent-decoding agrees with the URL Standard's, whatever comes.
    #[test]
    fn parameters_agree_with_the_standard(query in "([a-z=&+]|%[0-9A-Fa-f]{2}|%|é){0,40}") {
        let ours: Vec<_> = parameters(&query).collect();
        let standard: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        prop_assert_eq!(ours, standard);
    }

    /// Where both read a web address, both read the same host: so a check of ours holds in a browser.
    #[test]
    fn hosts_agree_with_the_standard(address in "https?:(/|\\\\){0,3}([a-z]|[.@:/?#\\\\\\[\\]%\t 0]|evil|:80){0,16}") {
        if let (Some(ours), Ok(standard)) = (split(&address), url::Url::parse(&address))
            && !ours.scheme.is_empty()
            && ours.host.contains(|c: char| c.is_ascii_alphabetic())
        {
            prop_assert_eq!(Some(ours.host), standard.host_str());
        }
    }
}
