//! What became of a request after it was taken: [`requestStatus.retrieve`](https://developers.google.com/data-manager/api/reference/rest/v1/requestStatus/retrieve).
//!
//! A request whose fields are right is taken whole and processed later. What is wrong by then, such as a click that Google does not know,
//! is told here alone, for each conversion action: how many events, and why, but not which ("Diagnostics").

use serde::Deserialize;

use super::super::reply::MAX_LENGTH;
use super::super::request::Request;
use super::{Account, without_tokens};
use crate::{EventType, Secret};

/// How long after a request its outcome is first asked for, in ms ("Diagnostics": "Wait 30 minutes").
pub const FIRST_INQUIRY_MS: u64 = 30 * 60_000;

/// What became of an event after the request that it was in was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It counts, as far as anything is wrong with those that went with it, in the words, by choice of their visitors.
    Counted {
        /// Empty: nothing is wrong.
        words: String,
    },
    /// It does not count, as its visitor did not consent.
    ConsentDenied {
        /// What Google said.
        words: String,
    },
    /// It does not count.
    Refused {
        /// Google's reason; of several that of most events.
        code: String,
        /// What Google said.
        words: String,
    },
    /// Google itself failed at it: it can be sent again. What of it counts already is known by its `transactionId`.
    Failed {
        /// What Google said.
        words: String,
    },
    /// Some of those that went together do not count, and which is not told.
    PartlyRefused {
        /// What Google said.
        words: String,
    },
}

/// How a request stands, by conversion action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestStatus {
    request_status_per_destination: Vec<OfAction>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfAction {
    destination: Option<Destination>,
    request_status: Option<String>,
    events_ingestion_status: Option<Ingestion>,
    error_info: Option<ErrorInfo>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Destination {
    product_destination_id: Option<String>,
}

/// `int64` is a string in Google's JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ingestion {
    record_count: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorInfo {
    #[serde(default)]
    error_counts: Vec<ErrorCount>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorCount {
    record_count: Option<String>,
    reason: Option<String>,
}

impl ErrorCount {
    fn reason(&self) -> &str {
        let reason = self.reason.as_deref().unwrap_or("UNSPECIFIED");
        reason
            .strip_prefix("PROCESSING_ERROR_REASON_")
            .unwrap_or(reason)
    }

    fn records(&self) -> u64 {
        count(self.record_count.as_deref()).unwrap_or(1)
    }
}

fn count(text: Option<&str>) -> Option<u64> {
    text?.parse().ok()
}

/// Told again after an answer that was lost: "A conversion with the same order id and conversion action combination was already uploaded."
const TOLD_BEFORE: &str = "DUPLICATE_TRANSACTION_ID";
const CONSENT_DENIED: &str = "DENIED_CONSENT";
/// "Internal error.": nothing is wrong with the event.
const INTERNAL: &str = "INTERNAL_ERROR";

impl RequestStatus {
    /// Reads the body of an answer; `None`: it is none of this form, such as an error.
    pub fn read(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }
}

impl OfAction {
    /// `None`: Google does not know yet.
    fn verdict(&self) -> Option<Verdict> {
        let is_whole = match self.request_status.as_deref()? {
            "SUCCESS" => {
                return Some(Verdict::Counted {
                    words: String::new(),
                });
            }
            // The reference has the one name, the guide the other.
            "FAILED" | "FAILURE" => true,
            "PARTIAL_SUCCESS" => false,
            _ => return None,
        };
        let counts = self.error_info.iter().flat_map(|info| &info.error_counts);
        let (told_before, mut wrong): (Vec<_>, Vec<_>) =
            counts.partition(|each| each.reason() == TOLD_BEFORE);
        wrong.sort_by_key(|each| std::cmp::Reverse(each.records()));
        if wrong.is_empty() && !told_before.is_empty() {
            return Some(Verdict::Counted {
                words: String::new(),
            });
        }
        let words = self.words(&wrong);
        let all_are =
            |reason| !wrong.is_empty() && wrong.iter().all(|each| each.reason() == reason);
        if all_are(INTERNAL) {
            return Some(Verdict::Failed { words });
        }
        let is_consent = all_are(CONSENT_DENIED);
        Some(match (is_whole && told_before.is_empty(), is_consent) {
            (true, true) => Verdict::ConsentDenied { words },
            (true, false) => Verdict::Refused {
                code: wrong
                    .first()
                    .map_or("FAILED", |each| each.reason())
                    .to_owned(),
                words,
            },
            (false, true) => Verdict::Counted { words },
            (false, false) => Verdict::PartlyRefused { words },
        })
    }

    /// How many, of how many, and why.
    fn words(&self, wrong: &[&ErrorCount]) -> String {
        let reasons: Vec<String> = wrong
            .iter()
            .map(|each| format!("{} ({})", each.reason(), each.records()))
            .collect();
        let refused: u64 = wrong.iter().map(|each| each.records()).sum();
        let ingestion = self.events_ingestion_status.as_ref();
        let of = count(ingestion.and_then(|status| status.record_count.as_deref()));
        let of = of.map_or_else(String::new, |of| format!(" of the {of} that went together"));
        let words = format!(
            "Google took the request and then refused {refused}{of}: {}",
            reasons.join(", ")
        );
        without_tokens(&words).chars().take(MAX_LENGTH).collect()
    }
}

impl Account {
    /// The request that asks what became of the one that Google called `request_id`.
    pub fn inquiry(&self, request_id: &str, bearer: &Secret) -> Request {
        Request::get(&self.status_url, "requestId", request_id).bearer(bearer)
    }

    /// What became of an event of that kind; `None`: Google does not know yet, or does not say.
    pub fn verdict(&self, status: &RequestStatus, event: &EventType) -> Option<Verdict> {
        let action = self.conversion_actions.get(event);
        let all = &status.request_status_per_destination;
        let is_own = |each: &&OfAction| {
            let destination = each.destination.as_ref();
            action.is_some()
                && destination.and_then(|it| it.product_destination_id.as_deref()) == action
        };
        match (all.iter().find(is_own), all.as_slice()) {
            (Some(own), _) => own.verdict(),
            (None, [only]) => only.verdict(),
            (None, _) => None,
        }
    }
}
