//! The bots that act for Edgeway in Telegram.

use std::fmt;

use serde::Deserialize;

/// A bot, with what it needs to be called and to be believed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bot {
    /// Its username, without `@`.
    pub username: String,
    /// Its token (secret).
    token: String,
    /// What Telegram says in X-Telegram-Bot-Api-Secret-Token (secret): 1 to 256 of `A-Z a-z 0-9 _ -`.
    webhook_secret: String,
    /// Where the Bot API is; none: Telegram's own.
    #[serde(skip)]
    base: String,
}

impl Bot {
    /// A bot whose API is at `base`, no slash at the end.
    ///
    /// # Errors
    /// In words, naming what is wrong and no value of it.
    pub fn new(self, base: &str) -> Result<Self, String> {
        let is_word = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        };
        if self.username.is_empty() || !is_word(&self.username) {
            return Err("username: expected a bot's username without @".to_owned());
        }
        let token = self.token.split_once(':');
        if !token.is_some_and(|(id, secret)| {
            id.parse::<u64>().is_ok() && !secret.is_empty() && is_word(secret)
        }) {
            return Err("token: expected a bot's token such as 123456:ABC-DEF".to_owned());
        }
        if !(1..=256).contains(&self.webhook_secret.len()) || !is_word(&self.webhook_secret) {
            return Err("webhookSecret: expected 1 to 256 of A-Z a-z 0-9 _ -".to_owned());
        }
        Ok(Self {
            base: base.to_owned(),
            ..self
        })
    }

    /// A bot by the simple settings.
    pub(crate) fn single(username: String, token: String, webhook_secret: String) -> Self {
        Self {
            username,
            token,
            webhook_secret,
            base: String::new(),
        }
    }

    /// The URL of a method of the Bot API. It holds the token: never log it.
    pub fn url(&self, method: &str) -> String {
        format!("{}/bot{}/{method}", self.base, self.token)
    }

    /// `text` without the token.
    pub fn redacted(&self, text: &str) -> String {
        text.replace(&self.token, "[token]")
    }

    /// What a webhook call of Telegram's must say.
    pub fn webhook_secret(&self) -> &str {
        &self.webhook_secret
    }
}

impl fmt::Debug for Bot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Bot").field(&self.username).finish()
    }
}
