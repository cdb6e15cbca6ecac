//! Telegram Ads' pixel on the wire: what its script on the page would send, from here, as the visitor's own.

use serde::{Deserialize, Serialize};

use crate::runtime::{Call, HeaderLines};

/// How long Telegram may take, in ms: nobody waits.
const TIMEOUT_MS: u32 = 10_000;
/// How long a call is worth being made, in ms: two days.
const LIFE_MS: u64 = 48 * 60 * 60 * 1_000;

/// A call of the pixel, whole: it can be made now, or kept in the queue until Telegram takes it. It says the same each time.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PixelCall {
    /// The form.
    pub form: String,
    /// When the edge got it, Unix time in ms.
    pub at_ms: u64,
    /// The visitor's address.
    pub ip: String,
    /// The visitor's User-Agent.
    pub user_agent: String,
    /// The Origin, empty where the browser sent none.
    pub origin: String,
    /// The Referer, empty where the browser sent none.
    pub referer: String,
}

/// What came of a call.
#[derive(Debug)]
pub enum Outcome {
    /// Telegram took it.
    Taken,
    /// Telegram will not take it; the status is all it says.
    Refused(u16),
    /// Telegram may take it later: slow, cut off, 429, 5xx.
    Failed {
        /// In words for the log.
        why: String,
        /// When it wants to be asked again, in s.
        retry_after_s: Option<u32>,
    },
}

impl PixelCall {
    /// Whether it is no longer worth being made at `now_ms`, Unix time in ms.
    pub fn is_stale(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) > LIFE_MS
    }

    /// Makes the call, once, at `base`: scheme and host. A second one says the same, `t` included.
    pub async fn make(&self, base: &str) -> Outcome {
        let mut headers = HeaderLines::new();
        headers.add(
            "content-type",
            "application/x-www-form-urlencoded;charset=UTF-8",
        );
        // What a browser says of the first two never comes this far.
        for (name, value) in [
            ("x-forwarded-for", &self.ip),
            ("x-real-ip", &self.ip),
            ("user-agent", &self.user_agent),
            ("origin", &self.origin),
            ("referer", &self.referer),
        ] {
            if !value.is_empty() {
                headers.add(name, value);
            }
        }
        let call = Call {
            url: &format!("{base}/pxl"),
            method: "POST",
            headers: headers.as_str(),
            body: &self.form,
            timeout_ms: TIMEOUT_MS,
        };
        match call.send().await {
            Ok(reply) => match reply.status {
                200..=299 => Outcome::Taken,
                408 | 429 | 500.. => Outcome::Failed {
                    why: reply.status.to_string(),
                    retry_after_s: reply.retry_after_s,
                },
                status => Outcome::Refused(status),
            },
            Err(why) => Outcome::Failed {
                why,
                retry_after_s: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_lives_two_days() {
        let call = PixelCall {
            form: String::new(),
            at_ms: 1_790_000_000_000,
            ip: String::new(),
            user_agent: String::new(),
            origin: String::new(),
            referer: String::new(),
        };
        assert!(!call.is_stale(0));
        assert!(!call.is_stale(call.at_ms + LIFE_MS));
        assert!(call.is_stale(call.at_ms + LIFE_MS + 1));
    }
}
