//! Google's access tokens: fetched once at a time, kept in memory until shortly before they expire.

use std::cell::RefCell;
use std::collections::BTreeMap;

use conversions::Secret;
use conversions::platform::google::{AccessToken, Credentials, TokenReply};
use conversions::platform::{Outcome, Reply};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};

use super::attempt::{call, unanswered};
use crate::runtime;

/// How long before its end a token is fetched anew, in ms: longer than a request may take.
const MARGIN_MS: u64 = 60_000;

type Fetched = Result<AccessToken, Reply>;

/// The tokens of one instance, by the name of the destination they are for.
#[derive(Default)]
struct Tokens {
    known: BTreeMap<String, (AccessToken, u64)>,
    /// Who comes while one is being fetched waits for the same.
    fetching: BTreeMap<String, Shared<LocalBoxFuture<'static, Fetched>>>,
}

thread_local! {
    static TOKENS: RefCell<Tokens> = RefCell::default();
}

/// The token that requests of the destination called `name` (unique among all sites) bear.
///
/// # Errors
/// What to take for the platform's answer.
pub async fn token(name: &str, credentials: &Credentials) -> Result<Secret, Reply> {
    let now_ms = runtime::now_ms();
    let fetching = TOKENS.with_borrow_mut(|tokens| {
        if let Some((token, until_ms)) = tokens.known.get(name)
            && now_ms + MARGIN_MS < *until_ms
        {
            return Err(token.token.clone());
        }
        let credentials = credentials.clone();
        let fetching = tokens.fetching.entry(name.to_owned());
        Ok(fetching
            .or_insert_with(|| {
                async move { fetch(&credentials).await }
                    .boxed_local()
                    .shared()
            })
            .clone())
    });
    let fetching = match fetching {
        Err(known) => return Ok(known),
        Ok(fetching) => fetching,
    };
    // Repeating it does no harm: a second token is as good as the first.
    let fetched = fetching.await;
    TOKENS.with_borrow_mut(|tokens| {
        tokens.fetching.remove(name);
        let token = fetched?;
        let until_ms = runtime::now_ms() + u64::from(token.lifetime_s) * 1_000;
        let secret = token.token.clone();
        tokens.known.insert(name.to_owned(), (token, until_ms));
        Ok(secret)
    })
}

/// Forgets a token that was refused.
pub fn forget(name: &str) {
    TOKENS.with_borrow_mut(|tokens| tokens.known.remove(name));
}

async fn fetch(credentials: &Credentials) -> Fetched {
    let now_ms = runtime::now_ms();
    let request = match credentials {
        Credentials::RefreshToken(user) => user.token_request(),
        Credentials::ServiceAccount(account) => {
            let input = account.signing_input(now_ms);
            // Repeating it does no harm: it only computes.
            match runtime::sign_rs256(account.private_key(), input.as_str()).await {
                Ok(signature) => account.token_request(&input, &signature),
                Err(why) => {
                    return Err(Reply {
                        outcome: Outcome::Credentials,
                        request_id: None,
                        words: format!("private_key: {why}"),
                    });
                }
            }
        }
    };
    // Repeating it does no harm: a second token is as good as the first.
    match call(&request).await {
        Ok(answer) => {
            let retry_after = Some(answer.retry_after.as_str()).filter(|text| !text.is_empty());
            let now_ms = runtime::now_ms();
            match credentials.token_reply(answer.status, retry_after, &answer.body, now_ms) {
                TokenReply::Token(token) => Ok(token),
                TokenReply::None(reply) => Err(reply),
            }
        }
        Err(why) => Err(unanswered(&why)),
    }
}
