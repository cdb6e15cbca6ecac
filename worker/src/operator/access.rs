//! Cloudflare Access: the token by which it vouches for a caller, `Cf-Access-Jwt-Assertion`, signed with a key of the team's (RS256).
//! <https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/>

use std::cell::RefCell;
use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use js_sys::Promise;
use serde::Deserialize;
use serde_json::{Map, Value};
use wasm_bindgen::prelude::*;

use crate::config::Access;
use crate::edge::Edge;
use crate::error::Error;
use crate::runtime::{self, Call, HOUR_MS};
use crate::tasks::promised;

/// How far clocks may differ, in s.
const LEEWAY_S: u64 = 60;
/// How long the team's keys are taken to be all there are, in ms. A new one is used at once, since its id is not known.
const FRESH_MS: u64 = HOUR_MS;
/// The least time between two questions for them, in ms: ids that somebody made up must not make many.
const PAUSE_MS: u64 = 30_000;
/// How long a caller waits for them, in ms.
const TIMEOUT_MS: u32 = 5_000;

#[wasm_bindgen(module = "/src/runtime.js")]
extern "C" {
    #[wasm_bindgen(js_name = isSignedBy)]
    fn is_signed_by(jwk: &str, text: &str, signature: &[u8]) -> Promise;
}

/// The team's public keys.
struct Keys {
    asked_ms: u64,
    /// Each as JSON, by its id.
    jwks: Vec<(String, String)>,
}

impl Keys {
    fn of(&self, kid: &str) -> Option<String> {
        let found = self.jwks.iter().find(|(id, _)| id == kid);
        found.map(|(_, jwk)| jwk.clone())
    }
}

thread_local! {
    /// As long as the instance lives. There is one team.
    static KEYS: RefCell<Option<Rc<Keys>>> = const { RefCell::new(None) };
}

/// A token whose claims are right, if its signature is.
#[derive(Debug, PartialEq, Eq)]
struct Claimed {
    /// Which key signed it.
    kid: String,
    /// Whom it vouches for.
    identity: String,
    /// What was signed.
    signed: String,
    signature: Vec<u8>,
}

/// Whom Access vouches for.
///
/// # Errors
/// `ACCESS_DENIED`; `API_DISABLED`: the team's keys are not to be had
pub async fn identity(edge: &Edge<'_>, access: &Access) -> Result<String, Error> {
    let token = edge.header("cf-access-jwt-assertion");
    let claimed = claims(&token, access, edge.now_ms / 1_000).map_err(Error::AccessDenied)?;
    // Repeating it does no harm: it reads.
    let Some(jwk) = key(access, &claimed.kid, edge.now_ms).await? else {
        return Err(Error::AccessDenied("signed with no key of the team's"));
    };
    // Repeating it does no harm: it computes.
    let verified = promised(&is_signed_by(&jwk, &claimed.signed, &claimed.signature)).await;
    match verified {
        Ok(verified) if verified.is_truthy() => Ok(claimed.identity),
        Ok(_) => Err(Error::AccessDenied("wrong signature")),
        Err(why) => {
            runtime::log_error(&format!("a key of Access: {}", runtime::words(&why)));
            Err(Error::AccessDenied("the team's key is not usable"))
        }
    }
}

/// The key of that id; `None`: the team has none.
async fn key(access: &Access, kid: &str, now_ms: u64) -> Result<Option<String>, Error> {
    let known = KEYS.with_borrow(Clone::clone);
    let found = known.as_ref().and_then(|keys| keys.of(kid));
    let age_ms = known.map(|keys| now_ms.saturating_sub(keys.asked_ms));
    let is_enough = match &found {
        Some(_) => age_ms.is_some_and(|age_ms| age_ms < FRESH_MS),
        None => age_ms.is_some_and(|age_ms| age_ms < PAUSE_MS),
    };
    if is_enough {
        return Ok(found);
    }
    // Repeating it does no harm: it reads.
    match fetch(access).await {
        Ok(jwks) => {
            let keys = Rc::new(Keys {
                asked_ms: now_ms,
                jwks,
            });
            let found = keys.of(kid);
            KEYS.set(Some(keys));
            Ok(found)
        }
        Err(why) => {
            runtime::log_error(&format!("the keys of {}: {why}", access.team));
            match found {
                // The team's, though it may have been withdrawn meanwhile: a day must do.
                Some(jwk) if age_ms.is_some_and(|age_ms| age_ms < 24 * FRESH_MS) => Ok(Some(jwk)),
                _ => Err(Error::ApiDisabled(
                    "Cloudflare Access does not tell its keys; come back later",
                )),
            }
        }
    }
}

