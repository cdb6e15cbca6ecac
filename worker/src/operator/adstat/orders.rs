//! What spends money: ads that are made and edited. Each is written down before AdStat is called, and bought once.
//!
//! AdStat knows no Idempotency-Key. So an order whose answer was lost is not sent again as it is: the edge looks first whether the ad stands
//! there, among those of its day that did not stand there before.

use ::adstat::AdId;
use ::adstat::ad::{AdEdit, Change, NewAd};
use ::adstat::answer::{self, AdSummary, ad_id};
use ::adstat::call::{Call, Query};
use conversions::Hash;
use serde_json::{Map, Value, json};

use super::{Away, Session, TIMEOUT_MS, Told, kktu, pass_on, told};
use crate::adstat::Body;
use crate::answer::Answer;
use crate::edge::Edge;
use crate::error::Error;
use crate::idempotency::{self, Begun, Repeatable, Turn};
use crate::ids::{EventId, entropy};
use crate::ledger::{DATABASE, Database, Row, Statement};
use crate::operator::OPERATOR;
use crate::runtime::{self, Reply};

/// How long AdStat may take for an order, in ms. With what goes before it, it stays under the minute for which the order is claimed.
const ORDER_TIMEOUT_MS: u32 = 25_000;
/// How long an order that was lost may still come in at AdStat, in ms.
const SETTLING_MS: u64 = 60_000;
/// How many pages of a day's ads are looked through at most.
const MOST_PAGES: usize = 10;
/// The most ads of a page.
const PAGE: usize = 500;
/// How many characters of an order's id a landing link bears.
pub const CONTENT: usize = 12;

/// An order, as it is written down.
struct Order<'a> {
    id: String,
    action: &'static str,
    who: &'a str,
    request: Value,
    /// The ad that is edited.
    ad: Option<AdId>,
}

/// What AdStat made of an order.
enum Outcome {
    Done(Reply),
    /// Not done, for sure.
    Refused(Reply),
    /// It may have been done.
    Unknown {
        /// AdStat's own words, where it said something.
        reply: Option<Reply>,
        /// In words for the log.
        why: String,
    },
}

/// What the caller wants of an order besides.
struct Wish {
    /// Only check it.
    dry_run: bool,
    /// Make the landing link name its ad.
    decorate: bool,
    /// Keep what an edit does not name.
    amend: bool,
}

impl Wish {
    fn of(edge: &Edge<'_>) -> Result<Self, Error> {
        let flag = |name| match edge.caller.parameter(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error::field(name, "expected true or false")),
        };
        Ok(Self {
            dry_run: flag("dry_run")?,
            decorate: flag("decorate")?,
            amend: flag("amend")?,
        })
    }

    /// What would be sent of an ad.
    fn checked(&self, ad: NewAd) -> Answer {
        let hours = ad.schedule().map(::adstat::schedule::Schedule::hours);
        let undocumented: Vec<String> = ad.undocumented().into_iter().map(str::to_owned).collect();
        let ad = match self.decorate {
            true => ad.decorated("order-id"),
            false => ad,
        };
        Answer::json(
            200,
            &json!({ "dry_run": true, "would_send": ad.to_json(), "undocumented": undocumented, "hours_a_week": hours }),
        )
    }
}

/// What an ad would be that is only checked; none: the call is another, or it names an entry of KKTU, which AdStat alone knows.
///
/// # Errors
/// `INVALID_PAYLOAD`
pub fn checked_here(edge: &Edge<'_>, call: &Call) -> Result<Option<Answer>, Error> {
    let Call::CreateAd(ad) = call else {
        return Ok(None);
    };
    let wish = Wish::of(edge)?;
    let is_checked = wish.dry_run && ad.kktu_id().is_none();
    Ok(is_checked.then(|| wish.checked(ad.clone())))
}

