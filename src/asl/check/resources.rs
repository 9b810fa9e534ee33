//! Resources of Task states: what Express machines may not use, and what nothing here serves.

use super::walk::each_state;
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::model::{Machine, StateKind, Task};
use crate::asl::place::Place;
use crate::asl::source::Spanned;

/// The one integration that the service has.
const HTTP_INVOKE: &str = "arn:aws:states:::http:invoke";

/// Parameters of the HTTP task that cannot be honoured yet.
const HTTP_UNSUPPORTED: [&str; 3] = ["Authentication", "InvocationConfig", "Transform"];

/// Reports a resource that AWS does not allow in Express machines.
pub(in crate::asl) fn express(resource: &Spanned<String>, path: &str) -> Option<Diagnostic> {
    let arn = resource.value.as_str();
    // AWS: the blank at the end of the second text is AWS's.
    let pattern = arn.rsplit_once('.').map(|(_, pattern)| pattern);
    let (code, message) = if matches!(pattern, Some("sync" | "sync:2")) {
        (Code::ExpressSync, "Express state machine does not support '.sync' service integration")
    } else if pattern == Some("waitForTaskToken") {
        (
            Code::ExpressTaskToken,
            "Express state machine does not support '.waitForTaskToken' service integration ",
        )
    } else if is_activity(arn) {
        (Code::ExpressActivity, "Express state machine does not support Activity ARN")
    } else {
        return None;
    };
    Some(Diagnostic::new(code, path, resource.span, message))
}

/// `arn:PARTITION:states:REGION:ACCOUNT:activity:NAME`.
pub(in crate::asl) fn is_activity(arn: &str) -> bool {
    let mut parts = arn.split(':');
    parts.next() == Some("arn")
        && parts.nth(1) == Some("states")
        && parts.nth(2) == Some("activity")
}

/// Reports what a machine asks of tasks that the service cannot do, unless they are mocked.
///
/// Apart from the language's checks, because a case with mocks may use any resource.
pub fn service_refusals(machine: &Machine) -> Vec<Diagnostic> {
    let mut refusals = Vec::new();
    each_state(&machine.graph, &Place::MACHINE, &mut |state, place| {
        if let StateKind::Task(task) = &state.kind {
            refuse_task(place, task, &mut refusals);
        }
    });
    refusals
}

fn refuse_task(place: &Place<'_>, task: &Task, refusals: &mut Vec<Diagnostic>) {
    if task.resource.value != HTTP_INVOKE {
        let message = format!("{} is not supported yet", cut(&task.resource.value));
        let path = place.field("Resource").to_string();
        refusals.push(
            Diagnostic::new(Code::UnsupportedResource, &path, task.resource.span, message)
                .label("nothing serves this resource")
                .help(format!("use \"{HTTP_INVOKE}\", or mock the task")),
        );
        return;
    }
    if let Some(credentials) = &task.credentials {
        let path = place.field("Credentials").to_string();
        let message = "Credentials are not supported yet";
        refusals.push(
            Diagnostic::new(Code::UnsupportedField, &path, credentials.span, message)
                .label("no role can be assumed for a call"),
        );
    }
    let parameters = task.parameters.iter().map(|node| ("Parameters", node));
    let arguments = task.arguments.iter().map(|node| ("Arguments", node));
    let fields = parameters.chain(arguments);
    let members = fields.flat_map(|(field, node)| node.members().iter().map(move |m| (field, m)));
    for (field, member) in members {
        let name = member.key.trim_end_matches(".$");
        if HTTP_UNSUPPORTED.contains(&name) {
            let message = format!("{name} of the HTTP task is not supported yet");
            let path = place.field(field).field(&member.key).to_string();
            refusals.push(Diagnostic::new(
                Code::UnsupportedHttpField,
                &path,
                member.key_span,
                message,
            ));
        }
    }
}

/// Cuts a value for a message.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
