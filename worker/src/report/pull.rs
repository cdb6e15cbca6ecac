//! What AdStat's ads cost, pulled by the clock: each hour the last three days anew and the list of ads, once a day the last thirty days. What
//! AdStat says later of a day stands in the place of what it said before. Its days are taken as it names them.

use std::collections::BTreeMap;

use adstat::answer::{self, AdSummary, StatsPage};
use adstat::call::{Call, Query};
use adstat::stats::{AdDay, CURRENCIES, StatsQuestion};
use adstat::time::day_name;
use serde::Serialize;
use serde_json::json;

use crate::adstat::{Body, send};
use crate::config::{AdStat, Config, DATABASE};
use crate::ledger::{Database, Statement, Unavailable};
use crate::runtime::{self, DAY_MS, Env, HOUR_MS, Reply};
use crate::tokens::{self, Tokens};

/// The clock strikes every five minutes, and not to the second.
const SLACK_MS: u64 = 60_000;
/// How many days are asked for anew each hour, today among them.
const RECENT_DAYS: u64 = 3;
/// How many once a day.
const MONTH_DAYS: u64 = 30;
/// How long AdStat may take for a page, in ms.
const TIMEOUT_MS: u32 = 10_000;
/// How many pages are asked for at most: 100,000 rows.
const MOST_PAGES: usize = 200;
/// The most ads of a page.
const PAGE: usize = 500;
/// How many characters of a failure are kept.
const LONGEST_WHY: usize = 300;

/// A row of `ad_days`.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    day: AdDay,
    currency: &'a str,
}

/// AdStat, with tokens.
struct Session<'a> {
    adstat: &'a AdStat,
    tokens: Tokens<'a>,
}

/// Pulls what is due. Where something fails, no number is written, and the next strike tries again; since when, and why, is kept for the operator.
///
/// # Errors
/// In words for the log.
pub async fn pull(env: &Env, config: &Config, now_ms: u64) -> Result<(), Unavailable> {
    // Repeating it does no harm: the same numbers stand in the place of the same.
    let pulled = pull_due(env, config, now_ms).await;
    if let Err(why) = &pulled {
        // Repeating it does no harm: the first time stands.
        if let Err(why) = note_failure(env, &why.to_string(), now_ms).await {
            runtime::log_error(&format!("a pull's failure is not noted: {why}"));
        }
    }
    pulled
}

async fn note_failure(env: &Env, why: &str, now_ms: u64) -> Result<(), Unavailable> {
    let why: String = why.chars().take(LONGEST_WHY).collect();
    let parameter = json!({ "nowMs": now_ms, "why": why });
    let statement = Statement::new(include_str!("pull_failed.sql"), &parameter)?;
    // Repeating it does no harm: the first time stands.
    Database::bound(env, DATABASE)?
        .ask(statement)
        .await
        .map(drop)
}

async fn pull_due(env: &Env, config: &Config, now_ms: u64) -> Result<(), Unavailable> {
    let Some(adstat) = &config.adstat else {
        return Ok(());
    };
    let database = Database::bound(env, DATABASE)?;
    let last = Statement::new("SELECT kind, at_ms FROM pulls WHERE ?1 IS NOT NULL", &true)?;
    // Repeating it does no harm: it reads.
    let last = database.ask(last).await?;
    let is_due = |kind, every_ms| {
        let mut last = last.iter().filter(|row| row.text("kind") == Some(kind));
        let at_ms = last.next().and_then(|row| row.number("at_ms"));
        at_ms.is_none_or(|at_ms| now_ms + SLACK_MS >= at_ms + every_ms)
    };
    let days = match (is_due("month", DAY_MS), is_due("recent", HOUR_MS)) {
        (true, _) => MONTH_DAYS,
        (false, true) => RECENT_DAYS,
        (false, false) => return Ok(()),
    };
    let currency = match crate::report_settings(env).rates.currency.as_str() {
        counted if CURRENCIES.contains(&counted) => counted,
        _ => "EUR",
    };
    // AdStat's day may have begun before Greenwich's.
    let to_day = now_ms / DAY_MS + 2;
    let from_day = (now_ms / DAY_MS + 1).saturating_sub(days);
    let mut session = Session {
        adstat,
        tokens: Tokens::new(env, tokens::adstat::KIND),
    };
    // Repeating it does no harm: both read.
    let rows = session.ad_days(from_day, to_day, currency).await;
    let rows = rows.map_err(Unavailable::new)?;
    let ads = session.ads().await.map_err(Unavailable::new)?;

    let parameter = json!({ "fromDay": from_day, "toDay": to_day, "nowMs": now_ms, "isMonth": days == MONTH_DAYS });
    let mut statements = vec![Statement::new(
        "DELETE FROM ad_days WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay'",
        &parameter,
    )?];
    for page in rows.chunks(PAGE) {
        statements.push(Statement::new(include_str!("pulled.sql"), &page)?);
    }
    for page in ads.chunks(PAGE) {
        statements.push(Statement::new(include_str!("listed.sql"), &page)?);
    }
    statements.push(Statement::new(include_str!("pulled_at.sql"), &parameter)?);
    let well = "DELETE FROM pull_failure WHERE ?1 IS NOT NULL";
    statements.push(Statement::new(well, &true)?);
    // One transaction: had it been cut off, the earlier numbers would stand.
    database.transact(&statements).await?;
    Ok(())
}

