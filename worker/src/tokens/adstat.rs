//! AdStat's access token: by the refresh token as long as that lives, else by logging in anew.

use adstat::Failure as Refusal;
use adstat::login::{self, LoggedIn, REFRESH_LIFE_S, Renewed, Token};
use conversions::{Hash, Secret};
use futures_util::future::LocalBoxFuture;

use super::kept::{Kept, Renewal};
use super::{Failure, Source};
use crate::adstat::{Body, send};
use crate::config::{AdStat, Config};
use crate::runtime;

/// The kind of token.
pub const KIND: &str = "adstat";

/// How long an access token is taken to live that does not say it itself, in ms. AdStat's documentation does not say it either; one that
/// ends earlier is replaced when AdStat refuses it.
const ASSUMED_LIFE_MS: u64 = 15 * 60_000;
/// How long AdStat may take for each of the two calls, in ms.
const TIMEOUT_MS: u32 = 10_000;

/// AdStat's account.
pub struct Account<'a>(&'a AdStat);

impl<'a> Account<'a> {
    /// The account of the settings.
    pub fn of(config: &'a Config) -> Option<Self> {
        config.adstat.as_ref().map(Self)
    }

    async fn renew(&self, kept: Option<&Kept>) -> Result<Kept, Failure> {
        let renewal = kept.and_then(|kept| kept.renewal.as_ref());
        if let Some(renewal) = renewal.filter(|renewal| runtime::now_ms() < renewal.expires_ms) {
            let token = Token::new(renewal.token.reveal().to_owned());
            // Repeating it does no harm: a token more is a token more.
            match self.ask(&login::renewal(&token), Renewed::read).await {
                Ok(renewed) => return Ok(fetched(&renewed.access_token, renewal.clone())),
                // Dead before its time.
                Err(Failure::Refused(why)) => {
                    runtime::log_warning(&format!(
                        "AdStat's refresh token: {why}; logging in anew"
                    ));
                }
                Err(away) => return Err(away),
            }
        }
        let request = login::login(self.0.username.reveal(), self.0.password.reveal());
        // Repeating it does no harm: the same.
        let LoggedIn {
            access_token,
            refresh_token,
        } = self.ask(&request, LoggedIn::read).await?;
        let lives_ms = REFRESH_LIFE_S * 1_000;
        let renewal = Renewal {
            expires_ms: ends_ms(&refresh_token, lives_ms),
            token: Secret::new(refresh_token.reveal().to_owned()),
        };
        Ok(fetched(&access_token, renewal))
    }

    /// Makes one of the two calls.
    async fn ask<T>(
        &self,
        request: &adstat::Request,
        read: fn(u16, &str) -> Result<T, Refusal>,
    ) -> Result<T, Failure> {
        // Each caller says for itself why repeating it does no harm.
        let reply = send(self.0, request, None, Body::Own, TIMEOUT_MS).await;
        let reply = reply.map_err(Failure::Away)?;
        read(reply.status, &reply.body).map_err(|failure| match failure {
            Refusal::Refused {
                status: 400..=428,
                detail,
            } => Failure::Refused(detail),
            failure => Failure::Away(failure.to_string()),
        })
    }
}

impl Source for Account<'_> {
    fn settings(&self) -> Hash {
        let AdStat {
            base,
            username,
            password,
            ..
        } = self.0;
        Hash::of(&[base, username.reveal(), password.reveal()].join("\n"))
    }

    fn fetch<'a>(&'a self, kept: Option<&'a Kept>) -> LocalBoxFuture<'a, Result<Kept, Failure>> {
        Box::pin(self.renew(kept))
    }
}

fn fetched(access: &Token, renewal: Renewal) -> Kept {
    Kept {
        token: Secret::new(access.reveal().to_owned()),
        fetched_ms: runtime::now_ms(),
        expires_ms: ends_ms(access, ASSUMED_LIFE_MS),
        renewal: Some(renewal),
    }
}

/// When a token ends, Unix time in ms: as it says itself, else in `assumed_ms`. What it says of a time that is over comes of a clock that is
/// wrong.
fn ends_ms(token: &Token, assumed_ms: u64) -> u64 {
    let now_ms = runtime::now_ms();
    let told_ms = token
        .expires_s()
        .map(|expires_s| expires_s.saturating_mul(1_000));
    told_ms
        .filter(|told_ms| *told_ms > now_ms)
        .unwrap_or(now_ms + assumed_ms)
}