/// `POST /advertisement/telegram/`. `body` is what the caller sent.
pub async fn create(
    session: &mut Session<'_>,
    ad: NewAd,
    body: &str,
    who: &str,
) -> Result<Answer, Error> {
    let edge = session.edge;
    let wish = Wish::of(edge)?;
    // Repeating it does no harm: it reads.
    kktu::check(session, ad.kktu_id()).await?;
    if wish.dry_run {
        return Ok(wish.checked(ad));
    }
    let turn = match begin(edge, body, true).await? {
        Begun::Replay(answer) => return Ok(answer),
        Begun::Go(turn) => turn,
    };
    let id = turn.id.to_string();
    let ad = match (wish.decorate, id.get(..CONTENT)) {
        (true, Some(content)) => ad.decorated(content),
        _ => ad,
    };
    let order = Order {
        id,
        action: "create",
        who,
        request: ad.to_json(),
        ad: None,
    };
    let bought = order.buy(session, ad).await;
    end(edge, turn, &order, bought).await
}

/// `PUT /advertisement/telegram/{ad_id}`. `body` is what the caller sent.
pub async fn edit(
    session: &mut Session<'_>,
    id: AdId,
    edit: AdEdit,
    body: &str,
    who: &str,
) -> Result<Answer, Error> {
    let edge = session.edge;
    let wish = Wish::of(edge)?;
    let undocumented: Vec<String> = edit.undocumented().into_iter().map(str::to_owned).collect();
    // Repeating it does no harm: it reads.
    kktu::check(session, edit.kktu_id()).await?;
    let decorates = wish.decorate && edit.has_link();
    let details: Option<Map<String, Value>> = match wish.amend || decorates {
        // Repeating it does no harm: it reads.
        true => match session.make(&Call::Ad(id), TIMEOUT_MS).await? {
            Err(refused) => return Ok(pass_on(Err(refused))),
            Ok(reply) => {
                Some(serde_json::from_str(&reply.body).map_err(|why| Away(why.to_string()))?)
            }
        },
        false => None,
    };
    let edit = match &details {
        Some(details) if decorates => {
            let campaign = details.get("campaign_id").and_then(Value::as_u64);
            edit.decorated(campaign, &id.to_string())
        }
        _ => edit,
    };
    let (edit, changes) = match &details {
        Some(details) if wish.amend => {
            let (whole, changes) = edit.over(details)?;
            (whole, Some(changes))
        }
        _ => (edit, None),
    };
    if wish.dry_run {
        let changes = changes.map(|changes| changes.iter().map(shown).collect::<Vec<_>>());
        return Ok(Answer::json(
            200,
            &json!({ "dry_run": true, "would_send": edit.to_json(), "undocumented": undocumented, "changes": changes }),
        ));
    }
    // Without a key, each edit is one of its own: set to and fro, an ad has to end as it was told last.
    let turn = match begin(edge, body, false).await? {
        Begun::Replay(answer) => return Ok(answer),
        Begun::Go(turn) => turn,
    };
    let order = Order {
        id: turn.id.to_string(),
        action: "edit",
        who,
        request: edit.to_json(),
        ad: Some(id),
    };
    let edited = match order.write_down(edge, None, None).await {
        // Repeating it does no harm: an edit that was made is made.
        Ok(()) => Ok(order.send(session, &Call::EditAd(id, edit)).await),
        Err(error) => Err(error),
    };
    end(edge, turn, &order, edited).await
}

fn shown(change: &Change) -> Value {
    json!({ "field": change.field, "from": change.from, "to": change.to })
}

/// Begins an order by its Idempotency-Key, or where `derives` and there is none, by one of what is asked.
async fn begin(edge: &Edge<'_>, body: &str, derives: bool) -> Result<Begun, Error> {
    let mut key = edge.header(idempotency::HEADER);
    if key.is_empty() {
        key = match derives {
            true => Hash::of(&[edge.caller.path, edge.caller.query, body].join("\n"))
                .as_str()
                .to_owned(),
            false => EventId::new(entropy()?).to_string(),
        };
    }
    let order = Repeatable {
        edge,
        holder: OPERATOR,
        path: edge.caller.path,
        body,
        key,
        reopens: false,
    };
    // Repeating it does no harm: an order has one id, however often it is told.
    idempotency::begin(&order).await
}

