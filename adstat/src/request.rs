//! A call as it goes over the wire.

use std::fmt;

/// AdStat's two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Login, cabinets, campaigns, ads, statistics.
    Client,
    /// Media, KKTU, pixel events, audiences.
    ClientApi,
}

impl Host {
    /// Where it is: scheme and host, no slash at the end.
    pub fn origin(self) -> &'static str {
        match self {
            Self::Client => "https://client.adstat.pro",
            Self::ClientApi => "https://clientapi.adstat.pro",
        }
    }
}

/// A request, but for its host's name and the access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Which host.
    pub host: Host,
    /// In capitals.
    pub method: &'static str,
    /// The path, with its query.
    pub target: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// Empty: none, or one that is streamed.
    pub body: String,
}

impl Request {
    /// A request without a body; `path` is what stands behind `/api`.
    pub(crate) fn new(host: Host, method: &'static str, path: impl fmt::Display) -> Self {
        Self {
            host,
            method,
            target: format!("/api{path}"),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// With a query, where there are parameters.
    pub(crate) fn query<'a>(
        mut self,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let query = query.finish();
        if !query.is_empty() {
            self.target.push('?');
            self.target.push_str(&query);
        }
        self
    }

    /// With JSON as its body.
    pub(crate) fn json(mut self, body: String) -> Self {
        self.headers
            .push(("content-type", "application/json".to_owned()));
        self.body = body;
        self
    }
}

/// Without what it carries: that may be a password.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            method,
            target,
            ..
        } = self;
        write!(formatter, "Request({method} {target} of {host:?})")
    }
}
