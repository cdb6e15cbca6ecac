//! What a cron trigger does: it forgets what is old, and takes up what was left lying.

use worker::Env;

use crate::config::Config;
use crate::ledger::{self, Database};
use crate::runtime;

/// Sweeps once. Whatever fails is logged and swept the next time.
pub async fn sweep(env: &Env, config: &Config) {
    let now_ms = runtime::now_ms();
    for binding in config.databases() {
        let forgotten = match Database::bound(env, binding) {
            // Repeating it does no harm: what is gone is gone.
            Ok(database) => ledger::forget(&database, now_ms, config.retention_days).await,
            Err(why) => Err(why),
        };
        if let Err(why) = forgotten {
            runtime::log_error(&format!("sweeping {binding}: {why}"));
        }
    }
}
