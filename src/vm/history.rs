//! The history of an execution: what happened, numbered and linked as AWS numbers and links it.
//!
//! Numbers are counted whether a history is kept or not, since causes quote them; events are made
//! only when somebody asked for them. Names and fields are those of `GetExecutionHistory`.

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Number, from 1.
    pub id: u32,
    /// Number of the event that led to it; 0 for the first two.
    pub previous: u32,
    /// Wall clock, ms since the Unix epoch.
    pub wall_ms: i64,
    /// Type, e.g. `PassStateEntered`.
    pub kind: &'static str,
    /// Details by their names in AWS's API, in AWS's order.
    pub details: Vec<(&'static str, Detail)>,
}

/// One detail of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A number: `length`, `index`, `timeoutInSeconds`.
    Count(u64),
    /// JSON text: `input`, `output`, `parameters`.
    Json(Box<str>),
    /// A text: `name`, `error`, `cause`, `resource`.
    Text(Box<str>),
    /// `assignedVariables`: names with their values as JSON text.
    Variables(Vec<(Box<str>, Box<str>)>),
}
