//! API keys, `atk_live_<8>_<32>`: checked on every call, and managed by the operator. Of a key only the prefix and a
//! SHA-256 are kept. None is remembered between calls, so a revoked one is refused at once.

use conversions::{ConversionId, Hash};
use serde_json::{Map, Value, json};

use super::Holder;
use crate::answer::Answer;
use crate::config::Backend;
use crate::edge::Edge;
use crate::error::Error;
use crate::ledger::{DATABASE, Database, Row, Statement, Unavailable};
use crate::operator;
use crate::runtime::{self, Env};
use crate::track::fields::Fields;
use crate::track::update_fbp::success;

const MARK: &str = "atk_live_";

/// The most characters a key's name may have.
const LONGEST_NAME: usize = 100;

/// The prefix of a key that is written as keys are.
fn prefix_of(key: &str) -> Option<&str> {
    let (prefix, secret) = key.strip_prefix(MARK)?.split_once('_')?;
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (prefix.len() == 8 && secret.len() == 32 && is_plain(prefix) && is_plain(secret))
        .then_some(prefix)
}

/// Who holds the key that a call bears.
///
/// # Errors
/// `AUTH_REQUIRED`, `INVALID_KEY`, `REVOKED_KEY`, `INTERNAL_ERROR`
pub async fn holder(edge: &Edge<'_>) -> Result<Holder, Error> {
    let key = operator::bearer(edge)?;
    let prefix = prefix_of(&key).ok_or(Error::InvalidKey)?;
    let statement = Statement::new(
        "SELECT secret_sha256, website_id, last_used_ms, revoked_ms FROM api_keys WHERE prefix = ?1 ->> '$'",
        &prefix,
    )?;
    let rows = Database::bound(edge.env, DATABASE)?.ask(statement).await?;
    let kept = rows.first().ok_or(Error::InvalidKey)?;
    if !conversions::same(
        kept.text("secret_sha256").unwrap_or_default(),
        Hash::of(&key).as_str(),
    ) {
        return Err(Error::InvalidKey);
    }
    if kept.number("revoked_ms").is_some() {
        return Err(Error::RevokedKey);
    }
    if kept.number("last_used_ms").unwrap_or_default() + 60_000 <= edge.now_ms {
        note_use(edge, prefix.to_owned());
    }
    Ok(Holder {
        prefix: prefix.to_owned(),
        website_id: kept.text("website_id").map(str::to_owned),
    })
}

/// Notes after the answer that a key was used.
fn note_use(edge: &Edge<'_>, prefix: String) {
    let (env, now_ms) = (edge.env.clone(), edge.now_ms);
    edge.context.after_answer(async move {
        if let Err(why) = write_use(&env, &prefix, now_ms).await {
            runtime::log_warning(&format!("the last use of a key: {why}"));
        }
    });
}

async fn write_use(env: &Env, prefix: &str, now_ms: u64) -> Result<(), Unavailable> {
    let statement = Statement::new(
        "UPDATE api_keys SET last_used_ms = max(coalesce(last_used_ms, 0), ?1 ->> 'nowMs') WHERE prefix = ?1 ->> 'prefix'",
        &json!({ "prefix": prefix, "nowMs": now_ms }),
    )?;
    // Repeating it does no harm: the latest use stands.
    Database::bound(env, DATABASE)?
        .ask(statement)
        .await
        .map(drop)
}

/// The operator, who manages keys.
///
/// # Errors
/// `API_DISABLED`: no OPERATOR_KEY is set, or too short a one; `AUTH_REQUIRED`, `INVALID_KEY`
pub fn operator(edge: &Edge<'_>) -> Result<Holder, Error> {
    operator::check_key(edge)?;
    Ok(Holder {
        prefix: operator::OPERATOR.to_owned(),
        website_id: None,
    })
}

/// A key as it is shown: never the secret.
fn shown(row: &Row) -> Map<String, Value> {
    row.renamed(&[
        ("prefix", "prefix"),
        ("name", "name"),
        ("website_id", "websiteId"),
        ("created_ms", "createdAt"),
        ("last_used_ms", "lastUsedAt"),
        ("revoked_ms", "revokedAt"),
    ])
}

