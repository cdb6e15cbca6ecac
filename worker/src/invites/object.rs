//! What `InvitePool` of `entry.js` does: one channel's pool, in the one place in the world where its Durable Object runs. What is asked of
//! it is answered without a call to anybody; the calls are made by alarms.

use serde::{Deserialize, Serialize};

use super::pool::{self, Pause, SPACING_MS, Step, Terms};
use super::storage::{self, Broken, Link, Standing, Storage};
use super::terms_of;
use crate::config::Config;
use crate::ids::{ClickId, EventId, entropy};
use crate::runtime::{self, Env};
use crate::telegram::{self, Bot, ChatId, Failure};

/// A channel that has a pool, by the settings.
struct Pool<'a> {
    storage: &'a Storage,
    bot: &'a Bot,
    chat: ChatId,
    terms: Terms,
}

/// What createChatInviteLink and revokeChatInviteLink take.
#[derive(Serialize)]
struct Parameters<'a> {
    chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_date: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creates_join_request: Option<bool>,
}

impl Parameters<'_> {
    fn of(chat_id: ChatId) -> Self {
        Self {
            chat_id,
            invite_link: None,
            name: None,
            expire_date: None,
            member_limit: None,
            creates_join_request: None,
        }
    }
}

/// A link, as both give it.
#[derive(Deserialize)]
struct Made {
    invite_link: String,
}

/// Answers are texts, a line a value; `None`: it failed, and the log has why.
pub type Told = Option<String>;

fn told(result: Result<String, Broken>) -> Told {
    result
        .map_err(|why| runtime::log_error(&format!("invites: {why}")))
        .ok()
}

/// A Durable Object starts.
pub fn prepare(storage: &Storage) -> Told {
    told(storage.prepare().map(|()| String::new()))
}

/// A link for `event`, the same again when it asks again: the click's id and the URL; empty when none is ready.
pub fn hand_out(storage: &Storage, env: &Env, channel: &str, event: &str) -> Told {
    told(
        Pool::of(storage, crate::config(env), channel).and_then(|pool| {
            let Some(pool) = pool else {
                return Ok(String::new());
            };
            Ok(pool
                .hand_out(event)?
                .map_or(String::new(), |link| written(&link)))
        }),
    )
}

/// As [`hand_out`]; with none ready, one is made, unless a pause holds: for the one who asks, a bot's answer can wait a moment.
pub async fn make(storage: &Storage, env: &Env, channel: &str, event: &str) -> Told {
    // Repeating it does no harm: an event that has a link gets that, and a link made in vain stays in the pool.
    told(made(storage, env, channel, event).await)
}

async fn made(storage: &Storage, env: &Env, channel: &str, event: &str) -> Result<String, Broken> {
    let Some(pool) = Pool::of(storage, crate::config(env), channel)? else {
        return Ok(String::new());
    };
    // Repeating it does no harm: as above.
    let link = pool.hand_out_or_make(event).await?;
    Ok(link.as_ref().map_or(String::new(), written))
}

/// Someone joined by the link of that name: its seat must not become free again when they leave. One that asks to join has no seat.
pub fn joined(storage: &Storage, name: &str) -> Told {
    let now_ms = runtime::now_ms();
    told(storage.take_seat(name, now_ms).map(|is_known| {
        if is_known {
            wake(storage, now_ms);
        }
        String::new()
    }))
}

/// The bot may make no links there any more, or is not even in there: of its links no join would be heard of. Those that are
/// ready are handed out no more, so that clicks get the channel's own; how it stands, the next call tells.
pub fn close(storage: &Storage) -> Told {
    let now_ms = runtime::now_ms();
    told(storage.end_ready(now_ms).map(|()| {
        wake(storage, now_ms);
        String::new()
    }))
}

/// The bot may make links again: what it was refused is no reason to wait.
pub fn reopen(storage: &Storage, env: &Env, channel: &str) -> Told {
    told(
        Pool::of(storage, crate::config(env), channel).and_then(|pool| {
            if let Some(pool) = pool {
                let standing = storage.standing()?.unwrap_or_default();
                if standing.is_refused {
                    storage.resume()?;
                }
                pool.go_on()?;
            }
            Ok(String::new())
        }),
    )
}

