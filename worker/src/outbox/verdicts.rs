//! What became of sends that a platform took, where it tells that later: Google Ads.

use conversions::EventType;
use conversions::platform::Destination as Account;
use conversions::platform::google::{FIRST_INQUIRY_MS, RequestStatus, Verdict};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use super::State;
use crate::allowance::Allowance;
use crate::config::Destination;
use crate::destinations;
use crate::ledger::{Database, Statement, Unavailable};
use crate::platform;
use crate::runtime::{self, CONNECTIONS, DAY_MS, Env, Reply};
use crate::tokens::{self, Failure, Tokens};

/// For how long a request is asked for, in ms.
const PATIENCE_MS: u64 = DAY_MS;

/// How many calls it takes to ask for one: for a token, and where that is refused for another.
const CALLS: u32 = 4;

/// The events of one kind in a request that a platform took.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Taken {
    due_ms: u64,
    website_id: String,
    destination: String,
    request_id: String,
    /// When it was taken, Unix time in ms.
    sent_ms: u64,
    event_type: String,
    custom_event_name: Option<String>,
}

impl Taken {
    fn is_of_request(&self, other: &Self) -> bool {
        [&self.website_id, &self.destination, &self.request_id]
            == [&other.website_id, &other.destination, &other.request_id]
    }
}

/// How they stand then.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    state: State,
    /// None: nothing is known yet.
    code: Option<String>,
    words: Option<String>,
    /// When it is asked for again, or where it is pending, sent again, Unix time in ms.
    ask_ms: Option<u64>,
}

impl Finding {
    fn of(verdict: Verdict, now_ms: u64) -> Self {
        let told = |state, code: &str, words: String| Self {
            state,
            code: Some(code.to_owned()),
            words: Some(words).filter(|words| !words.is_empty()),
            ask_ms: None,
        };
        match verdict {
            Verdict::Counted { words } => told(State::Sent, "OK", words),
            Verdict::ConsentDenied { words } => told(State::Skipped, "consent_denied", words),
            Verdict::Refused { code, words } => told(State::Rejected, &code, words),
            Verdict::PartlyRefused { words } => told(State::Sent, "PARTLY_REFUSED", words),
            // It is owed as long as it was, and not only from now on.
            Verdict::Failed { words } => Self {
                ask_ms: Some(now_ms + FIRST_INQUIRY_MS),
                ..told(State::Pending, "INTERNAL_ERROR", words)
            },
        }
    }

    /// Of one of which nothing is known yet.
    fn later(taken: &Taken, why: Option<&str>, now_ms: u64) -> Self {
        let waited_ms = now_ms.saturating_sub(taken.sent_ms);
        let is_over = waited_ms >= PATIENCE_MS;
        let words = "the platform took it, and has not told in a day whether it counts";
        Self {
            state: State::Sent,
            code: is_over.then(|| "UNCONFIRMED".to_owned()),
            words: why
                .map(str::to_owned)
                .or_else(|| is_over.then(|| words.to_owned())),
            ask_ms: Some(now_ms + (waited_ms / 2).max(FIRST_INQUIRY_MS)),
        }
    }
}

/// Asks what became of what was taken a while ago, and writes it down.
///
/// # Errors
/// The ledger's; it is asked for again.
pub async fn inquire(
    env: &Env,
    binding: &str,
    allowance: &Allowance,
    now_ms: u64,
) -> Result<(), Unavailable> {
    let database = Database::bound(env, binding)?;
    // Repeating it does no harm: it only reads.
    let taken: Vec<Taken> = database.rows(include_str!("taken.sql"), &now_ms).await?;
    let requests = taken
        .chunk_by(Taken::is_of_request)
        .take_while(|kinds| allowance.take(CALLS + kinds.len() as u32));
    let found: Vec<_> = futures_util::stream::iter(requests)
        .map(|kinds| inquire_one(env, kinds, now_ms))
        .buffer_unordered(CONNECTIONS)
        .collect()
        // Repeating it does no harm: it only asks.
        .await;
    let statements = found.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
    if statements.is_empty() {
        return Ok(());
    }
    // Repeating it does no harm: what is told stays told.
    database.transact(&statements).await.map(drop)
}

/// Asks for one request, and gives what is to be written down of each kind of event in it.
async fn inquire_one(
    env: &Env,
    kinds: &[Taken],
    now_ms: u64,
) -> Vec<Result<Statement, Unavailable>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Told<'a> {
        #[serde(flatten)]
        taken: &'a Taken,
        now_ms: u64,
        #[serde(flatten)]
        finding: Finding,
    }
    let Some(first) = kinds.first() else {
        return Vec::new();
    };
    let destination = destinations(env).named(&first.website_id, &first.destination);
    let status = match destination {
        // Repeating it does no harm: it only asks.
        Some(destination) => ask(env, &first.website_id, destination, &first.request_id).await,
        None => Err("its destination is in no setting any more".to_owned()),
    };
    let statements = kinds.iter().map(|taken| {
        let event = EventType::parse(&taken.event_type, taken.custom_event_name.as_deref()).ok();
        let verdict = match (&status, destination.map(|each| &each.account), event) {
            (Ok(status), Some(Account::Google(account)), Some(event)) => {
                account.verdict(status, &event)
            }
            _ => None,
        };
        let finding = verdict.map_or_else(
            || Finding::later(taken, status.as_ref().err().map(String::as_str), now_ms),
            |verdict| Finding::of(verdict, now_ms),
        );
        let told = Told {
            taken,
            now_ms,
            finding,
        };
        Statement::new(include_str!("verdict.sql"), &told)
    });
    statements.collect()
}

/// Asks how a request stands.
///
/// # Errors
/// In words for the operator: it is not told.
async fn ask(
    env: &Env,
    website_id: &str,
    destination: &Destination,
    request_id: &str,
) -> Result<RequestStatus, String> {
    let Account::Google(account) = &destination.account else {
        return Err("its destination is another one by now".to_owned());
    };
    let kind = tokens::google::kind(website_id, &destination.name);
    let is_refused =
        |answer: &Result<Reply, _>| matches!(answer, Ok(answer) if answer.status == 401);
    let mut tokens = Tokens::new(env, &kind);
    let told = tokens.call(is_refused, async |token| {
        // Repeating it does no harm: it only asks.
        platform::call(&account.inquiry(request_id, token)).await
    });
    // Repeating it does no harm: as above.
    let answer = told.await.map_err(Failure::into_words)??;
    let status = RequestStatus::read(&answer.body).filter(|_| answer.status == 200);
    status.ok_or_else(|| {
        let words = format!("asked what became of it, Google answered {}", answer.status);
        runtime::log_warning(&format!("{} of {website_id}: {words}", destination.name));
        words
    })
}
