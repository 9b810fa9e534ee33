//! Calls that leave the process: what a Task state's `Resource` leads to.
//!
//! On the path of an event this is the detour of `CALL`: the shard hands over a [`CallRequest`] and a
//! wake token, the edge runs the call, and the result waits in [`Completions`] until the shard's next
//! turn takes it. One future per outstanding call, on the shard's own thread; nothing here blocks and
//! nothing is shared between shards.

pub mod echo;
pub mod http;
pub mod mock;

pub use self::http::HttpTasks;
pub use self::mock::{MockTasks, Script};

use crate::base::ids::WakeToken;
use crate::base::tally::TaskTally;
use crate::shard::{CallRequest, CallResult, Calls, Completions};

/// Leads each call to what serves its resource.
#[derive(Debug)]
pub struct Tasks {
    http: HttpTasks,
    completions: Completions,
}

impl Tasks {
    /// Makes the task edge of one shard; results appear in `completions`.
    pub fn new(http: http::Options, completions: Completions, tally: TaskTally) -> Self {
        Self { http: HttpTasks::new(http, completions.clone(), tally), completions }
    }

    /// Calls under way and calls that wait for a place.
    pub fn outstanding(&self) -> usize {
        self.http.running() + self.http.waiting()
    }
}

impl Calls for Tasks {
    fn call(&mut self, token: WakeToken, request: CallRequest) {
        if is_http_invoke(&request.resource) {
            return self.http.call(token, request);
        }
        let cause = format!(
            "The resource '{}' of the state '{}' is not supported; supported are \
             arn:aws:states:::http:invoke and mocked results.",
            request.resource, request.state
        );
        self.completions.push(token, failed("States.TaskFailed", cause));
    }

    fn cancel(&mut self, token: WakeToken) {
        self.http.cancel(token);
    }
}

/// `arn:PARTITION:states:::http:invoke`.
fn is_http_invoke(resource: &str) -> bool {
    resource
        .strip_prefix("arn:")
        .and_then(|rest| rest.strip_suffix(":states:::http:invoke"))
        .is_some_and(|partition| partition.starts_with("aws") && !partition.contains(':'))
}

fn failed(error: &str, cause: impl Into<Box<str>>) -> CallResult {
    CallResult::Failed { error: error.into(), cause: Some(cause.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::MachineIdx;

    #[test]
    fn http_invoke_is_known_in_every_partition() {
        assert!(is_http_invoke("arn:aws:states:::http:invoke"));
        assert!(is_http_invoke("arn:aws-us-gov:states:::http:invoke"));
        assert!(!is_http_invoke("arn:aws:states:::http:invoke.sync"));
        assert!(!is_http_invoke("arn:aws:states:eu-west-1::http:invoke"));
        assert!(!is_http_invoke("arn::states:::http:invoke"));
    }

    #[test]
    fn an_unknown_resource_fails_the_task_with_its_name() {
        let completions = Completions::default();
        let (tally, _) = crate::base::tally::tasks(1);
        let mut tasks = Tasks::new(http::Options::default(), completions.clone(), tally);
        let token = WakeToken { index: 3, generation: 1 };
        tasks.call(
            token,
            CallRequest {
                machine: MachineIdx(0),
                state: "Pay".into(),
                resource: "arn:aws:states:::sqs:sendMessage".into(),
                input: b"{}".to_vec(),
                timeout_ms: None,
                attempt: 0,
                traceparent: None,
                tracestate: None,
            },
        );
        let (woken, result) = completions.pop().unwrap();
        assert_eq!(woken, token);
        let CallResult::Failed { error, cause } = result else {
            panic!("{result:?}");
        };
        assert_eq!(&*error, "States.TaskFailed");
        assert!(cause.unwrap().contains("sqs:sendMessage"));
        assert_eq!(tasks.outstanding(), 0);
    }
}
