//! Google's access tokens, by a service account or a user's refresh token; one for each destination of Google Ads.

use conversions::Hash;
use conversions::platform::google::{Credentials, TokenReply};
use conversions::platform::{Outcome, Reply};
use futures_util::future::LocalBoxFuture;

use super::kept::Kept;
use super::{Failure, Source};
use crate::platform;
use crate::runtime::{self, Env};

/// What the kinds of these tokens begin with; a site's public id and a destination's name follow, a tab before each.
const KIND: &str = "google";

/// The kind of token of a destination.
pub fn kind(website_id: &str, destination: &str) -> String {
    [KIND, website_id, destination].join("\t")
}

/// A destination's credentials.
pub struct Account(&'static Credentials);

impl Account {
    /// Those of a kind; `None`: it is of no destination that has any.
    pub fn of(env: &Env, kind: &str) -> Option<Self> {
        let (website_id, name) = kind
            .strip_prefix(KIND)?
            .strip_prefix('\t')?
            .split_once('\t')?;
        let destination = crate::destinations(env).named(website_id, name)?;
        destination.credentials.as_ref().map(Self)
    }

    async fn ask(&self) -> Result<Kept, Failure> {
        let now_ms = runtime::now_ms();
        let request = match self.0 {
            Credentials::RefreshToken(user) => user.token_request(),
            Credentials::ServiceAccount(account) => {
                let input = account.signing_input(now_ms);
                // Repeating it does no harm: it only computes.
                let signed = runtime::sign_rs256(account.private_key(), input.as_str()).await;
                let signature =
                    signed.map_err(|why| Failure::Refused(format!("private_key: {why}")))?;
                account.token_request(&input, &signature)
            }
        };
        // Repeating it does no harm: a token more is a token more.
        let answer = platform::call(&request).await.map_err(Failure::Away)?;
        let fetched_ms = runtime::now_ms();
        match (self.0).token_reply(answer.status, answer.retry_after_s, &answer.body) {
            TokenReply::Token(token) => Ok(Kept {
                token: token.token,
                fetched_ms,
                expires_ms: fetched_ms + u64::from(token.lifetime_s) * 1_000,
                renewal: None,
            }),
            TokenReply::None(Reply {
                outcome: Outcome::Credentials,
                words,
                ..
            }) => Err(Failure::Refused(words)),
            TokenReply::None(reply) => Err(Failure::Away(reply.words)),
        }
    }
}

impl Source for Account {
    fn settings(&self) -> Hash {
        self.0.fingerprint()
    }

    fn fetch<'a>(&'a self, _: Option<&'a Kept>) -> LocalBoxFuture<'a, Result<Kept, Failure>> {
        Box::pin(self.ask())
    }
}
