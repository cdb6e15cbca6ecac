//! The queue's consumer: what was owed after an answer is kept here, or tried again until it is.

use conversions::ConversionId;
use futures_util::StreamExt;
use js_sys::{Array, Reflect};
use wasm_bindgen::prelude::*;

use crate::adtarget::{Outcome, OwedCall, PATIENT_MS};
use crate::allowance::Allowance;
use crate::config::{AdTarget, Backend, Config};
use crate::ledger::{self, Database, Unavailable};
use crate::message::{LONGEST_DELAY_S, Message};
use crate::outbox;
use crate::outcomes::joins::{self, OwedStart};
use crate::owed::{self, Attempt};
use crate::record::Record;
use crate::runtime::{self, CONNECTIONS, Env};
use crate::telegram;
use crate::telegram::pixel::{self, PixelCall};

/// How much is written in one transaction: D1 takes no text above 2 MB (a limit of the platform), and a batch may hold more.
const TRANSACTION_BYTES: usize = 1_000_000;

/// How often the ledger may fail before the rest of a batch is put off as it is: then it is the ledger that is out of order, not a
/// record. One such in a hundred is found by eight failures.
const MOST_FAILURES: u32 = 24;

#[wasm_bindgen]
extern "C" {
    /// A batch of messages.
    pub type Batch;

    #[wasm_bindgen(method, getter)]
    fn messages(this: &Batch) -> Array;

    /// One message, as the platform hands it out.
    type Envelope;

    #[wasm_bindgen(method, getter)]
    fn body(this: &Envelope) -> JsValue;

    /// How often it was handed out, this time included.
    #[wasm_bindgen(method, getter)]
    fn attempts(this: &Envelope) -> u32;

    #[wasm_bindgen(method)]
    fn ack(this: &Envelope);

    #[wasm_bindgen(method)]
    fn retry(this: &Envelope, options: &JsValue);
}

impl Envelope {
    /// Asks for the message again: after `at_least_s`, and after 1, 2, 4 … s, up to an hour.
    fn retry_later(&self, at_least_s: u32) {
        let delay = backoff_s(self.attempts())
            .max(at_least_s)
            .min(LONGEST_DELAY_S);
        let options = js_sys::Object::new();
        // A plain object takes any property.
        let _ = Reflect::set(&options, &"delaySeconds".into(), &delay.into());
        self.retry(&options);
    }
}

/// How long to wait before the next attempt, in s.
fn backoff_s(attempts: u32) -> u32 {
    const HOUR: u32 = 3_600;
    1_u32
        .checked_shl(attempts.saturating_sub(1))
        .unwrap_or(HOUR)
        .clamp(1, HOUR)
}

/// Keeps a batch. Each message is acknowledged or asked for again by itself; what can't be read is asked for again, too,
/// until the queue sets it aside as a dead letter.
pub async fn consume(batch: &Batch, env: &Env, config: &Config) {
    let allowance = Allowance::of_invocation();
    let mut for_ledger = Vec::new();
    let mut owed = Vec::new();
    let mut for_telegram = Vec::new();
    let mut owed_conversions = Vec::new();
    let mut rung = Vec::new();
    let mut started = Vec::new();
    let mut for_pixel = Vec::new();
    for message in batch.messages().iter() {
        let message: Envelope = message.unchecked_into();
        let text = message.body().as_string().unwrap_or_default();
        match serde_json::from_str(&text) {
            Ok(Message::Deliver(call)) => owed.push((message, call)),
            Ok(Message::Telegram(call)) => for_telegram.push((message, call)),
            Ok(Message::Owed(id)) => owed_conversions.push((message, id)),
            Ok(Message::Outbox(website_id)) => rung.push((message, website_id)),
            Ok(Message::Start(start)) => started.push((message, start)),
            Ok(Message::Pixel(call)) => for_pixel.push((message, call)),
            Ok(Message::Keep(record)) => for_ledger.push(ForLedger {
                message,
                record,
                bytes: text.len(),
            }),
            Err(why) => {
                runtime::log_error(&format!("a message of the queue is no record: {why}"));
                message.retry_later(0);
            }
        }
    }
    // Repeating it does no harm: a row that stands is not written again.
    keep_in_ledger(env, config, for_ledger).await;
    for (message, start) in started {
        // Repeating it does no harm: what is noted stands.
        match keep_start(env, config, &start).await {
            Ok(()) => message.ack(),
            Err(why) => {
                runtime::log_warning(&format!("a start of @{}: {why}", start.bot));
                message.retry_later(0);
            }
        }
    }
    // Repeating it does no harm: AdTarget knows a call it has taken by its Idempotency-Key.
    deliver(config, &allowance, owed).await;
    for (message, call) in for_telegram {
        // Repeating it does no harm: someone who was let in is refused, and a message that comes twice says the same. One
        // after another, as Telegram counts a bot's calls.
        tell_telegram(config, &allowance, message, call).await;
    }
    // Repeating it does no harm: so it does a conversion.
    deliver_conversions(env, config, &allowance, owed_conversions).await;
    // Repeating it does no harm: the call says the same, its time included.
    tell_pixel(config, &allowance, for_pixel).await;
    // Repeating it does no harm: what another has claimed is not due, and platforms know an event by its id.
    drain_outboxes(env, config, &allowance, rung).await;
}

