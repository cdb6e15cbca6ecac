//! What `TokenKeeper` of `entry.js` calls, in the one place in the world where the Durable Object of a kind runs. One call of [`token`] runs
//! at a time: that is what `entry.js` sees to.

use crate::runtime::Env;

use super::kept::{State, Step};
use super::{Failure, source};
use crate::durable::{Broken, Storage};
use crate::runtime;

/// A good token: `token`, when what renews it ends (Unix time in ms, or nothing) and the token itself, a line each. Or `refused` or `away`,
/// and why. `None`: it failed, and the log has why.
pub async fn token(storage: &Storage, env: &Env, kind: &str, refused: &str) -> Option<String> {
    // Repeating it does no harm: what is kept and good is handed out.
    told(kind, hand_out(storage, env, kind, refused).await)
}

/// How the token stands, as JSON.
pub fn status(storage: &Storage, env: &Env, kind: &str) -> Option<String> {
    let status = || {
        let Some(source) = source(env, kind) else {
            return Ok("{}".to_owned());
        };
        let status = read(storage)?.under(&source.settings()).status();
        serde_json::to_string(&status).map_err(|why| Broken::from(why.to_string()))
    };
    told(kind, status())
}

async fn hand_out(
    storage: &Storage,
    env: &Env,
    kind: &str,
    refused: &str,
) -> Result<String, Broken> {
    let Some(source) = source(env, kind) else {
        return Ok("away\nit is not configured".to_owned());
    };
    let mut state = read(storage)?.under(&source.settings());
    let mut step = state.step(refused, runtime::now_ms());
    if step == Step::Fetch {
        // Repeating it does no harm: a token that nobody heard of is used by nobody.
        let fetched = source.fetch(state.kept()).await;
        if let Err(failure) = &fetched {
            let (Failure::Refused(why) | Failure::Away(why)) = failure;
            runtime::log_error(&format!("tokens: {kind}: {why}"));
        }
        step = state.note(fetched, refused, runtime::now_ms());
        write(storage, &state)?;
    }
    Ok(match (step, state.kept()) {
        (Step::HandOut, Some(kept)) => {
            let renewal = kept.renewal.as_ref();
            let until = renewal.map_or(String::new(), |renewal| renewal.expires_ms.to_string());
            ["token", &until, kept.token.reveal()].join("\n")
        }
        (Step::Fail(Failure::Refused(why)), _) => ["refused\n", &why].concat(),
        (Step::Fail(Failure::Away(why)), _) => ["away\n", &why].concat(),
        _ => "away\nthere is none".to_owned(),
    })
}

fn read(storage: &Storage) -> Result<State, Broken> {
    storage.execute(
        "CREATE TABLE IF NOT EXISTS token (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), state TEXT NOT NULL) STRICT",
        &[],
    )?;
    let state = storage.execute("SELECT state FROM token", &[])?;
    // What an older version kept may be of another form: a token can be fetched anew.
    Ok(serde_json::from_str(&state).unwrap_or_default())
}

fn write(storage: &Storage, state: &State) -> Result<(), Broken> {
    let state = serde_json::to_string(state).map_err(|why| Broken::from(why.to_string()))?;
    let sql = "INSERT INTO token VALUES (1, ?1) ON CONFLICT (only_row) DO UPDATE SET state = excluded.state";
    storage.execute(sql, &[&state]).map(drop)
}

fn told(kind: &str, result: Result<String, Broken>) -> Option<String> {
    result
        .map_err(|why| runtime::log_error(&format!("tokens: {kind}: {why}")))
        .ok()
}
