//! Which addresses may be redirected to. The nasty forms are those of the URL Standard's own test data, turned
//! on Telegram's hosts.

use attribution::telegram::{LinkError, TelegramLink};
use proptest::prelude::*;

#[test]
fn good_links_are_rebuilt() {
    // address, canonical, name, start, whether it is a chat
    for (address, canonical, name, start, is_chat) in [
        (
            "https://t.me/durov",
            "https://t.me/durov",
            Some("durov"),
            None,
            true,
        ),
        (
            "http://t.me/durov",
            "https://t.me/durov",
            Some("durov"),
            None,
            true,
        ),
        (
            "HTTPS://T.ME/Durov",
            "https://t.me/Durov",
            Some("Durov"),
            None,
            true,
        ),
        (
            "https://telegram.me/durov/",
            "https://telegram.me/durov",
            Some("durov"),
            None,
            true,
        ),
        (
            "https://some_bot.T.me/app/?start=a#x",
            "https://t.me/some_bot/app?start=a",
            Some("some_bot"),
            Some("a"),
            true,
        ),
        (
            "http://Durov.t.me",
            "https://t.me/Durov",
            Some("Durov"),
            None,
            true,
        ),
        (
            "https://durov.t.me/?start=a",
            "https://t.me/durov?start=a",
            Some("durov"),
            Some("a"),
            true,
        ),
        (
            "https://durov.t.me/123",
            "https://t.me/durov/123",
            Some("durov"),
            None,
            true,
        ),
        (
            "https://Telegram.DOG/durov#x",
            "https://telegram.dog/durov",
            Some("durov"),
            None,
            true,
        ),
        (
            "https://t.me/durov?",
            "https://t.me/durov",
            Some("durov"),
            None,
            true,
        ),
        (
            "https://t.me/durov/123?single&t=1",
            "https://t.me/durov/123?single&t=1",
            Some("durov"),
            None,
            true,
        ),
        (
            "https://t.me/s/durov",
            "https://t.me/s/durov",
            Some("durov"),
            None,
            true,
        ),
        (
            "https://t.me/c/1234/5",
            "https://t.me/c/1234/5",
            None,
            None,
            true,
        ),
        (
            "https://t.me/+AbC-d_1",
            "https://t.me/+AbC-d_1",
            Some("+AbC-d_1"),
            None,
            true,
        ),
        (
            "https://t.me/%2BAbC",
            "https://t.me/+AbC",
            Some("+AbC"),
            None,
            true,
        ),
        (
            "https://t.me/%2bAbC",
            "https://t.me/+AbC",
            Some("+AbC"),
            None,
            true,
        ),
        (
            "https://t.me/joinchat/AAAAAE",
            "https://t.me/joinchat/AAAAAE",
            Some("+AAAAAE"),
            None,
            true,
        ),
        (
            "https://t.me/some_bot?start=abc-_1",
            "https://t.me/some_bot?start=abc-_1",
            Some("some_bot"),
            Some("abc-_1"),
            true,
        ),
        (
            "https://t.me/some_bot?x=1&start=a&start=b",
            "https://t.me/some_bot?x=1&start=a&start=b",
            Some("some_bot"),
            Some("a"),
            true,
        ),
        (
            "https://t.me/some_bot?start=a%20b",
            "https://t.me/some_bot?start=a%20b",
            Some("some_bot"),
            None,
            true,
        ),
        (
            "https://t.me/some_bot?start=",
            "https://t.me/some_bot?start=",
            Some("some_bot"),
            None,
            true,
        ),
        (
            "https://t.me/some_bot/app?startapp=x",
            "https://t.me/some_bot/app?startapp=x",
            Some("some_bot"),
            None,
            true,
        ),
        (
            "https://t.me/durov?text=Привет'\"<>",
            "https://t.me/durov?text=%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82%27%22%3C%3E",
            Some("durov"),
            None,
            true,
        ),
        (
            "tg://resolve?domain=durov",
            "tg://resolve?domain=durov",
            Some("durov"),
            None,
            true,
        ),
        (
            "tg:resolve?domain=durov&start=x",
            "tg://resolve?domain=durov&start=x",
            Some("durov"),
            Some("x"),
            true,
        ),
        (
            "TG://Resolve?domain=Durov",
            "tg://resolve?domain=Durov",
            Some("Durov"),
            None,
            true,
        ),
        (
            "tg://join?invite=AbC",
            "tg://join?invite=AbC",
            Some("+AbC"),
            None,
            true,
        ),
        (
            "tg:join?invite=AbC",
            "tg://join?invite=AbC",
            Some("+AbC"),
            None,
            true,
        ),
        (
            "tg://privatepost?channel=1&post=2",
            "tg://privatepost?channel=1&post=2",
            None,
            None,
            true,
        ),
    ] {
        let link = TelegramLink::parse(address).unwrap();
        assert_eq!(link.as_str(), canonical, "{address}");
        assert_eq!(link.name(), name, "{address}");
        assert_eq!(link.start(), start, "{address}");
        assert_eq!(link.is_chat(), is_chat, "{address}");
        assert_eq!(TelegramLink::parse(link.as_str()), Ok(link));
    }
}

