//! What a page view carries: click ids, UTM values and the pixels' cookies.

use crate::cookie;
use crate::decimal::{self, MAX_U64};
use crate::meta::{self, Fbc, Fbp, Pieces};
use crate::touch::Touch;
use crate::written::{Spelling, Written, take, text};
use alloc::string::String;
use alloc::vec::Vec;

/// How much of an address is read.
const MAX_ADDRESS: usize = 16 * 1024;
/// The longest click id kept; the longest known are near 500.
const MAX_CLICK_ID: usize = 1024;

/// A page view, as the page or the edge sees it.
#[derive(Clone, Copy, Debug)]
pub struct PageView<'a> {
    /// The page's address, with its fragment where it is known.
    pub href: &'a str,
    /// Where the visitor came from; empty when unknown.
    pub referrer: &'a str,
    /// A `Cookie` header or `document.cookie`.
    pub cookies: &'a str,
    /// Now, in Unix milliseconds.
    pub now_ms: u64,
    /// Meta's index of the page's registrable domain ([`subdomain_index`](crate::subdomain_index)).
    pub subdomain_index: u8,
}

/// What a page view carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// The page's address without its fragment.
    pub landing_page: String,
    /// Where the visitor came from, on this site or another.
    pub referrer: Option<String>,
    /// The click ids, from the address, the referrer and the pixels' cookies.
    pub click_ids: ClickIds,
    /// Meta's click cookie: the one sent, or a new one for a new click.
    pub fbc: Option<Fbc>,
    /// Whether `fbc` differs from the cookie sent, and so must be written.
    pub fbc_is_new: bool,
    /// Meta's browser cookie, where it was sent.
    pub fbp: Option<Fbp>,
    /// TikTok's browser cookie `_ttp`.
    pub ttp: Option<String>,
    /// Snapchat's browser cookie `_scid`.
    pub scid: Option<String>,
    /// Google Analytics' browser cookie `_ga`.
    pub ga: Option<String>,
    /// The UTM values of the address.
    pub utm: Utm,
}

/// The ad platforms' click ids, never changed beyond percent-decoding. In a click id `+` stays `+`, since none
/// holds a space; one whose escapes are not UTF-8 stays as it was written; one over 1,024 bytes is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClickIds {
    /// Meta.
    pub fbclid: Option<String>,
    /// TikTok.
    pub ttclid: Option<String>,
    /// Google Ads.
    pub gclid: Option<String>,
    /// Google Ads, from an app to the web on iOS.
    pub gbraid: Option<String>,
    /// Google Ads, from the web to an app on iOS.
    pub wbraid: Option<String>,
    /// Snapchat, which spells it `ScCid`.
    pub sccid: Option<String>,
    /// Telegram Ads.
    pub tgclid: Option<String>,
}

impl ClickIds {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == ClickIds::default()
    }
}

/// The five UTM values, percent-decoded, with `+` as a space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utm {
    /// `utm_source`
    pub source: Option<String>,
    /// `utm_medium`
    pub medium: Option<String>,
    /// `utm_campaign`
    pub campaign: Option<String>,
    /// `utm_content`
    pub content: Option<String>,
    /// `utm_term`
    pub term: Option<String>,
}

impl Utm {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Utm::default()
    }
}

/// What is read from where: the kind of the field (see [`Field::kind`]) and its name, which is AdTarget's or, where
/// it has none, ours; the parameter of the address; the cookie that stands in for it. A text, since in the page a
/// table of strings would be twice its size.
const FIELDS: &[u8] = b"\
@landingPage
ffbc fbclid _fbc
bfbp  _fbp
rreferrer
ggclid gclid _gcl_aw
pttclid ttclid ttclid
psccid sccid
uutmSource utm_source
uutmMedium utm_medium
uutmCampaign utm_campaign
uutmContent utm_content
uutmTerm utm_term
pgbraid gbraid
pwbraid wbraid
ttgclid tgclid _tgclid
pttp  _ttp
pscid  _scid
pga  _ga
";

/// A line of [`FIELDS`].
struct Field {
    /// `@`: the page itself. `r`: its referrer. `f` and `b`: Meta's click and browser cookies. `g`: Google's click id,
    /// whose cookie holds more. `p`: as it stands in the parameter or the cookie. `t`: Telegram's, which is percent-encoded in its
    /// cookie, too. `u`: a UTM value. The order counts: what
    /// is below `g` is Meta's, where there is a cookie.
    kind: u8,
    name: &'static [u8],
    parameter: &'static [u8],
    cookie: &'static [u8],
}

fn fields() -> impl Iterator<Item = Field> {
    let mut rest = FIELDS;
    core::iter::from_fn(move || {
        let mut line = take(&mut rest, b'\n');
        let (&kind, names) = line.split_first()?;
        line = names;
        Some(Field {
            kind,
            name: take(&mut line, b' '),
            parameter: take(&mut line, b' '),
            cookie: line,
        })
    })
}