/// Tells the ledger of a start that was answered while it was away.
async fn keep_start(env: &Env, config: &Config, start: &OwedStart) -> Result<(), Unavailable> {
    let database = Database::bound(env, config.database_of(&start.website_id))?;
    // Repeating it does no harm: what is noted stands.
    joins::keep_start(&database, start).await
}

/// Delivers what is due in the outbox of each site that was named, once however often it was named.
async fn drain_outboxes(
    env: &Env,
    config: &Config,
    allowance: &Allowance,
    mut rung: Vec<(Envelope, String)>,
) {
    rung.sort_by(|(_, one), (_, other)| one.cmp(other));
    for messages in rung.chunk_by(|(_, one), (_, other)| one == other) {
        let Some((_, website_id)) = messages.first() else {
            continue;
        };
        // A site that is in no setting any more: the sweeper ends what it is owed.
        let drained = match config.site(website_id) {
            // Repeating it does no harm: see `consume`.
            Some(site) => outbox::drain(env, site, allowance).await,
            None => Ok(None),
        };
        match drained {
            Ok(next_ms) => {
                if let Some(next_ms) = next_ms {
                    // Repeating it does no harm: who comes second finds nothing due.
                    outbox::ring_at(env, website_id, next_ms, runtime::now_ms()).await;
                }
                messages.iter().for_each(|(message, _)| message.ack());
            }
            Err(why) => {
                runtime::log_error(&format!("the outbox of {website_id}: the ledger: {why}"));
                messages
                    .iter()
                    .for_each(|(message, _)| message.retry_later(0));
            }
        }
    }
}

/// A record, and what it came in.
struct ForLedger {
    message: Envelope,
    record: Record,
    /// The message's size.
    bytes: usize,
}

async fn keep_in_ledger(env: &Env, config: &Config, records: Vec<ForLedger>) {
    for binding in config.databases() {
        let its_own: Vec<_> = records
            .iter()
            .filter(|kept| config.database_of(kept.record.website_id()) == binding)
            .collect();
        let mut parts = by_size(&its_own, |kept| kept.bytes);
        let mut failures = 0;
        while let Some(part) = parts.pop() {
            let records: Vec<_> = part.iter().map(|kept| &kept.record).collect();
            // One transaction: cut off, nothing stands and every message comes again; done, each row is known by its key.
            let written = match Database::bound(env, binding) {
                Ok(database) => ledger::write(&database, &records).await,
                Err(why) => Err(why),
            };
            let Err(why) = written else {
                part.iter().for_each(|kept| kept.message.ack());
                continue;
            };
            failures += 1;
            let came_before = part.iter().any(|kept| kept.message.attempts() > 1);
            let may_be_one = part.len() > 1 && came_before && !why.is_of_database();
            if may_be_one && failures < MOST_FAILURES {
                // One of them may be what can't be written, ever: it must not take the others with it.
                let (one, other) = part.split_at(part.len() / 2);
                parts.extend([one, other]);
                continue;
            }
            runtime::log_error(&format!(
                "{binding} took none of {} records: {why}",
                part.len()
            ));
            part.iter().for_each(|kept| kept.message.retry_later(0));
        }
    }
}

/// Splits what is to be written in one transaction each, so that the texts stay below what D1 takes.
fn by_size<T>(records: &[T], bytes: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut total = 0;
    let together = |one: &T, next: &T| {
        total = total.max(bytes(one)) + bytes(next);
        if total > TRANSACTION_BYTES {
            total = 0;
        }
        total > 0
    };
    records.chunk_by(together).collect()
}

async fn deliver_conversions(
    env: &Env,
    config: &Config,
    allowance: &Allowance,
    owed: Vec<(Envelope, ConversionId)>,
) {
    let Backend::AdTarget(adtarget) = &config.backend else {
        for (message, _) in owed {
            runtime::log_error("a conversion is owed to AdTarget, but BACKEND is not adtarget");
            message.retry_later(0);
        }
        return;
    };
    futures_util::stream::iter(owed)
        // Each message is answered for by itself, so one that is repeated repeats no other.
        .for_each_concurrent(CONNECTIONS, |(message, id)| async move {
            if !allowance.take(4) {
                return message.retry_later(0);
            }
            // Repeating it does no harm: AdTarget knows it by its Idempotency-Key.
            match owed::deliver(env, adtarget, id).await {
                Ok(Attempt::Settled { .. }) => message.ack(),
                Ok(Attempt::Later(retry_after_s)) => {
                    message.retry_later(retry_after_s.unwrap_or(0))
                }
                Err(why) => {
                    runtime::log_error(&format!("an owed conversion: the ledger: {why}"));
                    message.retry_later(0);
                }
            }
        })
        .await;
}