#[test]
fn links_to_other_things_than_chats() {
    for address in [
        "https://t.me/share/url?url=https://example.com&text=x",
        "https://t.me/share?url=x",
        "https://t.me/msg/url?url=x",
        "https://t.me/proxy?server=1.2.3.4&port=443&secret=x",
        "https://t.me/socks?server=1.2.3.4&port=1080",
        "https://t.me/addstickers/Animals",
        "https://t.me/addemoji/Animals",
        "https://t.me/addtheme/night",
        "https://t.me/addstyle/AbC",
        "https://t.me/auction/AbC",
        "https://t.me/auth?token=AbC",
        "https://t.me/addlist/AbC",
        "https://t.me/setlanguage/uk",
        "https://t.me/iv?url=https%3A%2F%2Fexample.com&rhash=x",
        "https://t.me/bg/AbC",
        "https://t.me/login/12345",
        "https://t.me/confirmphone?phone=1&hash=x",
        "https://t.me/contact/AbC",
        "https://t.me/invoice/AbC",
        "https://t.me/$AbC",
        "https://t.me/boost/durov",
        "https://t.me/giftcode/AbC",
        "https://t.me/m/AbC",
        "https://t.me/nft/Pepe-1",
        "https://t.me/Share/url?url=x",
        "https://t.me/joinchat",
        "https://t.me/+380441234567",
        "https://t.me/+",
        "https://t.me/1abc",
        "https://t.me/s",
        "https://t.me/a.b",
        "tg://resolve",
        "tg://resolve?domain=",
        "tg://resolve?phone=380441234567",
        "tg://resolve?domain=../x",
        "tg://join",
        "tg://join?invite=a/b",
        "tg://msg_url?url=x",
        "tg://proxy?server=x",
        "tg://addstickers?set=x",
        "tg://settings",
        "tg://user?id=1",
    ] {
        let link = TelegramLink::parse(address).unwrap();
        assert!(!link.is_chat(), "{address}");
        assert_eq!(link.name(), None, "{address}");
        assert_eq!(link.with_start("x"), None, "{address}");
    }
}

