//! AdStat's documented rules, by tables.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
#![recursion_limit = "512"]

use adstat::ad::{AdEdit, NewAd, Promoted};
use adstat::audience::Audience;
use adstat::call::{Asked, Query};
use adstat::kktu::KktuTree;
use adstat::stats::StatsQuestion;
use adstat::utm::{Utm, decorated};
use adstat::{AdId, Call, Unusable};
use serde_json::{Map, Value, json};

/// 2026-09-10T12:00:00Z
const NOW_MS: u64 = 1_789_041_600_000;

fn with(base: Value, fields: Value) -> Value {
    let mut base = base;
    for (name, value) in fields.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn without(base: Value, name: &str) -> Value {
    let mut base = base;
    base.as_object_mut().unwrap().remove(name);
    base
}

fn week() -> Value {
    let hours: Vec<u32> = (0..24).collect();
    json!({ "mon": hours, "tue": hours, "wed": hours, "thu": hours, "fri": hours, "sat": hours, "sun": hours })
}

/// The body example of "Create advertisement", whole.
fn example() -> Value {
    json!({
        "campaign_id": 4567123, "title": "123testBody_title", "text": "123testBody", "promote_url": "t.me/somechannel",
        "ad_object": "t.me/target_channel", "cpm": 2, "budget": 0.01, "only_crypto": false, "exclude_crypto": false,
        "media_token": "zHN9jkeds9KpcX34XoaslFXnKUqzyr3K5tBx0xAcr2_MGIisHaXA3BLnfB1yOcFudOa8qC", "audiences": [], "exclude_audiences": [],
        "langs": [], "topics": [1, 2], "topics_verbose": [], "channels": [], "channels_verbose": [], "exclude_topics": [],
        "exclude_topics_verbose": [], "exclude_channels": [], "exclude_channels_verbose": [], "split_by": [], "other_info": null,
        "ad_source": "web_api", "ad_type": "target_bots", "countries": [], "locations": [], "locations_verbose": [], "website_name": "",
        "views_per_user": 1, "show_picture": false, "promote_url_picture_id": null, "all_topics_interested_users": false, "device": "all",
        "target_user_channels": [], "target_user_channels_verbose": [], "exclude_target_user_channels": [],
        "exclude_target_user_channels_verbose": [], "button_type": null, "daily_budget": 0, "after_moderation_status": "on hold",
        "start_date": null, "end_date": null, "schedule": week(), "use_selected_timezone": true, "schedule_timezone": 10800,
        "promote_url_type": "channel", "currency_code": "EUR", "use_account_currency": false, "kktu_ids": ["some_uid_kktu"],
        "target_search": null,
        "target_bots": [{ "id": 123456789, "url": "t.me/bot_1" }, { "id": 123456780, "url": "t.me/bot_2" }], "tg_event_id": "JuKiaLISFD",
    })
}

fn least() -> Value {
    json!({
        "campaign_id": 1, "title": "a", "text": "b", "promote_url": "https://shop.test/lp", "cpm": 0.1, "budget": 0,
        "ad_type": "target_channels",
    })
}

fn problems(ad: &Value) -> Vec<String> {
    match NewAd::read(&ad.to_string()) {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid
            .problems()
            .iter()
            .map(|problem| problem.field.clone())
            .collect(),
    }
}

#[test]
fn the_documented_examples_pass_as_they_are() {
    let ad = NewAd::read(&example().to_string()).unwrap();
    assert_eq!(ad.to_json(), example());
    assert_eq!(ad.kktu_id(), Some("some_uid_kktu"));
    assert_eq!(ad.schedule().unwrap().hours(), 168);
    assert_eq!(ad.undocumented(), [] as [&str; 0]);
    let edit = json!({
        "title": "123", "text": "test", "promote_url": "https://test.ru", "cpm": 2, "other_info": "erid: test", "media_token": null,
        "website_name": "Яндекс", "views_per_user": 1, "show_picture": false, "promote_url_picture_id": "test_token",
        "button_type": "open_website", "daily_budget": 0, "after_moderation_status": "active", "start_date": null, "end_date": null,
        "schedule": null, "use_selected_timezone": false, "schedule_timezone": null, "kktu_ids": ["some_uid_kktu"],
    });
    assert_eq!(AdEdit::read(&edit.to_string()).unwrap().to_json(), edit);
    assert_eq!(problems(&least()), [] as [&str; 0]);
}

#[test]
fn a_new_ad_that_breaks_a_rule_is_refused_by_its_field() {
    for name in [
        "campaign_id",
        "title",
        "text",
        "promote_url",
        "cpm",
        "budget",
        "ad_type",
    ] {
        assert_eq!(problems(&without(least(), name)), [name]);
        assert_eq!(problems(&with(least(), json!({ name: null }))), [name]);
    }
    let table = [
        (
            "campaign_id",
            json!([0, -1, 1.5, "1", 9_007_199_254_740_992_u64]),
        ),
        ("title", json!(["", "  ", 1, []])),
        (
            "promote_url",
            json!([
                "",
                "x",
                "ftp://shop.test",
                "https://t.me/",
                "javascript:alert(1)"
            ]),
        ),
        ("cpm", json!([0, -1, "2", true])),
        ("budget", json!([-0.01, "10"])),
        ("ad_type", json!(["target_all", "", 1])),
        ("langs", json!(["ru", [1], {}])),
        ("topics", json!([["1"], 1])),
        ("views_per_user", json!([0, 1.5, "1"])),
        ("show_picture", json!(["true", 1])),
        ("currency_code", json!(["XYZ", "eur"])),
        ("schedule_timezone", json!([-43_201, 50_401, 1.5, "10800"])),
        ("start_date", json!(["tomorrow", "2026-13-01", 1])),
        ("kktu_ids", json!([["a", "b"], "a", [1]])),
        ("tg_event_id", json!([["a"], 1])),
        (
            "target_bots",
            json!([[{}], ["t.me/bot"], [{ "url": "t.me/b", "id": "1" }], {}]),
        ),
        ("target_search", json!(["shoes", [1]])),
    ];
    for (name, values) in table {
        for value in values.as_array().unwrap() {
            assert_eq!(
                problems(&with(least(), json!({ name: value }))),
                [name],
                "{name} {value}"
            );
        }
    }
    let together = with(least(), json!({ "cpm": 0, "title": "", "langs": 1 }));
    assert_eq!(problems(&together), ["title", "cpm", "langs"]);
}

#[test]
fn rules_between_fields() {
    let table = [
        (json!({ "ad_type": "target_bots" }), vec!["target_bots"]),
        (
            json!({ "ad_type": "target_bots", "target_bots": [] }),
            vec!["target_bots"],
        ),
        (
            json!({ "ad_type": "target_bots", "target_bots": [{ "url": "t.me/b" }] }),
            vec![],
        ),
        (json!({ "ad_type": "target_search" }), vec!["target_search"]),
        (
            json!({ "ad_type": "target_search", "target_search": ["shoes"] }),
            vec![],
        ),
        (
            json!({ "promote_url": "https://t.me/+AbCdEf" }),
            vec!["ad_object"],
        ),
        (
            json!({ "promote_url": "t.me/joinchat/AbCdEf" }),
            vec!["ad_object"],
        ),
        (
            json!({ "promote_url": "t.me/+AbCdEf", "ad_object": "" }),
            vec!["ad_object"],
        ),
        (
            json!({ "promote_url": "t.me/+AbCdEf", "ad_object": "t.me/+Other" }),
            vec!["ad_object"],
        ),
        (
            json!({ "promote_url": "t.me/+AbCdEf", "ad_object": "https://shop.test" }),
            vec!["ad_object"],
        ),
        (
            json!({ "promote_url": "t.me/+AbCdEf", "ad_object": "t.me/channel" }),
            vec![],
        ),
        (json!({ "promote_url": "t.me/channel" }), vec![]),
        (
            json!({ "start_date": "2026-09-02", "end_date": "2026-09-01" }),
            vec!["end_date"],
        ),
        (
            json!({ "start_date": "2026-09-01T10:00:00+03:00", "end_date": "2026-09-01T08:00:00Z" }),
            vec![],
        ),
        (
            json!({ "use_selected_timezone": true }),
            vec!["schedule_timezone"],
        ),
        (
            json!({ "use_selected_timezone": true, "schedule_timezone": 0 }),
            vec![],
        ),
    ];
    for (fields, expected) in table {
        assert_eq!(
            problems(&with(least(), fields.clone())),
            expected,
            "{fields}"
        );
    }
}

#[test]
fn a_schedule_is_seven_days_of_24_hours() {
    let table = [
        (
            json!({ "schedule": with(week(), json!({ "mon": [] })) }),
            vec![],
        ),
        (
            json!({ "schedule": without(week(), "sun") }),
            vec!["schedule.sun"],
        ),
        (
            json!({ "schedule": with(week(), json!({ "monday": [] })) }),
            vec!["schedule.monday"],
        ),
        (
            json!({ "schedule": with(week(), json!({ "tue": [24], "wed": [1, 1], "thu": [-1], "fri": 5, "sat": ["1"] })) }),
            vec![
                "schedule.tue",
                "schedule.wed",
                "schedule.thu",
                "schedule.fri",
                "schedule.sat",
            ],
        ),
        (
            json!({ "schedule": { "mon": [], "tue": [], "wed": [], "thu": [], "fri": [], "sat": [], "sun": [] } }),
            vec!["schedule"],
        ),
        (json!({ "schedule": [] }), vec!["schedule"]),
    ];
    for (fields, expected) in table {
        assert_eq!(
            problems(&with(least(), fields.clone())),
            expected,
            "{fields}"
        );
    }
}

#[test]
fn what_a_link_promotes() {
    for (link, expected) in [
        ("t.me/somechannel", Some(Promoted::Telegram)),
        ("https://T.me/somechannel", Some(Promoted::Telegram)),
        ("//t.me/bot?start=x", Some(Promoted::Telegram)),
        ("t.me/%2BAbC", Some(Promoted::Invite)),
        ("telegram.me/joinchat/AbC", Some(Promoted::Invite)),
        ("https://shop.test/lp?a=1#b", Some(Promoted::Site)),
        ("shop.test", Some(Promoted::Site)),
        ("t.me", None),
        ("https://t.me:443/x", None),
        ("localhost", None),
        ("mailto:a@b.c", None),
        ("https://shop.test@evil.test/", None),
        ("shop.test/a b", None),
        ("shop.test/?to=https://a@b", Some(Promoted::Site)),
    ] {
        assert_eq!(Promoted::of(link), expected, "{link}");
    }
}

#[test]
fn an_edit_is_checked_and_laid_over_what_stands() {
    let wrong = |edit: Value| {
        let invalid = AdEdit::read(&edit.to_string()).unwrap_err();
        invalid.problems()[0].field.clone()
    };
    assert_eq!(wrong(json!({})), "body");
    assert_eq!(wrong(json!({ "cpm": 0 })), "cpm");
    assert_eq!(wrong(json!({ "budget": 5 })), "budget");
    assert_eq!(wrong(json!({ "kktu_ids": ["a", "b"] })), "kktu_ids");
    assert_eq!(
        AdEdit::read("[]").unwrap_err().to_string(),
        "body: expected a JSON object"
    );
    assert_eq!(AdEdit::read("{").unwrap_err().to_string(), "body: not JSON");

    let details = json!({
        "ad_id": 7, "title": "Old", "text": "Text", "promote_url": "https://shop.test", "cpm": 1.5, "budget": 10.0, "daily_budget": 2.0,
        "media": { "token": "m1", "url": "https://cdn/x.jpg", "type": "image" }, "event": { "tg_id": "KuliaGnSD", "name": "test1" },
        "promote_url_picture_id": "https://ads.telegram.org/file/a", "other_info": null, "schedule": null, "kktu_ids": [],
        "cannot_edit_fields": ["text"],
    });
    let details: Map<String, Value> = details.as_object().unwrap().clone();
    let over = |edit: Value| AdEdit::read(&edit.to_string()).unwrap().over(&details);
    let (whole, changes) =
        over(json!({ "cpm": 2, "daily_budget": 2, "media_token": null })).unwrap();
    assert_eq!(
        whole.to_json(),
        json!({
            "title": "Old", "text": "Text", "promote_url": "https://shop.test", "cpm": 2, "daily_budget": 2, "media_token": null,
            "tg_event_id": "KuliaGnSD", "kktu_ids": [],
        })
    );
    let changes: Vec<_> = changes
        .iter()
        .map(|change| (change.field.as_str(), &change.from, &change.to))
        .collect();
    assert_eq!(
        changes,
        [
            ("cpm", &json!(1.5), &json!(2)),
            ("media_token", &json!("m1"), &Value::Null)
        ]
    );
    assert_eq!(
        over(json!({ "text": "New" })).unwrap_err().problems()[0].field,
        "text"
    );
    assert!(over(json!({ "text": "Text" })).unwrap().1.is_empty());
}

#[test]
fn what_adstat_holds_itself_is_no_fault_of_the_edit() {
    let details = json!({
        "title": "Old", "views_per_user": 0, "kktu_ids": ["a", "b"], "cpm": 0, "start_date": "01.09.2026", "end_date": "2026-09-02", "promote_url": "",
    });
    let over = |edit: Value| {
        let edit = AdEdit::read(&edit.to_string()).unwrap();
        edit.over(details.as_object().unwrap())
    };
    let (whole, changes) = over(json!({ "title": "New" })).unwrap();
    assert_eq!(changes.len(), 1);
    let mut expected = details.clone();
    expected["title"] = json!("New");
    assert_eq!(whole.to_json(), expected);
    assert!(AdEdit::read(r#"{"views_per_user":0}"#).is_err());
    let wrong = over(json!({ "start_date": "2026-09-03" })).unwrap_err();
    assert_eq!(wrong.problems()[0].field, "end_date");
}

#[test]
fn only_the_third_level_of_kktu_can_be_named() {
    let tree = json!({ "items": [{ "id": "a", "tree_id": 1, "code": "1", "name": "X", "children": [
        { "id": "b", "code": "1.1", "name": "Y", "children": [{ "id": "c", "code": "1.1.1", "name": "Z", "children": [] }] }] }] });
    let tree: KktuTree = serde_json::from_value(tree).unwrap();
    let said = |id: &str| tree.check(id).map_err(|invalid| invalid.to_string());
    assert_eq!(said("c"), Ok(()));
    for (id, words) in [
        (
            "a",
            "kktu_ids: expected an entry of the third level; 1 is of level 1",
        ),
        (
            "b",
            "kktu_ids: expected an entry of the third level; 1.1 is of level 2",
        ),
        ("1.1.1", "kktu_ids: expected an id; that of 1.1.1 is c"),
        ("1.1", "kktu_ids: no such entry"),
        ("", "kktu_ids: no such entry"),
    ] {
        assert_eq!(said(id), Err(words.to_owned()), "{id}");
    }
}

#[test]
fn an_audience_is_a_thousand_numbers_at_least() {
    let numbers = |count: u64| {
        (0..count)
            .map(|n| (998_900_000_000 + n).to_string())
            .collect::<Vec<_>>()
    };
    let hash = "a".repeat(63) + "F";
    let read = |file: &str, text: &str| Audience::read("VIP", file, text.as_bytes());
    let found = |text: &str| read("a.csv", text).unwrap().entries;
    assert_eq!(found(&numbers(1_000).join(",")), 1_000);
    assert_eq!(found(&(numbers(1_000).join("\r\n") + "\r\n")), 1_000);
    assert_eq!(found(&(numbers(999).join(", ") + "\n" + &hash)), 1_000);
    assert!(read("A.TXT", &numbers(1_000).join("\n")).is_ok());

    let wrong = |file: &str, text: &str| read(file, text).unwrap_err().to_string();
    assert_eq!(
        wrong("a.csv", &numbers(999).join("\n")),
        "audience: expected 1000 numbers at least, found 999"
    );
    assert_eq!(
        wrong("a.pdf", &numbers(1_000).join("\n")),
        "audience: expected a file called .csv or .txt"
    );
    assert_eq!(
        wrong(
            "a.csv",
            &("\u{feff}".to_owned() + &numbers(1_000).join(","))
        ),
        "audience: it begins with a byte order mark: save it as plain CSV or text, without one"
    );
    let entry = "entry 2: expected 12 digits that begin with 998, or a SHA-256 in hex";
    for bad in [
        "+998900000001",
        "99890000000",
        "9989000000011",
        "79161234567",
        "phone",
        "\u{feff}998900000001",
        &hash[1..],
    ] {
        let text = ["998900000000,", bad].concat();
        assert_eq!(
            wrong("a.csv", &text),
            ["audience: ", entry].concat(),
            "{bad}"
        );
    }
    let large = "998900000000,".repeat(10 * 1024 * 1024 / 13 + 1);
    assert_eq!(
        wrong("a.csv", &large),
        "audience: expected a file of at most 10 MB"
    );
    assert!(read("a.csv", large.get(13..).unwrap()).is_ok());
    let untitled = Audience::read(" ", "a.csv", b"").unwrap_err().to_string();
    assert!(
        untitled.starts_with("title: missing; audience: "),
        "{untitled}"
    );
}

#[test]
fn what_statistics_can_be_asked_for() {
    let day = json!({ "period_from": "2026-01-01", "period_to": "2026-09-10", "period_grouping_unit": "day" });
    let said =
        |fields: Value| match StatsQuestion::read(&with(day.clone(), fields).to_string(), NOW_MS) {
            Ok(_) => String::new(),
            Err(invalid) => invalid.problems()[0].field.clone(),
        };
    let period = |from: &str, to: &str, unit: &str| json!({ "period_from": from, "period_to": to, "period_grouping_unit": unit });
    for (fields, expected) in [
        (json!({}), ""),
        (
            json!({ "grouping": ["cabinet", "ad_object", "ad", "campaign"], "currency_code": "STAR", "limit": 500, "cursor": null }),
            "",
        ),
        (
            json!({ "platform_cabinet_ids": ["ACC1"], "ad_objects": ["t.me/x"], "order_by": "spent" }),
            "",
        ),
        (json!({ "grouping": ["day"] }), "grouping"),
        (json!({ "grouping": "ad" }), "grouping"),
        (json!({ "currency_code": "GBP" }), "currency_code"),
        (json!({ "limit": 501 }), "limit"),
        (json!({ "limit": 0 }), "limit"),
        (
            json!({ "period_grouping_unit": "minute" }),
            "period_grouping_unit",
        ),
        (json!({ "period_from": null }), "period_from"),
        (json!({ "period_from": "yesterday" }), "period_from"),
        (period("2026-09-02", "2026-09-01", "week"), "period_to"),
        (period("2026-09-05", "2026-09-07", "hour"), ""),
        (period("2026-09-05", "2026-09-08", "hour"), "period_to"),
        (
            period("2026-09-04", "2026-09-05", "5_minutes"),
            "period_from",
        ),
        (
            period("2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z", "30_minutes"),
            "",
        ),
        (
            period("2026-09-05T11:59:59Z", "2026-09-07T11:00:00Z", "30_minutes"),
            "period_from",
        ),
        (
            period("2026-09-08T00:00:00", "2026-09-10T00:00:01", "hour"),
            "period_to",
        ),
    ] {
        assert_eq!(said(fields.clone()), expected, "{fields}");
    }
}

#[test]
fn a_landing_link_names_its_ad() {
    let utm = Utm {
        campaign: Some("7 & more"),
        content: "ad1",
    };
    let all = "utm_source=telegram&utm_medium=cpc&utm_campaign=7+%26+more&utm_content=ad1";
    for (link, expected) in [
        ("https://shop.test", ["https://shop.test?", all].concat()),
        ("shop.test/lp#top", ["shop.test/lp?", all, "#top"].concat()),
        ("https://shop.test/?a=%D0%B0&b#x?y", ["https://shop.test/?a=%D0%B0&b&", all, "#x?y"].concat()),
        ("https://shop.test/?a=1&", ["https://shop.test/?a=1&", all].concat()),
        (
            "https://shop.test/?utm_source=tg&utm_content=mine",
            "https://shop.test/?utm_source=tg&utm_content=mine&utm_medium=cpc&utm_campaign=7+%26+more".to_owned(),
        ),
    ] {
        assert_eq!(decorated(link, utm), expected, "{link}");
        assert_eq!(decorated(&expected, utm), expected, "once is enough: {link}");
    }
    let link_of = |ad: Value| {
        let ad = NewAd::read(&ad.to_string())
            .unwrap()
            .decorated("ad1")
            .to_json();
        ad["promote_url"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        link_of(least()),
        "https://shop.test/lp?utm_source=telegram&utm_medium=cpc&utm_campaign=1&utm_content=ad1"
    );
    let link_of_edit = |edit: Value| {
        let edit = AdEdit::read(&edit.to_string()).unwrap();
        let edit = edit.decorated(None, "7").to_json();
        edit.get("promote_url").cloned()
    };
    assert_eq!(
        link_of_edit(json!({ "promote_url": "shop.test/b" })),
        Some(json!(
            "shop.test/b?utm_source=telegram&utm_medium=cpc&utm_content=7"
        ))
    );
    assert_eq!(link_of_edit(json!({ "cpm": 2 })), None);
    assert_eq!(
        link_of(example()),
        "t.me/somechannel",
        "Telegram would not pass it on"
    );
}

fn asked<'a>(method: &'a str, path: &'a str, query: &'a str, body: &'a str) -> Asked<'a> {
    Asked {
        method,
        path,
        query,
        body,
        now_ms: NOW_MS,
    }
}

#[test]
fn each_call_goes_to_its_host_and_path() {
    let (ad, edit) = (least().to_string(), json!({ "cpm": 2 }).to_string());
    let event =
        json!({ "account_id": "12345", "title": "Purchase", "type": "page_view" }).to_string();
    let name = json!({ "account_id": "12345", "title": "New" }).to_string();
    let stats = json!({ "period_from": "2026-09-01", "period_to": "2026-09-02", "period_grouping_unit": "day" }).to_string();
    let table = [
        (
            "GET",
            "accounts/telegram/names",
            "",
            "",
            "Client /api/accounts/telegram/names",
        ),
        (
            "GET",
            "accounts/telegram/ACC1",
            "",
            "",
            "Client /api/accounts/telegram/ACC1",
        ),
        (
            "GET",
            "accounts/telegram/",
            "limit=5&offset=0&account_name=%D0%B0&legal_name=",
            "",
            "Client /api/accounts/telegram/?limit=5&offset=0&account_name=%D0%B0",
        ),
        (
            "GET",
            "campaigns/",
            "period=today&is_active=true&new=1",
            "",
            "Client /api/campaigns/?period=today&is_active=true&new=1",
        ),
        (
            "POST",
            "v1/stats/page",
            "",
            &stats,
            "Client /api/v1/stats/page",
        ),
        (
            "GET",
            "v2/advertisement/",
            "show_deleted=false&period=today&offset=0&limit=500",
            "",
            "Client /api/v2/advertisement/?show_deleted=false&period=today&offset=0&limit=500",
        ),
        (
            "POST",
            "advertisement/telegram/",
            "",
            &ad,
            "Client /api/advertisement/telegram/",
        ),
        (
            "GET",
            "advertisement/telegram/7",
            "",
            "",
            "Client /api/advertisement/telegram/7",
        ),
        (
            "PUT",
            "advertisement/telegram/7",
            "",
            &edit,
            "Client /api/advertisement/telegram/7",
        ),
        (
            "GET",
            "advertisement/bots/validate",
            "bots=a&bots=b&account_id=ACC1",
            "",
            "Client /api/advertisement/bots/validate?bots=a&bots=b&account_id=ACC1",
        ),
        (
            "GET",
            "advertisement/bots/validate",
            "validate?bots=a&bots=b&account_id=ACC1",
            "",
            "Client /api/advertisement/bots/validate?bots=a&bots=b&account_id=ACC1",
        ),
        (
            "POST",
            "v1/advertising/telegram/upload_media",
            "account_id=ACC1",
            "",
            "ClientApi /api/v1/advertising/telegram/upload_media?account_id=ACC1",
        ),
        ("GET", "kktu/", "", "", "ClientApi /api/kktu"),
        (
            "GET",
            "pixel_events/",
            "account_id=ACC1",
            "",
            "ClientApi /api/pixel_events/?account_id=ACC1",
        ),
        (
            "POST",
            "pixel_events/",
            "",
            &event,
            "ClientApi /api/pixel_events/",
        ),
        (
            "GET",
            "pixel_events/types",
            "",
            "",
            "ClientApi /api/pixel_events/types",
        ),
        (
            "GET",
            "pixel_events/ACC1/code_snippet",
            "",
            "",
            "ClientApi /api/pixel_events/ACC1/code_snippet",
        ),
        (
            "PATCH",
            "pixel_events/e-1",
            "",
            &name,
            "ClientApi /api/pixel_events/e-1",
        ),
        (
            "DELETE",
            "pixel_events/ACC1/events/e-1",
            "",
            "",
            "ClientApi /api/pixel_events/ACC1/events/e-1",
        ),
        (
            "GET",
            "advertisement/telegram/ACC1/audiences/",
            "",
            "",
            "ClientApi /api/advertisement/telegram/ACC1/audiences/",
        ),
        (
            "POST",
            "advertisement/telegram/ACC1/audiences",
            "",
            "",
            "ClientApi /api/advertisement/telegram/ACC1/audiences",
        ),
    ];
    for (method, path, query, body, expected) in table {
        let request = Call::read(&asked(method, path, query, body))
            .unwrap()
            .request();
        assert_eq!(format!("{:?} {}", request.host, request.target), expected);
        assert_eq!(request.method, method);
        assert_eq!(request.body.is_empty(), body.is_empty(), "{path}");
        if !body.is_empty() {
            let told: Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(told, serde_json::from_str::<Value>(body).unwrap());
            assert_eq!(
                request.headers,
                [("content-type", "application/json".to_owned())]
            );
        }
    }
    assert_eq!(
        Call::Ads(Query::ads("today", 500)).request().target,
        "/api/v2/advertisement/?period=today&offset=500&limit=500"
    );
}

#[test]
fn what_is_no_call_is_refused() {
    let refused =
        |method, path, query, body| Call::read(&asked(method, path, query, body)).unwrap_err();
    for path in [
        "",
        "v2/login",
        "kktu/1",
        "advertisement",
        "advertisement/telegram/1/x",
        "pixel_events/a/b",
        "accounts//names",
        "../kktu",
    ] {
        assert_eq!(refused("GET", path, "", ""), Unusable::NoSuchPath, "{path}");
    }
    for (method, path, allowed) in [
        ("POST", "kktu", "GET"),
        ("DELETE", "advertisement/telegram/1", "GET, PUT"),
        ("PUT", "advertisement/telegram", "POST"),
        ("GET", "pixel_events/ACC1/events/e", "DELETE"),
        ("POST", "pixel_events/types", "GET"),
        ("OPTIONS", "v2/advertisement", "GET"),
    ] {
        assert_eq!(
            refused(method, path, "", ""),
            Unusable::Method(allowed),
            "{method} {path}"
        );
    }
    let event = json!({ "account_id": "", "title": 5 }).to_string();
    for (method, path, query, body, words) in [
        (
            "GET",
            "v2/advertisement",
            "limit=501",
            "",
            "limit: expected 1 to 500",
        ),
        (
            "GET",
            "v2/advertisement",
            "limit=0&offset=-1",
            "",
            "limit: expected 1 to 500; offset: expected a whole number, 0 or more",
        ),
        (
            "GET",
            "v2/advertisement",
            "period=ever",
            "",
            "period: expected one of today, all, yesterday, starts_month",
        ),
        (
            "GET",
            "v2/advertisement",
            "show_deleted=1",
            "",
            "show_deleted: expected true or false",
        ),
        (
            "GET",
            "campaigns",
            "is_active=yes",
            "",
            "is_active: expected true or false",
        ),
        (
            "GET",
            "accounts/telegram",
            "limit=x",
            "",
            "limit: expected 1 to 18446744073709551615",
        ),
        (
            "GET",
            "accounts/telegram/a%2Fb",
            "",
            "",
            "account_id: expected letters, digits, - and _",
        ),
        (
            "GET",
            "advertisement/telegram/x",
            "",
            "",
            "ad_id: expected a whole number above 0",
        ),
        (
            "GET",
            "advertisement/telegram/+1",
            "",
            "",
            "ad_id: expected a whole number above 0",
        ),
        (
            "GET",
            "advertisement/telegram/0",
            "",
            "",
            "ad_id: expected a whole number above 0",
        ),
        (
            "GET",
            "pixel_events",
            "",
            "",
            "account_id: expected letters, digits, - and _",
        ),
        (
            "POST",
            "v1/advertising/telegram/upload_media",
            "",
            "",
            "account_id: expected letters, digits, - and _",
        ),
        (
            "GET",
            "advertisement/bots/validate",
            "",
            "",
            "bots: missing; account_id: expected letters, digits, - and _",
        ),
        (
            "POST",
            "pixel_events",
            "",
            &event,
            "type: missing; account_id: expected a string that is not blank; title: expected a string that is not blank",
        ),
        (
            "PATCH",
            "pixel_events/e",
            "",
            "{}",
            "account_id: missing; title: missing",
        ),
        ("POST", "v1/stats/page", "", "", "body: not JSON"),
    ] {
        let Unusable::Invalid(invalid) = refused(method, path, query, body) else {
            unreachable!("{path}");
        };
        assert_eq!(invalid.to_string(), words);
    }
    assert_eq!(AdId::parse("7").unwrap().get(), 7);
}
