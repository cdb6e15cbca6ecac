//! The keyed surface, `/api/v1`: what a CRM, a shop or a script asks and tells.

use crate::answer::Answer;
use crate::edge::Edge;
use crate::error::Error;

/// Answers a call to `path`, which is what stands behind `/api/v1/`.
pub async fn answer(_edge: &Edge<'_>, _path: &str) -> Answer {
    Error::NotFound.into()
}
