//! API keys, `atk_live_<8>_<32>`: checked on every call, and managed by the operator. Of a key only the prefix and a
//! SHA-256 are kept. None is remembered between calls, so a revoked one is refused at once.

use conversions::{ConversionId, Hash};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Holder;
use crate::answer::Answer;
use crate::config::{Backend, same};
use crate::edge::Edge;
use crate::error::Error;
use crate::ledger::{DATABASE, Database};
use crate::runtime;
use crate::track::fields::Fields;

const MARK: &str = "atk_live_";

/// Who the operator's calls are counted as. No key's prefix has such a name.
const OPERATOR: &str = "-operator-";

/// The most characters a key's name may have.
const LONGEST_NAME: usize = 100;

/// The token of an `Authorization: Bearer`.
fn bearer(edge: &Edge<'_>) -> Result<String, Error> {
    let header = edge.header("authorization");
    let (scheme, token) = header.split_once(' ').unwrap_or((&header, ""));
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Error::AuthRequired);
    }
    Ok(token.to_owned())
}

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
    #[derive(Deserialize)]
    struct Kept {
        secret_sha256: String,
        website_id: Option<String>,
        last_used_ms: Option<u64>,
        revoked_ms: Option<u64>,
    }
    let key = bearer(edge)?;
    let prefix = prefix_of(&key).ok_or(Error::InvalidKey)?;
    let rows = Database::bound(edge.env, DATABASE)?
        .rows::<Kept>(
            "SELECT secret_sha256, website_id, last_used_ms, revoked_ms FROM api_keys WHERE prefix = ?1 ->> '$'",
            &prefix,
        )
        .await?;
    let kept = rows.into_iter().next().ok_or(Error::InvalidKey)?;
    if !same(&kept.secret_sha256, Hash::of(&key).as_str()) {
        return Err(Error::InvalidKey);
    }
    if kept.revoked_ms.is_some() {
        return Err(Error::RevokedKey);
    }
    if kept.last_used_ms.unwrap_or_default() + 60_000 <= edge.now_ms {
        note_use(edge, prefix.to_owned());
    }
    Ok(Holder {
        prefix: prefix.to_owned(),
        website_id: kept.website_id,
    })
}

/// Notes after the answer that a key was used.
fn note_use(edge: &Edge<'_>, prefix: String) {
    let (env, now_ms) = (edge.env.clone(), edge.now_ms);
    edge.context.after_answer(async move {
        let used = json!({ "prefix": prefix, "nowMs": now_ms });
        let noted = match Database::bound(&env, DATABASE) {
            Ok(database) => database
                .rows::<serde_json::Value>(
                    "UPDATE api_keys SET last_used_ms = max(coalesce(last_used_ms, 0), ?1 ->> 'nowMs') WHERE prefix = ?1 ->> 'prefix'",
                    &used,
                )
                .await
                .map(drop),
            Err(why) => Err(why),
        };
        if let Err(why) = noted {
            runtime::log_warning(&format!("the last use of a key: {why}"));
        }
    });
}

/// The operator, who manages keys.
///
/// # Errors
/// `API_DISABLED`: no OPERATOR_KEY is set; `AUTH_REQUIRED`, `INVALID_KEY`
pub fn operator(edge: &Edge<'_>) -> Result<Holder, Error> {
    let key = edge.config.operator_key.as_ref().ok_or(Error::ApiDisabled(
        "keys are managed with the secret OPERATOR_KEY, and none is set",
    ))?;
    if !key.is(&bearer(edge)?) {
        return Err(Error::InvalidKey);
    }
    Ok(Holder {
        prefix: OPERATOR.to_owned(),
        website_id: None,
    })
}

/// A key as it is shown: never the secret.
#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Shown {
    prefix: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    website_id: Option<String>,
    #[serde(rename(serialize = "createdAt"))]
    created_ms: u64,
    #[serde(
        rename(serialize = "lastUsedAt"),
        skip_serializing_if = "Option::is_none"
    )]
    last_used_ms: Option<u64>,
    #[serde(
        rename(serialize = "revokedAt"),
        skip_serializing_if = "Option::is_none"
    )]
    revoked_ms: Option<u64>,
}

/// `GET keys`: the latest first.
pub async fn list(edge: &Edge<'_>) -> Result<Answer, Error> {
    let keys: Vec<Shown> = Database::bound(edge.env, DATABASE)?
        .rows(
            "SELECT prefix, name, website_id, created_ms, last_used_ms, revoked_ms FROM api_keys WHERE ?1 ORDER BY created_ms DESC, prefix LIMIT 1000",
            &true,
        )
        .await?;
    Ok(Answer::json(200, &json!({ "keys": keys })))
}

/// `POST keys`: a new key, shown this once. It is made of `id` and the operator's own key, so that the call made again
/// with its Idempotency-Key shows the same one, though it was kept nowhere.
pub async fn create(
    edge: &Edge<'_>,
    id: ConversionId,
    fields: &Fields<'_>,
) -> Result<Answer, Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct New<'a> {
        prefix: &'a str,
        secret_sha256: &'a str,
        name: &'a str,
        website_id: Option<&'a str>,
        now_ms: u64,
    }
    #[derive(Serialize)]
    struct Created<'a> {
        key: &'a str,
        #[serde(flatten)]
        shown: Shown,
    }
    let name = fields.required("name")?;
    let name = name.trim();
    if name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        return Err(Error::field(
            "name",
            "expected at most 100 characters and no control characters",
        ));
    }
    let website_id = fields.text("websiteId")?;
    if let Some(id) = &website_id {
        edge.config
            .site(id)
            .ok_or_else(|| Error::field("websiteId", "no such site"))?;
        if edge.config.backend != Backend::Ledger && edge.config.sites.len() > 1 {
            return Err(Error::field(
                "websiteId",
                "AdTarget does not tell one site's leads from another's: with BACKEND adtarget keys are account-wide",
            ));
        }
    }
    let operator = edge.config.operator_key.as_ref().ok_or(Error::Internal)?;
    let material = Hash::of(&format!("{}\n{id}", operator.reveal()));
    let (Some(prefix), Some(secret)) = (material.as_str().get(..8), material.as_str().get(8..40))
    else {
        return Err(Error::Internal);
    };
    let key = format!("{MARK}{prefix}_{secret}");
    let sha256 = Hash::of(&key);
    let new = New {
        prefix,
        secret_sha256: sha256.as_str(),
        name,
        website_id: website_id.as_deref(),
        now_ms: edge.now_ms,
    };
    let rows: Vec<Shown> = Database::bound(edge.env, DATABASE)?
        .rows(include_str!("new_key.sql"), &new)
        .await?;
    let shown = rows.into_iter().next().ok_or(Error::KeyLimit)?;
    Ok(Answer::json(201, &Created { key: &key, shown }))
}

/// `DELETE keys/{prefix}`: revokes it, for good.
pub async fn revoke(edge: &Edge<'_>, prefix: &str) -> Result<Answer, Error> {
    #[derive(Deserialize)]
    struct Revoked {}
    let rows: Vec<Revoked> = Database::bound(edge.env, DATABASE)?
        .rows(
            "UPDATE api_keys SET revoked_ms = coalesce(revoked_ms, ?1 ->> 'nowMs') WHERE prefix = ?1 ->> 'prefix' RETURNING prefix",
            &json!({ "prefix": prefix, "nowMs": edge.now_ms }),
        )
        .await?;
    match rows.first() {
        Some(_) => Ok(Answer::json(200, &json!({ "success": true }))),
        None => Err(Error::NotFound),
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
