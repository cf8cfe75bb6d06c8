use gridwell_model::{IdError, NeedError, PreferenceError, UnitError};
use serde::{Deserialize, Serialize};

/// Whose fault an error is, which decides what a person can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// What was asked for: change it and ask again.
    Input,
    /// Another machine, or the way to it.
    Peer,
    /// This machine: its disk, its rights, its node.
    Machine,
    /// Gridwell itself.
    Bug,
}

/// Declares the stable error codes: name, whose fault, HTTP status, exit code, meaning.
macro_rules! codes {
    ($($name:ident $text:literal $kind:ident $status:literal $exit:literal $doc:literal,)*) => {
        /// What went wrong, for programs. Codes never change their meaning and are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        pub enum ErrorCode {
            $(#[doc = $doc] #[serde(rename = $text)] $name,)*
            /// A code newer than this program; its kind still says whose fault it is.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl ErrorCode {
            /// Every code that a node of this version sends.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as it is written in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown => "unknown",
                }
            }

            /// Whose fault it is.
            #[must_use]
            pub const fn kind(self) -> ErrorKind {
                match self {
                    $(Self::$name => ErrorKind::$kind,)*
                    Self::Unknown => ErrorKind::Bug,
                }
            }

            /// The HTTP status it travels with.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                    Self::Unknown => 500,
                }
            }

            /// The exit code of `gridwell`: 2 for bad input or usage, 3 without a node, 1 for every other failure.
            #[must_use]
            pub const fn exit_code(self) -> u8 {
                match self {
                    $(Self::$name => $exit,)*
                    Self::Unknown => 1,
                }
            }

            /// What the code means, one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $doc,)*
                    Self::Unknown => "A code newer than this program.",
                }
            }
        }
    };
}

codes! {
    BadRequest "bad_request" Input 400 2 "The request could not be read, or its fields contradict each other.",
    BadReference "bad_reference" Input 400 2 "The text is not a job or task id.",
    MissingFile "missing_file" Input 422 2 "A named file or folder does not exist.",
    Unreadable "unreadable" Input 422 2 "A file or folder exists but may not be read.",
    NotUtf8 "not_utf8" Input 422 2 "A path or text is not UTF-8.",
    UnknownFile "unknown_file" Input 422 2 "No recipe knows what to do with the file.",
    NotABlend "not_a_blend" Input 422 2 "The file is called .blend but is none.",
    DamagedBlend "damaged_blend" Input 422 2 "The .blend file is truncated or contradicts itself.",
    TemplateRefused "template_refused" Input 422 2 "The Open Job Description template is not valid.",
    UnknownParameter "unknown_parameter" Input 422 2 "The job has no parameter of that name.",
    BadParameter "bad_parameter" Input 422 2 "A parameter's value is missing or not allowed.",
    BadRange "bad_range" Input 422 2 "The text is not a range such as 1-24 or 1-240:2.",
    EmptyRange "empty_range" Input 422 2 "The range, pattern or list names nothing.",
    RangeTooLarge "range_too_large" Input 422 2 "The job would have more tasks than a job may have.",
    TooLarge "too_large" Input 413 2 "The request, or a file that has to be read whole, is over its limit.",
    OutputNotWritable "output_not_writable" Input 422 2 "Results cannot be written to the output folder.",
    DiskFull "disk_full" Machine 507 2 "The disk that results or the journal go to is full.",
    DuplicateName "duplicate_name" Input 422 2 "Two things that must have different names have the same.",
    BadRequirement "bad_requirement" Input 422 2 "A requirement or preference cannot be read.",
    BadValue "bad_value" Input 422 2 "A size, duration, label or number cannot be read.",
    UnknownJob "unknown_job" Input 404 2 "There is no such job here.",
    AmbiguousJob "ambiguous_job" Input 409 2 "Several jobs start with that id.",
    UnknownTask "unknown_task" Input 404 2 "The job has no such task.",
    UnknownMachine "unknown_machine" Input 404 2 "The grid has no such machine.",
    AmbiguousMachine "ambiguous_machine" Input 409 2 "Several machines have that name.",
    WrongState "wrong_state" Input 409 2 "What was asked for is not possible in the present state.",
    LinkChanged "link_changed" Input 409 2 "Somebody changed the link since it was looked at.",
    WouldCutOff "would_cut_off" Input 409 2 "The change would cut machines off.",
    FileChanged "file_changed" Input 409 2 "The file's content is another one than when it was opened.",
    NotAPicture "not_a_picture" Input 422 2 "There is no picture, or it cannot be shown.",
    NoLogs "no_logs" Input 404 2 "The task has not run yet, or its log is gone.",
    InviteMalformed "invite_malformed" Input 400 2 "The text is not an invite link.",
    InviteUsed "invite_used" Input 410 2 "The invite was used already.",
    InviteExpired "invite_expired" Input 410 2 "The invite's time is over.",
    InviteTampered "invite_tampered" Input 403 2 "The invite's secret or fingerprint does not match.",
    CodeMalformed "code_malformed" Input 400 2 "The text is not a pairing code.",
    CodeWrong "code_wrong" Input 403 2 "The pairing code is wrong, or not good any more after a wrong guess.",
    NoInvitation "no_invitation" Input 404 2 "The other machine shows no code, or took its invite back.",
    TooManyGuesses "too_many_guesses" Input 429 2 "Wrong codes were tried of late, so no code is shown for a while.",
    UnknownPairing "unknown_pairing" Input 404 2 "No such machine waits to be let in.",
    PairingRejected "pairing_rejected" Input 403 2 "A person at the other machine did not let this one in.",
    PairingTimedOut "pairing_timed_out" Peer 504 1 "Nobody at the other machine answered.",
    PairingCancelled "pairing_cancelled" Input 409 2 "The pairing was given up.",
    OtherGrid "other_grid" Input 403 2 "The other machine belongs to another grid.",
    AlreadyMember "already_member" Input 409 2 "This machine belongs to that grid, or to another one, already.",
    OtherVersion "other_version" Peer 409 1 "The other side speaks another version of the protocol.",
    PeerUnreachable "peer_unreachable" Peer 502 1 "Another machine did not answer.",
    NotFound "not_found" Input 404 2 "The door has no such path.",
    NotAllowed "not_allowed" Input 405 2 "The path exists, but not for this method.",
    Unauthorised "unauthorised" Input 401 2 "The token is missing or wrong.",
    Forbidden "forbidden" Input 403 2 "The request comes from somebody or somewhere that may not ask.",
    Busy "busy" Machine 503 1 "The node has too much to do; ask again.",
    NoNode "no_node" Machine 503 3 "No node runs for this data folder.",
    Stopping "stopping" Machine 503 3 "The node is stopping.",
    AlreadyRunning "already_running" Input 409 2 "Another node uses the data folder.",
    DataFolder "data_folder" Machine 500 2 "The data folder cannot be used.",
    ListenFailed "listen_failed" Machine 500 2 "The node cannot listen on an address.",
    Storage "storage" Machine 500 1 "The journal or a stored file could not be read or written.",
    Internal "internal" Bug 500 1 "Gridwell made a mistake.",
}

