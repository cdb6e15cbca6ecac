//! AdStat, through which Telegram Ads are bought: its calls as types that hold its documented rules.
//!
//! Nothing here reads, writes or sends; the clock comes in as an argument, so every rule can be tested from a table. A call is
//! read from what somebody asks ([`Call::read`]), refused where it breaks a rule ([`Invalid`] names the field), and written as
//! AdStat wants it ([`Call::request`]); what AdStat answers is read by [`Call::check`].
//!
//! | module | rule | source: AdStat's documentation |
//! |---|---|---|
//! | [`call`] | every call: host, method, path, query, body | all pages |
//! | [`login`] | credentials, the two tokens and how long they live | "Login" |
//! | [`ad`] | what an ad is, and an edit of one | "Create advertisement", "Edit advertisement" |
//! | [`schedule`] | seven days of 24 hours | body example of "Create advertisement" |
//! | [`kktu`] | categories of Russian law; only the third level names one | "How to fill kktu_ids" |
//! | [`audience`] | files of phone numbers | "Create a new audience" |
//! | [`pixel`] | Pixel Tag events | "Pixel and events" |
//! | [`stats`] | what statistics can be asked for | "Statistics" |
//! | [`answer`] | what AdStat answers, and its errors | all pages |
//! | [`utm`] | a landing link that names its ad | |

#![forbid(unsafe_code)]

pub mod ad;
pub mod answer;
pub mod audience;
pub mod call;
mod fields;
pub mod ids;
pub mod kktu;
pub mod login;
pub mod pixel;
mod problem;
pub mod request;
pub mod schedule;
pub mod stats;
pub mod time;
pub mod utm;

pub use answer::Failure;
pub use call::{Call, Unusable};
pub use ids::{AccountId, AdId, PixelEventId};
pub use problem::{Invalid, Problem};
pub use request::{Host, Request};