#[test]
fn bad_links_are_refused_for_their_reason() {
    use LinkError::{Character, Credentials, Host, Path, Port, Scheme, TooLong};
    let long = format!("https://t.me/durov?x={}", "a".repeat(2048));
    let long_once_escaped = format!("https://t.me/durov?x={}", "é".repeat(500));
    for (address, error) in [
        // No address of ours.
        ("", Scheme),
        ("t.me/durov", Scheme),
        ("//t.me/durov", Scheme),
        ("//evil.com", Scheme),
        ("/durov", Scheme),
        ("@durov", Scheme),
        ("ftp://t.me/durov", Scheme),
        ("javascript:alert(1)//t.me/x", Scheme),
        ("javascript://t.me/%0aalert(1)", Scheme),
        ("data:text/html,https://t.me/durov", Scheme),
        ("blob:https://t.me/durov", Scheme),
        ("view-source:https://t.me/durov", Scheme),
        ("httpss://t.me/durov", Scheme),
        ("tgx://resolve?domain=durov", Scheme),
        ("://t.me/durov", Scheme),
        (":", Scheme),
        // Slashes that a browser mends.
        ("https:t.me", Scheme),
        ("https:t.me/durov", Scheme),
        ("https:/t.me/durov", Scheme),
        ("https:///t.me/durov", Host),
        ("https:////t.me/durov", Host),
        ("https:\\\\t.me\\durov", Character),
        ("https:/\\t.me/durov", Character),
        ("https://\\t.me/durov", Character),
        // Characters that a browser drops or reads as others.
        ("https://t.me\\@evil.com/durov", Character),
        ("https://evil.com\\@t.me/durov", Character),
        ("https://evil.com\\.t.me/durov", Character),
        ("https://t.me/durov\\..", Character),
        ("https://t.me/du\nrov", Character),
        ("https://t.me/du\trov", Character),
        ("https://t\t.me/durov", Character),
        ("ht\ntps://t.me/durov", Character),
        ("https://t.me/durov\r\nSet-Cookie: a=b", Character),
        ("https://t.me/durov?a\0", Character),
        ("https://t.me/durov?a b", Character),
        ("https://t.me/durov#a\u{7f}", Character),
        (" https://t.me/durov", Character),
        ("https://t.me/durov ", Character),
        ("\u{1}https://t.me/durov", Character),
        ("\u{feff}https://t.me/durov", Character),
        // Credentials and ports.
        ("https://t.me@evil.com", Credentials),
        ("https://t.me@evil.com/durov", Credentials),
        ("https://t.me:443@evil.com/durov", Credentials),
        ("https://evil.com@t.me/durov", Credentials),
        ("https://@t.me/durov", Credentials),
        ("https://:@t.me/durov", Credentials),
        ("https://t.me%2F@evil.com/durov", Credentials),
        ("tg://resolve@evil.com?domain=durov", Credentials),
        ("https://t.me:443/durov", Port),
        ("https://t.me:/durov", Port),
        ("https://t.me:80:80/durov", Port),
        ("https://[::1]/durov", Port),
        ("tg://resolve:80?domain=durov", Port),
        // Look-alikes.
        ("https://evil.com", Host),
        ("https://evil.com/https://t.me/durov", Host),
        ("https://evil.com/?https://t.me/durov", Host),
        ("https://t.me.evil.com/durov", Host),
        ("https://evilt.me/durov", Host),
        ("https://www.t.me/durov", Host),
        ("https://d.t.me/", Host),
        ("https://share.t.me/url?url=x", Host),
        ("https://AUTH.t.me/", Host),
        ("https://1durov.t.me/", Host),
        ("https://du-rov.t.me/", Host),
        ("https://+AbC.t.me/", Host),
        ("https://123.t.me/", Host),
        ("https://evil.com.t.me/", Host),
        ("https://a.durov.t.me/", Host),
        ("https://durov.t.me.evil.com/", Host),
        ("https://durov.t.me./", Host),
        ("https://durov.telegram.me/", Host),
        ("https://durov.t.me@evil.com/", Credentials),
        ("https://evil.com@durov.t.me/", Credentials),
        ("https://durov.t.me:443/", Port),
        ("https://durov.t.me/../x", Path),
        ("https://durov.t.me/x//", Path),
        ("https://t.me./durov", Host),
        ("https://.t.me/durov", Host),
        ("https://t..me/durov", Host),
        ("https://telegram.org/durov", Host),
        ("https://t%2eme/durov", Host),
        ("https://%74.me/durov", Host),
        ("https://t.m%65/durov", Host),
        ("https://t.me%00.evil.com/durov", Host),
        ("https://xn--t-0ga.me/durov", Host),
        ("https:///durov", Host),
        ("https://", Host),
        ("https://?t.me/durov", Host),
        ("https://#t.me/durov", Host),
        ("https://t.me;evil.com/durov", Host),
        ("https://t.me&evil.com/durov", Host),
        ("https://t\u{ff0e}me/durov", Character),
        ("https://t\u{3002}me/durov", Character),
        ("https://t\u{ff61}me/durov", Character),
        ("https://ｔ.me/durov", Character),
        ("https://т.me/durov", Character),
        ("https://t.m\u{435}/durov", Character),
        ("https://t\u{ad}.me/durov", Character),
        ("https://t.me\u{200b}/durov", Character),
        ("https://t.me\u{2044}durov", Character),
        ("https://t.me/дуров", Character),
        // Paths.
        ("https://t.me", Path),
        ("https://t.me/", Path),
        ("https://t.me?start=x", Path),
        ("https://t.me/?start=x", Path),
        ("https://t.me#durov", Path),
        ("https://t.me//", Path),
        ("https://t.me//evil.com", Path),
        ("https://t.me/durov//x", Path),
        ("https://t.me/..", Path),
        ("https://t.me/../evil", Path),
        ("https://t.me/durov/./x", Path),
        ("https://t.me/%2e%2e/x", Path),
        ("https://t.me/%2Fevil.com", Path),
        ("https://t.me/%5Cevil.com", Path),
        ("https://t.me/du%0Arov", Path),
        ("https://t.me/durov%2B", Path),
        ("https://t.me/durov;x", Path),
        ("https://t.me/durov@x", Path),
        ("https://t.me/https://evil.com", Path),
        ("tg:", Path),
        ("tg://", Path),
        ("tg:/resolve?domain=durov", Path),
        ("tg:///resolve?domain=durov", Path),
        ("tg:////resolve", Path),
        ("tg://resolve/?domain=durov", Path),
        ("tg://evil.com/?domain=durov", Path),
        ("tg://?domain=durov", Path),
        // Length.
        (&long, TooLong),
        (&long_once_escaped, TooLong),
    ] {
        assert_eq!(TelegramLink::parse(address), Err(error), "{address}");
    }
}

