//! AdStat for the operator, `/ops/adstat/…`: AdStat's own paths on the edge, so that scripts need another host and key alone. The
//! credentials stay here, rules are checked before AdStat is called, and what spends money is bought once ([`orders`]).
//!
//! What AdStat answers is passed on as it came, errors too. The edge's own errors are in both tongues: `error` as everywhere here, `detail`
//! and `status_code` as AdStat has it.

mod kktu;
mod orders;

pub use orders::CONTENT;

use ::adstat::call::{Asked, Call, Unusable};
use ::adstat::{Failure, Invalid, audience};
use serde_json::json;

use crate::adstat::{Body, Form, form, send};
use crate::answer::Answer;
use crate::config::AdStat;
use crate::edge::Edge;
use crate::error::Error;
use crate::operator;
use crate::routes::is_upload;
use crate::runtime::{self, DAY_MS, HOUR_MS, Reply};
use crate::tokens::{self, Tokens};

/// How long AdStat may take for a call, in ms.
const TIMEOUT_MS: u32 = 10_000;
/// How long it may take for a file that comes in at the operator's own speed, in ms.
const UPLOAD_TIMEOUT_MS: u32 = 180_000;
/// How long before the refresh token's end the operator is warned, in ms.
const WARNING_MS: u64 = 3 * DAY_MS;

/// An answer of AdStat's of the documented form, or of an error in its own words.
type Told = Result<Reply, Reply>;

/// Answers a call to `path`, which is what stands behind `/ops/adstat/`.
pub async fn answer(edge: &Edge<'_>, path: &str) -> Answer {
    respond(edge, path).await.unwrap_or_else(refusal)
}

/// An error in both tongues.
fn refusal(error: Error) -> Answer {
    let (status, message) = (error.status(), error.to_string());
    let body = json!({
        "error": { "code": error.code(), "message": message }, "detail": message, "status_code": status,
    });
    Answer::from(error).with_body(body.to_string())
}

async fn respond(edge: &Edge<'_>, path: &str) -> Result<Answer, Error> {
    edge.limit_address().await?;
    let vouched = operator::vouched(edge).await?;
    match path.trim_end_matches('/') {
        "api/v2/login" => return login(edge),
        "api/v2/access-token" => return renewal(edge),
        _ => operator::check_key(edge)?,
    }
    edge.limit_key(operator::OPERATOR).await?;
    if path == "orders" {
        return orders::list(edge).await;
    }
    let (call, body) = asked(edge, path)?;
    if let Some(answer) = orders::checked_here(edge, &call)? {
        return Ok(answer);
    }
    let adstat = edge.config.adstat.as_ref().ok_or(Error::ApiDisabled(
        "AdStat is called with the secrets ADSTAT_USERNAME and ADSTAT_PASSWORD, and they are not set",
    ))?;
    let who = vouched.unwrap_or_else(|| "operator".to_owned());
    let file = File::of(edge, &call).await?;
    let mut session = Session::open(edge, adstat).await?;
    let answer = session.respond(call, body, file, &who).await;
    Ok(session.warned(answer.unwrap_or_else(refusal)))
}

/// What a call asks for, and its body.
fn asked<'a>(edge: &'a Edge<'a>, path: &str) -> Result<(Call, &'a str), Error> {
    let path = path.strip_prefix("api/").ok_or(Error::NotFound)?;
    let method = edge.caller.method;
    let body = match method {
        "POST" | "PUT" | "PATCH" if !is_upload(path) => std::str::from_utf8(edge.body.clone()?)
            .map_err(|_| Error::field("body", "not UTF-8"))?,
        _ => "",
    };
    let call = Call::read(&Asked {
        method,
        path,
        query: edge.caller.query,
        body,
        now_ms: edge.now_ms,
    });
    let call = call.map_err(|unusable| match unusable {
        Unusable::NoSuchPath => Error::NotFound,
        Unusable::Method(methods) => Error::MethodNotAllowed(methods),
        Unusable::Invalid(invalid) => invalid.into(),
    })?;
    Ok((call, body))
}

/// What comes with a call besides its text.
enum File {
    None,
    /// A file that streams through, of that content type.
    Streamed(String),
    /// A multipart body that was read, of that content type.
    Read(String, Form),
}

