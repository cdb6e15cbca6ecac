//! Click ids under an advertiser's own names.
//!
//! Browsers take the platforms' names off addresses: Safari's Link Tracking Protection and Brave `gclid` and `fbclid` among others, Firefox's
//! Enhanced Tracking Protection `fbclid`. A name that an advertiser made up stays, and where a platform fills in the click id, it can stand
//! under one: Google Ads' ValueTrack `gc={gclid}`, TikTok's macro `tt=__CLICKID__`.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::capture::{MAX_CLICK_ID, fragment_query};
use crate::url::{parts, split_at_mark};

/// The parameters that click ids have.
const CLICK_IDS: [&str; 7] = [
    "fbclid", "ttclid", "gclid", "gbraid", "wbraid", "sccid", "tgclid",
];
/// The longest name.
const MAX_NAME: usize = 64;

/// Parameters of an advertiser's own, each with the click id that it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnNames(Vec<(String, &'static str)>);

/// Why a parameter can't hold a click id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnNameError {
    /// Its name is none that an address has as it stands.
    Name,
    /// Its name is a click id's already, by itself or as another parameter.
    Taken,
    /// What it is to hold is no click id.
    ClickId,
}

impl OwnNameError {
    /// The same in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Name => "expected a name of up to 64 letters, digits, _ and -",
            Self::Taken => "that is a click id's name already",
            Self::ClickId => {
                "expected one of fbclid, ttclid, gclid, gbraid, wbraid, sccid and tgclid"
            }
        }
    }
}

impl OwnNames {
    /// Adds the parameter `name`, which holds `click_id`; in both, case does not count.
    ///
    /// # Errors
    /// Where it can't.
    pub fn add(&mut self, name: &str, click_id: &str) -> Result<(), OwnNameError> {
        let known = |name: &str| {
            let mut known = CLICK_IDS.into_iter();
            known.find(|known| known.eq_ignore_ascii_case(name))
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_plain) {
            return Err(OwnNameError::Name);
        }
        let is_told = |(told, _): &(String, &str)| told.eq_ignore_ascii_case(name);
        if known(name).is_some() || self.0.iter().any(is_told) {
            return Err(OwnNameError::Taken);
        }
        let click_id = known(click_id).ok_or(OwnNameError::ClickId)?;
        self.0.push((name.into(), click_id));
        Ok(())
    }

    /// The address with the click ids under their platforms' names, too. They stand in its fragment, as a single-page app's query does: so the
    /// page is the same, and what stands under a platform's own name comes first. Of an address near 16 KB, of which no more is read, they are lost.
    #[inline(never)]
    pub fn restore<'a>(&self, address: &'a str) -> Restored<'a> {
        let mut restored = Restored {
            address: Cow::Borrowed(address),
            click_ids: Vec::new(),
        };
        if self.0.is_empty() {
            return restored;
        }
        let (page, fragment) = split_at_mark(address, b'#');
        let (_, query) = split_at_mark(page, b'?');
        let fragment = fragment_query(fragment.unwrap_or_default().as_bytes());
        let fragment = core::str::from_utf8(fragment).unwrap_or_default();
        for pair in parts(query.unwrap_or_default(), b'&').chain(parts(fragment, b'&')) {
            let (name, value) = split_at_mark(pair, b'=');
            let own = |(own, _): &&(String, &str)| own.eq_ignore_ascii_case(name);
            if let Some(value) = value
                && is_filled_in(value)
                && let Some((_, click_id)) = self.0.iter().find(own)
                && !restored.click_ids.contains(click_id)
            {
                restored.click_ids.push(click_id);
                let address = restored.address.to_mut();
                address.push_str(mark_before_parameter(address));
                for text in [click_id, "=", value] {
                    address.push_str(text);
                }
            }
        }
        restored
    }
}

/// Whether a platform has put a click id where its macro stood: a preview leaves it.
fn is_filled_in(value: &str) -> bool {
    value.len() <= MAX_CLICK_ID
        && !matches!(
            value.as_bytes(),
            [] | [b'{', ..] | [b'%', b'7', b'B' | b'b', ..] | [b'_', b'_', ..]
        )
}

/// What separates a parameter from the fragment that it is put behind, so that [`PageView`](crate::PageView) finds it.
fn mark_before_parameter(address: &str) -> &'static str {
    match split_at_mark(address, b'#') {
        (_, None) => "#",
        (_, Some(fragment)) if fragment.bytes().any(|byte| matches!(byte, b'?' | b'=')) => "&",
        _ => "?",
    }
}

/// An address in which click ids stand under their platforms' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored<'a> {
    /// The address.
    pub address: Cow<'a, str>,
    click_ids: Vec<&'static str>,
}

impl Restored<'_> {
    /// Whether it tells `field`, under AdTarget's names, by a name of the advertiser's own.
    pub fn tells(&self, field: &str) -> bool {
        let parameter = if field == "fbc" { "fbclid" } else { field };
        self.click_ids.contains(&parameter)
    }
}
