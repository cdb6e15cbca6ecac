//! How Telegram's webhooks stand: what Telegram says of them, and what came last. Telegram is asked once a minute at most by an instance, and for
//! the operator alone.

use std::cell::RefCell;
use std::collections::BTreeMap;

use attribution::url;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::Backend;
use crate::edge::Edge;
use crate::ledger::{Database, Statement, Unavailable};
use crate::telegram::{self, Bot};

/// The kinds of updates that matter here, as `tools/telegram.mjs` asks for them.
const UPDATES: [&str; 4] = [
    "message",
    "chat_member",
    "chat_join_request",
    "my_chat_member",
];

/// How long an error is news where nothing waits, in ms.
const LATELY_MS: u64 = 10 * 60_000;

/// How long what Telegram said is good, in ms.
const KEPT_MS: u64 = 60_000;

/// What getWebhookInfo gives (<https://core.telegram.org/bots/api#webhookinfo>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Info {
    /// Empty: none is set.
    url: String,
    pending_update_count: u64,
    /// The kinds of updates that are asked for; none: all but `chat_member` and such as have to be asked for.
    #[serde(default)]
    allowed_updates: Vec<String>,
    /// Unix time in s.
    last_error_date: Option<u64>,
    last_error_message: Option<String>,
}

impl Info {
    /// What of [`UPDATES`] is not asked for, in words.
    fn not_asked_for(&self) -> Option<String> {
        let is_asked_for = |kind: &str| match self.allowed_updates.as_slice() {
            [] => kind != "chat_member",
            kinds => kinds.iter().any(|asked| asked == kind),
        };
        let kinds: Vec<&str> = (UPDATES.into_iter())
            .filter(|kind| !is_asked_for(kind))
            .collect();
        (!kinds.is_empty()).then(|| {
            format!(
                "{}: npm run telegram -- setup asks for all",
                kinds.join(", ")
            )
        })
    }
}

/// What Telegram said of a bot's webhook, or why it said nothing; and when, Unix time in ms.
#[derive(Debug, Clone)]
struct Said {
    at_ms: u64,
    info: Result<Info, String>,
}

/// A bot's webhook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    bot: &'static str,
    /// Its host; the rest of the address may hold somebody's secret. None: there is no webhook.
    host: Option<String>,
    /// Whether it leads to this bot's hook on the host that was asked.
    leads_here: bool,
    /// Whether it leads to such a hook on any host: the edge may have several.
    #[serde(skip)]
    leads_to_a_hook: bool,
    /// What of [`UPDATES`] Telegram is not asked to tell, in words.
    #[serde(skip)]
    not_asked_for: Option<String>,
    /// Updates that wait at Telegram.
    pending_updates: Option<u64>,
    /// When Telegram last could not deliver one, Unix time in ms.
    last_error_at: Option<u64>,
    /// Why, in Telegram's words.
    last_error: Option<String>,
    /// When the last one came here, Unix time in ms; none: none did in the last seven days.
    last_update_at: Option<u64>,
    /// When Telegram was asked, Unix time in ms.
    checked_at: u64,
    /// Why Telegram did not answer.
    failure: Option<String>,
}

/// The webhooks of all bots.
pub async fn webhooks(edge: &Edge<'_>) -> Vec<Webhook> {
    if edge.config.backend != Backend::Ledger {
        return Vec::new();
    }
    // Repeating it does no harm: both read.
    let last = last_updates(edge).await.unwrap_or_default();
    let said = join_all((edge.config.bots.iter()).map(|bot| said(bot, edge.now_ms))).await;
    let bots = edge.config.bots.iter().zip(said);
    bots.map(|(bot, said)| Webhook::of(bot, said, edge.caller.host, last.get(&bot.username)))
        .collect()
}

impl Webhook {
    /// Its bot's username.
    pub fn bot(&self) -> &str {
        self.bot
    }

    /// How it fails, and why.
    pub fn fault(&self) -> Option<(&'static str, Option<&str>)> {
        if let Some(failure) = &self.failure {
            return Some(("not known", Some(failure)));
        }
        if self.host.is_none() {
            return Some(("missing", Some("npm run telegram -- setup sets it")));
        }
        // What was delivered since has come by it, whatever the host.
        let is_heard = self.leads_to_a_hook && self.last_update_at > self.last_error_at;
        if !self.leads_here && !is_heard {
            return Some(("elsewhere", Some("its updates do not come here")));
        }
        // What was delivered since has mended it; so has what leaves nothing waiting, as a message that is not noted here.
        let is_lately = |at_ms| self.checked_at < at_ms + LATELY_MS;
        let waits = self.pending_updates > Some(0) || self.last_error_at.is_some_and(is_lately);
        if waits && self.last_error_at > self.last_update_at {
            return Some(("failing", self.last_error.as_deref()));
        }
        (self.not_asked_for.as_deref()).map(|kinds| ("not asked for", Some(kinds)))
    }

    fn of(bot: &'static Bot, said: Said, host: &str, last_update_ms: Option<&u64>) -> Self {
        let failure = said.info.as_ref().err().cloned();
        let info = said.info.ok();
        let parts = info.as_ref().and_then(|info| url::split(&info.url));
        let hook = format!("/hooks/telegram/{}", bot.username);
        let leads_to_a_hook =
            (parts.as_ref()).is_some_and(|parts| parts.path.eq_ignore_ascii_case(&hook));
        Self {
            bot: &bot.username,
            leads_here: leads_to_a_hook
                && (parts.as_ref()).is_some_and(|parts| parts.host.eq_ignore_ascii_case(host)),
            leads_to_a_hook,
            not_asked_for: info.as_ref().and_then(Info::not_asked_for),
            host: parts.map(|parts| parts.host.to_owned()),
            pending_updates: info.as_ref().map(|info| info.pending_update_count),
            last_error_at: info
                .as_ref()
                .and_then(|info| info.last_error_date)
                .map(|at_s| at_s.saturating_mul(1_000)),
            last_error: info
                .and_then(|info| info.last_error_message)
                .map(|words| bot.redacted(&words)),
            last_update_at: last_update_ms.copied(),
            checked_at: said.at_ms,
            failure,
        }
    }
}

