//! JSON, written.

use serde::Serialize;

/// What a visit's JSON mostly fits in, in bytes: growing from serde_json's own 128 costs as much as writing.
const ROOM: usize = 2048;

/// The JSON of `value`.
///
/// # Errors
/// serde_json's: a map whose keys are no texts.
pub fn text(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut bytes, value)?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}
