//! What a page view carries: click ids, UTM values and the pixels' cookies.

use crate::decimal::{self, MAX_U64};
use crate::meta::{self, Fbc, Fbp};
use crate::touch::Touch;
use crate::written::{Spelling, Written, take, text};
use alloc::borrow::Cow;

/// How much of an address is read.
const MAX_ADDRESS: usize = 16 * 1024;
/// The longest click id kept; the longest known are near 500.
pub(crate) const MAX_CLICK_ID: usize = 1024;

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

/// What a page view carries, borrowed where it stands as it is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture<'a> {
    /// The page's address without its fragment.
    pub landing_page: Cow<'a, str>,
    /// Where the visitor came from, on this site or another.
    pub referrer: Option<Cow<'a, str>>,
    /// The click ids, from the address, the referrer and the pixels' cookies.
    pub click_ids: ClickIds<'a>,
    /// Meta's click cookie: the one sent, or a new one for a new click.
    pub fbc: Option<Fbc>,
    /// Whether `fbc` differs from the cookie sent, and so must be written.
    pub fbc_is_new: bool,
    /// Meta's browser cookie, where it was sent.
    pub fbp: Option<Fbp>,
    /// TikTok's browser cookie `_ttp`.
    pub ttp: Option<Cow<'a, str>>,
    /// Snapchat's browser cookie `_scid`.
    pub scid: Option<Cow<'a, str>>,
    /// Google Analytics' browser cookie `_ga`.
    pub ga: Option<Cow<'a, str>>,
    /// The UTM values of the address.
    pub utm: Utm<'a>,
}

/// The ad platforms' click ids, never changed beyond percent-decoding. In a click id `+` stays `+`, since none
/// holds a space; one whose escapes are not UTF-8 stays as it was written; one over 1,024 bytes is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClickIds<'a> {
    /// Meta.
    pub fbclid: Option<Cow<'a, str>>,
    /// TikTok.
    pub ttclid: Option<Cow<'a, str>>,
    /// Google Ads.
    pub gclid: Option<Cow<'a, str>>,
    /// Google Ads, from an app to the web on iOS.
    pub gbraid: Option<Cow<'a, str>>,
    /// Google Ads, from the web to an app on iOS.
    pub wbraid: Option<Cow<'a, str>>,
    /// Snapchat, which spells it `ScCid`.
    pub sccid: Option<Cow<'a, str>>,
    /// Telegram Ads.
    pub tgclid: Option<Cow<'a, str>>,
}

impl ClickIds<'_> {
    /// Whether they are of a click that Google names by a braid alone, as on iOS: a click has one name (Data Manager API, `adIdentifiers`).
    pub fn is_googles_without_gclid(&self) -> bool {
        self.gclid.is_none() && (self.gbraid.is_some() || self.wbraid.is_some())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == ClickIds::default()
    }
}

/// The five UTM values, percent-decoded, with `+` as a space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utm<'a> {
    /// `utm_source`
    pub source: Option<Cow<'a, str>>,
    /// `utm_medium`
    pub medium: Option<Cow<'a, str>>,
    /// `utm_campaign`
    pub campaign: Option<Cow<'a, str>>,
    /// `utm_content`
    pub content: Option<Cow<'a, str>>,
    /// `utm_term`
    pub term: Option<Cow<'a, str>>,
}

impl Utm<'_> {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Utm::default()
    }
}

macro_rules! fields {
    ($($kind:literal $name:literal $($parameter:literal $($cookie:literal)?)?;)*) => {
        /// The fields, a line each. A text, since in the page a table of strings would be twice its size.
        const FIELDS: &[u8] = concat!($($kind, $name, $(" ", $parameter, $(" ", $cookie,)?)? "\n",)*).as_bytes();

        /// The fields, as the edge reads them.
        static TABLE: [Field; FIELD_COUNT] = in_place([$(Field {
            place: 0,
            kind: first($kind),
            name: $name.as_bytes(),
            parameter: concat!($($parameter)?).as_bytes(),
            cookie: concat!($($($cookie)?)?).as_bytes(),
        },)*]);

        const FIELD_COUNT: usize = [$($name,)*].len();
    };
}

/// The fields, each with its place.
const fn in_place(mut fields: [Field; FIELD_COUNT]) -> [Field; FIELD_COUNT] {
    let mut place = 0;
    let mut rest = fields.as_mut_slice();
    while let [field, others @ ..] = rest {
        field.place = place;
        place += 1;
        rest = others;
    }
    fields
}

/// The first byte of a text that has one.
const fn first(text: &str) -> u8 {
    match text.as_bytes() {
        [first, ..] => *first,
        [] => 0,
    }
}

