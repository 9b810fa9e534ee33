//! Instructions that wait for the outside: task calls and waits, and the answers they get.

use super::evaluate::{Whole, Whose};
use super::execution::Execution;
use super::frame::Waiting;
use super::history::{self, Detail, Details};
use super::machine::{Flow, Machine, Outcome};
use super::{Effect, Raised, Wake};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::expr::timestamp::{self, Instant};
use crate::expr::walk::Walk;
use crate::expr::{Evaluation, Fault, Roots};
use crate::program::{Amount, ExpressionIdx, Op, Payload, Program, Task, TaskIdx, Wait, WaitIdx};
use crate::value::{Value, View};

impl Machine<'_, '_> {
    /// Takes the answer to an effect into the running frame, which waited for it.
    pub(super) fn answer(&mut self, waited: Waiting, wake: Wake<'_>) -> Result<(), Raised> {
        match wake {
            Wake::Slept => Ok(()),
            Wake::Returned(text) => self.returned(text),
            Wake::TaskFailed { error, cause } => {
                let raised = Raised::new(Some(error), cause);
                self.task_event("TaskFailed", "LambdaFunctionFailed", |_| {
                    history::failure(&raised)
                });
                Err(raised)
            }
            Wake::TaskTimedOut => {
                let heartbeat = waited == Waiting::Call { heartbeat: true };
                let raised = if heartbeat { Raised::heartbeat() } else { Raised::timeout() };
                self.task_event("TaskTimedOut", "LambdaFunctionTimedOut", |_| {
                    history::failure(&raised)
                });
                Err(raised)
            }
        }
    }

    fn returned(&mut self, text: &[u8]) -> Result<(), Raised> {
        let Execution { heap, frame, .. } = &mut *self.execution;
        if text.len() > PAYLOAD_BYTES_MAX {
            let raised = Raised::oversize(self.called());
            self.task_event("TaskFailed", "LambdaFunctionFailed", |_| history::failure(&raised));
            return Err(raised);
        }
        let parsed = heap.parse(frame.arena, text, self.turn.parser);
        match parsed {
            Ok(result) => frame.cur = result,
            Err(error) => {
                let fault = Fault::new(format!("The task returned a result that is {error}"));
                self.count_event();
                return Err(self.runtime(&fault));
            }
        }
        self.task_event("TaskSucceeded", "LambdaFunctionSucceeded", |execution| {
            execution.working_data("output").into_iter().collect()
        });
        Ok(())
    }

    /// An event of the task that the frame waits for or waited for; calls of Lambda functions by
    /// their ARN have events of their own.
    fn task_event(
        &mut self,
        kind: &'static str,
        lambda_kind: &'static str,
        details: impl FnOnce(&Execution) -> Details,
    ) {
        if !self.records() {
            return self.count_event();
        }
        let program = std::rc::Rc::clone(&self.execution.program);
        let integration = self.waiting_task(&program).map(|task| integration(&task.resource));
        match integration {
            Some(Integration::Lambda) | None => {
                self.event(lambda_kind, |machine, _| details(machine.execution));
            }
            Some(Integration::Service(service, action)) => self.event(kind, |machine, _| {
                let mut all = service_details(service, action);
                all.extend(details(machine.execution));
                all
            }),
        }
    }

