//! Every path the worker answers, and which of its modules does, on one screen.

/// The most that a call of a page or a key may hold, in bytes.
pub const CALL_LIMIT: u32 = 16 * 1024;

/// The methods by which a link is followed or looked at, as an Allow header says them.
pub const OF_A_CLICK: &str = "GET, HEAD, OPTIONS";

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `POST …/init`: a visit.
    Init,
    /// `POST …/update-fbp`: Meta's browser id, which came late.
    UpdateFbp,
    /// `GET …/invite`: a click, by ids in the query.
    Invite,
    /// `GET …/events`: the visitor's conversions, by the ids that platforms know them by.
    Events,
    /// `POST` or `GET /pxl`: a call of Telegram Ads' pixel.
    Pixel,
    /// `GET /c/{slug}`: a click on a channel's short link.
    Channel(&'a str),
    /// `GET /t.js` and what belongs to it: a static file, by its name.
    Tracker(&'a str),
    /// `/api/v1/…`: the keyed surface, by the path behind that.
    Api(&'a str),
    /// `POST /hooks/telegram/{bot}`: an update of a bot, by its username.
    TelegramHook(&'a str),
    /// `POST /hooks/{source}`: a signed webhook.
    Hook(&'a str),
    /// `/ops` and what belongs to it: the operator's page, by a file's name; empty: the page itself.
    Ops(&'a str),
    /// `/ops/adstat/…`: AdStat for the operator, by the path behind that.
    AdStat(&'a str),
    /// `GET /healthz`
    Health,
    /// The landing page, and all else.
    Page,
}

/// The neutral path where no other is set. The tracker from the root calls by it, so that is answered beside another, too.
pub const NEUTRAL: &str = "/e";

/// What the edge's own paths begin with: no neutral path.
pub const OWN_SEGMENTS: [&str; 8] = [
    "api", "backend", "c", "healthz", "hooks", "ops", "pxl", "track",
];

/// A WebAssembly module of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// `bin/visitors.rs`
    Visitors,
    /// `bin/backoffice.rs`
    Backoffice,
}

impl<'a> Route<'a> {
    /// The route of a path; `prefix` is the neutral one, such as `/e`.
    pub fn of(path: &'a str, prefix: &str) -> Self {
        let behind = |prefix| {
            path.strip_prefix(prefix)
                .filter(|rest| rest.starts_with('/'))
        };
        let own = behind(prefix);
        let neutral = own.or_else(|| behind(NEUTRAL));
        match path {
            "/backend/track/init" | "/track/init" => Self::Init,
            "/backend/track/update-fbp" | "/track/update-fbp" => Self::UpdateFbp,
            "/backend/track/invite" | "/track/invite" => Self::Invite,
            "/backend/track/events" | "/track/events" => Self::Events,
            "/pxl" => Self::Pixel,
            "/healthz" => Self::Health,
            _ if let Some(rest) = path.strip_prefix("/api/v1/") => Self::Api(rest),
            _ if let Some(rest) = path.strip_prefix("/ops/adstat/") => Self::AdStat(rest),
            "/ops" => Self::Ops(""),
            // What is AdStat's is never a file.
            "/ops/adstat" => Self::Page,
            _ if let Some(file) = path.strip_prefix("/ops/") => Self::Ops(file),
            _ if let Some(rest) = path.strip_prefix("/hooks/") => {
                match rest.strip_prefix("telegram/") {
                    Some(bot) => Self::TelegramHook(bot),
                    None => Self::Hook(rest),
                }
            }
            _ => match neutral.unwrap_or(path) {
                "/init" if neutral.is_some() => Self::Init,
                "/update-fbp" if neutral.is_some() => Self::UpdateFbp,
                "/invite" if neutral.is_some() => Self::Invite,
                "/events" if neutral.is_some() => Self::Events,
                // As the tracker spells it: filter lists know the other word.
                "/mark" | "/pxl" if neutral.is_some() => Self::Pixel,
                rest => match (short_link(own.unwrap_or(path)), rest.strip_prefix('/')) {
                    (Some(slug), _) if !slug.is_empty() && !slug.contains('/') => {
                        Self::Channel(slug)
                    }
                    (_, Some(file)) if is_tracker_file(file) => Self::Tracker(file),
                    _ => Self::Page,
                },
            },
        }
    }

    /// Which module answers it.
    pub fn module(&self) -> Module {
        match self {
            Self::Init
            | Self::UpdateFbp
            | Self::Invite
            | Self::Events
            | Self::Pixel
            | Self::Channel(_)
            | Self::Tracker(_)
            | Self::Ops(_)
            | Self::Page => Module::Visitors,
            Self::Api(_)
            | Self::TelegramHook(_)
            | Self::Hook(_)
            | Self::AdStat(_)
            | Self::Health => Module::Backoffice,
        }
    }

    /// The most that the body of a call may hold, in bytes, where it is read whole; `None`: it streams through.
    pub fn body_limit(&self) -> Option<u32> {
        match self {
            Self::Init | Self::UpdateFbp | Self::Pixel | Self::Api(_) => Some(CALL_LIMIT),
            Self::TelegramHook(_) | Self::Hook(_) => Some(256 * 1024),
            Self::AdStat(path) if !is_upload(path) => Some(256 * 1024),
            _ => None,
        }
    }

    /// The methods it takes, as an Allow header says them; `None`: all.
    pub fn methods(&self) -> Option<&'static str> {
        match self {
            Self::Init | Self::UpdateFbp => Some("POST, OPTIONS"),
            Self::Invite | Self::Events | Self::Tracker(_) => Some(OF_A_CLICK),
            Self::Pixel => Some("GET, POST, OPTIONS"),
            Self::TelegramHook(_) | Self::Hook(_) => Some("POST"),
            Self::Ops(_) | Self::Health => Some("GET, HEAD"),
            // A site's own server may have such paths, too.
            Self::Api(_) | Self::AdStat(_) | Self::Channel(_) | Self::Page => None,
        }
    }
}

/// Whether the body of a call to `path`, which is what stands behind `/ops/adstat/`, is a file: it streams through, or is read in its place.
pub fn is_upload(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.ends_with("/upload_media") || path.ends_with("/audiences")
}

/// The slug of a channel's short link, with or without a slash behind it.
fn short_link(path: &str) -> Option<&str> {
    let slug = path.strip_prefix("/c/")?;
    Some(slug.strip_suffix('/').unwrap_or(slug))
}

/// `t.js`, `t.<hash>.js`, `t.<hash>.core.js`, `t.d.ts`, `tracker.json`, `panel.js`.
fn is_tracker_file(name: &str) -> bool {
    matches!(name, "t.js" | "t.d.ts" | "tracker.json" | "panel.js") || is_hashed(name)
}

/// Whether a file's name holds the hash of its bytes, so that it never changes.
pub fn is_hashed(name: &str) -> bool {
    let Some(rest) = name
        .strip_prefix("t.")
        .and_then(|rest| rest.strip_suffix(".js"))
    else {
        return false;
    };
    let hash = rest.strip_suffix(".core").unwrap_or(rest);
    hash.len() >= 8 && hash.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_not_read_whole() {
        let limit = |path| Route::of(path, "/e").body_limit();
        for upload in [
            "/ops/adstat/api/v1/advertising/telegram/upload_media",
            "/ops/adstat/api/advertisement/telegram/ACC1/audiences/",
        ] {
            assert_eq!(limit(upload), None, "{upload}");
        }
        assert_eq!(
            limit("/ops/adstat/api/advertisement/telegram/"),
            Some(256 * 1024)
        );
    }

    #[test]
    fn paths() {
        let table = [
            ("/backend/track/init", Route::Init),
            ("/track/init", Route::Init),
            ("/e/init", Route::Init),
            ("/init", Route::Page),
            ("/e/update-fbp", Route::UpdateFbp),
            ("/track/update-fbp", Route::UpdateFbp),
            ("/e/invite", Route::Invite),
            ("/e/events", Route::Events),
            ("/events", Route::Page),
            ("/pxl", Route::Pixel),
            ("/e/pxl", Route::Pixel),
            ("/e/mark", Route::Pixel),
            ("/mark", Route::Page),
            ("/c/vip", Route::Channel("vip")),
            ("/c/vip/", Route::Channel("vip")),
            ("/e/c/vip/", Route::Channel("vip")),
            ("/c//", Route::Page),
            ("/e/c/vip", Route::Channel("vip")),
            ("/ops/adstat/api/kktu/", Route::AdStat("api/kktu/")),
            ("/ops/adstat", Route::Page),
            ("/ops", Route::Ops("")),
            ("/ops/", Route::Ops("")),
            ("/ops/ops.js", Route::Ops("ops.js")),
            ("/opsx", Route::Page),
            ("/c/", Route::Page),
            ("/c/a/b", Route::Page),
            ("/t.js", Route::Tracker("t.js")),
            ("/e/t.js", Route::Tracker("t.js")),
            (
                "/t.0123456789abcdef.js",
                Route::Tracker("t.0123456789abcdef.js"),
            ),
            (
                "/e/t.0123456789abcdef.core.js",
                Route::Tracker("t.0123456789abcdef.core.js"),
            ),
            ("/t.min.js", Route::Page),
            ("/e/panel.js", Route::Tracker("panel.js")),
            ("/api/v1/leads/1/events", Route::Api("leads/1/events")),
            ("/api/v1", Route::Page),
            ("/hooks/telegram/shop_bot", Route::TelegramHook("shop_bot")),
            ("/hooks/stripe", Route::Hook("stripe")),
            ("/healthz", Route::Health),
            ("/", Route::Page),
            ("/e", Route::Page),
            ("/ex/init", Route::Page),
        ];
        for (path, route) in table {
            assert_eq!(Route::of(path, "/e"), route, "{path}");
        }
    }
}
