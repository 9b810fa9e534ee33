//! What the operands of instructions stand for.

use crate::expr::VariableIdx;
use crate::expr::apply::Apply;
use crate::expr::template::Template;
use crate::expr::timestamp::Instant;
use crate::expr::walk::Walk;
use crate::value::{ConstantsBuilder, TooLarge, Value};

use super::Pc;
use super::form::{Items, Payload};

/// Defines an index type over a table of the program.
macro_rules! index {
    ($($(#[$doc:meta])* $name:ident($int:ty)),* $(,)?) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $int);

        impl $name {
            /// The table index.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        })*
    };
}

index! {
    /// Index into [`super::Program::states`].
    StateIdx(u32),
    /// Index into [`super::Program::walks`].
    WalkIdx(u32),
    /// Index into [`super::Program::lookups`].
    LookupIdx(u32),
    /// Index into [`super::Program::assigns`].
    AssignIdx(u32),
    /// Index into [`super::Program::forks`].
    ForkIdx(u32),
    /// Index into [`super::Program::maps`].
    MapIdx(u32),
    /// Index into [`super::Program::templates`].
    TemplateIdx(u32),
    /// Index into [`super::Program::values`].
    ValueIdx(u32),
    /// Index into [`super::Program::rules`]; two bytes, since `BRANCH` has a target beside it.
    RuleIdx(u16),
    /// Index into [`super::Program::tasks`].
    TaskIdx(u32),
    /// Index into [`super::Program::waits`].
    WaitIdx(u32),
    /// Index into [`super::Program::fails`].
    FailIdx(u32),
    /// Index into [`super::Program::expressions`].
    ExpressionIdx(u32),
    /// Index into [`super::Program::forms`].
    FormIdx(u32),
    /// Index into [`super::Program::lettings`].
    LettingIdx(u32),
    /// Index into [`super::Program::conditions`]; two bytes, since `TEST` has a target beside it.
    ConditionIdx(u16),
}

/// A state as errors, listings and metrics speak of it.
#[derive(Clone, Debug)]
pub struct State {
    /// Its name.
    pub name: Box<str>,
    /// Its type.
    pub kind: StateKind,
    /// Behind `ENTER`: where a retry begins again, before the state's input processing.
    pub body: Pc,
    /// Whether anything in the state reads the context object.
    pub reads_context: bool,
    /// `Retry`, asked in order.
    pub retriers: Box<[Retrier]>,
    /// `Catch`, asked in order when no retrier takes an error.
    pub catchers: Box<[Catcher]>,
}

/// Which errors a retrier or catcher takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorEquals(pub Box<[Box<str>]>);

/// When a state is tried again.
#[derive(Clone, Debug)]
pub struct Retrier {
    /// The errors it takes.
    pub errors: ErrorEquals,
    /// Milliseconds before the first retry.
    pub interval_ms: u64,
    /// Retries in one visit of the state.
    pub attempts_max: u32,
    /// What the delay is multiplied with from one retry to the next.
    pub backoff_rate: f64,
    /// Milliseconds that no delay exceeds.
    pub delay_ms_max: Option<u64>,
    /// Whether the delay is drawn from 0 to the computed one.
    pub full_jitter: bool,
}

/// Where an error leads.
#[derive(Clone, Debug)]
pub struct Catcher {
    /// The errors it takes.
    pub errors: ErrorEquals,
    /// Instructions that begin with the error output in `cur`.
    pub handler: Pc,
}

/// Variables and what they become.
#[derive(Clone, Debug)]
pub struct Assign(pub Box<[(VariableIdx, Template)]>);

/// The type of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// `Choice`
    Choice,
    /// `Fail`
    Fail,
    /// `Map`
    Map,
    /// `Parallel`
    Parallel,
    /// `Pass`
    Pass,
    /// `Succeed`
    Succeed,
    /// `Task`
    Task,
    /// `Wait`
    Wait,
}

impl StateKind {
    /// The value of `Type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Choice => "Choice",
            Self::Fail => "Fail",
            Self::Map => "Map",
            Self::Parallel => "Parallel",
            Self::Pass => "Pass",
            Self::Succeed => "Succeed",
            Self::Task => "Task",
            Self::Wait => "Wait",
        }
    }

    /// Whether such a state may take longer than a turn of its shard.
    pub fn waits(self) -> bool {
        matches!(self, Self::Map | Self::Parallel | Self::Task | Self::Wait)
    }
}

/// What a Fail state says.
#[derive(Clone, Debug)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<FailText>,
    /// `Cause` or `CausePath`.
    pub cause: Option<FailText>,
}

/// A text of a Fail state.
#[derive(Clone, Debug)]
pub enum FailText {
    /// An intrinsic call.
    Call(Apply),
    /// A JSONata expression.
    Expression(ExpressionIdx),
    /// As written.
    Literal(Box<str>),
    /// A path.
    Path(Walk),
}

/// What a Task state calls.
#[derive(Clone, Debug)]
pub struct Task {
    /// `Resource`.
    pub resource: Box<str>,
    /// `TimeoutSeconds` or its path, in whole seconds.
    pub timeout: Option<Amount<u64>>,
    /// `HeartbeatSeconds` or its path, in whole seconds.
    pub heartbeat: Option<Amount<u64>>,
    /// `Credentials`: the role that the call is made with.
    pub credentials: Option<Payload>,
}

/// A number that is written down, read from the state's input or computed.
#[derive(Clone, Debug)]
pub enum Amount<T> {
    /// A JSONata expression that gives it.
    Expression(ExpressionIdx),
    /// The number.
    Literal(T),
    /// A path to it.
    Path(Walk),
}