impl File {
    /// Reads what comes with `call`.
    async fn of(edge: &Edge<'_>, call: &Call) -> Result<Self, Error> {
        /// What stands around the file in a multipart body, in bytes.
        const FRAME: usize = 64 * 1024;
        match call {
            Call::UploadMedia(_) => Ok(Self::Streamed(multipart(edge)?)),
            Call::CreateAudience(_) => {
                let content_type = multipart(edge)?;
                let limit = u32::try_from(audience::LARGEST + FRAME).unwrap_or(u32::MAX);
                // Repeating it does no harm: it reads.
                let form = form(edge.request, "audience", limit).await;
                let form = form.map_err(|_| Error::field("body", "not multipart/form-data"))?;
                let form = form.ok_or(Error::PayloadTooLarge(limit))?;
                audience::Audience::read(&form.title, &form.file, &form.bytes)?;
                Ok(Self::Read(content_type, form))
            }
            _ => Ok(Self::None),
        }
    }
}

/// `POST /v2/login`, for scripts that log in first: the operator's key in place of the password. What they get is that key, since it is
/// what the edge lets them in by.
fn login(edge: &Edge<'_>) -> Result<Answer, Error> {
    only("POST", edge)?;
    let form = form_urlencoded::parse(edge.body.clone()?);
    let password = form.into_owned().find(|(name, _)| name == "password");
    let (_, key) = password.ok_or_else(|| Error::field("password", "missing"))?;
    operator::check_told_key(edge, &key)?;
    Ok(Answer::json(
        200,
        &json!({ "user_id": null, "access_token": key, "refresh_token": key }),
    ))
}

/// `GET /v2/access-token`: as above.
fn renewal(edge: &Edge<'_>) -> Result<Answer, Error> {
    only("GET", edge)?;
    let key = edge.header("refresh_token");
    operator::check_told_key(edge, &key)?;
    Ok(Answer::json(
        200,
        &json!({ "access_token": key, "token_type": "bearer" }),
    ))
}

fn only(method: &'static str, edge: &Edge<'_>) -> Result<(), Error> {
    match edge.caller.method == method {
        true => Ok(()),
        false => Err(Error::MethodNotAllowed(method)),
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::InvalidPayload(invalid.to_string())
    }
}

/// One operator's call, with tokens for AdStat.
struct Session<'a> {
    edge: &'a Edge<'a>,
    adstat: &'a AdStat,
    tokens: Tokens<'a>,
}

/// AdStat gave no answer that can be used; in words for the log.
struct Away(String);

impl From<Away> for Error {
    fn from(Away(why): Away) -> Self {
        runtime::log_warning(&format!("AdStat: {why}"));
        Self::AdStatAway("AdStat does not answer as it should; come back later".to_owned())
    }
}

impl<'a> Session<'a> {
    async fn open(edge: &'a Edge<'a>, adstat: &'a AdStat) -> Result<Self, Error> {
        let mut tokens = Tokens::new(edge.env, tokens::adstat::KIND);
        // Repeating it does no harm: a token is handed out.
        tokens.bearer().await.map_err(no_token)?;
        Ok(Self {
            edge,
            adstat,
            tokens,
        })
    }

    async fn respond(
        &mut self,
        call: Call,
        body: &str,
        file: File,
        who: &str,
    ) -> Result<Answer, Error> {
        match (call, file) {
            (Call::CreateAd(ad), _) => orders::create(self, ad, body, who).await,
            (Call::EditAd(id, edit), _) => orders::edit(self, id, edit, body, who).await,
            (call, File::Streamed(content_type)) => self.upload(&call, &content_type).await,
            (call, File::Read(content_type, form)) => {
                self.hand_on(&call, &content_type, &form).await
            }
            (call, File::None) => Ok(pass_on(self.make(&call, TIMEOUT_MS).await?)),
        }
    }

    async fn make(&mut self, call: &Call, timeout_ms: u32) -> Result<Told, Error> {
        let body = || Body::Own;
        // Repeating it does no harm: the caller says why.
        let reply = self.send(&call.request(), body, timeout_ms).await;
        told(call, reply.map_err(no_token)??)
    }

