//! One attempt: what is due for a destination goes there, in one request, or where the platform takes one event a request, in many at once.

use std::cell::RefCell;

use async_lock::Semaphore;
use conversions::platform::google::FIRST_INQUIRY_MS;
use conversions::platform::{Outcome, Purpose, Reply, RequestError, Skip};
use conversions::{Conversion, MatchKeys, Secret};
use futures_util::StreamExt;

use super::claim::{Circuit, Claim, Claimed, Fate, LEASE_MS, TRIPS_AT};
use super::state::State;
use crate::allowance::Allowance;
use crate::config::Destination;
use crate::ids::entropy;
use crate::ledger::{Database, GIVE_UP_MS, Unavailable};
use crate::platform::{self, TIMEOUT_MS};
use crate::runtime::{self, CONNECTIONS, Env, HOUR_MS};
use crate::tokens::{self, Tokens};

/// How many sends are claimed together for a platform that takes one event a request: what a crash amid them would have sent twice.
const SINGLES: usize = 60;

/// How many queries a claim that gets nothing takes, and how many calls one takes at most beside its requests: to claim, to write down what came of it,
/// twice where need be, and for a token.
const CLAIM_CALLS: u32 = 3;
const BESIDE_CALLS: u32 = CLAIM_CALLS + 2 * 2 + 3;

/// How long to tell a destination may take, in ms: the platform's answer, and where it takes a token, that one, both once more where the first is refused.
const TELLING_MS: u64 = TIMEOUT_MS as u64;
const TELLING_BY_TOKEN_MS: u64 = 2 * (tokens::PATIENT_MS as u64 + TELLING_MS);

/// How long to write down what came of a claim may take, in ms.
const SETTLING_MS: u64 = 10_000;

const _: () = assert!(
    TELLING_BY_TOKEN_MS + SETTLING_MS < LEASE_MS,
    "a claim must last longer than to tell and to settle it"
);

/// How long after a claim its last request may begin, in ms: it has to be over before the lease is.
const fn last_start_ms(takes_token: bool) -> u64 {
    let telling_ms = match takes_token {
        true => TELLING_BY_TOKEN_MS,
        false => TELLING_MS,
    };
    LEASE_MS - telling_ms - SETTLING_MS
}

/// How long a send waits for its click and visit to come through the queue, in ms.
const PATIENCE_MS: u64 = 10 * 60_000;

/// How long a destination is left alone whose token is refused, or a kind of event that is refused there, in ms: somebody has to look first.
const CREDENTIALS_PAUSE_MS: u64 = 5 * 60_000;

/// The longest that a destination is left alone because it asks for it, in ms. Whoever asks for more would have all that is owed
/// given up unasked, and a slip of it, such as a date of the next century, would hold for good.
const LONGEST_PAUSE_MS: u64 = 6 * HOUR_MS;

/// One destination, to be told what is due.
pub struct Attempt<'a> {
    pub env: &'a Env,
    pub database: &'a Database,
    pub website_id: &'a str,
    pub destination: &'a Destination,
    /// What a request takes one of while it runs.
    pub connections: &'a Semaphore,
    /// What it may do.
    pub allowance: &'a Allowance,
}

/// How far an attempt got.
pub enum Progress {
    /// Nothing goes for now; where something is to go later, when, Unix time in ms.
    Idle(Option<u64>),
    /// Something was settled; where it has to be tried again, when, Unix time in ms.
    Made(Option<u64>),
    /// It was not made: this invocation does no more.
    Spent,
}

/// A conversion and whether it can be sent to a destination.
pub type Checked = Result<(Conversion, MatchKeys), Unsendable>;

/// Why a conversion can't be sent.
#[derive(Debug)]
pub struct Unsendable {
    /// A stable code.
    pub code: &'static str,
    /// In words.
    pub words: String,
}

impl From<Skip> for Unsendable {
    fn from(skip: Skip) -> Self {
        Self {
            code: skip.code(),
            words: skip.to_string(),
        }
    }
}