impl<'a> Session<'a> {
    /// What ads did on the days from `from_day` to the one before `to_day`: a row an ad, day and campaign, the later one where pages overlap.
    async fn ad_days<'c>(
        &mut self,
        from_day: u64,
        to_day: u64,
        currency: &'c str,
    ) -> Result<Vec<Row<'c>>, String> {
        let name = |day| i64::try_from(day).ok().and_then(day_name);
        let (Some(from), Some(to)) = (name(from_day), name(to_day - 1)) else {
            return Err("the clock is beyond all calendars".to_owned());
        };
        let days = i64::try_from(from_day).unwrap_or(0)..i64::try_from(to_day).unwrap_or(0);
        let mut found = BTreeMap::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let question = StatsQuestion::of_ad_days(&from, &to, currency, cursor.as_deref());
            // Repeating it does no harm: it reads.
            let reply = self.ask(&Call::Stats(question)).await?;
            let page = StatsPage::read(reply.status, &reply.body);
            let page = page.map_err(|why| format!("statistics: {why}"))?;
            for row in &page.items {
                let day = AdDay::read(row).map_err(|why| format!("statistics: {why}"))?;
                if days.contains(&day.day) {
                    let key = (day.day, day.ad_id, day.campaign_id);
                    found.insert(key, Row { day, currency });
                }
            }
            let next = page.cursor.filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(found.into_values().collect());
            }
            if next == cursor {
                return Err("statistics: the same cursor twice".to_owned());
            }
            cursor = next;
        }
        Err(format!("statistics: over {MOST_PAGES} pages"))
    }

    /// All ads.
    async fn ads(&mut self) -> Result<Vec<AdSummary>, String> {
        let mut all: Vec<AdSummary> = Vec::new();
        for page in 0..MOST_PAGES {
            let call = Call::Ads(Query::ads("all", page * PAGE));
            // Repeating it does no harm: it reads.
            let reply = self.ask(&call).await?;
            let ads = answer::ads(reply.status, &reply.body);
            let ads = ads.map_err(|why| format!("ads: {why}"))?;
            let is_last = ads.len() < PAGE;
            all.extend(ads);
            if is_last {
                return Ok(all);
            }
        }
        Err(format!("ads: over {MOST_PAGES} pages"))
    }

    /// Makes a call that reads.
    async fn ask(&mut self, call: &Call) -> Result<Reply, String> {
        let request = call.request();
        let is_refused =
            |reply: &Result<Reply, _>| matches!(reply, Ok(reply) if reply.status == 401);
        let told = self.tokens.call(is_refused, async |token| {
            // Repeating it does no harm: it reads.
            send(self.adstat, &request, Some(token), Body::Own, TIMEOUT_MS).await
        });
        // Repeating it does no harm: it reads.
        told.await
            .map_err(|why| format!("logging in: {}", why.into_words()))?
    }
}
