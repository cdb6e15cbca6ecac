//! What is kept of a token, and what to do with it.

use conversions::{Hash, Secret};
use serde::{Deserialize, Serialize};

use super::Failure;

/// The most that a token is renewed ahead of its end, in ms.
const AHEAD_MS: u64 = 60_000;
/// How long none is asked for when the service was away, in ms.
const AWAY_PAUSE_MS: u64 = 5_000;
/// How long none is asked for when the service refused the credentials, in ms: it might lock the account.
const REFUSED_PAUSE_MS: u64 = 60_000;

/// A token, and what renews it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The token.
    #[serde(with = "revealed")]
    pub token: Secret,
    /// When it was fetched, Unix time in ms.
    pub fetched_ms: u64,
    /// When it ends, Unix time in ms.
    pub expires_ms: u64,
    /// What the next one is fetched with, where that is not the credentials.
    pub renewal: Option<Renewal>,
}

/// What a token is renewed with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Renewal {
    /// The token.
    #[serde(with = "revealed")]
    pub token: Secret,
    /// When it ends, Unix time in ms.
    pub expires_ms: u64,
}

/// A secret as it is written in the object that keeps it, and nowhere else.
mod revealed {
    use conversions::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.reveal())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// All that is known.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Of the settings that it was fetched with.
    settings: String,
    kept: Option<Kept>,
    failure: Option<Failed>,
}

/// The last attempt came to nothing.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    is_refusal: bool,
    why: String,
    resume_ms: u64,
}

/// What to do for one who asks.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Hand out what is kept.
    HandOut,
    /// Fetch a token.
    Fetch,
    /// Say what went wrong: it is too early to try again.
    Fail(Failure),
}

/// How a token stands, for the operator.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// When the token was fetched, Unix time in ms.
    pub token_fetched_at: Option<u64>,
    /// When the token ends, Unix time in ms; none: there is none.
    pub token_expires_at: Option<u64>,
    /// When what renews it ends, Unix time in ms.
    pub renewal_expires_at: Option<u64>,
    /// What was wrong with the last attempt.
    pub last_error: Option<String>,
}

impl Kept {
    /// Whether it is good at `now_ms` still.
    fn is_alive(&self, now_ms: u64) -> bool {
        now_ms < self.expires_ms
    }

    /// Whether it is time for the next.
    fn is_due(&self, now_ms: u64) -> bool {
        // Of one that lives shortly, a fifth of its life.
        let life_ms = self.expires_ms.saturating_sub(self.fetched_ms);
        now_ms + AHEAD_MS.min(life_ms / 5) >= self.expires_ms
    }
}

impl State {
    /// The same under those settings: what others brought is void.
    #[must_use]
    pub fn under(self, settings: &Hash) -> Self {
        if self.settings == settings.as_str() {
            return self;
        }
        Self {
            settings: settings.as_str().to_owned(),
            ..Self::default()
        }
    }

    /// What was fetched last.
    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// What to do for one who asks at `now_ms`, and whom the service has just `refused` a token (empty: none).
    pub fn step(&self, refused: &str, now_ms: u64) -> Step {
        let good = self.good(refused, now_ms);
        if good.is_some_and(|kept| !kept.is_due(now_ms)) {
            return Step::HandOut;
        }
        match &self.failure {
            Some(failed) if now_ms < failed.resume_ms => match good {
                Some(_) => Step::HandOut,
                None => Step::Fail(failed.failure()),
            },
            _ => Step::Fetch,
        }
    }

    /// What is kept and can still be used.
    fn good(&self, refused: &str, now_ms: u64) -> Option<&Kept> {
        let kept = self.kept.as_ref()?;
        (kept.is_alive(now_ms) && !kept.token.is(refused)).then_some(kept)
    }

