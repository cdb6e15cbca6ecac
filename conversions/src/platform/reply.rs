//! What a platform answered, and what to do now.

/// What a platform's answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What became of the request, and what to do.
    pub outcome: Outcome,
    /// The platform's own id of the request, for its support.
    pub request_id: Option<String>,
    /// The platform's own words, at most 500 characters, our secrets taken out. Empty when it said nothing.
    pub words: String,
}

/// What became of a request. It is of all conversions in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The platform has it.
    Sent,
    /// It was not taken this time.
    Retry {
        /// How long the platform asks to wait, in s.
        after_s: Option<u32>,
    },
    /// Too much at once: all that goes to this destination is to wait.
    Throttled {
        /// How long the platform asks to wait, in s.
        after_s: Option<u32>,
    },
    /// It will never be taken as it is. In a batch one conversion may be at fault: the halves of it can be tried.
    Rejected {
        /// The platform's code, or its HTTP status.
        code: String,
    },
    /// The token or the account is at fault: nothing will be taken until someone looks.
    Credentials,
}
