//! The report: sums of a time, by day, ad, campaign, source or channel.

use std::collections::BTreeMap;
use std::mem;

use ::adstat::time::day_name;
use conversions::Currency;
use serde::Serialize;

use super::ads::{Ad, Ads, TELEGRAM};
use super::feed::bindings;
use crate::config::{Channel, Config, DATABASE, Site};
use crate::ledger::{Database, Row, Rows, Statement, Unavailable};
use crate::money::{Micros, Rates};
use crate::operator;
use crate::runtime::{DAY_MS, Env};
use crate::telegram::ChatId;

/// The longest time whose empty days have rows too, in days.
const FILLED_DAYS: u64 = 400;
/// How many groups are read at least. Who makes up a content for each visit can have as many as there are visits.
const LEAST_GROUPS: usize = 5_000;
/// What is called by no name.
const NONE: &str = "(none)";

/// What sums are by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// UTC days.
    Day,
    /// Ads: AdStat's by their ids, others by `utm_content`.
    Ad,
    /// Campaigns: AdStat's by their ids, others by `utm_campaign`.
    Campaign,
    /// Sources: `utm_source`, else the platform whose click id was there.
    Source,
    /// Telegram channels, by their ids at the backend. Visits are of none.
    Channel,
}

impl By {
    /// Reads its name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "day" => Self::Day,
            "ad" => Self::Ad,
            "campaign" => Self::Campaign,
            "source" => Self::Source,
            "channel" => Self::Channel,
            _ => return None,
        })
    }
}

/// A statement that sums up a table of `sums/` by those columns: [`Question::most_groups`] of them, the first in that order, and one row of all others.
macro_rules! grouped {
    ($table:literal, $by:literal, $sums:literal, $order:expr $(, $apart:literal)?) => {
        concat!(
            "WITH told AS (SELECT day,\n",
            include_str!("sums/origin.sql"),
            include_str!(concat!("sums/", $table, ".sql")),
            "), ranked AS (SELECT ", $by, $(", ", $apart,)? ", ", $sums, ", row_number() OVER (ORDER BY ", $order, ") AS place\n",
            "FROM told GROUP BY ", $by, $(", ", $apart,)? ")\n",
            "SELECT ", $by, $(", ", $apart,)? ", ", $sums, ", place > ?1 ->> 'mostGroups' AS is_rest\n",
            "FROM ranked GROUP BY min(place, ?1 ->> 'mostGroups' + 1)" $(, ", ", $apart)?
        )
    };
}

/// AdStat's ads come before all others. Asked of groups, not of their rows: that would take twice as long.
macro_rules! known_first {
    () => {
        "ad IN (SELECT value FROM json_each(?1, '$.contents')) DESC, "
    };
}

/// What led people on counts for more than what they only saw.
macro_rules! traffic {
    ($by:literal $(, $first:ident)?) => {
        grouped!(
            "traffic",
            $by,
            "sum(visits) AS visits, sum(clicks) AS clicks",
            concat!($($first!(),)? "sum(clicks) DESC, sum(visits) DESC")
        )
    };
}

macro_rules! moves {
    ($by:literal $(, $first:ident)?) => {
        grouped!(
            "moves",
            $by,
            "sum(joins) AS joins, sum(leaves) AS leaves",
            concat!($($first!(),)? "sum(joins) DESC")
        )
    };
}

/// Revenue is text: it may be beyond what JavaScript's numbers hold.
macro_rules! sales {
    ($by:literal $(, $first:ident)?) => {
        grouped!(
            "sales",
            $by,
            "sum(purchases) AS purchases, CAST(sum(revenue_minor) AS TEXT) AS revenue_minor",
            concat!($($first!(),)? "sum(purchases) DESC"),
            "currency"
        )
    };
}

impl By {
    /// The statements that sum up what came of ads: by no more than it takes to tell the rows apart.
    fn statements(self) -> [&'static str; 3] {
        match self {
            Self::Day => [traffic!("day"), moves!("day"), sales!("day")],
            Self::Ad => [
                traffic!("ad, told_by", known_first),
                moves!("ad, told_by", known_first),
                sales!("ad, told_by", known_first),
            ],
            Self::Campaign => [
                traffic!("ad, told_by, campaign", known_first),
                moves!("ad, told_by, campaign", known_first),
                sales!("ad, told_by, campaign", known_first),
            ],
            Self::Source => [traffic!("source"), moves!("source"), sales!("source")],
            Self::Channel => [
                traffic!("website_id, channel"),
                moves!("website_id, channel_id, chat_id"),
                sales!("website_id, channel_id"),
            ],
        }
    }
}