/// Has the pool filled where it is not full.
pub fn warm(storage: &Storage, env: &Env, channel: &str) -> Told {
    told(
        Pool::of(storage, crate::config(env), channel).and_then(|pool| {
            if let Some(pool) = pool {
                pool.go_on()?;
            }
            Ok(String::new())
        }),
    )
}

/// How the pool stands: links that are ready, links that were handed out, the Unix time in ms it pauses until (0: it does not),
/// what was wrong with the last call, a line each.
pub fn status(storage: &Storage) -> Told {
    let now_ms = runtime::now_ms();
    let status = || {
        let standing = storage.standing()?.unwrap_or_default();
        let counts = storage.counts(now_ms)?;
        let paused_until_ms = match standing.is_paused(now_ms) {
            true => standing.resume_ms,
            false => 0,
        };
        Ok([
            counts.ready.to_string(),
            counts.handed_out.to_string(),
            paused_until_ms.to_string(),
            standing.error.unwrap_or_default(),
        ]
        .join("\n"))
    };
    told(status())
}

/// The alarm rings: one step.
pub async fn ring(storage: &Storage, env: &Env) -> Told {
    // Repeating it does no harm: see the steps.
    told(rung(storage, env).await)
}

async fn rung(storage: &Storage, env: &Env) -> Result<String, Broken> {
    let Some(Standing { channel, .. }) = storage.standing()? else {
        return Ok(String::new());
    };
    // A channel that is no longer configured keeps what it has: Telegram ends each link in its time.
    if let Some(pool) = Pool::of(storage, crate::config(env), &channel)? {
        // Repeating it does no harm: see the steps.
        pool.step().await?;
        pool.go_on()?;
    }
    Ok(String::new())
}

fn wake(storage: &Storage, at_ms: u64) {
    storage::wake_by(storage, at_ms as f64);
}

fn written(link: &Link) -> String {
    [link.name.as_str(), &link.url].join("\n")
}

impl<'a> Pool<'a> {
    /// The pool of `channel` (the bot's username, a colon, the chat's id), where the settings have one.
    fn of(
        storage: &'a Storage,
        config: &'static Config,
        channel: &str,
    ) -> Result<Option<Self>, Broken> {
        let Some((bot, chat, terms)) = terms_of(config, channel) else {
            return Ok(None);
        };
        storage.belongs_to(channel)?;
        Ok(Some(Self {
            storage,
            bot,
            chat,
            terms,
        }))
    }

    fn hand_out(&self, event: &str) -> Result<Option<Link>, Broken> {
        let now_ms = runtime::now_ms();
        let (link, left) = self.storage.hand_out(event, self.terms, now_ms)?;
        if left < self.terms.low() {
            let standing = self.storage.standing()?.unwrap_or_default();
            wake(self.storage, standing.resume_ms.max(now_ms));
        } else if let Some(link) = &link {
            wake(self.storage, link.over_ms);
        }
        Ok(link)
    }

    /// Sets the alarm for the next step.
    fn go_on(&self) -> Result<(), Broken> {
        let now_ms = runtime::now_ms();
        match self.next(now_ms)? {
            Step::Rest => {}
            Step::Sleep(until_ms) => wake(self.storage, until_ms),
            Step::Make | Step::Revoke => wake(self.storage, now_ms),
        }
        Ok(())
    }

    fn next(&self, now_ms: u64) -> Result<Step, Broken> {
        let stock = self.storage.stock(self.terms, now_ms)?;
        let resume_ms = self
            .storage
            .standing()?
            .map_or(0, |standing| standing.resume_ms);
        Ok(pool::next(stock, self.terms, resume_ms, now_ms))
    }

    async fn step(&self) -> Result<(), Broken> {
        let now_ms = runtime::now_ms();
        match self.next(now_ms)? {
            Step::Make => {
                self.storage.reserve(now_ms + SPACING_MS)?;
                // Repeating it does no harm: a link whose making was cut off is known to nobody and ends by itself.
                self.make().await
            }
            Step::Revoke => {
                self.storage.reserve(now_ms + SPACING_MS)?;
                // Repeating it does no harm: what is revoked stays so.
                self.revoke().await
            }
            Step::Sleep(_) | Step::Rest => Ok(()),
        }
    }

