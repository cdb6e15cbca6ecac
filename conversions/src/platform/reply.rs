//! What a platform answered, and what to do now.

use form_urlencoded::byte_serialize;
use serde::de::DeserializeOwned;

use crate::Secret;

/// What a platform's answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What became of the request, and what to do.
    pub outcome: Outcome,
    /// The platform's own id of the request, for its support.
    pub request_id: Option<String>,
    /// The platform's own words, at most 500 characters, our secrets taken out. Empty when it said nothing.
    pub words: String,
}

/// What became of a request. It is of all conversions in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The platform has it.
    Sent,
    /// The platform has it, and tells later, by the request's id, what of it counts.
    Taken,
    /// It was not taken this time.
    Retry {
        /// How long the platform asks to wait, in s.
        after_s: Option<u32>,
    },
    /// Too much at once: all that goes to this destination is to wait.
    Throttled {
        /// How long the platform asks to wait, in s.
        after_s: Option<u32>,
    },
    /// It will never be taken as it is. In a batch one conversion may be at fault: the halves of it can be tried.
    Rejected {
        /// The platform's code, or its HTTP status.
        code: String,
    },
    /// The token or the account is at fault: nothing will be taken until someone looks.
    Credentials,
    /// What the settings name for this kind of event is at fault: nothing of the kind will be taken until someone looks, others are. It is only
    /// of conversions that have the same [`kind`](super::Destination::kind).
    KindRefused,
}

/// In characters.
pub(super) const MAX_LENGTH: usize = 500;

/// What stands where a secret was.
pub(super) const REDACTED: &str = "(secret)";

impl Reply {
    /// All that is a platform's own text.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let code = match &mut self.outcome {
            Outcome::Rejected { code } => Some(code),
            _ => None,
        };
        [&mut self.words]
            .into_iter()
            .chain(&mut self.request_id)
            .chain(code)
    }

    /// What a platform said, made fit to be kept: bounded, and without secrets.
    pub(super) fn tidy(mut self, secrets: &[&Secret]) -> Self {
        for text in self.texts() {
            // Before it is cut, lest a part of a secret stays.
            let whole = redacted(text, secrets);
            *text = whole.trim().chars().take(MAX_LENGTH).collect();
        }
        self.request_id = self.request_id.filter(|id| !id.is_empty());
        self
    }
}

fn redacted(text: &str, secrets: &[&Secret]) -> String {
    let spaced = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    let mut text: String = text.chars().map(spaced).collect();
    for secret in secrets.iter().map(|secret| secret.reveal()) {
        let encoded: String = byte_serialize(secret.as_bytes()).collect();
        for written in [secret, &encoded] {
            if !written.is_empty() && text.contains(written) {
                text = text.replace(written, REDACTED);
            }
        }
    }
    text
}

/// An answer, as it came.
#[derive(Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    /// How long it asks to wait, in s.
    pub(super) after_s: Option<u32>,
    pub(super) body: &'a str,
}

impl Answer<'_> {
    pub(super) fn is_success(self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, if it is JSON of that shape.
    pub(super) fn json<T: DeserializeOwned>(self) -> Option<T> {
        serde_json::from_str(self.body).ok()
    }

    pub(super) fn retry(self) -> Outcome {
        Outcome::Retry {
            after_s: self.after_s,
        }
    }

    pub(super) fn throttled(self) -> Outcome {
        Outcome::Throttled {
            after_s: self.after_s,
        }
    }

    pub(super) fn rejected(self) -> Outcome {
        Outcome::Rejected {
            code: self.status.to_string(),
        }
    }

    /// What the status alone says, of a platform that names no code of its own.
    pub(super) fn by_status(self) -> Outcome {
        match self.status {
            200..300 => Outcome::Sent,
            429 => self.throttled(),
            401 | 403 => Outcome::Credentials,
            400 | 404 | 405 | 410 | 411 | 413 | 414 | 415 | 422 => self.rejected(),
            _ => self.retry(),
        }
    }

    /// What an answer says that is not of the platform's own form, such as a gateway's page.
    pub(super) fn unknown(self) -> Reply {
        let outcome = match self.status {
            429 => self.throttled(),
            _ => self.retry(),
        };
        self.reply(outcome, None, None)
    }

    /// A reply with the platform's words or, where it has none, all it answered.
    pub(super) fn reply(
        self,
        outcome: Outcome,
        request_id: Option<String>,
        words: Option<String>,
    ) -> Reply {
        Reply {
            outcome,
            request_id,
            words: words
                .filter(|words| !words.is_empty())
                .unwrap_or_else(|| self.body.to_owned()),
        }
    }
}