/// What is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The first day, counted from 1970-01-01, UTC.
    pub from_day: u64,
    /// The day after the last.
    pub to_day: u64,
    /// What the sums are by.
    pub by: By,
    /// The one site; none: all.
    pub website_id: Option<String>,
    /// The chats of that site.
    pub chat_ids: Vec<ChatId>,
    /// The most rows that are listed, but for days.
    #[serde(skip)]
    pub most_rows: usize,
}

impl Question {
    /// How many groups are read of one table; the others are read as one. Several groups may make one row, so there are more of them than rows.
    fn most_groups(&self) -> usize {
        self.most_rows.max(LEAST_GROUPS)
    }
}

/// The statements' parameter.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameter<'a> {
    #[serde(flatten)]
    question: &'a Question,
    most_groups: usize,
    /// What the known ads are called by in `utm_content`: of campaigns' sums no other ad has to be told apart.
    contents: Vec<&'a str>,
    /// Those of them whose source has to be told apart, too.
    own_words: Vec<&'a str>,
}

/// Sums of one row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    /// How often AdStat's ads were shown.
    pub impressions: u64,
    /// How often they were clicked, as AdStat counts.
    pub ad_clicks: u64,
    /// What they cost.
    pub spend: Micros,
    /// Visits of pages.
    pub visits: u64,
    /// Clicks on invites.
    pub invite_clicks: u64,
    /// People who joined a channel for the first time.
    pub joins: u64,
    /// People who left it and are not back.
    pub leaves: u64,
    /// Purchases.
    pub purchases: u64,
    /// What they were worth.
    pub revenue: Micros,
    /// Spend by joins; none: no one joined, or some of the spend has no rate.
    pub cost_per_join: Option<Micros>,
    /// Revenue to spend; none: nothing was spent, or some of it has no rate.
    pub roas: Option<Micros>,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.impressions += other.impressions;
        self.ad_clicks += other.ad_clicks;
        self.spend += other.spend;
        self.visits += other.visits;
        self.invite_clicks += other.invite_clicks;
        self.joins += other.joins;
        self.leaves += other.leaves;
        self.purchases += other.purchases;
        self.revenue += other.revenue;
    }

    /// With what follows of them, unless the spend is more than what is known of it.
    fn with_ratios(mut self, is_spend_whole: bool) -> Self {
        if is_spend_whole {
            self.cost_per_join = self.spend.each_of(self.joins);
            self.roas = self.revenue.over(self.spend);
        }
        self
    }
}

/// A row of the report.
#[derive(Debug, Serialize)]
pub struct Line {
    /// What it is of; empty: nothing is known.
    pub key: String,
    /// The same for people.
    pub label: String,
    /// What came of it.
    #[serde(flatten)]
    pub sums: Sums,
    /// What of it is in no sum.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unconverted: Vec<Unconverted>,
}

/// Money of a currency that has no rate.
#[derive(Debug, Serialize)]
pub struct Unconverted {
    currency: String,
    spend: Micros,
    revenue: Micros,
}

/// The report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Its beginning, Unix time in ms.
    pub from: u64,
    /// Its end, exclusive, Unix time in ms.
    pub to: u64,
    /// What rows are by.
    pub by: By,
    /// What money is in.
    pub currency: String,
    /// What one unit of each currency is worth.
    pub rates: BTreeMap<String, Micros>,
    /// The rows: days in their order, else those that cost the most first.
    pub rows: Vec<Line>,
    /// Whether there are more rows, of less.
    pub truncated: bool,
    /// All of them together, those that are not listed among them.
    pub total: Sums,
    /// What is in no sum.
    pub unconverted: Vec<Unconverted>,
    /// When AdStat was last asked what ads cost, Unix time in ms; none: never, or it is not configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend_at: Option<u64>,
}

/// Money of one row in one currency.
#[derive(Default)]
struct Money {
    spend: Micros,
    revenue: Micros,
}

/// A row in the making.
#[derive(Default)]
struct Draft {
    sums: Sums,
    money: BTreeMap<String, Money>,
}

struct Drafts<'a> {
    by: By,
    most_rows: usize,
    config: &'a Config,
    /// The one site that is asked for.
    website_id: Option<&'a str>,
    ads: Ads,
    rows: BTreeMap<String, Draft>,
    /// All that is in none of them.
    rest: Option<Draft>,
}