/// What follows the first `mark`.
fn behind(mut text: &[u8], mark: u8) -> &[u8] {
    take(&mut text, mark);
    text
}

/// Pairs of names and values in which fields are found, a query's or cookies: as a text, or taken apart once for all fields.
trait Pairs<'a>: Sized {
    /// Reads the pairs between `mark`s.
    fn read(text: &'a [u8], mark: u8) -> Self;
    /// See [`find`].
    fn find(&self, mark: u8, field: &Field) -> Written<'a>;
}

/// What the page has: looking again costs it less than code to take pairs apart would.
impl<'a> Pairs<'a> for &'a [u8] {
    #[inline(always)]
    fn read(text: &'a [u8], _: u8) -> Self {
        text
    }

    #[inline(always)]
    fn find(&self, mark: u8, field: &Field) -> Written<'a> {
        find(self, mark, field)
    }
}

/// A pair, and by what it is known for another field's at a glance.
struct Pair<'a> {
    text: &'a [u8],
    initial: u8,
    /// The length of the name; none where it holds escapes.
    len: Option<usize>,
}

/// What the edge has: it looks for all fields of many visitors.
impl<'a> Pairs<'a> for Vec<Pair<'a>> {
    fn read(mut text: &'a [u8], mark: u8) -> Self {
        let mut pairs = Vec::new();
        while !text.is_empty() {
            let mut pair = take(&mut text, mark);
            while let [b' ', rest @ ..] = pair {
                pair = rest;
            }
            let name = take(&mut { pair }, b'=');
            if let Some(initial) = name.first().map(u8::to_ascii_lowercase) {
                let len = (!name.contains(&b'%')).then_some(name.len());
                pairs.push(Pair {
                    text: pair,
                    initial,
                    len,
                });
            }
        }
        pairs
    }

    fn find(&self, mark: u8, field: &Field) -> Written<'a> {
        let name = if mark == b';' {
            field.cookie
        } else {
            field.parameter
        };
        let Some(initial) = name.first() else {
            return Written::default();
        };
        self.iter()
            .filter(|pair| match pair.len {
                Some(len) => len == name.len() && pair.initial == *initial,
                None => true,
            })
            .map(|pair| find(pair.text, mark, field))
            .find(|value| !value.is_empty())
            .unwrap_or_default()
    }
}

/// Where in a page view's addresses parameters are looked for.
struct Queries<P> {
    address: P,
    fragment: P,
    referrer: P,
}

impl<'a, P: Pairs<'a>> Queries<P> {
    fn of(address: &'a [u8], fragment: &'a [u8], referrer: &'a [u8]) -> Queries<P> {
        Queries {
            address: P::read(behind(address, b'?'), b'&'),
            fragment: P::read(fragment_query(fragment), b'&'),
            referrer: P::read(behind(referrer, b'?'), b'&'),
        }
    }

    /// The first value of the field's parameter, or an empty one.
    fn find(&self, field: &Field) -> Written<'a> {
        let mut value = self.address.find(b'&', field);
        if value.is_empty() {
            value = self.fragment.find(b'&', field);
        }
        // The site that the visitor came from hands on Meta's click id alone.
        if value.is_empty() && field.kind == b'f' {
            value = self.referrer.find(b'&', field);
        }
        value
    }
}

/// What a query that stands alone carries.
pub(crate) fn carried(query: &[u8]) -> (ClickIds, Utm) {
    let (mut click_ids, mut utm) = Default::default();
    let pairs: Vec<Pair<'_>> = Pairs::read(query, b'&');
    for field in fields() {
        if let Some(slot) = slot(field.name, &mut click_ids, &mut utm) {
            *slot = pairs.find(b'&', &field).into_text();
        }
    }
    (click_ids, utm)
}

fn slot<'a>(
    field: &[u8],
    click_ids: &'a mut ClickIds,
    utm: &'a mut Utm,
) -> Option<&'a mut Option<String>> {
    Some(match field {
        b"fbc" => &mut click_ids.fbclid,
        b"ttclid" => &mut click_ids.ttclid,
        b"gclid" => &mut click_ids.gclid,
        b"gbraid" => &mut click_ids.gbraid,
        b"wbraid" => &mut click_ids.wbraid,
        b"sccid" => &mut click_ids.sccid,
        b"tgclid" => &mut click_ids.tgclid,
        b"utmSource" => &mut utm.source,
        b"utmMedium" => &mut utm.medium,
        b"utmCampaign" => &mut utm.campaign,
        b"utmContent" => &mut utm.content,
        b"utmTerm" => &mut utm.term,
        _ => return None,
    })
}

