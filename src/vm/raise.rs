//! Errors of a workflow: how each becomes an error name and the cause that AWS would give.
//!
//! Every failure of a running execution passes through [`Raised`], so that retriers and catchers
//! have one place to look.

use crate::expr::Fault;

/// An error on its way out of a state. Boxed, since raising is the cold path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised(Box<Detail>);

const _: () = assert!(size_of::<Raised>() <= 16);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Detail {
    error: Option<Box<str>>,
    cause: Option<Box<str>>,
}

impl Raised {
    /// An error with name and cause as they stand.
    #[cold]
    pub fn new(error: Option<&str>, cause: Option<&str>) -> Self {
        Self(Box::new(Detail { error: error.map(Into::into), cause: cause.map(Into::into) }))
    }

    /// `States.Runtime`, with AWS's general prefix before the fault's own text.
    #[cold]
    pub(super) fn runtime(state: &str, entered_event: u32, fault: &Fault) -> Self {
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{entered_event}). {fault}"
        );
        Self::new(Some("States.Runtime"), Some(&cause))
    }

    /// `States.ResultPathMatchFailure` (ASL specification, appendix A).
    #[cold]
    pub(super) fn result_path(state: &str, entered_event: u32, path: &str) -> Self {
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{entered_event}). Unable to apply ReferencePath {path} to the state's input"
        );
        Self::new(Some("States.ResultPathMatchFailure"), Some(&cause))
    }

    /// `States.DataLimitExceeded`; `what` is the state or task (text recorded on AWS).
    #[cold]
    pub(super) fn oversize(what: &str) -> Self {
        let cause = format!(
            "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        Self::new(Some("States.DataLimitExceeded"), Some(&cause))
    }

    /// `States.Timeout` of a task; AWS gives no cause.
    #[cold]
    pub(super) fn timeout() -> Self {
        Self::new(Some("States.Timeout"), None)
    }

    /// Error name; a Fail state may have none.
    pub fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// Cause; some errors have none.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}