/// Whether `send` can go to `destination`, as far as is known at `now_ms` (Unix ms).
///
/// # Errors
/// [`Unsendable`]
pub fn check(destination: &Destination, send: &Claimed, now_ms: u64) -> Checked {
    let conversion = send.conversion().map_err(|words| Unsendable {
        code: "unreadable",
        words,
    })?;
    let keys = destination.account.check(&conversion, now_ms)?;
    Ok((conversion, keys))
}

/// A send that can go.
struct Ready {
    conversion: Conversion,
    /// What it tells of the person and the click.
    keys: MatchKeys,
    /// Since when it is owed, Unix time in ms.
    owed_since_ms: u64,
    /// How many attempts it has behind it, and what the latest of them came to.
    attempts: u64,
    code: Option<String>,
    words: Option<String>,
}

/// How a claim goes, from one answer to the next.
struct Course {
    /// How often the destination failed, in a row.
    failures: u64,
    /// How its circuit is to stand; none: as it stood, or closed where the platform took something.
    circuit: Option<Circuit>,
    /// Whether it took anything since it last failed.
    took: bool,
}

impl Course {
    /// Until when the destination is left alone, Unix time in ms, where that is after `now_ms`.
    fn open_ms(&self, now_ms: u64) -> Option<u64> {
        let open_ms = self.circuit.as_ref().map(|circuit| circuit.open_ms);
        open_ms.filter(|open_ms| *open_ms > now_ms)
    }
}