/// `GET keys`: the latest first.
pub async fn list(edge: &Edge<'_>) -> Result<Answer, Error> {
    let statement = Statement::new(
        "SELECT prefix, name, website_id, created_ms, last_used_ms, revoked_ms FROM api_keys WHERE ?1 IS NOT NULL ORDER BY created_ms DESC, prefix LIMIT 1000",
        &true,
    )?;
    let rows = Database::bound(edge.env, DATABASE)?.ask(statement).await?;
    let keys: Vec<_> = rows.iter().map(shown).collect();
    Ok(Answer::json(200, &json!({ "keys": keys })))
}

/// `POST keys`: a new key, shown this once. It is made of `id` and the operator's own key, so that the call made again
/// with its Idempotency-Key shows the same one, though it was kept nowhere.
pub async fn create(
    edge: &Edge<'_>,
    id: ConversionId,
    fields: &Fields<'_>,
) -> Result<Answer, Error> {
    let name = fields.required("name")?;
    let name = name.trim();
    if name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        return Err(Error::field(
            "name",
            "expected at most 100 characters and no control characters",
        ));
    }
    let mut website_id = None;
    // Either name, as of a conversion: a key that was meant for one site must not see all.
    for field in ["siteId", "websiteId"] {
        let Some(id) = fields.text(field)? else {
            continue;
        };
        edge.config
            .site(&id)
            .ok_or_else(|| Error::field(field, "no such site"))?;
        if website_id.is_some_and(|other| other != id) {
            return Err(Error::field(field, "siteId says another site"));
        }
        website_id = Some(id);
    }
    if website_id.is_some() && edge.config.backend != Backend::Ledger && edge.config.sites.len() > 1
    {
        return Err(Error::field(
            "websiteId",
            "AdTarget does not tell one site's leads from another's: with BACKEND adtarget keys are account-wide",
        ));
    }
    let operator = edge
        .config
        .operator_key
        .as_ref()
        .map_err(|_| Error::Internal)?;
    let material = Hash::of(&format!("{}\n{id}", operator.reveal()));
    let (Some(prefix), Some(secret)) = (material.as_str().get(..8), material.as_str().get(8..40))
    else {
        return Err(Error::Internal);
    };
    let key = format!("{MARK}{prefix}_{secret}");
    let new = json!({
        "prefix": prefix, "secretSha256": Hash::of(&key), "name": name, "websiteId": website_id, "nowMs": edge.now_ms,
    });
    let statement = Statement::new(include_str!("new_key.sql"), &new)?;
    let rows = Database::bound(edge.env, DATABASE)?.ask(statement).await?;
    let mut created = shown(rows.first().ok_or(Error::KeyLimit)?);
    created.insert("key".to_owned(), key.into());
    Ok(Answer::json(201, &created))
}

/// `DELETE keys/{prefix}`: revokes it, for good.
///
/// # Errors
/// `KEY_NOT_FOUND`
pub async fn revoke(edge: &Edge<'_>, prefix: &str) -> Result<Answer, Error> {
    let statement = Statement::new(
        "UPDATE api_keys SET revoked_ms = coalesce(revoked_ms, ?1 ->> 'nowMs') WHERE prefix = ?1 ->> 'prefix' RETURNING prefix",
        &json!({ "prefix": prefix, "nowMs": edge.now_ms }),
    )?;
    let rows = Database::bound(edge.env, DATABASE)?.ask(statement).await?;
    match rows.first() {
        Some(_) => Ok(success()),
        None => Err(Error::KeyNotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::prefix_of;

    #[test]
    fn how_keys_are_written() {
        let key = "atk_live_a1B2c3D4_0123456789abcdef0123456789ABCDEF";
        assert_eq!(prefix_of(key), Some("a1B2c3D4"));
        for wrong in [
            "",
            "atk_live_",
            "atk_test_a1b2c3d4_0123456789abcdef0123456789abcdef",
            "atk_live_a1b2c3d4_0123456789abcdef0123456789abcde",
            "atk_live_a1b2c3d_0123456789abcdef0123456789abcdef",
            "atk_live_a1b2c3d4-0123456789abcdef0123456789abcdef",
            "atk_live_a1b2c3d4_0123456789abcdef0123456789abcd_f",
        ] {
            assert_eq!(prefix_of(wrong), None, "{wrong}");
        }
    }
}