    /// The task of the call that the frame stands behind.
    fn waiting_task<'p>(&self, program: &'p Program) -> Option<&'p Task> {
        let at = self.execution.frame.pc.0.checked_sub(1)?;
        let Some(Op::Call(task)) = program.ops.get(at as usize) else { return None };
        program.tasks.get(task.index())
    }

    /// What the frame waits for, as AWS names it in a cause: the service of an optimised
    /// integration (`lambda`), else the resource as written.
    #[cold]
    fn called(&self) -> &str {
        let task = self.waiting_task(&self.execution.program);
        match task.map(|task| (integration(&task.resource), &*task.resource)) {
            Some((Integration::Service(service, _), _)) => service,
            Some((Integration::Lambda, resource)) => resource,
            None => &self.execution.program.states[self.execution.frame.state.index()].name,
        }
    }

    pub(super) fn call_task(&mut self, program: &Program, index: TaskIdx) -> Outcome {
        let task = &program.tasks[index.index()];
        let input = self.execution.frame.cur;
        if input.json_len() > PAYLOAD_BYTES_MAX {
            return Err(self.oversize(program));
        }
        let timeout_ms = self.task_limit(program, task.timeout.as_ref(), "TimeoutSecondsPath")?;
        let heartbeat_ms =
            self.task_limit(program, task.heartbeat.as_ref(), "HeartbeatSecondsPath")?;
        let credentials = self.credentials(program, task)?;
        self.scheduled_events(task, timeout_ms, heartbeat_ms, credentials);
        // Only who holds a token or works for an activity can send a heartbeat.
        let beats =
            task.resource.ends_with(".waitForTaskToken") || task.resource.contains(":activity:");
        let heartbeat_ms = heartbeat_ms.filter(|_| beats);
        let heartbeat = heartbeat_ms.is_some_and(|ms| timeout_ms.is_none_or(|limit| ms < limit));
        let frame = &mut self.execution.frame;
        frame.waiting = Waiting::Call { heartbeat };
        let event = if self.execution.domain == 0 { self.execution.event } else { 0 };
        let frame = &self.execution.frame;
        Ok(Flow::Suspend(Effect::Call {
            state: frame.state,
            task: index,
            input,
            timeout_ms: if heartbeat { heartbeat_ms } else { timeout_ms },
            attempt: frame.retry_count,
            event,
        }))
    }

    /// Evaluates `Credentials` over the state's input.
    fn credentials(&mut self, program: &Program, task: &Task) -> Result<Option<Value>, Raised> {
        let template = match &task.credentials {
            None => return Ok(None),
            Some(Payload::Form(form)) => {
                return self.fill_form(program, form, Whose::Running).map(Some);
            }
            Some(Payload::Template(template)) => template,
        };
        let Execution { heap, frame, .. } = &mut *self.execution;
        let filled = template.fill(&mut Evaluation {
            heap,
            arena: frame.arena,
            roots: Roots { input: frame.raw, context: frame.context, variables: &frame.variables },
            parser: self.turn.parser,
            entropy: self.turn.entropy,
        });
        filled.map(Some).map_err(|fault| self.runtime(&fault))
    }

    /// TaskScheduled and TaskStarted, or what AWS has in their place for a Lambda function.
    fn scheduled_events(
        &mut self,
        task: &Task,
        timeout_ms: Option<u64>,
        heartbeat_ms: Option<u64>,
        credentials: Option<Value>,
    ) {
        if !self.records() {
            self.execution.event = self.execution.event.saturating_add(2);
            return;
        }
        let limits = [("timeoutInSeconds", timeout_ms), ("heartbeatInSeconds", heartbeat_ms)];
        let limits =
            limits.into_iter().filter_map(|(key, ms)| Some((key, Detail::Count(ms? / 1_000))));
        let credentials = |execution: &Execution| {
            // Events spell the field `roleArn` (recorded), definitions `RoleArn`.
            let heap = &execution.heap;
            let role = heap.field(credentials?, execution.program.keys.role_arn)?;
            let text = format!(r#"{{"roleArn":{}}}"#, heap.to_json_text(role));
            Some(("taskCredentials", Detail::Json(text.into())))
        };
        match integration(&task.resource) {
            Integration::Lambda => {
                self.event("LambdaFunctionScheduled", |machine, _| {
                    let mut details = vec![("resource", history::text(&task.resource))];
                    details.extend(machine.execution.working_data("input"));
                    details.extend(limits);
                    details.extend(credentials(machine.execution));
                    details
                });
                self.event("LambdaFunctionStarted", |_, _| Vec::new());
            }
            Integration::Service(service, action) => {
                self.event("TaskScheduled", |machine, program| {
                    let mut details = service_details(service, action);
                    details.push(("region", history::text(&program.world.region)));
                    details.extend(machine.execution.working_data("parameters"));
                    details.extend(limits);
                    details.extend(credentials(machine.execution));
                    details
                });
                self.event("TaskStarted", |_, _| service_details(service, action));
            }
        }
    }

    /// A limit of a task, in milliseconds; a path is read from the state's input, not from its
    /// parameters.
    fn task_limit(
        &mut self,
        program: &Program,
        limit: Option<&Amount<u64>>,
        field: &str,
    ) -> Result<Option<u64>, Raised> {
        let walk = match limit {
            None => return Ok(None),
            Some(Amount::Literal(seconds)) => return Ok(Some(seconds.saturating_mul(1_000))),
            Some(Amount::Expression(index)) => {
                let seconds = self.whole_of(program, *index, Whose::Running, Whole::Seconds)?;
                return Ok(Some(seconds * 1_000));
            }
            Some(Amount::Path(walk)) => walk,
        };
        let roots = Roots { input: self.execution.frame.raw, ..self.roots() };
        let heap = &self.execution.heap;
        let value = walk.find(heap, roots).map_err(|missing| {
            self.runtime(&walk.invalid_path(&self.execution.heap, roots, missing))
        })?;
        match self.execution.heap.view(value) {
            View::Int(seconds @ 1..=99_999_999) => Ok(Some(seconds as u64 * 1_000)),
            _ => Err(self.runtime(&Fault::path(format!(
                "The {field} parameter does not reference a positive integer: {} == {}",
                walk.text,
                self.printed(value)
            )))),
        }
    }

    pub(super) fn wait(&mut self, program: &Program, wait: WaitIdx) -> Outcome {
        let millis = match &program.waits[wait.index()] {
            Wait::Millis(millis) => *millis,
            Wait::Seconds(index) => {
                self.whole_of(program, *index, Whose::Running, Whole::Seconds)? * 1_000
            }
            Wait::SecondsPath(walk) => self.seconds_from(walk)? * 1_000,
            Wait::Until(instant) => self.millis_until(*instant)?,
            Wait::UntilExpression(index) => {
                let instant = self.instant_of(program, *index)?;
                self.millis_until(instant)?
            }
            Wait::UntilPath(walk) => {
                let instant = self.instant_from(walk)?;
                self.millis_until(instant)?
            }
        };
        if millis == 0 {
            return Ok(Flow::Next);
        }
        self.execution.frame.waiting = Waiting::Time;
        Ok(Flow::Suspend(Effect::Sleep { millis }))
    }

    fn seconds_from(&mut self, walk: &Walk) -> Result<u64, Raised> {
        let value = self.operand(walk, "SecondsPath")?;
        let complaint = match self.execution.heap.view(value) {
            View::Int(seconds @ 0..=WAIT_SECONDS_MAX) => return Ok(seconds as u64),
            View::Int(seconds) if seconds > 0 => {
                return Err(self.runtime(&Fault::path(TOO_LONG)));
            }
            View::Int(_) => "references a negative value",
            _ => "cannot be parsed as a long value",
        };
        Err(self.runtime(&Fault::path(format!(
            "The SecondsPath parameter {complaint}: {} == {}",
            walk.text,
            self.printed(value)
        ))))
    }

    fn instant_from(&mut self, walk: &Walk) -> Result<Instant, Raised> {
        let value = self.operand(walk, "TimestampPath")?;
        if let View::Str(text) = self.execution.heap.view(value)
            && let Some(instant) = timestamp::parse(text)
        {
            return Ok(instant);
        }
        Err(self.runtime(&Fault::path(format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {} == {}",
            walk.text,
            self.printed(value)
        ))))
    }

    fn instant_of(&mut self, program: &Program, index: ExpressionIdx) -> Result<Instant, Raised> {
        let text = self.text_of(program, index)?;
        timestamp::parse(&text).ok_or_else(|| {
            let complaint = format!(
                "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}"
            );
            self.unfit(program, index, Whose::Running, &complaint)
        })
    }

    fn operand(&mut self, walk: &Walk, parameter: &str) -> Result<Value, Raised> {
        walk.find(&self.execution.heap, self.roots()).map_err(|_| {
            self.runtime(&Fault::path(format!(
                "The {parameter} parameter does not reference an input value: {}",
                walk.text
            )))
        })
    }

    /// Whole seconds only: AWS truncates the timestamp; a past one does not wait.
    fn millis_until(&mut self, instant: Instant) -> Result<u64, Raised> {
        let wait_ms = instant.seconds.saturating_mul(1_000).saturating_sub(self.turn.now.wall_ms);
        if wait_ms / 1_000 > WAIT_SECONDS_MAX {
            return Err(self.runtime(&Fault::path(TOO_LONG)));
        }
        Ok(wait_ms.max(0) as u64)
    }
}