/// Sums up what is asked.
///
/// # Errors
/// A database's.
pub async fn report(
    env: &Env,
    config: &Config,
    question: &Question,
) -> Result<Report, Unavailable> {
    let (from, to) = (question.from_day * DAY_MS, question.to_day * DAY_MS);
    let bought = [
        Statement::new(include_str!("sums/ads.sql"), &operator::adstat::CONTENT)?,
        Statement::new(include_str!("sums/spend.sql"), question)?,
        Statement::new("SELECT at_ms FROM pulls WHERE kind = ?1 ->> '$'", &"recent")?,
    ];
    // Repeating it does no harm: it reads.
    let bought = Database::bound(env, DATABASE)?.transact(&bought).await?;
    let rows_of = |results: &[Rows], place| -> Result<Vec<Row>, Unavailable> {
        results
            .get(place)
            .map_or(Ok(Vec::new()), |rows: &Rows| rows.read())
    };
    let mut drafts = Drafts {
        by: question.by,
        most_rows: question.most_rows,
        config,
        website_id: question.website_id.as_deref(),
        ads: Ads::of(&rows_of(&bought, 0)?),
        rows: BTreeMap::new(),
        rest: None,
    };
    for row in rows_of(&bought, 1)? {
        drafts.spent(&row);
    }
    let parameter = Parameter {
        question,
        most_groups: question.most_groups(),
        contents: drafts.ads.contents().collect(),
        own_words: drafts.ads.own_words().collect(),
    };
    let parameter = serde_json::to_string(&parameter)?;
    for binding in bindings(config, question.website_id.as_deref()) {
        let brought =
            (question.by.statements()).map(|sql| Statement::written(sql, parameter.clone()));
        // Repeating it does no harm: it reads.
        let brought = Database::bound(env, binding)?.transact(&brought).await?;
        for rows in &brought {
            for row in rows.read::<Row>()? {
                drafts.came(&row);
            }
        }
    }
    if question.by == By::Day && question.to_day - question.from_day <= FILLED_DAYS {
        for day in question.from_day..question.to_day {
            drafts.rows.entry(name_of(day)).or_default();
        }
    }
    let pulled = rows_of(&bought, 2)?;
    let pulled = pulled.first().filter(|_| config.adstat.is_some());
    Ok(Report {
        spend_at: pulled.and_then(|row| row.number("at_ms")),
        ..drafts.finish(&crate::report_settings(env).rates, from, to)
    })
}

fn name_of(day: u64) -> String {
    let day = i64::try_from(day).ok().and_then(day_name);
    day.unwrap_or_default()
}

