//! What the operands of instructions stand for.

use crate::expr::apply::Apply;
use crate::expr::timestamp::Instant;
use crate::expr::walk::Walk;
use crate::value::{ConstantsBuilder, TooLarge, Value};

use super::Pc;

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
}

/// The type of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// `Choice`
    Choice,
    /// `Fail`
    Fail,
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
            Self::Pass => "Pass",
            Self::Succeed => "Succeed",
            Self::Task => "Task",
            Self::Wait => "Wait",
        }
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
    /// `TimeoutSeconds` or its path.
    pub timeout: Option<TaskTimeout>,
}

/// How long a task may take.
#[derive(Clone, Debug)]
pub enum TaskTimeout {
    /// Milliseconds.
    Millis(u64),
    /// A path to whole seconds.
    SecondsPath(Walk),
}

/// How long a Wait state waits.
#[derive(Clone, Debug)]
pub enum Wait {
    /// Milliseconds.
    Millis(u64),
    /// A path to whole seconds.
    SecondsPath(Walk),
    /// Until an instant.
    Until(Instant),
    /// Until the instant that a path names.
    UntilPath(Walk),
}

/// Keys of the context object, as constants of the program.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each field is the key of that name")]
pub struct ContextKeys {
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
}

impl ContextKeys {
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
    /// EXPRESS: executions end after 300 s and their ARNs have a suffix. The other world is
    /// that of the recorded Standard cases.
    pub express: bool,
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
            express,
        }
    }
}