// What is read from where: the kind of the field (see [`Field::kind`]) and its name, which is AdTarget's or, where
// it has none, ours; the parameter of the address; the cookie that stands in for it.
fields! {
    "@" "landingPage";
    "f" "fbc" "fbclid" "_fbc";
    "b" "fbp" "" "_fbp";
    "r" "referrer";
    "g" "gclid" "gclid" "_gcl_aw";
    "p" "ttclid" "ttclid" "ttclid";
    "p" "sccid" "sccid";
    "u" "utmSource" "utm_source";
    "u" "utmMedium" "utm_medium";
    "u" "utmCampaign" "utm_campaign";
    "u" "utmContent" "utm_content";
    "u" "utmTerm" "utm_term";
    "p" "gbraid" "gbraid";
    "p" "wbraid" "wbraid";
    "t" "tgclid" "tgclid" "_tgclid";
    "p" "ttp" "" "_ttp";
    "p" "scid" "" "_scid";
    "p" "ga" "" "_ga";
}

/// What is read from where.
#[derive(Clone, Copy)]
struct Field {
    /// Which of [`TABLE`] it is.
    place: usize,
    /// `@`: the page itself. `r`: its referrer. `f` and `b`: Meta's click and browser cookies. `g`: Google's click id,
    /// whose cookie holds more. `p`: as it stands in the parameter or the cookie. `t`: Telegram's, which is percent-encoded in its
    /// cookie, too. `u`: a UTM value. The order counts: what
    /// is below `g` is Meta's, where there is a cookie.
    kind: u8,
    name: &'static [u8],
    parameter: &'static [u8],
    cookie: &'static [u8],
}

impl Field {
    /// Its name among pairs between `mark`s: `&` stands in a query, `;` between cookies.
    fn key(&self, mark: u8) -> &'static [u8] {
        if mark == b';' {
            self.cookie
        } else {
            self.parameter
        }
    }
}

/// What follows the first `mark`.
fn behind(mut text: &[u8], mark: u8) -> &[u8] {
    take(&mut text, mark);
    text
}

/// Pairs of names and values in which fields are found, a query's or cookies.
trait Pairs<'a>: Sized {
    /// Reads the pairs between `mark`s.
    fn read(text: &'a [u8], mark: u8) -> Self;
    /// See [`find`].
    fn find(&self, mark: u8, field: &Field) -> Written<'a>;
    /// All fields, in their order.
    fn fields() -> impl Iterator<Item = Field>;
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

    #[inline(always)]
    fn fields() -> impl Iterator<Item = Field> {
        let mut rest = FIELDS;
        core::iter::from_fn(move || {
            let mut line = take(&mut rest, b'\n');
            let (&kind, names) = line.split_first()?;
            line = names;
            Some(Field {
                place: 0,
                kind,
                name: take(&mut line, b' '),
                parameter: take(&mut line, b' '),
                cookie: line,
            })
        })
    }
}

/// Whether a byte of a query stands for itself, and for a character of its own.
fn is_plain(byte: &u8) -> bool {
    byte.is_ascii() && !matches!(byte, b'%' | b'+')
}

/// What the edge has, which looks for all fields of many visitors: their values, found as the pairs are read once.
struct Found<'a>([Written<'a>; FIELD_COUNT]);

impl<'a> Pairs<'a> for Found<'a> {
    fn read(mut text: &'a [u8], mark: u8) -> Self {
        let mut values = [Written::default(); FIELD_COUNT];
        while !text.is_empty() {
            let mut pair = take(&mut text, mark);
            while let [b' ', rest @ ..] = pair {
                pair = rest;
            }
            let mut value = pair;
            let name = take(&mut value, b'=');
            let is_cookie = mark == b';';
            let is_escaped = !is_cookie && name.contains(&b'%');
            // Nearly every value of an address stands as it is meant.
            let is_plain = !is_cookie && value.len() <= MAX_CLICK_ID && value.iter().all(is_plain);
            for (field, found) in TABLE.iter().zip(&mut values) {
                let key = field.key(mark);
                let may_be = match key {
                    [] => false,
                    _ if is_escaped => true,
                    _ if is_cookie => name == key,
                    _ => name.eq_ignore_ascii_case(key),
                };
                if may_be && found.is_empty() {
                    *found = if is_plain && !is_escaped {
                        Written::plain(value)
                    } else {
                        find(pair, mark, field)
                    };
                }
            }
        }
        Found(values)
    }

    fn find(&self, _: u8, field: &Field) -> Written<'a> {
        self.0.get(field.place).copied().unwrap_or_default()
    }

    fn fields() -> impl Iterator<Item = Field> {
        TABLE.iter().copied()
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
        let mut value = self.find_in_address(field);
        // The site that the visitor came from hands on Meta's click id alone.
        if value.is_empty() && field.kind == b'f' {
            value = self.referrer.find(b'&', field);
        }
        value
    }

    /// The same, of the page's own address.
    fn find_in_address(&self, field: &Field) -> Written<'a> {
        let mut value = self.address.find(b'&', field);
        if value.is_empty() {
            value = self.fragment.find(b'&', field);
        }
        value
    }
}