/// Ends an order: what is done is answered the same when it is told again, what is not may be tried again.
async fn end(
    edge: &Edge<'_>,
    turn: Turn,
    order: &Order<'_>,
    outcome: Result<Outcome, Error>,
) -> Result<Answer, Error> {
    let named = |answer: Answer| answer.header("x-edgeway-order", &order.id);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            turn.end(edge, None).await;
            return Err(error);
        }
    };
    order.note(edge, &outcome).await;
    match outcome {
        Outcome::Done(reply) => {
            let answer = pass_on(Ok(reply));
            turn.end(edge, Some(&answer)).await;
            Ok(named(answer))
        }
        Outcome::Refused(reply) => {
            turn.end(edge, None).await;
            Ok(named(pass_on(Err(reply))))
        }
        Outcome::Unknown { reply, why } => {
            turn.end(edge, None).await;
            runtime::log_error(&format!("AdStat: order {}: {why}", order.id));
            match reply {
                Some(reply) => Ok(named(pass_on(Err(reply)))),
                None => Err(Error::AdStatAway(
                    "AdStat's answer was lost, and so is whether it did it: send the same again (with the same Idempotency-Key, if any), and it is done once"
                        .to_owned(),
                )),
            }
        }
    }
}

impl Order<'_> {
    /// Buys an ad, or finds the one that was bought.
    async fn buy(&self, session: &mut Session<'_>, ad: NewAd) -> Result<Outcome, Error> {
        let edge = session.edge;
        // Repeating it does no harm: it reads.
        let before = self.read(edge).await?;
        let text = |column| before.as_ref().and_then(|row| row.text(column));
        let sent_ms = before.as_ref().and_then(|row| row.number("sent_ms"));
        match text("outcome") {
            // The answer was kept here alone.
            Some("done") => return Ok(Outcome::Done(answered(text("answer")))),
            Some("sent") => {
                let earlier = serde_json::from_str(text("earlier_ads").unwrap_or("[]"));
                let earlier: Vec<u64> = earlier.map_err(|_| Error::Internal)?;
                // Repeating it does no harm: it reads.
                if let Some(found) = self.find(session, &ad, &earlier).await? {
                    return Ok(Outcome::Done(found));
                }
                let settled_ms = sent_ms.unwrap_or_default() + SETTLING_MS;
                if edge.now_ms < settled_ms {
                    return Err(Error::in_progress(settled_ms - edge.now_ms));
                }
            }
            _ => {}
        }
        // Repeating it does no harm: it reads.
        let earlier = latest_ads(session).await?;
        let earlier: Vec<u64> = earlier.iter().map(|ad| ad.id).collect();
        self.write_down(edge, sent_ms, Some(&earlier)).await?;
        // Repeated, it comes to the lines above, which look whether it was done.
        Ok(self.send(session, &Call::CreateAd(ad)).await)
    }

    /// The ad that an attempt whose answer was lost has made, as AdStat shows it.
    async fn find(
        &self,
        session: &mut Session<'_>,
        ad: &NewAd,
        earlier: &[u64],
    ) -> Result<Option<Reply>, Error> {
        // Repeating it does no harm: it reads.
        let ads = latest_ads(session).await?;
        let new = ads.into_iter().filter(|found| {
            is_same(found.advertisement_title.as_deref(), ad.title())
                && is_same(found.ad_text.as_deref(), ad.text())
                && found.campaign_id == Some(ad.campaign_id())
                && !earlier.contains(&found.id)
        });
        let mut candidates: Vec<u64> = new.map(|found| found.id).collect();
        // Repeating it does no harm: it reads.
        let others = Database::bound(session.edge.env, DATABASE)?
            .ask(Statement::new(
                "SELECT ad_id FROM ad_orders WHERE order_id <> ?1 ->> 'id' AND ad_id IN (SELECT value FROM json_each(?1, '$.ads'))",
                &json!({ "id": self.id, "ads": candidates }),
            )?)
            .await?;
        let is_anothers = |id| others.iter().any(|row| row.number("ad_id") == Some(id));
        candidates.retain(|id| !is_anothers(*id));
        candidates.sort_unstable();
        let Some(found) = candidates.first().copied().and_then(AdId::new) else {
            return Ok(None);
        };
        // Repeating it does no harm: it reads.
        let shown = session.make(&Call::Ad(found), TIMEOUT_MS).await;
        Ok(Some(match shown {
            Ok(Ok(reply)) => reply,
            // It is there: that is what matters.
            _ => answered(Some(&json!({ "ad_id": found.get() }).to_string())),
        }))
    }

    /// Sends the order, once more where AdStat wants another token.
    async fn send(&self, session: &mut Session<'_>, call: &Call) -> Outcome {
        let unknown = |why: String, reply| Outcome::Unknown { reply, why };
        let body = || Body::Own;
        // Repeating it does no harm: what is repeated was refused for its token, and not begun.
        let reply = match session.send(&call.request(), body, ORDER_TIMEOUT_MS).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(Away(why))) => return unknown(why, None),
            Err(_) => return Outcome::Refused(reply_of_dead_token()),
        };
        let status = reply.status;
        match told(call, reply) {
            Ok(Ok(reply)) => Outcome::Done(reply),
            Ok(Err(reply)) if status >= 500 || status == 408 => {
                unknown(format!("{status}: {}", reply.body), Some(reply))
            }
            Ok(Err(reply)) => Outcome::Refused(reply),
            Err(_) if status == 401 => Outcome::Refused(reply_of_dead_token()),
            Err(error) => unknown(format!("{status}: {error}"), None),
        }
    }

    async fn read(&self, edge: &Edge<'_>) -> Result<Option<Row>, Error> {
        let statement = Statement::new(
            "SELECT outcome, sent_ms, answer, earlier_ads FROM ad_orders WHERE order_id = ?1 ->> '$'",
            &self.id,
        )?;
        // Repeating it does no harm: it reads.
        let rows = Database::bound(edge.env, DATABASE)?.ask(statement).await?;
        Ok(rows.into_iter().next())
    }

    /// Writes the order down, before it is sent. `seen_ms` is when the attempt before was sent that this one knows of.
    ///
    /// # Errors
    /// `IDEMPOTENCY_IN_PROGRESS`: another attempt has been sent meanwhile
    async fn write_down(
        &self,
        edge: &Edge<'_>,
        seen_ms: Option<u64>,
        earlier_ads: Option<&[u64]>,
    ) -> Result<(), Error> {
        let statement = Statement::new(
            include_str!("order.sql"),
            &json!({
                "id": self.id, "nowMs": edge.now_ms, "sentMs": runtime::now_ms(), "seenMs": seen_ms, "who": self.who,
                "action": self.action, "request": self.request.to_string(), "adId": self.ad.map(AdId::get),
                "earlierAds": earlier_ads.map(|ads| json!(ads).to_string()),
            }),
        )?;
        // Repeating it does no harm: an order is one row.
        let written = Database::bound(edge.env, DATABASE)?.ask(statement).await?;
        match written.is_empty() {
            true => Err(Error::in_progress(SETTLING_MS)),
            false => Ok(()),
        }
    }

    /// Notes what came of it. Where that fails, the order stands as sent: told again, it is looked for.
    async fn note(&self, edge: &Edge<'_>, outcome: &Outcome) {
        let (outcome, reply) = match outcome {
            Outcome::Done(reply) => ("done", Some(reply)),
            Outcome::Refused(reply) => ("refused", Some(reply)),
            Outcome::Unknown { reply, .. } => ("sent", reply.as_ref()),
        };
        let answer = reply.map(|reply| reply.body.as_str());
        let made = answer.and_then(|answer| serde_json::from_str(answer).ok());
        let made = made.as_ref().filter(|_| outcome == "done").and_then(ad_id);
        let noted = json!({
            "id": self.id, "outcome": outcome, "status": reply.map(|reply| reply.status), "answer": answer,
            "adId": self.ad.map(AdId::get).or(made),
        });
        let write = async {
            let statement = Statement::new(include_str!("outcome.sql"), &noted)?;
            // Repeating it does no harm: the same is noted.
            Database::bound(edge.env, DATABASE)?.ask(statement).await
        };
        if let Err(why) = write.await {
            runtime::log_error(&format!(
                "order {}: {outcome}, and not noted: {why}",
                self.id
            ));
        }
    }
}

