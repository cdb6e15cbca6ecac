//! What an ad click carries, and how it is remembered.
//!
//! One parser for the page and the edge: [`PageView::capture`] reads an address, a referrer and the
//! cookies, and says which click brought the visitor. The clock comes in as an argument; nothing here
//! reads, writes or sends, so every rule can be tested from a table.
//!
//! | module | rule | source |
//! |---|---|---|
//! | [`url`] | the parts of an address; percent-decoding and `+` | URL Standard, `application/x-www-form-urlencoded` |
//! | [`cookie()`] | a `Cookie` header or `document.cookie` | RFC 6265, section 5.4 |
//! | [`Fbc`], [`Fbp`], [`subdomain_index`] | Meta's two cookies | Meta, "fbp and fbc parameters" and its parameter builder |
//! | [`PageView`] to [`Capture`] | where each click id is looked for, and when `_fbc` is written anew | the ad platforms' click ids and pixels' cookies |
//! | [`OwnNames`] | click ids under an advertiser's own names, which browsers leave | ours |
//! | [`Touches`] | the first and the last click of a visitor | ours |
//! | [`telegram`] | which addresses lead to Telegram and nowhere else | Telegram, "Deep links" |
//!
//! The browser tracker pays for every byte of this crate that it reaches. So what the page shares with the
//! edge, all that [`WrittenPageView::each_field`] calls, reads bytes where they lie ([`Written`]): no copies, no
//! allocation, no `core::fmt`, no maps, no sorting.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod capture;
mod cookie;
mod decimal;
mod meta;
mod own_names;
pub mod telegram;
mod touch;
pub mod url;
mod written;

pub use capture::{Capture, ClickIds, PageView, Utm, WrittenPageView};
pub use cookie::{cookie, cookie_as};
pub use meta::{Fbc, Fbp, META_COOKIE_MAX_AGE_S, names_meta_library, subdomain_index};
pub use own_names::{OwnNameError, OwnNames, Restored};
pub use touch::{TOUCH_COOKIE, Touch, Touches};
pub use written::Written;
