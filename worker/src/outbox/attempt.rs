//! One attempt: what is due for a destination goes there in one request.

use conversions::platform::{Outcome, Purpose, Reply, Request, RequestError, Skip};
use conversions::{Conversion, MatchKeys, Secret};

use super::GIVE_UP_MS;
use super::claim::{Circuit, Claim, Claimed, Fate, TRIPS_AT};
use super::log::State;
use crate::config::Destination;
use crate::ids::entropy;
use crate::ledger::{Database, Unavailable};
use crate::runtime::{self, Call, Env};
use crate::tokens;

/// How long a platform may take to answer, in ms: a thousand events take it a while.
const TIMEOUT_MS: u32 = 20_000;

/// How long a send waits for its click and visit to come through the queue, in ms.
const PATIENCE_MS: u64 = 10 * 60_000;

/// How long a destination is left alone whose token is refused, in ms: somebody has to look first.
const CREDENTIALS_PAUSE_MS: u64 = 5 * 60_000;

/// One destination, to be told what is due.
pub struct Attempt<'a> {
    pub env: &'a Env,
    pub database: &'a Database,
    pub website_id: &'a str,
    pub destination: &'a Destination,
}

/// How far an attempt got.
pub enum Progress {
    /// Nothing was due; where the destination is left alone, until when, Unix time in ms.
    Idle(Option<u64>),
    /// Something was settled; where it has to be tried again, when, Unix time in ms.
    Made(Option<u64>),
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

/// What goes together in one request.
struct Batch {
    conversions: Vec<Conversion>,
    /// Of each, what it tells of the person and the click.
    keys: Vec<MatchKeys>,
    /// Of each, since when it is owed, Unix time in ms.
    owed_since_ms: Vec<u64>,
    /// The most attempts that any of them has behind it.
    attempts: u64,
}

impl Attempt<'_> {
    /// Claims, sends and settles once.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn run(&self) -> Result<Progress, Unavailable> {
        let now_ms = runtime::now_ms();
        // Repeating it does no harm: another claim gets what this one did not.
        let claim = Claim::take(self.database, self.website_id, self.destination, now_ms).await?;
        if claim.sends.is_empty() {
            return Ok(Progress::Idle(
                (claim.open_ms > now_ms).then_some(claim.open_ms),
            ));
        }
        let (batch, mut fates) = self.sort_out(&claim.sends, now_ms);
        let mut circuit = None;
        let mut took = false;
        if !batch.conversions.is_empty() {
            // Repeating it does no harm: the platform knows each event by its id.
            let conversions: Vec<&Conversion> = batch.conversions.iter().collect();
            let told = tell(
                self.env,
                self.website_id,
                self.destination,
                &conversions,
                Purpose::Deliver,
            );
            let reply = told
                .await
                .unwrap_or_else(|why| unanswered(&why.to_string()));
            took = matches!(reply.outcome, Outcome::Sent | Outcome::Rejected { .. });
            let now_ms = runtime::now_ms();
            circuit = self.circuit(&reply, &claim, now_ms);
            fates.extend(fates_of(batch, &reply, circuit.as_ref(), now_ms));
        }
        let again_ms = fates.iter().filter_map(|fate| fate.due_ms).min();
        // Repeating it does no harm: a send that is settled is pending no more.
        claim
            .settle(
                self.database,
                &fates,
                circuit.as_ref(),
                took,
                runtime::now_ms(),
            )
            .await?;
        Ok(match circuit {
            Some(circuit) if circuit.open_ms > now_ms => Progress::Idle(Some(circuit.open_ms)),
            _ => Progress::Made(again_ms),
        })
    }

    /// What of a claim can be sent, and what becomes of the rest.
    fn sort_out(&self, sends: &[Claimed], now_ms: u64) -> (Batch, Vec<Fate>) {
        let mut batch = Batch {
            conversions: Vec::new(),
            keys: Vec::new(),
            owed_since_ms: Vec::new(),
            attempts: 0,
        };
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
                Ok((conversion, keys)) => {
                    batch.conversions.push(conversion);
                    batch.keys.push(keys);
                    batch.owed_since_ms.push(send.owed_since_ms);
                    batch.attempts = batch.attempts.max(send.attempts);
                }
                Err(why) => fates.push(alone(Fate {
                    state: State::Skipped,
                    code: Some(why.code.to_owned()),
                    words: Some(why.words),
                    ..Fate::default()
                })),
            }
        }
        (batch, fates)
    }

    /// How the circuit is to stand after an answer; none: as it stood, or closed where the platform took something.
    fn circuit(&self, reply: &Reply, claim: &Claim<'_>, now_ms: u64) -> Option<Circuit> {
        let failures = claim.failures + 1;
        let (code, pause_ms) = match reply.outcome {
            Outcome::Sent | Outcome::Rejected { .. } => return None,
            Outcome::Retry { after_s } => {
                let pause_ms = if failures >= TRIPS_AT {
                    backoff_ms(failures - TRIPS_AT + 1)
                } else {
                    0
                };
                (UNAVAILABLE, pause_ms.max(ms(after_s)))
            }
            Outcome::Throttled { after_s } => (
                THROTTLED,
                after_s.map_or_else(|| backoff_ms(failures), |s| ms(Some(s))),
            ),
            Outcome::Credentials => {
                runtime::log_error(&format!(
                    "{} of {}: its credentials are refused: {}",
                    self.destination.name, self.website_id, reply.words
                ));
                (CREDENTIALS, CREDENTIALS_PAUSE_MS)
            }
        };
        Some(Circuit {
            failures,
            open_ms: now_ms + pause_ms,
            code,
            words: reply.words.clone(),
        })
    }
}

