//! States: their fields, one function per state type.

use super::expressions::PathRole;
use super::fields::{Object, only_one_of};
use super::jsonata::Stage;
use super::numbers::SECONDS_MAX;
use super::tables::{COMMON_FIELDS, NEXT_OR_END, STATE_TYPES, StateType, WAIT_FIELDS};
use super::{MachineType, Parser};
use crate::asl::check;
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::model::{
    Amount, Fail, FailText, Pass, QueryLanguage, State, StateKind, Succeed, Task, Template,
    Transition, Wait, WaitUntil,
};
use crate::asl::place::Place;
use crate::asl::source::Spanned;
use crate::base::limits::NAME_CHARS_MAX;
use crate::expr::timestamp;

impl Parser<'_> {
    /// Reads a state of the graph at a place, which has this number.
    pub(super) fn state(
        &mut self,
        graph: &Place<'_>,
        member: &Member,
        number: usize,
    ) -> Option<State> {
        let place = graph.state(&member.key);
        let inherited = self.machine_language;
        let mut state = Object::new(&member.value, place, member.key_span, inherited);
        self.state_name(member, &state);
        self.unique_name(member, &state, number);
        if !matches!(member.value.kind, Kind::Object(_)) {
            self.wrong_type_at(&place, &member.value, "Object");
            return None;
        }
        state.language = self.language(&state, inherited);
        let goes_back = self.goes_back(&state);
        let kind = self.state_type(&state)?;
        if kind.transits {
            self.next_or_end(&state);
        }
        self.state_fields(&state, kind, goes_back);
        let comment = self.comment(&state);
        let kind = match kind.name {
            "Pass" => StateKind::Pass(self.pass(&state)?),
            "Choice" => StateKind::Choice(self.choice(&state)),
            "Wait" => StateKind::Wait(self.wait(&state)?),
            "Succeed" => StateKind::Succeed(self.succeed(&state)),
            "Fail" => StateKind::Fail(self.fail(&state)),
            "Parallel" => StateKind::Parallel(self.parallel(&state)?),
            "Map" => StateKind::Map(Box::new(self.map(&state)?)),
            _ => StateKind::Task(self.task(&state)?),
        };
        let name = Spanned { value: member.key.clone(), span: member.key_span };
        let language = state.language;
        Some(State { name, span: member.value.span, comment, language, kind })
    }

    fn state_name(&mut self, member: &Member, state: &Object<'_>) {
        let length = member.key.chars().count();
        if length > NAME_CHARS_MAX {
            // AWS: only the end of its text is known.
            let message = format!(
                "The state name has {length} characters and exceeds the {NAME_CHARS_MAX}-character \
                 limit allowed by the service"
            );
            self.report(
                Diagnostic::new(Code::NameTooLong, &state.path(), member.key_span, message)
                    .help("put the long text into \"Comment\""),
            );
        }
        if length == 0 {
            self.empty(&state.path(), member.key_span);
        }
    }

    /// Reports a name that a state of another graph has already.
    fn unique_name(&mut self, member: &Member, state: &Object<'_>, graph: usize) {
        let here = (member.key_span, graph);
        let (first, owner) = *self.names.entry(member.key.clone()).or_insert(here);
        // The same name twice in one object is reported as such already.
        if owner == graph {
            return;
        }
        let message = format!("Duplicate State name: {}", member.key);
        let line = self.line(first);
        self.report(
            Diagnostic::new(Code::DuplicateStateName, &state.path(), member.key_span, message)
                .label(format!("first on line {line}"))
                .help("names are unique across the whole machine, branches and Maps included"),
        );
    }

    fn state_type(&mut self, state: &Object<'_>) -> Option<&'static StateType> {
        if !state.has("Type") {
            self.missing(state, "Type");
            return None;
        }
        let name = self.one_of(state, "Type", &STATE_TYPES.map(|kind| kind.name))?;
        STATE_TYPES.iter().find(|kind| kind.name == name.value)
    }

    /// Reports fields that a state of this type cannot have, with the types that can.
    ///
    /// AWS: of a state that goes back to JSONPath no field is said to be of the other language.
    fn state_fields(&mut self, state: &Object<'_>, kind: &StateType, goes_back: bool) {
        let allowed: Vec<_> = COMMON_FIELDS.iter().chain(kind.fields).copied().collect();
        let before = self.diagnostics.len();
        self.known_fields(state, &allowed);
        for diagnostic in &mut self.diagnostics[before..] {
            if diagnostic.code != Code::UnknownField || diagnostic.help.is_some() {
                continue;
            }
            let owners: Vec<_> = STATE_TYPES
                .iter()
                .filter(|other| {
                    let field = diagnostic.message.split('\'').nth(1).unwrap_or_default();
                    other.fields.contains(&field)
                })
                .map(|other| other.name)
                .collect();
            if !owners.is_empty() {
                diagnostic.label = Some(format!("not a field of {} states", kind.name).into());
                diagnostic.help = Some(format!("it is a field of {}", owners.join(", ")));
            }
        }
        if !goes_back {
            self.other_language_fields(state, &allowed);
        }
    }

    /// Checks that a state goes on in exactly one way. `"End": false` says nothing.
    fn next_or_end(&mut self, state: &Object<'_>) {
        let end = state.member("End").filter(|end| end.value.kind != Kind::Bool(false));
        if let Some(end) = end
            && end.value.kind != Kind::Bool(true)
        {
            self.wrong_type(state, "End", &end.value, "Boolean");
        }
        match (state.member("Next"), end) {
            (Some(_), Some(_)) => {
                self.exactly_one(state, NEXT_OR_END, Code::NextOrEnd);
            }
            (None, None) => {
                let message = only_one_of(NEXT_OR_END);
                self.report(
                    Diagnostic::new(Code::NextOrEnd, &state.path(), state.head, message)
                        .label("leads nowhere")
                        .help("add \"Next\": \"...\" or \"End\": true"),
                );
            }
            (Some(_), None) => {
                self.string(state, "Next");
            }
            (None, Some(_)) => {}
        }
    }

    /// Reads `Next` or `End`; faults are reported by `next_or_end` and the graph check.
    pub(super) fn transition(&mut self, state: &Object<'_>) -> Option<Transition> {
        match state.get("Next") {
            Some(Node { kind: Kind::String(name), span }) => {
                let name = Spanned { value: name.clone(), span: *span };
                self.target(Some(name)).map(Transition::Next)
            }
            Some(_) => None,
            None => state.get("End").map(|end| Transition::End(end.span)),
        }
    }

    fn pass(&mut self, state: &Object<'_>) -> Option<Pass> {
        if let Some(result) = state.get("Result") {
            self.warn_static_result(result, &state.place.field("Result"));
        }
        Some(Pass {
            input_path: self.path_field(state, "InputPath", PathRole::Select),
            parameters: self.template(state, "Parameters"),
            result: state.get("Result").cloned(),
            result_path: self.path_field(state, "ResultPath", PathRole::Write),
            output_path: self.path_field(state, "OutputPath", PathRole::Select),
            output: self.computed(state, "Output", Stage::Entered),
            assign: self.assign(state, Stage::Entered),
            transition: self.transition(state)?,
        })
    }

    fn wait(&mut self, state: &Object<'_>) -> Option<Wait> {
        let input_path = self.path_field(state, "InputPath", PathRole::Select);
        let output_path = self.path_field(state, "OutputPath", PathRole::Select);
        let output = self.computed(state, "Output", Stage::Entered);
        let assign = self.assign(state, Stage::Entered);
        let timing = self.exactly_one(state, WAIT_FIELDS, Code::WaitFields)?;
        let until = match timing.key.as_str() {
            "Seconds" => match self.whole(state, "Seconds", 0..=SECONDS_MAX)? {
                Amount::Expression(text) => WaitUntil::SecondsExpression(text),
                Amount::Literal(seconds) => WaitUntil::Seconds(seconds),
                Amount::Path(path) => WaitUntil::SecondsPath(path),
            },
            "SecondsPath" => {
                WaitUntil::SecondsPath(self.path(state, "SecondsPath", PathRole::Read)?)
            }
            "Timestamp" => match self.expression(state, "Timestamp") {
                Some(text) => WaitUntil::TimestampExpression(text),
                None => WaitUntil::Timestamp(self.timestamp(state, "Timestamp")?),
            },
            _ => WaitUntil::TimestampPath(self.path(state, "TimestampPath", PathRole::Read)?),
        };
        let transition = self.transition(state)?;
        Some(Wait { input_path, output_path, output, until, assign, transition })
    }

    /// Reads a literal timestamp.
    pub(super) fn timestamp(
        &mut self,
        object: &Object<'_>,
        field: &str,
    ) -> Option<Spanned<String>> {
        let text = self.string(object, field)?;
        if timestamp::parse(&text.value).is_some() {
            return Some(text);
        }
        let message = "String does not match RFC3339 timestamp";
        self.report(
            Diagnostic::new(Code::BadTimestamp, &object.field(field), text.span, message)
                .help("write it like \"2026-03-14T01:59:00Z\""),
        );
        None
    }

    fn succeed(&mut self, state: &Object<'_>) -> Succeed {
        Succeed {
            input_path: self.path_field(state, "InputPath", PathRole::Select),
            output_path: self.path_field(state, "OutputPath", PathRole::Select),
            output: self.computed(state, "Output", Stage::Entered),
        }
    }

    fn fail(&mut self, state: &Object<'_>) -> Fail {
        Fail {
            error: self.fail_text(state, "Error", &["Error", "ErrorPath"]),
            cause: self.fail_text(state, "Cause", &["Cause", "CausePath"]),
        }
    }

    fn fail_text(
        &mut self,
        state: &Object<'_>,
        literal: &str,
        pair: &[&'static str],
    ) -> Option<FailText> {
        let member = self.at_most_one(state, pair)?;
        if member.key == literal {
            if let Some(text) = self.expression(state, literal) {
                return Some(FailText::Expression(text));
            }
            self.warn_literal_path(state, literal);
            return self.string(state, literal).map(FailText::Literal);
        }
        let text = self.path_or_call(state, &member.key)?;
        let path = text.value.starts_with('$');
        Some(if path { FailText::Path(text) } else { FailText::Intrinsic(text) })
    }

    fn task(&mut self, state: &Object<'_>) -> Option<Task> {
        if !state.has("Resource") {
            self.missing(state, "Resource");
        }
        let resource = self.resource(state);
        let seconds = 1..=SECONDS_MAX;
        let timeout = self.amount(
            state,
            ["TimeoutSeconds", "TimeoutSecondsPath"],
            seconds.clone(),
            PathRole::Read,
        );
        let heartbeat = self.amount(
            state,
            ["HeartbeatSeconds", "HeartbeatSecondsPath"],
            seconds,
            PathRole::Read,
        );
        self.heartbeat_before_timeout(state, timeout.as_ref(), heartbeat.as_ref());
        let credentials = self.credentials(state, resource.as_ref());
        Some(Task {
            input_path: self.path_field(state, "InputPath", PathRole::Select),
            parameters: self.template(state, "Parameters"),
            arguments: self.computed(state, "Arguments", Stage::Entered),
            result_selector: self.template(state, "ResultSelector"),
            result_path: self.path_field(state, "ResultPath", PathRole::Write),
            output_path: self.path_field(state, "OutputPath", PathRole::Select),
            output: self.computed(state, "Output", Stage::Done),
            timeout,
            heartbeat,
            credentials,
            assign: self.assign(state, Stage::Done),
            retry: self.retriers(state),
            catch: self.catchers(state),
            transition: self.transition(state)?,
            resource: resource?,
        })
    }

    fn resource(&mut self, state: &Object<'_>) -> Option<Spanned<String>> {
        let resource = self.string(state, "Resource")?;
        let path = state.field("Resource");
        if !resource.value.starts_with("arn:") {
            let message = "Value is not a valid resource ARN";
            self.report(
                Diagnostic::new(Code::BadResource, &path, resource.span, message)
                    .help("an ARN begins with \"arn:\", such as arn:aws:states:::http:invoke"),
            );
        } else if self.rules.machine_type == MachineType::Express
            && let Some(refused) = check::express(&resource, &path)
        {
            self.report(refused);
        }
        Some(resource)
    }

    fn heartbeat_before_timeout(
        &mut self,
        state: &Object<'_>,
        timeout: Option<&Amount<u64>>,
        heartbeat: Option<&Amount<u64>>,
    ) {
        if let (Some(Amount::Literal(timeout)), Some(Amount::Literal(heartbeat))) =
            (timeout, heartbeat)
            && heartbeat.value >= timeout.value
        {
            let message = "HeartbeatSeconds must be smaller than TimeoutSeconds";
            let path = state.field("HeartbeatSeconds");
            self.report(
                Diagnostic::new(Code::HeartbeatTooLong, &path, heartbeat.span, message)
                    .label(format!("TimeoutSeconds is {}", timeout.value)),
            );
        }
    }

    fn credentials(
        &mut self,
        state: &Object<'_>,
        resource: Option<&Spanned<String>>,
    ) -> Option<Template> {
        let credentials = self.object(state, "Credentials")?;
        if resource.is_some_and(|resource| check::is_activity(&resource.value)) {
            let message = "The field 'Credentials' is not supported for activities";
            let path = credentials.path();
            self.report(Diagnostic::new(Code::UnknownField, &path, credentials.head, message));
        }
        if credentials.has("RoleArn") {
            self.string(&credentials, "RoleArn");
        } else if credentials.language == QueryLanguage::Jsonata || !credentials.has("RoleArn.$") {
            let message = "The field 'RoleArn' is required but was missing";
            let path = credentials.path();
            self.report(Diagnostic::new(Code::MissingField, &path, credentials.head, message));
        }
        self.template(state, "Credentials")
    }
}