/// Whether what AdStat shows is what was told, but for space: it may trim what it keeps.
fn is_same(shown: Option<&str>, told: &str) -> bool {
    shown.is_some_and(|shown| shown.split_whitespace().eq(told.split_whitespace()))
}

/// An answer of AdStat's that is told again.
fn answered(body: Option<&str>) -> Reply {
    Reply {
        status: 200,
        location: String::new(),
        retry_after_s: None,
        idempotent_replay: String::new(),
        body: body.unwrap_or("{}").to_owned(),
    }
}

/// What is said where AdStat takes no token of the edge's.
fn reply_of_dead_token() -> Reply {
    let detail = "AdStat takes no token of the edge's; /healthz says more";
    Reply {
        status: 502,
        ..answered(Some(
            &json!({ "detail": detail, "status_code": 502 }).to_string(),
        ))
    }
}

/// The ads that were made of late: a day may begin between two looks, wherever AdStat's days begin.
async fn latest_ads(session: &mut Session<'_>) -> Result<Vec<AdSummary>, Error> {
    // Repeating it does no harm: it reads.
    let mut ads = ads_of(session, "today").await?;
    // Repeating it does no harm: it reads.
    ads.extend(ads_of(session, "yesterday").await?);
    Ok(ads)
}

/// The ads that were made in a period.
async fn ads_of(session: &mut Session<'_>, period: &str) -> Result<Vec<AdSummary>, Error> {
    let mut all = Vec::new();
    for page in 0..MOST_PAGES {
        let call = Call::Ads(Query::ads(period, page * PAGE));
        // Repeating it does no harm: it reads.
        let told: Told = session.make(&call, TIMEOUT_MS).await?;
        let reply = told.map_err(|refused| Away(format!("the day's ads: {}", refused.status)))?;
        let ads = answer::ads(reply.status, &reply.body).map_err(|why| Away(why.to_string()))?;
        let is_last = ads.len() < PAGE;
        all.extend(ads);
        if is_last {
            return Ok(all);
        }
    }
    // Beyond that, an ad that was bought could not be told from others.
    Err(Error::AdStatAway(format!(
        "over {} ads were made in a day: the edge can't keep an order from being done twice",
        MOST_PAGES * PAGE
    )))
}

/// `GET /ops/adstat/orders`: the latest first.
pub async fn list(edge: &Edge<'_>) -> Result<Answer, Error> {
    super::only("GET", edge)?;
    let statement = Statement::new(include_str!("orders.sql"), &true)?;
    // Repeating it does no harm: it reads.
    let rows = Database::bound(edge.env, DATABASE)?.ask(statement).await?;
    let orders: Vec<_> = rows
        .iter()
        .map(|row| {
            let mut order = row.renamed(&[
                ("order_id", "orderId"),
                ("at_ms", "at"),
                ("who", "who"),
                ("action", "action"),
                ("ad_id", "adId"),
                ("outcome", "outcome"),
                ("status", "status"),
            ]);
            for name in ["request", "answer"] {
                let told = row.text(name);
                let value =
                    told.map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into()));
                order.insert(name.to_owned(), value.unwrap_or_default());
            }
            order
        })
        .collect();
    Ok(Answer::json(200, &json!({ "orders": orders })))
}
