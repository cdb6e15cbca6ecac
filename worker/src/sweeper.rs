//! What a cron trigger does: it forgets what is old, and takes up what was left lying.

use crate::allowance::Allowance;
use crate::config::Config;
use crate::hooks::signed;
use crate::invites;
use crate::ledger::{self, Database};
use crate::outbox;
use crate::owed;
use crate::report;
use crate::runtime::{self, Env};

/// Sweeps once. Whatever fails is logged and swept the next time.
pub async fn sweep(env: &Env, config: &Config) {
    let allowance = Allowance::of_invocation();
    // Repeating it does no harm: a pool that is full makes nothing.
    invites::warm(env, config).await;
    let now_ms = runtime::now_ms();
    let databases = config.databases();
    let links_ms = invites::longest_life_ms(config);
    for binding in &databases {
        let forgotten = match Database::bound(env, binding) {
            // Repeating it does no harm: what is gone is gone.
            Ok(database) => {
                let days = config.retention_days;
                ledger::forget(&database, now_ms, days, links_ms, databases.len()).await
            }
            Err(why) => Err(why),
        };
        if let Err(why) = forgotten {
            runtime::log_error(&format!("sweeping {binding}: {why}"));
        }
    }
    // Repeating it does no harm: AdTarget knows each by its Idempotency-Key.
    if let Err(why) = owed::sweep(env, config, now_ms).await {
        runtime::log_error(&format!("sweeping owed conversions: {why}"));
    }
    // Repeating it does no harm: an event that was converted waits no more.
    if let Err(why) = signed::retry_failed(env, config, &allowance, now_ms).await {
        runtime::log_error(&format!("sweeping webhook events: {why}"));
    }
    // Repeating it does no harm: what another has claimed is not due, and platforms know an event by its id.
    outbox::sweep(env, config, &allowance, now_ms).await;
    // Repeating it does no harm: the same numbers stand in the place of the same.
    if let Err(why) = report::pull::pull(env, config, now_ms).await {
        runtime::log_error(&format!("pulling what AdStat's ads cost: {why}"));
    }
    // Last, as it makes the most calls: where the platform allows no more, all else is done. Repeating it does no harm: it asks.
    outbox::inquire(env, config, &allowance, now_ms).await;
}
