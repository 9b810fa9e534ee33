//! Errors of a workflow: how each becomes an error name and the cause that AWS would give.
//!
//! Every failure of a running execution passes through [`Raised`], so that retriers and catchers
//! have one place to look.

use crate::base::tally::ExpressionKind;
use crate::expr::Fault;

/// An error on its way out of a state. Boxed, since raising is the cold path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised(Box<Detail>);

const _: () = assert!(size_of::<Raised>() <= 16);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Detail {
    error: Option<Box<str>>,
    cause: Option<Box<str>>,
    /// No retrier and no catcher is asked.
    terminal: bool,
    /// An evaluation failed, and its event has not been counted yet.
    lapse: Option<Lapse>,
    /// The language of the expression that failed, until metrics have counted it.
    expression: Option<ExpressionKind>,
}

/// A failed evaluation, as its event tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lapse {
    /// The field, if one is to blame.
    pub(super) field: Option<Box<str>>,
}

impl Raised {
    /// An error with name and cause as they stand.
    #[cold]
    pub fn new(error: Option<&str>, cause: Option<&str>) -> Self {
        // Recorded: neither States.ALL nor its own name catches States.Runtime.
        let terminal = error == Some(RUNTIME);
        let (error, cause) = (error.map(Into::into), cause.map(Into::into));
        Self(Box::new(Detail { error, cause, terminal, lapse: None, expression: None }))
    }

    /// `States.QueryEvaluationError`, with AWS's general prefix before the complaint.
    #[cold]
    pub(super) fn query(
        state: &str,
        entered_event: u32,
        complaint: &str,
        field: Option<&str>,
    ) -> Self {
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{entered_event}). {complaint}"
        );
        let mut raised = Self::new(Some("States.QueryEvaluationError"), Some(&cause));
        raised.0.lapse = Some(Lapse { field: field.map(Into::into) });
        raised.0.expression = Some(ExpressionKind::Jsonata);
        raised
    }

    /// `States.Runtime`, with AWS's general prefix before the fault's own text.
    #[cold]
    pub(super) fn runtime(state: &str, entered_event: u32, fault: &Fault) -> Self {
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{entered_event}). {fault}"
        );
        let mut raised = Self::new(Some(RUNTIME), Some(&cause));
        raised.0.expression = fault.expression();
        raised
    }

    /// `States.ResultPathMatchFailure` (ASL specification, appendix A).
    #[cold]
    pub(super) fn result_path(state: &str, entered_event: u32, path: &str) -> Self {
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{entered_event}). Unable to apply ReferencePath {path} to the state's input"
        );
        let mut raised = Self::new(Some("States.ResultPathMatchFailure"), Some(&cause));
        raised.0.expression = Some(ExpressionKind::JsonPath);
        raised
    }

    /// `States.DataLimitExceeded`; `what` is the state or task (text recorded on AWS).
    #[cold]
    pub(super) fn oversize(what: &str) -> Self {
        let cause = format!(
            "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        Self::new(Some("States.DataLimitExceeded"), Some(&cause))
    }

    /// The same error, which nothing may catch.
    #[cold]
    pub(super) fn terminal(mut self) -> Self {
        self.0.terminal = true;
        self
    }

    /// `States.ExceedToleratedFailureThreshold` of a distributed Map.
    #[cold]
    pub(super) fn threshold() -> Self {
        Self::new(Some("States.ExceedToleratedFailureThreshold"), Some(THRESHOLD))
    }

    /// `States.HeartbeatTimeout` of a task.
    #[cold]
    pub(super) fn heartbeat() -> Self {
        Self::new(Some("States.HeartbeatTimeout"), None)
    }

    /// `States.Timeout` of a task; AWS gives no cause.
    #[cold]
    pub(super) fn timeout() -> Self {
        Self::new(Some("States.Timeout"), None)
    }

    /// The evaluation whose failure has no event yet; asked again there is none.
    pub(super) fn take_lapse(&mut self) -> Option<Lapse> {
        self.0.lapse.take()
    }

    /// The language of the expression that failed; asked again there is none.
    pub(super) fn take_expression(&mut self) -> Option<ExpressionKind> {
        self.0.expression.take()
    }

    /// Whether retriers and catchers are not asked.
    pub(super) fn is_terminal(&self) -> bool {
        self.0.terminal
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

const RUNTIME: &str = "States.Runtime";
const THRESHOLD: &str = "The specified tolerated failure threshold was exceeded";