/// A page view as the page hands it over: the same as [`PageView`], with the numbers in the spelling of Meta's cookies.
#[derive(Clone, Copy, Debug)]
pub struct WrittenPageView<'a> {
    /// Meta's index of the page's registrable domain: `fb.<index>`.
    site: &'a [u8],
    /// Now: `.<unix ms>.`.
    time: &'a [u8],
    href: &'a [u8],
    referrer: &'a [u8],
    cookies: &'a [u8],
}

impl<'a> WrittenPageView<'a> {
    /// Reads a line each of `fb.` and Meta's index of the page's registrable domain, of the time in Unix milliseconds
    /// between two dots, of the page's address and of its referrer; what follows are the cookies.
    #[inline(always)]
    pub fn read(mut lines: &'a [u8]) -> WrittenPageView<'a> {
        WrittenPageView {
            site: take(&mut lines, b'\n'),
            time: take(&mut lines, b'\n'),
            href: take(&mut lines, b'\n'),
            referrer: take(&mut lines, b'\n'),
            cookies: lines,
        }
    }

    /// Gives `put` each field of the visit that has a value, by its name, as the pieces that make it up: what
    /// [`Capture::fields`] gives, without a copy of anything. All that the page pays for.
    ///
    /// A click id is taken from the address's query, else from its fragment's, else (`fbclid` alone) from the
    /// referrer's, else from the pixel's own cookie. Of a repeated parameter the first with a value counts.
    pub fn each_field(&self, mut put: impl FnMut(&'static [u8], &mut [Written<'_>])) {
        self.walk::<&[u8]>(|field, _, pieces| {
            let [.., value] = &pieces;
            if !value.is_empty() {
                put(field.name, pieces);
            }
        });
    }

    /// Gives `each` every field with what was found of it in the addresses, and the pieces of its value, the last of
    /// which is empty where it has none.
    fn walk<P: Pairs<'a>>(&self, mut each: impl FnMut(&Field, Written<'_>, &mut Pieces<'_>)) {
        let mut fragment = self.href;
        let page = take(&mut fragment, b'#');
        let referrer = take(&mut { self.referrer }, b'#');
        let queries: Queries<P> = Queries::of(page, fragment, referrer);
        let cookies = P::read(self.cookies, b';');
        for field in fields() {
            let found = queries.find(&field);
            let known = match field.kind {
                b'@' => Written::plain(page),
                b'r' => Written::plain(referrer),
                _ => cookies.find(b';', &field),
            };
            let mut pieces = [Written::default(), Written::default(), found];
            if field.kind == b'f' {
                meta::renew(&mut pieces, known.as_written(), self.site, self.time);
            }
            let [.., value] = &mut pieces;
            if value.is_empty() {
                *value = known;
            }
            each(&field, found, &mut pieces);
        }
    }
}

impl PageView<'_> {
    /// Reads what the page view carries, as [`WrittenPageView::each_field`] does.
    pub fn capture(&self) -> Capture {
        self.capture_and_touch().0
    }

    /// Reads what the page view carries, and what of that is a step on the visitor's way: its own address and another
    /// site's referrer, since what cookies remember belongs to earlier steps.
    pub fn capture_and_touch(&self) -> (Capture, Touch) {
        let mut capture = Capture::default();
        let mut touch = self.begin_touch();
        let (site, time) = (meta::site(self.subdomain_index), meta::time(self.now_ms));
        let written = WrittenPageView {
            href: bounded(self.href),
            referrer: bounded(self.referrer),
            cookies: self.cookies.as_bytes(),
            site: site.as_bytes(),
            time: time.as_bytes(),
        };
        written.walk::<Vec<Pair<'_>>>(|field, found, pieces| {
            if field.kind == b'f' {
                capture.click_ids.fbclid = found.into_text();
            }
            if let Some(slot) = slot(field.name, &mut touch.click_ids, &mut touch.utm) {
                *slot = found.into_text();
            }
            let [.., value] = pieces;
            if !value.is_empty() {
                capture.keep(field.name, text(pieces));
            }
        });
        if let Some(fbc) = &capture.fbc {
            let sent = cookie::find(self.cookies.as_bytes(), b"_fbc", meta::is_well_formed);
            capture.fbc_is_new = fbc.as_str().as_bytes() != sent;
        }
        // The site's own pages hand on the `fbclid` of a click that was counted when it landed.
        if touch.referrer.is_none() {
            touch.click_ids.fbclid = self.fbclid_of_address();
        }
        (capture, touch)
    }

    fn fbclid_of_address(&self) -> Option<String> {
        let mut fragment = bounded(self.href);
        let page = take(&mut fragment, b'#');
        let field = fields().find(|field| field.kind == b'f')?;
        let queries: Queries<&[u8]> = Queries::of(page, fragment, &[]);
        queries.find(&field).into_text()
    }
}