/// How AWS's events speak of a resource.
enum Integration<'a> {
    /// A Lambda function by its own ARN.
    Lambda,
    /// A service (`lambda`, `aws-sdk:dynamodb`) and what it is asked to do.
    Service(&'a str, &'a str),
}

fn integration(resource: &str) -> Integration<'_> {
    let Some((_, rest)) = resource.split_once(":states:::") else { return Integration::Lambda };
    let split = match rest.strip_prefix("aws-sdk:") {
        Some(sdk) => sdk.find(':').map(|at| at + "aws-sdk:".len()),
        None => rest.find(':'),
    };
    match split {
        Some(at) => Integration::Service(&rest[..at], &rest[at + 1..]),
        None => Integration::Service(rest, ""),
    }
}

fn service_details(service: &str, action: &str) -> Details {
    vec![("resourceType", history::text(service)), ("resource", history::text(action))]
}

/// Longest wait, in seconds (recorded: 24,855 days pass, 24,856 do not).
const WAIT_SECONDS_MAX: i64 = i32::MAX as i64;
const TOO_LONG: &str = "Wait state delay is too long.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_named_as_aws_names_them() {
        for (resource, expected) in [
            ("arn:aws:states:::lambda:invoke", Some(("lambda", "invoke"))),
            ("arn:aws:states:::aws-sdk:dynamodb:putItem", Some(("aws-sdk:dynamodb", "putItem"))),
            (
                "arn:aws:states:::states:startExecution.sync:2",
                Some(("states", "startExecution.sync:2")),
            ),
            ("arn:aws:lambda:us-east-1:1:function:f", None),
        ] {
            let found = match integration(resource) {
                Integration::Lambda => None,
                Integration::Service(service, action) => Some((service, action)),
            };
            assert_eq!(found, expected);
        }
    }
}
