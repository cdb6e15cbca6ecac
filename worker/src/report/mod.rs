//! What ads brought beside what they cost, what happened last, and one person's trail.
//!
//! **Where a visit comes from** is counted as visits and clicks are written (`traffic` of the ledger): by day, `utm_source` (else the platform
//! whose click id it carries), `utm_campaign` and `utm_content`; a visit with `tgclid` that names no ad stands by its landing page. Joins,
//! leaves and purchases are their click's: that is written down with each (`origin_source` …), corrected when a click or visit comes late, and
//! counted by day (`moves`, `sales`) by triggers of the schema, so that no way of writing can forget it.
//!
//! **Which ad of AdStat's that is** is decided when it is asked, see [`ads::Ads`]: by its id or the order's in `utm_content`, else by the landing
//! page where `tgclid` says that Telegram Ads brought the visit and one ad alone leads there. The ad says its campaign; a visit without an ad
//! is of the campaign whose id or name its `utm_campaign` is. AdStat's rows bear an ad's id and its campaign's, no landing link: the link is
//! that of AdStat's list of ads.
//!
//! **Money** is whole millionths of a currency ([`crate::money::Micros`]), summed as such; each row is converted once, half a millionth up.

mod ads;
pub mod feed;
pub mod pull;
pub mod sums;
pub mod trail;