const UNAVAILABLE: &str = "UNAVAILABLE";
const THROTTLED: &str = "THROTTLED";
/// The code of what a platform refuses for the token's sake.
pub const CREDENTIALS: &str = "CREDENTIALS";

fn ms(seconds: Option<u32>) -> u64 {
    u64::from(seconds.unwrap_or(0)) * 1_000
}

/// What becomes of a batch after an answer.
fn fates_of(batch: Batch, reply: &Reply, circuit: Option<&Circuit>, now_ms: u64) -> Vec<Fate> {
    let size = batch.conversions.len();
    let told = |state, code: &str| Fate {
        state,
        attempted: 1,
        code: Some(code.to_owned()),
        words: Some(reply.words.clone()).filter(|words| !words.is_empty()),
        request_id: reply.request_id.clone(),
        ..Fate::default()
    };
    let sends = batch
        .conversions
        .iter()
        .zip(&batch.keys)
        .map(|(conversion, keys)| (conversion.id(), Some(keys.to_string())));
    match &reply.outcome {
        Outcome::Sent => vec![Fate {
            sends: sends.collect(),
            ..told(State::Sent, "OK")
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
        Outcome::Retry { .. } | Outcome::Throttled { .. } | Outcome::Credentials => {
            let code = circuit.map_or(UNAVAILABLE, |circuit| circuit.code);
            let open_ms = circuit.map_or(0, |circuit| circuit.open_ms);
            let due_ms = (now_ms + jittered(backoff_ms(batch.attempts + 1))).max(open_ms);
            let mut again = told(State::Pending, code);
            again.due_ms = Some(due_ms);
            let mut dead = told(State::Dead, code);
            for (send, owed_since_ms) in sends.zip(&batch.owed_since_ms) {
                let is_over = owed_since_ms + GIVE_UP_MS <= due_ms;
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
    const LONGEST_MS: u64 = 3_600_000;
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
    let mut refused = None;
    loop {
        // Repeating it does no harm: a token that is kept and good is handed out again.
        let bearer = match tokens::bearer(env, &kind, refused.as_ref()).await {
            Ok(bearer) => bearer.token,
            Err(why) => return Ok(no_token(why)),
        };
        // Repeating it does no harm: the platform knows each event by its id.
        let reply = tell_once(destination, Some(&bearer), conversions, purpose).await?;
        // The token may have ended before its time; a second one is not asked for.
        if reply.outcome != Outcome::Credentials || refused.is_some() {
            return Ok(reply);
        }
        refused = Some(bearer);
    }
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
    Ok(match call(&request).await {
        Ok(answer) => {
            let retry_after = Some(answer.retry_after.as_str()).filter(|text| !text.is_empty());
            account.reply(answer.status, retry_after, &answer.body, runtime::now_ms())
        }
        Err(why) => unanswered(&why),
    })
}

/// Makes a request and reads the answer.
///
/// # Errors
/// In words, without a secret: no answer came.
pub async fn call(request: &Request) -> Result<runtime::Reply, String> {
    let headers = request.headers.iter();
    let headers: Vec<String> = headers
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    let target = request.target();
    let call = Call {
        url: &target,
        method: "POST",
        headers: &headers.join("\n"),
        body: &request.body,
        timeout_ms: TIMEOUT_MS,
    };
    // Repeating it does no harm: see who makes the request.
    let answer = call.send().await;
    answer.map_err(|why| why.replace(&target, &request.url))
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
    fn waits_grow_to_an_hour() {
        assert_eq!(
            [0, 1, 2, 5, 10, 11, 64, u64::MAX].map(backoff_ms),
            [
                5_000, 5_000, 10_000, 80_000, 2_560_000, 3_600_000, 3_600_000, 3_600_000
            ]
        );
    }
}