impl Capture {
    fn keep(&mut self, field: &[u8], value: String) {
        match field {
            b"landingPage" => self.landing_page = value,
            b"referrer" => self.referrer = Some(value),
            b"fbc" => self.fbc = Fbc::parse(&value),
            b"fbp" => self.fbp = Fbp::parse(&value),
            b"ttp" => self.ttp = Some(value),
            b"scid" => self.scid = Some(value),
            b"ga" => self.ga = Some(value),
            _ => {
                if let Some(slot) = slot(field, &mut self.click_ids, &mut self.utm) {
                    *slot = Some(value);
                }
            }
        }
    }

    /// The fields of a visit that have a value, under AdTarget's names and, where it has none, ours. `fbclid` is
    /// not among them: it is in `fbc`.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Capture { click_ids, utm, .. } = self;
        let page = Some(self.landing_page.as_str()).filter(|page| !page.is_empty());
        [
            ("landingPage", page),
            ("fbc", self.fbc.as_ref().map(Fbc::as_str)),
            ("fbp", self.fbp.as_ref().map(Fbp::as_str)),
            ("referrer", self.referrer.as_deref()),
            ("gclid", click_ids.gclid.as_deref()),
            ("ttclid", click_ids.ttclid.as_deref()),
            ("sccid", click_ids.sccid.as_deref()),
            ("utmSource", utm.source.as_deref()),
            ("utmMedium", utm.medium.as_deref()),
            ("utmCampaign", utm.campaign.as_deref()),
            ("utmContent", utm.content.as_deref()),
            ("utmTerm", utm.term.as_deref()),
            ("gbraid", click_ids.gbraid.as_deref()),
            ("wbraid", click_ids.wbraid.as_deref()),
            ("tgclid", click_ids.tgclid.as_deref()),
            ("ttp", self.ttp.as_deref()),
            ("scid", self.scid.as_deref()),
            ("ga", self.ga.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// An address as far as its fragment.
pub(crate) fn without_fragment(address: &str) -> &[u8] {
    take(&mut bounded(address), b'#')
}

/// The first 16 KB of an address. A longer one ends before the parameter that would be cut.
pub(crate) fn bounded(address: &str) -> &[u8] {
    let address = address.as_bytes();
    match address.get(..=MAX_ADDRESS) {
        Some(head) => {
            let end = head
                .iter()
                .rposition(|byte| matches!(byte, b'&' | b'?' | b'#'));
            address.get(..end.unwrap_or(0)).unwrap_or_default()
        }
        None => address,
    }
}

/// The query in a single-page app's fragment: `#/page?a=b`, `#!/page?a=b`, `#a=b`.
fn fragment_query(fragment: &[u8]) -> &[u8] {
    let mut query = fragment;
    let route = take(&mut query, b'?');
    let first_name = take(&mut { fragment }, b'=');
    if first_name.len() > route.len() {
        query
    } else {
        fragment
    }
}

/// The first fit value of the field among the pairs between `mark`s, or an empty one: `&` stands in a query, in which the
/// field has its parameter's name, `;` between cookies.
#[inline(never)]
fn find<'a>(mut pairs: &'a [u8], mark: u8, field: &Field) -> Written<'a> {
    let is_cookie = mark == b';';
    let (name, spelling) = if is_cookie {
        (field.cookie, Spelling::Plain)
    } else {
        (field.parameter, Spelling::Form)
    };
    while !pairs.is_empty() && !name.is_empty() {
        let mut value = take(&mut pairs, mark);
        while let [b' ', rest @ ..] = value {
            value = rest;
        }
        let its_name = take(&mut value, b'=');
        let is_it = Written::new(its_name, spelling)
            .map(|byte| {
                if is_cookie {
                    byte
                } else {
                    byte.to_ascii_lowercase()
                }
            })
            .eq(name.iter().copied());
        if value.is_empty() || !is_it {
            continue;
        }
        if is_cookie && field.kind == b'g' {
            value = gclid_of_cookie(value);
        }
        let plain = Written::plain(value);
        if is_cookie && field.kind < b'g' {
            if meta::is_well_formed(value) {
                return plain;
            }
            continue;
        }
        if field.kind == b'u' {
            return Written::new(value, Spelling::Form);
        }
        let mut read = Written::new(value, Spelling::Escaped);
        let mut len = read.utf8_len();
        if is_cookie && field.kind != b't' || len == 0 {
            read = plain;
            len = value.len();
        }
        if len <= MAX_CLICK_ID {
            return read;
        }
    }
    Written::default()
}

/// The click id in Google's cookie `GCL.<unix s>.<gclid>`. Its newer, packed forms are left alone.
fn gclid_of_cookie(mut value: &[u8]) -> &[u8] {
    if take(&mut value, b'.') == b"GCL" && decimal::is_within(take(&mut value, b'.'), MAX_U64) {
        value
    } else {
        &[]
    }
}