impl Drafts<'_> {
    /// What an ad cost.
    fn spent(&mut self, row: &Row) {
        let id = row.number("ad_id").unwrap_or_default();
        let ad = self.ads.get(id);
        let (site, channel) = Ad::leads_to(ad, self.config);
        if (self.website_id).is_some_and(|own| site.is_none_or(|site| site.website_id != own)) {
            return;
        }
        let key = match self.by {
            By::Day => name_of(row.number("day").unwrap_or_default()),
            By::Ad => id.to_string(),
            By::Campaign => {
                let campaign = row.number("campaign_id");
                let campaign = campaign.or_else(|| ad?.campaign_id);
                campaign.map(|id| id.to_string()).unwrap_or_default()
            }
            By::Source => ad.map_or(TELEGRAM, |ad| &ad.source).to_owned(),
            By::Channel => site
                .zip(channel)
                .map(|(site, channel)| self.key_of_channel(&site.website_id, channel.id()))
                .unwrap_or_default(),
        };
        let draft = self.rows.entry(key).or_default();
        draft.sums.impressions += row.number("impressions").unwrap_or_default();
        draft.sums.ad_clicks += row.number("clicks").unwrap_or_default();
        let currency = row.text("currency").unwrap_or_default().to_owned();
        draft.money.entry(currency).or_default().spend += Micros(amount(row, "spent_micros"));
    }

    /// What came of ads, or of itself.
    fn came(&mut self, row: &Row) {
        let count = |column| row.number(column).unwrap_or_default();
        let sums = Sums {
            visits: count("visits"),
            invite_clicks: count("clicks"),
            joins: count("joins"),
            leaves: count("leaves"),
            purchases: count("purchases"),
            ..Sums::default()
        };
        // What was counted there counts elsewhere since.
        if sums == Sums::default() {
            return;
        }
        let draft = match row.number("is_rest") {
            Some(1) => self.rest.get_or_insert_default(),
            _ => {
                let key = self.key(row);
                self.rows.entry(key).or_default()
            }
        };
        draft.sums.add(&sums);
        if let Some(code) = row.text("currency")
            && let Ok(currency) = Currency::parse(code)
        {
            let revenue = Micros::from_minor_units(amount(row, "revenue_minor"), currency);
            draft.money.entry(code.to_owned()).or_default().revenue += revenue;
        }
    }

    fn key(&self, row: &Row) -> String {
        let text = |column| row.text(column).unwrap_or_default();
        let (ad, by, campaign) = (text("ad"), text("told_by"), text("campaign"));
        match self.by {
            By::Day => name_of(row.number("day").unwrap_or_default()),
            By::Ad => match self.ads.ad(ad, by) {
                Some(id) => id.to_string(),
                None => ad.to_owned(),
            },
            By::Campaign => match self.ads.campaign(ad, by, campaign) {
                Some(id) => id.to_string(),
                None => campaign.to_owned(),
            },
            By::Source => text("source").to_owned(),
            By::Channel => {
                let site = self.config.site(text("website_id"));
                let of_site = site.and_then(|site| {
                    let is_told = |each: &&Channel| each.id() == text("channel_id");
                    let by_id = || site.channels.iter().find(is_told);
                    Some((site, site.channel(text("channel")).or_else(by_id)?))
                });
                let told = [text("channel_id"), text("chat_id"), text("channel")];
                let by_chat = || {
                    let chat = text("chat_id").parse().ok().and_then(ChatId::new)?;
                    let (website_id, channel_id) = (text("website_id"), text("channel_id"));
                    self.config.channel_of_join(chat, website_id, channel_id)
                };
                let told = told.into_iter().find(|told| !told.is_empty());
                match of_site.or_else(by_chat) {
                    Some((site, channel)) => self.key_of_channel(&site.website_id, channel.id()),
                    // Of a channel that is in no setting any more.
                    None => self.key_of_channel(text("website_id"), told.unwrap_or_default()),
                }
            }
        }
    }

    /// The key of a channel's row: its id, after its site's where all sites are asked for and another has a channel of that id.
    fn key_of_channel(&self, website_id: &str, id: &str) -> String {
        let has = |site: &Site| site.channels.iter().any(|channel| channel.id() == id);
        let mut others = (self.config.sites.iter()).filter(|site| site.website_id != website_id);
        match self.website_id.is_none() && !website_id.is_empty() && others.any(has) {
            true => [website_id, "/", id].concat(),
            false => id.to_owned(),
        }
    }

    fn label(&self, key: &str) -> String {
        let id = || key.parse().ok();
        let known = match self.by {
            By::Ad => id().and_then(|id| self.ads.get(id)?.title.clone()),
            By::Campaign => id().and_then(|id| self.ads.campaign_name(id).map(str::to_owned)),
            By::Channel => {
                let sites = self.config.sites.iter();
                let mut channels =
                    sites.flat_map(|site| site.channels.iter().map(move |channel| (site, channel)));
                let is_meant = |(site, channel): &(&Site, &Channel)| {
                    self.key_of_channel(&site.website_id, channel.id()) == key
                };
                // Its slug behind the site, as in the key.
                channels
                    .find(is_meant)
                    .map(|(_, channel)| match key.strip_suffix(channel.id()) {
                        Some(site) => [site, &channel.slug].concat(),
                        None => channel.slug.clone(),
                    })
            }
            By::Day | By::Source => None,
        };
        known.unwrap_or_else(|| if key.is_empty() { NONE } else { key }.to_owned())
    }

    fn finish(mut self, rates: &Rates, from: u64, to: u64) -> Report {
        let Rates {
            currency,
            by_currency,
        } = rates;
        let mut unconverted: BTreeMap<String, Money> = BTreeMap::new();
        let mut total = Sums::default();
        let mut rows = Vec::new();
        let mut truncated = self.rest.is_some();
        let rest = self.rest.take().map(|rest| (None, rest));
        let listed = mem::take(&mut self.rows).into_iter();
        let listed = listed.map(|(key, draft)| (Some(key), draft));
        for (key, draft) in listed.chain(rest) {
            let mut sums = draft.sums;
            let mut own = Vec::new();
            for (code, money) in draft.money {
                let convert = |amount| rates.convert(amount, &code);
                match (convert(money.spend), convert(money.revenue)) {
                    (Some(spend), Some(revenue)) => {
                        sums.spend += spend;
                        sums.revenue += revenue;
                    }
                    _ => {
                        let left = unconverted.entry(code.clone()).or_default();
                        left.spend += money.spend;
                        left.revenue += money.revenue;
                        own.push(Unconverted {
                            currency: code,
                            spend: money.spend,
                            revenue: money.revenue,
                        });
                    }
                }
            }
            total.add(&sums);
            if let Some(key) = key {
                rows.push(Line {
                    label: String::new(),
                    key,
                    sums: sums.with_ratios(own.iter().all(Unconverted::is_no_spend)),
                    unconverted: own,
                });
            }
        }
        if self.by != By::Day {
            // Stable: of those that are the same, in the order of their keys.
            rows.sort_by_key(|row| std::cmp::Reverse((row.sums.spend, row.sums.visits)));
        }
        if self.by != By::Day && rows.len() > self.most_rows {
            rows.truncate(self.most_rows);
            truncated = true;
        }
        for row in &mut rows {
            row.label = self.label(&row.key);
        }
        let unconverted: Vec<_> = (unconverted.into_iter())
            .map(|(code, money)| Unconverted {
                currency: code,
                spend: money.spend,
                revenue: money.revenue,
            })
            .collect();
        Report {
            from,
            to,
            by: self.by,
            currency: currency.clone(),
            rates: by_currency.clone(),
            rows,
            truncated,
            total: total.with_ratios(unconverted.iter().all(Unconverted::is_no_spend)),
            unconverted,
            spend_at: None,
        }
    }
}