/// A refusal at the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, thiserror::Error)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[error("{message}")]
pub struct ApiError {
    /// Whose fault.
    pub kind: ErrorKind,
    /// What, for programs.
    pub code: ErrorCode,
    /// What was tried, naming the thing; lower case, one line, no final period.
    pub message: String,
    /// What a person can do next; empty when the code alone says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// What a folder holds that no recipe knows; only with `unknown_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub holds: Option<FolderContents>,
}

/// What a folder holds, with all folders in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FolderContents {
    /// How many files.
    pub files: u64,
    /// Their size in bytes.
    pub size_bytes: u64,
    /// True when there is more: counting ended at its limit.
    pub at_least: bool,
}

impl ApiError {
    /// Makes an error of this code; line breaks and control characters in `message` are made visible.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { kind: code.kind(), code, message: one_line(&message.into()), help: String::new(), holds: None }
    }

    /// Adds what a person can do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = one_line(&help.into());
        self
    }

    /// Adds what the folder holds that it is about.
    #[must_use]
    pub const fn holds(mut self, contents: FolderContents) -> Self {
        self.holds = Some(contents);
        self
    }

    /// Gridwell's own mistake.
    #[must_use]
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// The exit code of `gridwell`; an unknown code follows its kind.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match (self.code, self.kind) {
            (ErrorCode::Unknown, ErrorKind::Input) => 2,
            (code, _) => code.exit_code(),
        }
    }
}

/// Names and messages of others may hold anything: an error stays one line and moves no cursor.
fn one_line(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

impl From<IdError> for ApiError {
    fn from(error: IdError) -> Self {
        Self::new(ErrorCode::BadReference, error.to_string())
    }
}

impl From<NeedError> for ApiError {
    fn from(error: NeedError) -> Self {
        Self::new(ErrorCode::BadRequirement, error.to_string())
    }
}

impl From<PreferenceError> for ApiError {
    fn from(error: PreferenceError) -> Self {
        Self::new(ErrorCode::BadRequirement, error.to_string())
    }
}

impl From<UnitError> for ApiError {
    fn from(error: UnitError) -> Self {
        Self::new(ErrorCode::BadValue, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_text_and_survives_json() {
        let texts: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{}\"", code.as_str()));
            assert_eq!(serde_json::from_str::<ErrorCode>(&json).unwrap(), *code);
        }
    }

    #[test]
    fn bad_input_exits_with_2_and_a_missing_node_with_3() {
        for code in ErrorCode::ALL {
            if code.kind() == ErrorKind::Input {
                assert_eq!(code.exit_code(), 2, "{code:?}");
                assert!((400..500).contains(&code.http_status()), "{code:?}");
            }
        }
        assert_eq!(ErrorCode::NoNode.exit_code(), 3);
        assert_eq!(ErrorCode::Internal.exit_code(), 1);
    }

    #[test]
    fn a_code_from_a_newer_node_keeps_its_kind() {
        let json = r#"{"kind":"input","code":"bad_moon","message":"the moon is wrong"}"#;
        let error: ApiError = serde_json::from_str(json).unwrap();
        assert_eq!(error.code, ErrorCode::Unknown);
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_message_is_one_line_whatever_it_names() {
        let error = ApiError::new(ErrorCode::MissingFile, "'a\nb\u{1b}[2J' does not exist");
        assert_eq!(error.message, "'a\\nb\\u{1b}[2J' does not exist");
    }
}