/// What a Parallel state runs.
#[derive(Clone, Debug)]
pub struct Fork {
    /// Where each branch begins.
    pub branches: Box<[Pc]>,
}

/// What a Map state runs.
#[derive(Clone, Debug)]
pub struct Map {
    /// What it goes through.
    pub items: Items,
    /// `ItemSelector`; absent: the item itself.
    pub selector: Option<Payload>,
    /// Where an iteration begins.
    pub entry: Pc,
    /// `MaxConcurrency`; 0 is as absent.
    pub concurrency_max: Option<Amount<u64>>,
    /// What is particular to distributed mode.
    pub distributed: Option<Distributed>,
}

/// What a distributed Map has beside an inline one.
#[derive(Clone, Debug)]
pub struct Distributed {
    /// Failed items that do not fail the state.
    pub tolerated_count: Option<Amount<u64>>,
    /// Share of failed items that does not fail the state, 0 to 100.
    pub tolerated_percentage: Option<Amount<f64>>,
    /// How items are put together.
    pub batcher: Option<Batcher>,
    /// `Label`, or the state's name: part of the Map Run's ARN.
    pub label: Box<str>,
}

/// How many items become the input of one iteration.
#[derive(Clone, Debug)]
pub struct Batcher {
    /// Items.
    pub items_max: Option<Amount<u64>>,
    /// Bytes of JSON text.
    pub bytes_max: Option<Amount<u64>>,
    /// `BatchInput`.
    pub input: Option<Payload>,
}

/// How long a Wait state waits.
#[derive(Clone, Debug)]
pub enum Wait {
    /// Milliseconds.
    Millis(u64),
    /// An expression that gives whole seconds.
    Seconds(ExpressionIdx),
    /// A path to whole seconds.
    SecondsPath(Walk),
    /// Until an instant.
    Until(Instant),
    /// Until the instant that an expression names.
    UntilExpression(ExpressionIdx),
    /// Until the instant that a path names.
    UntilPath(Walk),
}

/// Keys of objects that the engine itself makes, as constants of the program: the context object,
/// error outputs and batches.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each field is the key of that name")]
pub struct Keys {
    pub execution: Value,
    pub id: Value,
    pub input: Value,
    pub start_time: Value,
    pub name: Value,
    pub role_arn: Value,
    pub redrive_count: Value,
    pub state_machine: Value,
    pub state: Value,
    pub entered_time: Value,
    pub retry_count: Value,
    pub map: Value,
    pub item: Value,
    pub index: Value,
    pub source: Value,
    pub state_data: Value,
    pub value: Value,
    pub items: Value,
    pub batch_input: Value,
    pub error: Value,
    pub cause: Value,
}

impl Keys {
    /// Interns the keys.
    ///
    /// # Errors
    /// [`TooLarge`] when the constants are full.
    pub fn intern(constants: &mut ConstantsBuilder) -> Result<Self, TooLarge> {
        Ok(Self {
            execution: constants.string("Execution")?,
            id: constants.string("Id")?,
            input: constants.string("Input")?,
            start_time: constants.string("StartTime")?,
            name: constants.string("Name")?,
            role_arn: constants.string("RoleArn")?,
            redrive_count: constants.string("RedriveCount")?,
            state_machine: constants.string("StateMachine")?,
            state: constants.string("State")?,
            entered_time: constants.string("EnteredTime")?,
            retry_count: constants.string("RetryCount")?,
            map: constants.string("Map")?,
            item: constants.string("Item")?,
            index: constants.string("Index")?,
            source: constants.string("Source")?,
            state_data: constants.string("STATE_DATA")?,
            value: constants.string("Value")?,
            items: constants.string("Items")?,
            batch_input: constants.string("BatchInput")?,
            error: constants.string("Error")?,
            cause: constants.string("Cause")?,
        })
    }
}

/// Who a machine is: what the context object and ARNs say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// Name of the machine.
    pub machine_name: Box<str>,
    /// `arn:aws:states:REGION:ACCOUNT:stateMachine:NAME`
    pub machine_arn: Box<str>,
    /// An execution's ARN up to its name: `arn:aws:states:REGION:ACCOUNT:express:NAME:`.
    pub execution_arn_prefix: Box<str>,
    /// `Execution.RoleArn`
    pub role_arn: Box<str>,
    /// Region, as events of tasks name it.
    pub region: Box<str>,
    /// Account, as the ARNs of Map Runs name it.
    pub account: Box<str>,
    /// EXPRESS: executions end after 300 s and their ARNs have a suffix. The other world is
    /// that of the recorded Standard cases.
    pub express: bool,
    /// Whether the context object has `Execution.RedriveCount`: it is absent where an execution
    /// was started with `StartSyncExecution` (recorded).
    pub redrive_count: bool,
}

impl World {
    /// The world of Express machines in a region and account.
    pub fn express(region: &str, account: &str, machine: &str, role_arn: &str) -> Self {
        Self::new(region, account, machine, role_arn, "express", true)
    }

    /// The world of the recorded Standard cases.
    pub fn standard(region: &str, account: &str, machine: &str, role_arn: &str) -> Self {
        Self::new(region, account, machine, role_arn, "execution", false)
    }

    fn new(
        region: &str,
        account: &str,
        machine: &str,
        role_arn: &str,
        kind: &str,
        express: bool,
    ) -> Self {
        Self {
            machine_name: machine.into(),
            machine_arn: format!("arn:aws:states:{region}:{account}:stateMachine:{machine}").into(),
            execution_arn_prefix: format!("arn:aws:states:{region}:{account}:{kind}:{machine}:")
                .into(),
            role_arn: role_arn.into(),
            region: region.into(),
            account: account.into(),
            express,
            redrive_count: true,
        }
    }
}