async fn fetch(access: &Access) -> Result<Vec<(String, String)>, String> {
    #[derive(Deserialize)]
    struct Certs {
        keys: Vec<Map<String, Value>>,
    }
    let url = [&access.team, "/cdn-cgi/access/certs"].concat();
    let call = Call {
        url: &url,
        method: "GET",
        headers: "",
        body: "",
        timeout_ms: TIMEOUT_MS,
    };
    // Repeating it does no harm: it reads.
    let reply = call.send().await?;
    if reply.status != 200 {
        return Err(reply.status.to_string());
    }
    let Certs { keys } = serde_json::from_str(&reply.body).map_err(|why| why.to_string())?;
    let jwks = keys.into_iter().filter_map(|mut key| {
        // What it is for is said twice, in words that differ between makers.
        for name in ["use", "key_ops"] {
            key.remove(name);
        }
        let kid = key.get("kid")?.as_str()?.to_owned();
        let is_rsa = key.get("kty")?.as_str()? == "RSA";
        is_rsa.then(|| (kid, Value::Object(key).to_string()))
    });
    Ok(jwks.collect())
}

/// Reads a token (RFC 7519) and checks what it claims, `now_s` being Unix time in s.
///
/// # Errors
/// What is wrong with it.
fn claims(token: &str, access: &Access, now_s: u64) -> Result<Claimed, &'static str> {
    #[derive(Deserialize)]
    struct Header {
        alg: String,
        kid: String,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Several(Vec<String>),
    }
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
        aud: Audience,
        exp: f64,
        #[serde(default)]
        nbf: f64,
        email: Option<String>,
        /// Of a service token.
        common_name: Option<String>,
        sub: Option<String>,
    }
    const MALFORMED: &str = "expected a token of Cloudflare Access";
    if token.is_empty() {
        return Err("missing: the call did not come through Cloudflare Access");
    }
    let bytes = |part: &str| Base64UrlUnpadded::decode_vec(part).ok();
    let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
    let header = bytes(header).and_then(|header| serde_json::from_slice(&header).ok());
    let Header { alg, kid } = header.ok_or(MALFORMED)?;
    // Never the token's choice: none, or a key of another kind, must not do.
    if alg != "RS256" {
        return Err("expected RS256");
    }
    let claims = bytes(claims).and_then(|claims| serde_json::from_slice(&claims).ok());
    let claims: Claims = claims.ok_or(MALFORMED)?;
    if claims.iss != access.team {
        return Err("of another team");
    }
    let is_meant = match &claims.aud {
        Audience::One(audience) => *audience == access.audience,
        Audience::Several(audiences) => audiences.contains(&access.audience),
    };
    if !is_meant {
        return Err("for another application");
    }
    let now_s = now_s as f64;
    let leeway_s = LEEWAY_S as f64;
    if claims.exp + leeway_s < now_s {
        return Err("expired");
    }
    if claims.nbf - leeway_s > now_s {
        return Err("not valid yet");
    }
    let named = [claims.email, claims.common_name, claims.sub];
    let identity = named.into_iter().flatten().find(|name| !name.is_empty());
    Ok(Claimed {
        kid,
        identity: identity.ok_or("it names nobody")?,
        signed: signed.to_owned(),
        signature: bytes(signature).ok_or(MALFORMED)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn access() -> Access {
        Access {
            team: "https://team.cloudflareaccess.com".to_owned(),
            audience: "app1".to_owned(),
        }
    }

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        [&part(header), ".", &part(claims), ".AAAA"].concat()
    }

    fn said(header: &Value, claims_of: &Value) -> Result<String, &'static str> {
        claims(&token(header, claims_of), &access(), NOW_S).map(|claimed| claimed.identity)
    }

    #[test]
    fn what_a_token_claims() {
        let header = json!({ "alg": "RS256", "kid": "k1" });
        let good = json!({ "iss": access().team, "aud": ["app0", "app1"], "exp": NOW_S + 60, "nbf": NOW_S, "email": "a@b.test", "sub": "u1" });
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            said(&header, &claims)
        };
        assert_eq!(said(&header, &good), Ok("a@b.test".to_owned()));
        assert_eq!(with("aud", json!("app1")), Ok("a@b.test".to_owned()));
        assert_eq!(with("exp", json!(NOW_S - 60)), Ok("a@b.test".to_owned()));
        assert_eq!(with("exp", json!(NOW_S - 61)), Err("expired"));
        assert_eq!(with("nbf", json!(NOW_S + 61)), Err("not valid yet"));
        assert_eq!(
            with("iss", json!("https://evil.test")),
            Err("of another team")
        );
        assert_eq!(with("aud", json!(["app2"])), Err("for another application"));
        assert_eq!(with("email", json!(null)), Ok("u1".to_owned()));
        let service = json!({ "iss": access().team, "aud": "app1", "exp": NOW_S, "common_name": "svc.access", "sub": "" });
        assert_eq!(said(&header, &service), Ok("svc.access".to_owned()));
        for alg in ["none", "HS256", "RS512"] {
            assert_eq!(
                said(&json!({ "alg": alg, "kid": "k1" }), &good),
                Err("expected RS256")
            );
        }
        for broken in ["x", "a.b", "a.b.c", "..", &token(&header, &json!({}))] {
            let read = claims(broken, &access(), NOW_S);
            assert_eq!(
                read,
                Err("expected a token of Cloudflare Access"),
                "{broken}"
            );
        }
        assert!(claims("", &access(), NOW_S).is_err_and(|why| why.starts_with("missing")));
    }
}