impl Attempt<'_> {
    /// Claims, sends and settles once.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn run(&self) -> Result<Progress, Unavailable> {
        let now_ms = runtime::now_ms();
        let together = self.destination.account.batch_limit();
        let (limit, requests) = if together == 1 {
            (SINGLES, SINGLES as u32)
        } else {
            (together, 1)
        };
        let calls = BESIDE_CALLS + requests;
        if !self.allowance.take(calls) {
            return Ok(Progress::Spent);
        }
        // Repeating it does no harm: another claim gets what this one did not.
        let claim = Claim::take(
            self.database,
            self.website_id,
            self.destination,
            limit,
            now_ms,
        );
        let claim = claim.await?;
        if claim.sends.is_empty() {
            self.allowance.give_back(calls - CLAIM_CALLS);
            return Ok(Progress::Idle(claim.next_ms()));
        }
        let (mut ready, mut fates) = self.sort_out(&claim.sends, now_ms);
        let course = RefCell::new(Course {
            failures: claim.failures,
            circuit: None,
            took: false,
        });
        let account = &self.destination.account;
        ready.sort_by(|one, other| {
            let kinds = [one, other].map(|send| account.kind(&send.conversion));
            kinds[0].cmp(&kinds[1])
        });
        let mut requests: Vec<Vec<Ready>> = Vec::new();
        for send in ready {
            let kind = |send: &Ready| account.kind(&send.conversion).map(str::to_owned);
            match requests.last_mut() {
                Some(request)
                    if request.len() < together
                        && request.first().map(kind) == Some(kind(&send)) =>
                {
                    request.push(send);
                }
                _ => requests.push(vec![send]),
            }
        }
        let latest_ms = now_ms + last_start_ms(self.destination.credentials.is_some());
        let requests = requests
            .into_iter()
            .map(|batch| self.send(batch, &course, latest_ms));
        let sent: Vec<Vec<Fate>> = futures_util::stream::iter(requests)
            .buffer_unordered(CONNECTIONS)
            .collect()
            // Repeating it does no harm: the platform knows each event by its id.
            .await;
        fates.extend(sent.into_iter().flatten());
        let course = course.into_inner();
        let (circuit, took) = (course.circuit.as_ref(), course.took);
        let pending = fates.iter().filter(|fate| fate.state == State::Pending);
        let again_ms = pending.filter_map(|fate| fate.due_ms).min();
        let settle = || {
            let now_ms = runtime::now_ms();
            claim.settle(self.database, &fates, circuit, took, now_ms)
        };
        // What is not written down is sent again: the ledger is asked twice.
        // Repeating it does no harm: a send that is settled is pending no more.
        if settle().await.is_err() {
            settle().await?;
        }
        Ok(match course.open_ms(runtime::now_ms()) {
            Some(open_ms) => Progress::Idle(Some(open_ms)),
            None => Progress::Made(again_ms),
        })
    }

    /// Sends what goes together in one request, unless the destination is left alone by now or it is too late to begin.
    async fn send(&self, batch: Vec<Ready>, course: &RefCell<Course>, latest_ms: u64) -> Vec<Fate> {
        // Repeating it does no harm: nothing is sent yet.
        let connection = self.connections.acquire().await;
        let now_ms = runtime::now_ms();
        let open_ms = course.borrow().open_ms(now_ms);
        if open_ms.is_some() || now_ms > latest_ms {
            return given_back(batch, open_ms.unwrap_or(now_ms));
        }
        let conversions: Vec<&Conversion> = batch.iter().map(|send| &send.conversion).collect();
        let told = tell(
            self.env,
            self.website_id,
            self.destination,
            &conversions,
            Purpose::Deliver,
        );
        // Repeating it does no harm: the platform knows each event by its id.
        let reply = told
            .await
            .unwrap_or_else(|why| unanswered(&why.to_string()));
        drop(connection);
        let now_ms = runtime::now_ms();
        let mut course = course.borrow_mut();
        self.take_note(&mut course, &reply, now_ms);
        fates_of(batch, &reply, course.circuit.as_ref(), now_ms)
    }

    /// Notes what an answer says of the destination.
    fn take_note(&self, course: &mut Course, reply: &Reply, now_ms: u64) {
        let Some(circuit) = circuit(reply, course.failures + 1, now_ms) else {
            *course = Course {
                failures: 0,
                circuit: None,
                took: true,
            };
            return;
        };
        // What was under way when the destination was given up says nothing new.
        if course.open_ms(now_ms).is_some() {
            return;
        }
        if circuit.code == CREDENTIALS {
            runtime::log_error(&format!(
                "{} of {}: its credentials are refused: {}",
                self.destination.name, self.website_id, reply.words
            ));
        }
        *course = Course {
            failures: circuit.failures,
            circuit: Some(circuit),
            took: false,
        };
    }

    /// What of a claim can be sent, and what becomes of the rest.
    fn sort_out(&self, sends: &[Claimed], now_ms: u64) -> (Vec<Ready>, Vec<Fate>) {
        let mut ready = Vec::new();
        let mut fates = Vec::new();
        for send in sends {
            let alone = |fate: Fate| Fate {
                sends: vec![(send.conversion_id, None)],
                ..fate
            };
            if send.owed_since_ms + GIVE_UP_MS <= now_ms {
                fates.push(alone(Fate {
                    state: State::Dead,
                    code: send.code.clone().or_else(|| Some("EXPIRED".to_owned())),
                    words: send.words.clone(),
                    ..Fate::default()
                }));
                continue;
            }
            if send.is_late() && now_ms < send.made_ms + PATIENCE_MS {
                let waited_ms = now_ms.saturating_sub(send.made_ms);
                fates.push(alone(Fate {
                    state: State::Pending,
                    due_ms: Some(now_ms + waited_ms.clamp(1_000, 60_000)),
                    code: Some("LATE".to_owned()),
                    words: Some("its click or visit has yet to be written down".to_owned()),
                    ..Fate::default()
                }));
                continue;
            }
            match check(self.destination, send, now_ms) {
                Ok((conversion, keys)) => ready.push(Ready {
                    conversion,
                    keys,
                    owed_since_ms: send.owed_since_ms,
                    attempts: send.attempts,
                    code: send.code.clone(),
                    words: send.words.clone(),
                }),
                Err(why) => fates.push(alone(Fate {
                    state: State::Skipped,
                    code: Some(why.code.to_owned()),
                    words: Some(why.words),
                    ..Fate::default()
                })),
            }
        }
        (ready, fates)
    }
}

