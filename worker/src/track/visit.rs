//! A visit as it is answered: the ids it goes by, and the cookies it leaves.

use attribution::{Touch, Touches};
use conversions::Consent;
use serde::Serialize;

use crate::adtarget;
use crate::answer::Answer;
use crate::cookies::{self, Cookie, Scope};
use crate::record::{AdPlatform, Visit};
use crate::runtime::Reply;

/// A visit to be kept, whoever told of it.
pub struct NewVisit {
    /// The visit.
    pub visit: Visit,
    /// The first and last touch, as the cookie holds them.
    pub touches_cookie: String,
    /// The click id of Telegram Ads in this page view's own address.
    pub new_tgclid: Option<String>,
    /// Whether something brought the visitor, be it what they are under way by already.
    pub is_sourced: bool,
    /// Whether the visitor's cookies are of a later click, and stay.
    pub is_behind: bool,
}

/// The answer of init, in AdTarget's words; `eventId` is ours.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InitAnswer<'a> {
    visit_id: &'a str,
    session_id: &'a str,
    temp_id: &'a str,
    client_session_id: &'a str,
    event_id: &'a str,
    cookies: CookieHints<'a>,
}

/// The cookies that a proxy in front of the edge has to set.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CookieHints<'a> {
    temp_id: CookieHint<'a>,
    session: CookieHint<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CookieHint<'a> {
    name: &'a str,
    value: &'a str,
    max_age: u32,
    same_site: &'static str,
}

impl<'a> CookieHint<'a> {
    fn new(cookie: Cookie<'a>, value: &'a str) -> Self {
        Self {
            name: cookie.name,
            value,
            max_age: cookie.max_age_s,
            same_site: "Lax",
        }
    }
}

impl NewVisit {
    /// The visit whose page view is `touch`, of a visitor with these cookies. They say whether `touch` is what brought them; and, where it
    /// `may_be_led`, whether a redirect did which dropped the query: that leads on with the Referer of the click, be it none.
    pub fn new(mut visit: Visit, touch: Touch<'_>, cookies: &str, may_be_led: bool) -> Self {
        let new_tgclid = touch.click_ids.tgclid.clone().map(Into::into);
        let known = attribution::cookie(cookies, attribution::TOUCH_COOKIE).unwrap_or_default();
        let touches = Touches::parse(known);
        let is_sourced = touch.is_sourced();
        let led_by = touches.led_to(&touch).filter(|_| may_be_led);
        visit.sourced = match led_by {
            Some(last) => last.is_sourced(),
            None => is_sourced && !touches.go_on_with(&touch),
        };
        visit.ad_platform = Some(AdPlatform::of(&led_by.unwrap_or(&touch).click_ids));
        if let Some(last) = led_by {
            visit.attribution.landing_page = None;
            visit.attribution.add(last.clone());
        }
        if touches.outdates_gclid_of_cookie(&touch) {
            visit.attribution.gclid = None;
        }
        Self {
            visit,
            is_sourced,
            is_behind: touches.is_behind(&touch),
            touches_cookie: touches.with(touch).to_cookie(),
            new_tgclid,
        }
    }

    /// The edge's own answer: ids made here, known before anything is kept.
    pub fn answer(&self, scope: Scope<'_>) -> Answer {
        self.add_pixel_cookies(self.add_ids(self.ids(), scope), scope)
    }

    /// AdTarget's answer, with the cookies that it hints at and those of the pixels. None is set where none [may be](Self::leaves_cookies).
    pub fn pass_on(
        &self,
        reply: Reply,
        hints: &[adtarget::CookieHint],
        scope: Scope<'_>,
    ) -> Answer {
        let hints = if self.leaves_cookies() { hints } else { &[] };
        self.add_pixel_cookies(adtarget::pass_on(reply, hints, scope), scope)
    }

    /// The answer's JSON, with no cookie set: for a server, which sets them itself.
    pub fn ids(&self) -> Answer {
        let visit_id = self.visit.visit_id.to_string();
        let temp_id = self.visit.temp_id.to_string();
        let client_session_id = self.visit.client_session_id.as_str();
        Answer::json(
            200,
            &InitAnswer {
                visit_id: &visit_id,
                session_id: client_session_id,
                temp_id: &temp_id,
                client_session_id,
                event_id: &visit_id,
                cookies: CookieHints {
                    temp_id: CookieHint::new(cookies::TEMP_ID, &temp_id),
                    session: CookieHint::new(cookies::SESSION, client_session_id),
                },
            },
        )
    }

    /// Adds the visitor's and the session's cookie, where any [may be set](Self::leaves_cookies).
    pub fn add_ids(&self, answer: Answer, scope: Scope<'_>) -> Answer {
        if !self.leaves_cookies() {
            return answer;
        }
        let Visit {
            temp_id,
            client_session_id,
            ..
        } = &self.visit;
        answer
            .cookie(scope, cookies::TEMP_ID, &temp_id.to_string())
            .cookie(scope, cookies::SESSION, client_session_id.as_str())
    }

    /// Adds Meta's cookies, a new click's of Telegram Ads, and the touches. Those of Meta's that a script wrote are set anew,
    /// since Safari keeps a server's longer.
    pub fn add_pixel_cookies(&self, answer: Answer, scope: Scope<'_>) -> Answer {
        if !self.leaves_cookies() {
            return answer;
        }
        let attribution = &self.visit.attribution;
        // As Telegram's script writes it.
        let tgclid = self.new_tgclid.as_deref().map(|click| {
            let click: String = form_urlencoded::byte_serialize(click.as_bytes()).collect();
            click.replace('+', "%20")
        });
        [
            (cookies::FBC, attribution.fbc.as_deref()),
            (cookies::FBP, attribution.fbp.as_deref()),
            (cookies::TGCLID, tgclid.as_deref()),
            (cookies::TOUCH, Some(&*self.touches_cookie)),
        ]
        .into_iter()
        .filter_map(|(cookie, value)| Some((cookie, value?)))
        .fold(answer, |answer, (cookie, value)| {
            answer.cookie(scope, cookie, value)
        })
    }

    /// Whether it may set cookies: the visitor has not refused, and has none of a later click.
    fn leaves_cookies(&self) -> bool {
        !self.is_behind && self.visit.consent != Consent::Denied
    }
}
