//! Audiences: files of phone numbers of Uzbekistan, or their hashes.

use crate::problem::{Invalid, Problem, verdict};

/// The most bytes a file may have: "up to 10 MB".
pub const LARGEST: usize = 10 * 1024 * 1024;
/// The fewest entries a file may have.
pub const FEWEST: usize = 1_000;
/// The country code, and how many digits a number has with it (ITU-T E.164, Uzbekistan).
const COUNTRY: &str = "998";
const DIGITS: usize = 12;

/// A file that AdStat can make an audience of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// What it will be called.
    pub title: String,
    /// The file's name.
    pub file: String,
    /// How many numbers and hashes it holds.
    pub entries: usize,
}

impl Audience {
    /// Reads a file called `file`: numbers such as `998901234567`, or their SHA-256 in hex, separated by commas or line breaks.
    ///
    /// # Errors
    /// [`Invalid`], naming `title` or `audience` and the entry that is wrong by its place: whose number it is, is never said.
    pub fn read(title: &str, file: &str, bytes: &[u8]) -> Result<Self, Invalid> {
        let mut problems = Vec::new();
        if title.trim().is_empty() {
            problems.push(Problem::new("title", "missing"));
        }
        let mut entries = 0;
        if let Err(expected) = check_file(file, bytes).map(|found| entries = found) {
            problems.push(Problem::new("audience", expected));
        }
        let read = Self {
            title: title.to_owned(),
            file: file.to_owned(),
            entries,
        };
        verdict(read, problems)
    }
}

fn check_file(file: &str, bytes: &[u8]) -> Result<usize, String> {
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    if !["csv", "txt"]
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
    {
        return Err("expected a file called .csv or .txt".to_owned());
    }
    if bytes.len() > LARGEST {
        return Err("expected a file of at most 10 MB".to_owned());
    }
    // As spreadsheets save "CSV UTF-8". It would be part of the first number.
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(
            "it begins with a byte order mark: save it as plain CSV or text, without one"
                .to_owned(),
        );
    }
    let parts = bytes.split(|byte| matches!(byte, b',' | b'\n' | b'\r'));
    let entries = parts
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty());
    let mut count = 0;
    for entry in entries {
        count += 1;
        if !is_number(entry) && !is_hash(entry) {
            return Err(format!(
                "entry {count}: expected {DIGITS} digits that begin with {COUNTRY}, or a SHA-256 in hex"
            ));
        }
    }
    if count < FEWEST {
        return Err(format!("expected {FEWEST} numbers at least, found {count}"));
    }
    Ok(count)
}

fn is_number(entry: &[u8]) -> bool {
    entry.len() == DIGITS
        && entry.starts_with(COUNTRY.as_bytes())
        && entry.iter().all(u8::is_ascii_digit)
}

fn is_hash(entry: &[u8]) -> bool {
    entry.len() == 64 && entry.iter().all(u8::is_ascii_hexdigit)
}