    /// Notes what came of fetching, and says what to do now.
    pub fn note(&mut self, fetched: Result<Kept, Failure>, refused: &str, now_ms: u64) -> Step {
        let failure = match fetched {
            Ok(kept) => {
                self.kept = Some(kept);
                self.failure = None;
                return Step::HandOut;
            }
            Err(failure) => failure,
        };
        let (is_refusal, why, pause_ms) = match &failure {
            Failure::Refused(why) => (true, why, REFUSED_PAUSE_MS),
            Failure::Away(why) => (false, why, AWAY_PAUSE_MS),
        };
        self.failure = Some(Failed {
            is_refusal,
            why: why.clone(),
            resume_ms: now_ms + pause_ms,
        });
        match self.good(refused, now_ms) {
            Some(_) => Step::HandOut,
            None => Step::Fail(failure),
        }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let kept = self.kept.as_ref();
        let renewal = kept.and_then(|kept| kept.renewal.as_ref());
        Status {
            token_fetched_at: kept.map(|kept| kept.fetched_ms),
            token_expires_at: kept.map(|kept| kept.expires_ms),
            renewal_expires_at: renewal.map(|renewal| renewal.expires_ms),
            last_error: self.failure.as_ref().map(|failed| failed.why.clone()),
        }
    }
}

impl Failed {
    fn failure(&self) -> Failure {
        match self.is_refusal {
            true => Failure::Refused(self.why.clone()),
            false => Failure::Away(self.why.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(token: &str, fetched_ms: u64, expires_ms: u64) -> Kept {
        Kept {
            token: Secret::new(token.to_owned()),
            fetched_ms,
            expires_ms,
            renewal: None,
        }
    }

    fn state() -> State {
        State::default().under(&Hash::of("settings"))
    }

    #[test]
    fn a_token_is_fetched_when_there_is_none_or_it_ends_or_was_refused() {
        let mut state = state();
        assert_eq!(state.step("", 0), Step::Fetch);
        assert_eq!(state.note(Ok(kept("a", 0, 900_000)), "", 0), Step::HandOut);
        for (refused, now_ms, step) in [
            ("", 0, Step::HandOut),
            ("", 839_999, Step::HandOut),
            ("", 840_000, Step::Fetch),
            ("", 2_000_000, Step::Fetch),
            ("a", 0, Step::Fetch),
            // Refused before it was renewed: the one after it may be good.
            ("z", 0, Step::HandOut),
        ] {
            assert_eq!(state.step(refused, now_ms), step, "{refused} {now_ms}");
        }
        let mut short = state.under(&Hash::of("other settings"));
        assert_eq!(
            short.step("", 0),
            Step::Fetch,
            "what other settings brought is void"
        );
        short.note(Ok(kept("a", 0, 10_000)), "", 0);
        assert_eq!(short.step("", 7_999), Step::HandOut);
        assert_eq!(short.step("", 8_000), Step::Fetch);
    }

    #[test]
    fn a_token_is_kept_and_not_shown() {
        let token = kept("a-token", 1, 2);
        assert!(!format!("{token:?}").contains("a-token"));
        let written = serde_json::to_string(&token).unwrap();
        assert_eq!(
            written,
            r#"{"token":"a-token","fetchedMs":1,"expiresMs":2,"renewal":null}"#
        );
        let read: Kept = serde_json::from_str(&written).unwrap();
        assert!(read.token.is("a-token"));
    }

    #[test]
    fn a_failure_is_not_repeated_at_once() {
        let away = || Failure::Away("no answer".to_owned());
        let mut state = state();
        assert_eq!(state.note(Err(away()), "", 0), Step::Fail(away()));
        assert_eq!(state.step("", 4_999), Step::Fail(away()));
        assert_eq!(state.step("", 5_000), Step::Fetch);
        let refused = || Failure::Refused("wrong password".to_owned());
        assert_eq!(state.note(Err(refused()), "", 5_000), Step::Fail(refused()));
        assert_eq!(state.step("", 64_999), Step::Fail(refused()));
        assert_eq!(state.step("", 65_000), Step::Fetch);
        assert_eq!(state.status().last_error.as_deref(), Some("wrong password"));

        state.note(Ok(kept("a", 65_000, 965_000)), "", 65_000);
        assert_eq!(state.status().last_error, None);
        // While the one that is kept lasts, nobody learns that the next is not to be had.
        assert_eq!(state.note(Err(away()), "", 930_000), Step::HandOut);
        assert_eq!(state.step("", 931_000), Step::HandOut);
        assert_eq!(state.step("a", 931_000), Step::Fail(away()));
        assert_eq!(state.step("", 965_000), Step::Fetch);
    }
}