    async fn hand_out_or_make(&self, event: &str) -> Result<Option<Link>, Broken> {
        /// How long the one who asks may wait for their turn, in ms.
        const PATIENCE_MS: u64 = 2_000;
        if let Some(link) = self.hand_out(event)? {
            return Ok(Some(link));
        }
        let now_ms = runtime::now_ms();
        let standing = self.storage.standing()?.unwrap_or_default();
        let turn_ms = standing.resume_ms.max(now_ms);
        if standing.is_paused(now_ms) || turn_ms - now_ms > PATIENCE_MS {
            return Ok(None);
        }
        self.storage.reserve(turn_ms + SPACING_MS)?;
        if turn_ms > now_ms {
            // Repeating it does no harm: a turn that was not used is lost, no more.
            runtime::sleep(turn_ms - now_ms).await;
            // The call before may have made a link, or learned that none is to be had.
            let link = self.hand_out(event)?;
            let standing = self.storage.standing()?.unwrap_or_default();
            if link.is_some() || standing.is_paused(runtime::now_ms()) {
                return Ok(link);
            }
        }
        // Repeating it does no harm: a link that was made in vain stays in the pool.
        self.make().await?;
        self.hand_out(event)
    }

    async fn make(&self) -> Result<(), Broken> {
        let Ok(entropy) = entropy() else {
            return Ok(());
        };
        let name = ClickId::of(EventId::new(entropy));
        let Terms { by_request, .. } = self.terms;
        let expires_s = self.terms.expiry_s(runtime::now_ms());
        let link = Parameters {
            name: Some(name.as_str()),
            expire_date: Some(expires_s),
            // Telegram takes no limit beside a request.
            member_limit: (!by_request).then_some(1),
            creates_join_request: Some(by_request),
            ..Parameters::of(self.chat)
        };
        // Repeating it does no harm: a link whose making was cut off is known to nobody and ends by itself.
        let made = self.call("createChatInviteLink", &link).await;
        if let Ok(Made { invite_link }) = &made {
            let now_ms = runtime::now_ms();
            self.storage
                .add(name.as_str(), invite_link, self.terms, expires_s, now_ms)?;
        }
        self.note(made.as_ref().map(drop))
    }

    async fn revoke(&self) -> Result<(), Broken> {
        let now_ms = runtime::now_ms();
        let Some(link) = self.storage.first_over(now_ms)? else {
            return Ok(());
        };
        if link.expires_s.saturating_mul(1_000) <= now_ms {
            // Telegram has ended it itself.
            return self.storage.remove(&link.name);
        }
        let parameters = Parameters {
            invite_link: Some(&link.url),
            ..Parameters::of(self.chat)
        };
        // Repeating it does no harm: what is revoked stays so.
        let revoked = self.call("revokeChatInviteLink", &parameters).await;
        match &revoked {
            Ok(_) => self.storage.remove(&link.name)?,
            // Not there any more: an admin revoked and deleted it.
            Err(Failure::Refused(_, words)) if words.contains("INVITE_HASH_EXPIRED") => {
                self.storage.remove(&link.name)?;
                return self.note(Ok(()));
            }
            // One link that can't be revoked holds up no other, and says nothing of whether one can be made.
            Err(why @ Failure::Refused(..)) => {
                runtime::log_error(&format!(
                    "invites: {} in chat {}: a link stays open: {why}",
                    self.bot.username, self.chat
                ));
                return self.storage.end(&link.name, now_ms + pool::POSTPONED_MS);
            }
            Err(_) => {}
        }
        self.note(revoked.as_ref().map(drop))
    }

    async fn call(&self, method: &str, parameters: &Parameters<'_>) -> Result<Made, Failure> {
        // Each caller says for itself why repeating it does no harm.
        telegram::call(self.bot, method, parameters).await
    }

    /// Notes what a call left behind, and tells the log when it went wrong.
    fn note(&self, outcome: Result<(), &Failure>) -> Result<(), Broken> {
        let failures = self
            .storage
            .standing()?
            .map_or(0, |standing| standing.failures);
        let pause = pool::after(outcome, failures, runtime::now_ms());
        if let Err(failure) = outcome {
            let Pause { resume_ms, .. } = &pause;
            let line = format!(
                "invites: {} in chat {}: {failure}; the pool pauses until {resume_ms}",
                self.bot.username, self.chat
            );
            match failure {
                Failure::Refused(..) => runtime::log_error(&line),
                _ => runtime::log_warning(&line),
            }
        }
        self.storage.pause(&pause)
    }
}