async fn deliver(config: &Config, allowance: &Allowance, owed: Vec<(Envelope, Box<OwedCall>)>) {
    let Backend::AdTarget(adtarget) = &config.backend else {
        for (message, _) in owed {
            runtime::log_error("a call to AdTarget is owed, but BACKEND is not adtarget");
            message.retry_later(0);
        }
        return;
    };
    futures_util::stream::iter(owed)
        // Each message is answered for by itself, so one that is repeated repeats no other.
        .for_each_concurrent(CONNECTIONS, |(message, call)| {
            deliver_one(adtarget, allowance, message, call)
        })
        .await;
}

async fn deliver_one(
    adtarget: &AdTarget,
    allowance: &Allowance,
    message: Envelope,
    call: Box<OwedCall>,
) {
    if !allowance.take(1) {
        return message.retry_later(0);
    }
    // Made again after an answer that got lost, the call is known by its Idempotency-Key.
    match call.make(adtarget, PATIENT_MS).await {
        Outcome::Taken(..) | Outcome::Invited(_) => message.ack(),
        // Nothing in it will change: asking again can't help.
        Outcome::Refused(reply) => {
            runtime::log_error(&format!(
                "AdTarget refused {call:?}: {} {}",
                reply.status, reply.body
            ));
            message.ack();
        }
        Outcome::Failed { why, retry_after_s } => {
            runtime::log_warning(&format!("AdTarget: {why}; attempt {}", message.attempts()));
            message.retry_later(retry_after_s.unwrap_or(0));
        }
    }
}

async fn tell_pixel(
    config: &Config,
    allowance: &Allowance,
    calls: Vec<(Envelope, Box<PixelCall>)>,
) {
    futures_util::stream::iter(calls)
        // Each message is answered for by itself, so one that is repeated repeats no other.
        .for_each_concurrent(CONNECTIONS, |(message, call)| async move {
            if !allowance.take(1) {
                return message.retry_later(0);
            }
            if call.is_stale(runtime::now_ms()) {
                runtime::log_error(&format!(
                    "Telegram has not taken a call of the pixel in two days; dropped: {call:?}"
                ));
                return message.ack();
            }
            // Made again after an answer that got lost, it says the same.
            match call.make(&config.telegram_ads).await {
                pixel::Outcome::Taken => message.ack(),
                // Nothing in it will change: asking again can't help.
                pixel::Outcome::Refused(status) => {
                    runtime::log_warning(&format!(
                        "Telegram refused a call of the pixel: {status}"
                    ));
                    message.ack();
                }
                pixel::Outcome::Failed { why, retry_after_s } => {
                    let attempts = message.attempts();
                    runtime::log_warning(&format!("Telegram's pixel: {why}; attempt {attempts}"));
                    message.retry_later(retry_after_s.unwrap_or(0));
                }
            }
        })
        .await;
}

async fn tell_telegram(
    config: &Config,
    allowance: &Allowance,
    message: Envelope,
    call: telegram::OwedCall,
) {
    if !allowance.take(1) {
        return message.retry_later(0);
    }
    let Some(bot) = config.bot(&call.bot) else {
        runtime::log_error(&format!(
            "{} is owed, but its bot {} is in no setting",
            call.method, call.bot
        ));
        return message.retry_later(0);
    };
    // Made again after an answer that got lost, it does no harm: see `consume`.
    match call.make(bot).await {
        Ok(()) => message.ack(),
        // Nothing in it will change: asking again can't help.
        Err(why) if why.is_final() => {
            runtime::log_warning(&format!("Telegram refused {}: {why}", call.method));
            message.ack();
        }
        Err(why) => {
            let attempts = message.attempts();
            runtime::log_warning(&format!("{}: {why}; attempt {attempts}", call.method));
            message.retry_later(why.retry_after_s());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{backoff_s, by_size};

    #[test]
    fn waits_grow_to_an_hour() {
        assert_eq!(
            [0, 1, 2, 7, 12, 13, 40, u32::MAX].map(backoff_s),
            [1, 1, 2, 64, 2_048, 3_600, 3_600, 3_600]
        );
    }

    #[test]
    fn transactions_stay_small() {
        let sizes = |records: &[usize]| {
            let parts = by_size(records, |bytes| *bytes);
            parts.iter().map(|part| part.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[300; 100]), [100]);
        assert_eq!(sizes(&[128_000; 20]), [7, 7, 6]);
        assert_eq!(sizes(&[1, 999_999, 1, 1, 2_000_000, 1]), [2, 2, 1, 1]);
    }
}
