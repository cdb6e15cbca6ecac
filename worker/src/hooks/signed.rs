//! `POST /hooks/{source}`: signed webhooks.

use crate::answer::Answer;
use crate::edge::Edge;
use crate::error::Error;

/// Takes one event of that source.
pub async fn receive(_edge: &Edge<'_>, _source: &str) -> Answer {
    Error::NotFound.into()
}