/// What Telegram says of a bot's webhook, or said within the last minute.
async fn said(bot: &'static Bot, now_ms: u64) -> Said {
    thread_local! {
        static SAID: RefCell<BTreeMap<&'static str, Said>> = const { RefCell::new(BTreeMap::new()) };
    }
    let kept = SAID.with_borrow(|said| said.get(bot.username.as_str()).cloned());
    if let Some(kept) = kept.filter(|kept| now_ms < kept.at_ms + KEPT_MS) {
        return kept;
    }
    // Repeating it does no harm: it reads.
    let info = telegram::call(bot, "getWebhookInfo", &json!({})).await;
    let said = Said {
        at_ms: now_ms,
        info: info.map_err(|why| why.to_string()),
    };
    SAID.with_borrow_mut(|all| all.insert(&bot.username, said.clone()));
    said
}

/// When each bot's last update came, Unix time in ms.
async fn last_updates(edge: &Edge<'_>) -> Result<BTreeMap<String, u64>, Unavailable> {
    let bots: Vec<&str> = edge
        .config
        .bots
        .iter()
        .map(|bot| bot.username.as_str())
        .collect();
    let mut last = BTreeMap::new();
    for binding in edge.config.databases() {
        let statement = Statement::new(include_str!("last_updates.sql"), &bots)?;
        // Repeating it does no harm: it reads.
        for row in Database::bound(edge.env, binding)?.ask(statement).await? {
            if let (Some(bot), Some(at_ms)) = (row.text("bot"), row.number("at_ms")) {
                let known = last.entry(bot.to_owned()).or_insert(at_ms);
                *known = at_ms.max(*known);
            }
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_webhook() {
        let bot: &'static Bot = Box::leak(Box::new(Bot::single(
            "news_bot".to_owned(),
            "1:SECRET".to_owned(),
            "hush".to_owned(),
        )));
        let shown = |url: &str, words: &str| {
            let info = Info {
                url: url.to_owned(),
                pending_update_count: 3,
                last_error_date: Some(1_800_000_000),
                last_error_message: Some(words.to_owned()),
                allowed_updates: UPDATES.map(str::to_owned).to_vec(),
            };
            let said = Said {
                at_ms: 5,
                info: Ok(info),
            };
            Webhook::of(bot, said, "edge.test", None)
        };
        let ours = shown("https://edge.test/hooks/telegram/News_bot", "500");
        assert!(ours.leads_here);
        assert_eq!(ours.last_error_at, Some(1_800_000_000_000));
        let other = shown("https://x.test/bot1:SECRET", "no /bot1:SECRET");
        assert!(!other.leads_here);
        assert_eq!(other.host.as_deref(), Some("x.test"));
        assert_eq!(other.last_error.as_deref(), Some("no /bot[token]"));
        assert_eq!(shown("", "").host, None);
        let state = |webhook: &Webhook| webhook.fault().map(|(state, _)| state);
        let second = shown("https://www.edge.test/hooks/telegram/news_bot", "500");
        assert!(!second.leads_here);
        assert_eq!(state(&second), Some("elsewhere"));
        let heard = |webhook| Webhook {
            last_update_at: Some(1_800_000_000_001),
            ..webhook
        };
        assert_eq!(state(&heard(second)), None);
        let at_another_path = shown("https://x.test/bot1:SECRET", "500");
        assert_eq!(state(&heard(at_another_path)), Some("elsewhere"));
        assert_eq!(state(&ours), Some("failing"));
        assert_eq!(state(&other), Some("elsewhere"));
        assert_eq!(state(&shown("", "")), Some("missing"));
        assert_eq!(state(&heard(ours)), None);
        let recovered = Webhook {
            pending_updates: Some(0),
            checked_at: 1_800_000_000_000 + LATELY_MS,
            ..shown("https://edge.test/hooks/telegram/news_bot", "500")
        };
        assert_eq!(state(&recovered), None);
        let asked_for = |kinds: &[&str]| {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            let info = Info {
                url: "https://edge.test/hooks/telegram/news_bot".to_owned(),
                allowed_updates: kinds,
                ..Info::default()
            };
            let said = Said {
                at_ms: 5,
                info: Ok(info),
            };
            let webhook = Webhook::of(bot, said, "edge.test", None);
            webhook.fault().map(|(state, words)| {
                let words = words.unwrap_or_default();
                format!("{state} {}", words.split(':').next().unwrap_or_default())
            })
        };
        assert_eq!(asked_for(&UPDATES), None);
        assert_eq!(asked_for(&[]).as_deref(), Some("not asked for chat_member"));
        assert_eq!(
            asked_for(&["message", "chat_member"]).as_deref(),
            Some("not asked for chat_join_request, my_chat_member")
        );
        let away = Said {
            at_ms: 5,
            info: Err("no answer".to_owned()),
        };
        let away = Webhook::of(bot, away, "edge.test", Some(&4));
        assert_eq!((away.pending_updates, away.last_update_at), (None, Some(4)));
        assert_eq!(away.failure.as_deref(), Some("no answer"));
        assert_eq!(state(&away), Some("not known"));
    }
}
