//! What a call asks by its query.

use adstat::time::Moment;

use super::Call;
use super::events::unix_ms;
use crate::error::Error;
use crate::report::feed::Place;
use crate::runtime::DAY_MS;

/// How much a page has where the caller says nothing.
const PAGE: u64 = 50;

impl Call<'_> {
    /// A number of the query.
    fn asked_number(&self, name: &str) -> Result<Option<u64>, Error> {
        let asked = self.edge.caller.parameter(name);
        asked
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| Error::field(name, "expected a whole number"))
    }

    /// A time of the query, Unix time in ms.
    pub(super) fn asked_time(&self, name: &str) -> Result<Option<u64>, Error> {
        let asked = self.edge.caller.parameter(name);
        let parse = |text: String| {
            unix_ms(&text)
                .ok_or_else(|| Error::field(name, "not a Unix time in whole milliseconds"))
        };
        asked.map(parse).transpose()
    }

    /// How much a page is to have: `most` at most.
    pub(super) fn asked_limit(&self, most: u64) -> Result<u64, Error> {
        let limit = self.asked_number("limit")?.unwrap_or(PAGE);
        (1..=most)
            .contains(&limit)
            .then_some(limit)
            .ok_or_else(|| Error::field("limit", &format!("expected 1 to {most}")))
    }

    /// The one site that the query asks for, or that the key may see; none: all.
    pub(super) async fn asked_site(&self) -> Result<Option<String>, Error> {
        self.seen_site(self.edge.caller.parameter("websiteId"))
            .await
    }

    /// A day of the query, and whether the time told is its very beginning.
    pub(super) fn asked_day(&self, name: &str) -> Result<Option<(u64, bool)>, Error> {
        let Some(text) = self.edge.caller.parameter(name) else {
            return Ok(None);
        };
        let day = Moment::parse(&text).filter(|moment| moment.is_day);
        let day_ms = day.and_then(|day| u64::try_from(day.at_s).ok()?.checked_mul(1_000));
        let at_ms = day_ms.or_else(|| unix_ms(&text)).ok_or_else(|| {
            Error::field(
                name,
                "expected a day from 1970-01-01 on, or a Unix time in whole milliseconds",
            )
        })?;
        Ok(Some((at_ms / DAY_MS, at_ms % DAY_MS == 0)))
    }

    /// Where a page of the feed begins, by `before`: a time, or the `next` of another page.
    pub(super) fn asked_place(&self) -> Result<Option<Place>, Error> {
        let Some(text) = self.edge.caller.parameter("before") else {
            return Ok(None);
        };
        let place = unix_ms(&text).map(Place::before);
        let place = place.or_else(|| Place::parse(&text));
        place.map(Some).ok_or_else(|| {
            let expected = "not a Unix time in whole milliseconds, nor the next of a page";
            Error::field("before", expected)
        })
    }
}