#[test]
fn a_start_payload_is_put_in_or_replaced() {
    let with = |address: &str, payload: &str| {
        TelegramLink::parse(address)
            .unwrap()
            .with_start(payload)
            .map(|link| link.as_str().to_owned())
    };
    for (address, expected) in [
        ("https://t.me/some_bot", "https://t.me/some_bot?start=x_1"),
        (
            "https://t.me/some_bot?start=old",
            "https://t.me/some_bot?start=x_1",
        ),
        (
            "https://t.me/some_bot?a=1&start=old&b&start",
            "https://t.me/some_bot?a=1&b&start=x_1",
        ),
        (
            "https://t.me/some_bot?startapp=old",
            "https://t.me/some_bot?startapp=old&start=x_1",
        ),
        (
            "tg:resolve?domain=some_bot&start=old",
            "tg://resolve?domain=some_bot&start=x_1",
        ),
    ] {
        assert_eq!(with(address, "x_1").as_deref(), Some(expected));
    }
    let bot = "https://t.me/some_bot";
    assert!(with(bot, &"x".repeat(64)).is_some());
    let too_long = "x".repeat(65);
    for payload in [
        "", " ", "a b", "a&b", "a=b", "a%20", "é", "a.b", "a\n", &too_long,
    ] {
        assert_eq!(with(bot, payload), None, "{payload}");
    }
    assert_eq!(with("https://t.me/+AbC", "x"), None);
    let full = format!("https://t.me/some_bot?x={}", "a".repeat(2048 - 24));
    assert_eq!(full.len(), 2048);
    assert_eq!(with(&full, "x"), None);
}

/// What a browser would make of the address.
fn check_with_the_standard(address: &str) -> Result<(), TestCaseError> {
    let Ok(link) = TelegramLink::parse(address) else {
        return Ok(());
    };
    prop_assert_eq!(TelegramLink::parse(link.as_str()), Ok(link.clone()));
    prop_assert!(link.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    // Both the address as it came, since a page may follow it, and what is redirected to.
    for address in [address, link.as_str()] {
        let standard = url::Url::parse(address)
            .map_err(|error| TestCaseError::fail(format!("{address}: {error}")))?;
        prop_assert_eq!(standard.username(), "", "{}", address);
        prop_assert_eq!(standard.password(), None);
        prop_assert_eq!(standard.port(), None);
        match standard.scheme() {
            "http" | "https" => {
                let host = standard.host_str();
                prop_assert!(
                    matches!(host, Some("t.me" | "telegram.me" | "telegram.dog")),
                    "{:?}",
                    host
                );
                prop_assert!(standard.path().len() > 1);
            }
            scheme => prop_assert_eq!(scheme, "tg"),
        }
    }
    if link.as_str().starts_with("https") {
        let standard = url::Url::parse(link.as_str()).map(String::from);
        prop_assert_eq!(standard.as_deref(), Ok(link.as_str()));
    }
    if let Some(started) = link.with_start("x") {
        prop_assert_eq!(started.start(), Some("x"));
        prop_assert_eq!(started.name(), link.name());
        prop_assert_eq!(TelegramLink::parse(started.as_str()), Ok(started.clone()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn whatever_is_accepted_is_telegrams_to_a_browser(
        scheme in "(https?|HTTPS|tg|ftp|javascript|)(:|)(/|\\\\|\t){0,3}",
        authority in "((t|T|telegram|evil|www|resolve|join|[a-z]|ｔ)|(\\.|\u{3002}|@|:|%2e|%40|:443|me|dog|com|\\[|\\]|\t)){0,6}(t\\.me|telegram\\.dog)?",
        path in "(/|\\\\|\\.|%2[eEfFbB]|%5C|@|:|\\+|[a-z_0-9$=~-]|joinchat|s/|c/|share|\n| |é){0,10}",
        query in "(\\?|#|&|=|start|domain=|invite=|[a-zA-Z0-9_-]|'|\"|<|>|`|\\||\\{|\\^|%|\\+|é|\u{80}|@|/|\\\\){0,12}",
    ) {
        check_with_the_standard(&format!("{scheme}{authority}{path}{query}"))?;
    }

    #[test]
    fn whatever_is_accepted_is_telegrams_to_a_browser_near_the_mark(
        start in "(https?://(t\\.me|telegram\\.me|telegram\\.dog)|tg:(//)?(resolve|join|[a-z]{1,5}))",
        rest in "(/|\\.|%2[eEbB]|@|:|\\+|[a-zA-Z_0-9$=~-]|joinchat/|s/|c/|share|\\?|#|&|start=|domain=|invite=|'|\"|<|`|\\||\\^|%|é){0,16}",
    ) {
        check_with_the_standard(&format!("{start}{rest}"))?;
    }

    #[test]
    fn nothing_panics(address in "\\PC{0,40}") {
        check_with_the_standard(&address)?;
    }
}