    /// Sends what AdStat has not begun when it refuses the token.
    async fn send<'b>(
        &mut self,
        request: &::adstat::Request,
        body: impl Fn() -> Body<'b>,
        timeout_ms: u32,
    ) -> Result<Result<Reply, Away>, tokens::Failure> {
        let adstat = self.adstat;
        let once = async |token: &_| {
            // Each caller says for itself why repeating it does no harm.
            let reply = send(adstat, request, Some(token), body(), timeout_ms).await;
            reply.map_err(|why| away(request, &why))
        };
        let is_refused = |reply: &Result<Reply, _>| matches!(reply, Ok(Reply { status: 401, .. }));
        // Repeating it does no harm: as above.
        self.tokens.call(is_refused, once).await
    }

    /// Streams a file on to AdStat. It can't be sent a second time from here: nobody has kept it.
    async fn upload(&mut self, call: &Call, content_type: &str) -> Result<Answer, Error> {
        let request = call.request();
        let body = Body::Streamed(self.edge.request, content_type);
        // Repeating it does no harm: a token is handed out.
        let token = &self.tokens.bearer().await.map_err(no_token)?.token;
        // Repeating it does no harm: a file more is used by no ad.
        let reply = send(self.adstat, &request, Some(token), body, UPLOAD_TIMEOUT_MS).await;
        let reply = reply.map_err(|why| away(&request, &why))?;
        if reply.status == 401 {
            // Repeating it does no harm: a token is handed out.
            self.tokens.renew().await.map_err(no_token)?;
            return Err(Error::AdStatAway(
                "AdStat wanted another token meanwhile; send the file again".to_owned(),
            ));
        }
        Ok(pass_on(told(call, reply)?))
    }

    /// Hands a file of phone numbers on as it came.
    async fn hand_on(
        &mut self,
        call: &Call,
        content_type: &str,
        form: &Form,
    ) -> Result<Answer, Error> {
        let body = || Body::Bytes(&form.whole, content_type);
        // Repeating it does no harm but to the list: an audience that stands there twice costs nothing.
        let reply = self.send(&call.request(), body, UPLOAD_TIMEOUT_MS).await;
        Ok(pass_on(told(call, reply.map_err(no_token)??)?))
    }

    /// The answer, with a warning where AdStat's refresh token is near its end.
    fn warned(&self, answer: Answer) -> Answer {
        let in_hand = self.tokens.in_hand();
        let until_ms = in_hand.and_then(|bearer| bearer.renewable_until_ms);
        match warning(until_ms, self.edge.now_ms) {
            Some(warning) => answer.header("x-edgeway-warning", &warning),
            None => answer,
        }
    }
}

/// What the operator is told of a refresh token that ends at `until_ms`, when that is near.
pub fn warning(until_ms: Option<u64>, now_ms: u64) -> Option<String> {
    let left_ms = until_ms?.saturating_sub(now_ms);
    (left_ms < WARNING_MS).then(|| match left_ms / HOUR_MS {
        0 => "AdStat's refresh token is dead: the edge logs in anew with the next call".to_owned(),
        hours => format!("AdStat's refresh token dies in {hours} h: the edge logs in anew then"),
    })
}

fn no_token(failure: tokens::Failure) -> Error {
    match failure {
        tokens::Failure::Refused(why) => Error::AdStatAway(format!(
            "AdStat refuses ADSTAT_USERNAME and ADSTAT_PASSWORD: {why}"
        )),
        tokens::Failure::Away(why) => Away(format!("logging in: {why}")).into(),
    }
}

fn away(request: &::adstat::Request, why: &str) -> Away {
    Away(format!("{} {}: {why}", request.method, request.target))
}

/// The content type of a multipart body.
fn multipart(edge: &Edge<'_>) -> Result<String, Error> {
    let content_type = edge.header("content-type");
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind.eq_ignore_ascii_case("multipart/form-data") {
        true => Ok(content_type),
        false => Err(Error::field("content-type", "expected multipart/form-data")),
    }
}

/// What AdStat told: an answer, or an error in its own words.
fn told(call: &Call, reply: Reply) -> Result<Told, Error> {
    match call.check(reply.status, &reply.body) {
        Ok(()) => Ok(Ok(reply)),
        // Of the edge's own token, not of the operator's key.
        Err(Failure::Refused {
            status: 401,
            detail,
        }) => Err(Error::AdStatAway(format!(
            "AdStat does not take the token that it has just given: {detail}"
        ))),
        Err(Failure::Refused { .. }) => Ok(Err(reply)),
        // Of what stands before it, as a page: it never came to AdStat, or AdStat did not begin it.
        Err(_) if matches!(reply.status, 400 | 402..=407 | 409..=499) => Ok(Err(wordless(reply))),
        Err(unreadable) => Err(Away(unreadable.to_string()).into()),
    }
}

/// A refusal whose body nobody can read, in AdStat's form.
fn wordless(reply: Reply) -> Reply {
    let status = reply.status;
    let detail = match status {
        429 => "Too many requests".to_owned(),
        _ => format!("AdStat refuses this with {status}, and does not say why"),
    };
    Reply {
        body: json!({ "detail": detail, "status_code": status }).to_string(),
        ..reply
    }
}

/// AdStat's answer, as it came.
fn pass_on(told: Told) -> Answer {
    let (Ok(reply) | Err(reply)) = told;
    Answer::json_text(reply.status, reply.body).retry_after(reply.retry_after_s)
}