/// How the circuit is to stand after an answer, the destination having failed so often in a row; none: the platform took what it was sent.
fn circuit(reply: &Reply, failures: u64, now_ms: u64) -> Option<Circuit> {
    let (code, pause_ms) = match reply.outcome {
        Outcome::Sent | Outcome::Taken | Outcome::Rejected { .. } | Outcome::KindRefused => {
            return None;
        }
        Outcome::Retry { after_s } => {
            let pause_ms = if failures >= TRIPS_AT {
                backoff_ms(failures - TRIPS_AT + 1)
            } else {
                0
            };
            (UNAVAILABLE, pause_ms.max(asked_ms(after_s.unwrap_or(0))))
        }
        Outcome::Throttled { after_s } => (
            THROTTLED,
            after_s.map_or_else(|| backoff_ms(failures), asked_ms),
        ),
        Outcome::Credentials => (CREDENTIALS, CREDENTIALS_PAUSE_MS),
    };
    Some(Circuit {
        failures,
        open_ms: now_ms + pause_ms,
        code,
        words: reply.words.clone(),
    })
}

const UNAVAILABLE: &str = "UNAVAILABLE";
const THROTTLED: &str = "THROTTLED";
/// The code of what a platform has taken, and tells later what of it counts.
const TAKEN: &str = "TAKEN";
/// The code of what a platform refuses for the token's sake.
pub const CREDENTIALS: &str = "CREDENTIALS";

/// The code of what a platform refuses for what the settings name for its kind of event.
const KIND_REFUSED: &str = "KIND_REFUSED";

/// How long to leave a destination alone that asks for so many seconds, in ms.
fn asked_ms(seconds: u32) -> u64 {
    (u64::from(seconds) * 1_000).min(LONGEST_PAUSE_MS)
}

/// What becomes of sends that were claimed and not tried: they are due again at `due_ms`, and stand as they stood.
fn given_back(batch: Vec<Ready>, due_ms: u64) -> Vec<Fate> {
    let fates = batch.into_iter().map(|send| Fate {
        state: State::Pending,
        due_ms: Some(due_ms),
        code: send.code,
        words: send.words,
        sends: vec![(send.conversion.id(), None)],
        ..Fate::default()
    });
    fates.collect()
}

/// What becomes of a batch after an answer.
fn fates_of(batch: Vec<Ready>, reply: &Reply, circuit: Option<&Circuit>, now_ms: u64) -> Vec<Fate> {
    let size = batch.len();
    let attempts = batch.iter().map(|send| send.attempts).max().unwrap_or(0);
    let told = |state, code: &str| Fate {
        state,
        attempted: 1,
        code: Some(code.to_owned()),
        words: Some(reply.words.clone()).filter(|words| !words.is_empty()),
        request_id: reply.request_id.clone(),
        ..Fate::default()
    };
    let sends = batch
        .iter()
        .map(|send| (send.conversion.id(), Some(send.keys.to_string())));
    match &reply.outcome {
        Outcome::Sent => vec![Fate {
            sends: sends.collect(),
            ..told(State::Sent, "OK")
        }],
        Outcome::Taken => vec![Fate {
            sends: sends.collect(),
            due_ms: Some(now_ms + FIRST_INQUIRY_MS),
            ..told(State::Sent, TAKEN)
        }],
        Outcome::Rejected { code } if size == 1 => vec![Fate {
            sends: sends.collect(),
            ..told(State::Rejected, code)
        }],
        // One of them may be at fault alone: the next claims get the halves.
        Outcome::Rejected { code } => vec![Fate {
            sends: sends.collect(),
            due_ms: Some(now_ms),
            batch_limit: Some(size / 2),
            ..told(State::Pending, code)
        }],
        Outcome::Retry { .. }
        | Outcome::Throttled { .. }
        | Outcome::Credentials
        | Outcome::KindRefused => {
            let code = match reply.outcome {
                Outcome::KindRefused => KIND_REFUSED,
                _ => circuit.map_or(UNAVAILABLE, |circuit| circuit.code),
            };
            let open_ms = circuit.map_or(0, |circuit| circuit.open_ms);
            let wait_ms = match reply.outcome {
                // The destination's pause is all: whoever has mended the token waits no longer.
                Outcome::Credentials => 0,
                Outcome::KindRefused => CREDENTIALS_PAUSE_MS,
                _ => jittered(backoff_ms(attempts + 1)),
            };
            let due_ms = (now_ms + wait_ms).max(open_ms);
            let mut again = told(State::Pending, code);
            again.due_ms = Some(due_ms);
            if matches!(reply.outcome, Outcome::Retry { .. }) && attempts > 0 && size > 1 {
                // There may be too many of them, or one may break the platform: what fails again goes in halves.
                again.batch_limit = Some(size / 2);
            }
            let mut dead = told(State::Dead, code);
            for (send, ready) in sends.zip(&batch) {
                let is_over = ready.owed_since_ms + GIVE_UP_MS <= due_ms;
                if is_over { &mut dead } else { &mut again }
                    .sends
                    .push(send);
            }
            let fates = [again, dead].into_iter();
            fates.filter(|fate| !fate.sends.is_empty()).collect()
        }
    }
}