/// A sum that SQL gives as text.
fn amount(row: &Row, column: &str) -> i128 {
    let text = row.text(column).unwrap_or_default();
    text.parse().unwrap_or_default()
}

impl Report {
    /// The rows as CSV (RFC 4180), a line of names first. A text that a spreadsheet would take for a formula has an apostrophe before it.
    /// `unconverted` is money that is in no sum: `8.00 RUB of spend; 5.00 GBP of revenue`.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from(
            "key,label,impressions,adClicks,spend,visits,inviteClicks,joins,leaves,purchases,revenue,costPerJoin,roas,currency,unconverted\r\n",
        );
        let decimal = |micros: Option<Micros>| micros.map(Micros::to_decimal).unwrap_or_default();
        for Line {
            key,
            label,
            sums,
            unconverted,
        } in &self.rows
        {
            let unconverted: Vec<String> =
                unconverted.iter().flat_map(Unconverted::words).collect();
            let cells = [
                cell(key),
                cell(label),
                sums.impressions.to_string(),
                sums.ad_clicks.to_string(),
                sums.spend.to_decimal(),
                sums.visits.to_string(),
                sums.invite_clicks.to_string(),
                sums.joins.to_string(),
                sums.leaves.to_string(),
                sums.purchases.to_string(),
                sums.revenue.to_decimal(),
                decimal(sums.cost_per_join),
                decimal(sums.roas),
                self.currency.clone(),
                cell(&unconverted.join("; ")),
            ];
            csv.push_str(&cells.join(","));
            csv.push_str("\r\n");
        }
        csv
    }
}

impl Unconverted {
    fn is_no_spend(&self) -> bool {
        self.spend == Micros::default()
    }

    /// Each amount in words; nothing of what is zero.
    fn words(&self) -> impl Iterator<Item = String> {
        let Self {
            currency,
            spend,
            revenue,
        } = self;
        [(spend, "spend"), (revenue, "revenue")]
            .into_iter()
            .filter(|(amount, _)| **amount != Micros::default())
            .map(move |(amount, what)| format!("{} {currency} of {what}", amount.to_decimal()))
    }
}

/// A cell of CSV that no program takes for a formula, those among them that part cells by semicolons or tabs.
fn cell(text: &str) -> String {
    const PARTS: [char; 2] = [';', '\t'];
    let is_number = text.parse::<i64>().is_ok();
    let mut cell = String::new();
    for part in text.split_inclusive(PARTS) {
        if part.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
            cell.push('\'');
        }
        cell.push_str(part);
    }
    match cell.contains([',', '"', '\r', '\n']) || cell.contains(PARTS) {
        true => ["\"", &cell.replace('"', "\"\""), "\""].concat(),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_of_csv() {
        for (text, written) in [
            ("a", "a"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("a;=1+1", "\"a;'=1+1\""),
            ("a;b", "\"a;b\""),
            ("@x,y", "\"'@x,y\""),
            ("-1001", "-1001"),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