/// What a query that stands alone carries.
pub(crate) fn carried(query: &[u8]) -> (ClickIds<'_>, Utm<'_>) {
    let (mut click_ids, mut utm) = Default::default();
    let Found(values) = Pairs::read(query, b'&');
    for (field, value) in TABLE.iter().zip(values) {
        if let Some(slot) = slot(field.name, &mut click_ids, &mut utm) {
            *slot = value.into_text();
        }
    }
    (click_ids, utm)
}

/// What a field of a visit is of those that an address carries; `fbclid` goes by `fbc`, which is made of it.
pub(crate) fn slot<'s, 'a>(
    field: &[u8],
    click_ids: &'s mut ClickIds<'a>,
    utm: &'s mut Utm<'a>,
) -> Option<&'s mut Option<Cow<'a, str>>> {
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
        self.walk::<&[u8]>(|field, _, found, known| {
            let mut pieces = [Written::default(), Written::default(), found];
            if field.kind == b'f' {
                meta::renew(&mut pieces, known.as_written(), self.site, self.time);
            }
            let [.., value] = &mut pieces;
            if value.is_empty() {
                *value = known;
            }
            if !value.is_empty() {
                put(field.name, &mut pieces);
            }
        });
    }

    /// Gives `each` every field with what the page view has of it: what its addresses carry, and what the pixel's cookie
    /// remembers or the page itself is.
    fn walk<P: Pairs<'a>>(
        &self,
        mut each: impl FnMut(&Field, &Queries<P>, Written<'a>, Written<'a>),
    ) {
        let mut fragment = self.href;
        let page = take(&mut fragment, b'#');
        let referrer = take(&mut { self.referrer }, b'#');
        let queries = Queries::of(page, fragment, referrer);
        let cookies = P::read(self.cookies, b';');
        for field in P::fields() {
            let found = queries.find(&field);
            let known = match field.kind {
                b'@' => Written::plain(page),
                b'r' => Written::plain(referrer),
                _ => cookies.find(b';', &field),
            };
            each(&field, &queries, found, known);
        }
    }
}

impl<'a> PageView<'a> {
    /// Reads what the page view carries, as [`WrittenPageView::each_field`] does.
    pub fn capture(&self) -> Capture<'a> {
        self.capture_and_touch().0
    }

    /// Reads what the page view carries, and what of that is a step on the visitor's way: its own address and another
    /// site's referrer, since what cookies remember belongs to earlier steps.
    pub fn capture_and_touch(&self) -> (Capture<'a>, Touch<'a>) {
        let mut capture = Capture::default();
        let mut touch = self.begin_touch();
        let view = WrittenPageView {
            href: bounded(self.href),
            referrer: bounded(self.referrer),
            cookies: self.cookies.as_bytes(),
            // Made where a new cookie needs them.
            site: &[],
            time: &[],
        };
        view.walk::<Found<'_>>(|field, queries, found, known| {
            if let Some(slot) = slot(field.name, &mut touch.click_ids, &mut touch.utm) {
                // The site's own pages hand on the `fbclid` of a click that was counted when it landed.
                let is_landing = touch.referrer.is_some();
                let own = if is_landing {
                    found
                } else {
                    queries.find_in_address(field)
                };
                *slot = own.into_text();
            }
            capture.keep(self, field, found, known);
        });
        if touch.click_ids.is_googles_without_gclid() {
            // What `_gcl_aw` has is of another click.
            capture.click_ids.gclid = None;
        }
        (capture, touch)
    }
}

impl<'a> Capture<'a> {
    fn keep(&mut self, view: &PageView<'_>, field: &Field, found: Written<'a>, known: Written<'a>) {
        match field.name {
            b"landingPage" => self.landing_page = text(&[known]),
            b"referrer" => self.referrer = known.into_text(),
            b"fbc" => {
                self.click_ids.fbclid = found.into_text();
                let renewed = Fbc::renewed(known, found, view.subdomain_index, view.now_ms);
                self.fbc_is_new = renewed.is_some();
                self.fbc = renewed.or_else(|| known.into_text().map(Fbc::well_formed));
            }
            b"fbp" => self.fbp = known.into_text().map(Fbp::well_formed),
            b"ttp" => self.ttp = known.into_text(),
            b"scid" => self.scid = known.into_text(),
            b"ga" => self.ga = known.into_text(),
            name => {
                if let Some(slot) = slot(name, &mut self.click_ids, &mut self.utm) {
                    *slot = found.into_text().or_else(|| known.into_text());
                }
            }
        }
    }

    /// The fields of a visit that have a value, under AdTarget's names and, where it has none, ours. `fbclid` is
    /// not among them: it is in `fbc`.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Capture { click_ids, utm, .. } = self;
        let page = Some(&*self.landing_page).filter(|page| !page.is_empty());
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
pub(crate) fn fragment_query(fragment: &[u8]) -> &[u8] {
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