/// How long to wait after so many attempts, in ms: 5, 10, 20 … s, up to an hour.
fn backoff_ms(attempts: u64) -> u64 {
    const FIRST_MS: u64 = 5_000;
    const LONGEST_MS: u64 = HOUR_MS;
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    FIRST_MS.saturating_mul(factor).min(LONGEST_MS)
}

/// Half of it for certain, the other half by chance: what failed together does not come back together.
fn jittered(ms: u64) -> u64 {
    let chance = entropy().map_or(u64::MAX, |bytes| {
        let [low, high, ..] = bytes;
        u64::from(low) << 8 | u64::from(high)
    });
    ms / 2 + (ms / 2 * chance.min(0xffff)) / 0xffff
}

/// Tells a destination of conversions, and reads what it answers.
///
/// # Errors
/// Nothing was told: it can't be.
pub async fn tell(
    env: &Env,
    website_id: &str,
    destination: &Destination,
    conversions: &[&Conversion],
    purpose: Purpose,
) -> Result<Reply, RequestError> {
    if destination.credentials.is_none() {
        // Repeating it does no harm: the platform knows each event by its id.
        return tell_once(destination, None, conversions, purpose).await;
    }
    let kind = tokens::google::kind(website_id, &destination.name);
    let is_refused = |reply: &Result<Reply, RequestError>| matches!(reply, Ok(reply) if reply.outcome == Outcome::Credentials);
    let mut tokens = Tokens::new(env, &kind);
    let told = tokens.call(is_refused, async |token| {
        // Repeating it does no harm: the platform knows each event by its id.
        tell_once(destination, Some(token), conversions, purpose).await
    });
    // Repeating it does no harm: as above.
    told.await.unwrap_or_else(|why| Ok(no_token(why)))
}

/// What to take for an answer where there is no token to ask with.
fn no_token(why: tokens::Failure) -> Reply {
    match why {
        tokens::Failure::Refused(words) => Reply {
            outcome: Outcome::Credentials,
            request_id: None,
            words,
        },
        tokens::Failure::Away(words) => unanswered(&words),
    }
}

async fn tell_once(
    destination: &Destination,
    bearer: Option<&Secret>,
    conversions: &[&Conversion],
    purpose: Purpose,
) -> Result<Reply, RequestError> {
    let account = &destination.account;
    let request = account.request(conversions, bearer, purpose, runtime::now_ms())?;
    // Repeating it does no harm: the platform knows each event by its id.
    Ok(match platform::call(&request).await {
        Ok(answer) => account.reply(answer.status, answer.retry_after_s, &answer.body),
        Err(why) => unanswered(&why),
    })
}

/// What the words of an answer begin with that never came.
pub const NO_ANSWER: &str = "no answer: ";

/// What to take for an answer that never came.
fn unanswered(why: &str) -> Reply {
    Reply {
        outcome: Outcome::Retry { after_s: None },
        request_id: None,
        words: format!("{NO_ANSWER}{why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_send_is_under_way_when_its_claim_ends() {
        // For a token and for the platform, and both once more.
        let longest_ms = 24_000 + 20_000 + 24_000 + 20_000;
        assert!(last_start_ms(true) + longest_ms < LEASE_MS);
        assert_eq!(last_start_ms(false), 90_000);
    }

    #[test]
    fn waits_grow_to_an_hour() {
        assert_eq!(
            [0, 1, 2, 5, 10, 11, 64, u64::MAX].map(backoff_ms),
            [
                5_000, 5_000, 10_000, 80_000, 2_560_000, 3_600_000, 3_600_000, 3_600_000
            ]
        );
    }
}
