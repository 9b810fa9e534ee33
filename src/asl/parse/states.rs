//! States: their fields, one function per state type.

use super::MachineType;
use super::Parser;
use super::expressions::PathRole;
use super::fields::{Object, only_one_of, unsupported_field};
use crate::asl::check;
use crate::asl::diagnostic::{Code, Diagnostic};
use crate::asl::json::{Kind, Member, Node};
use crate::asl::model::{
    Amount, Fail, FailText, Pass, State, StateKind, Succeed, Task, Transition, Wait, WaitUntil,
};
use crate::asl::source::Spanned;
use crate::base::limits::NAME_CHARS_MAX;
use crate::expr::timestamp;

impl Parser<'_> {
    /// Reads a state; `jsonata` is the language of the machine.
    pub(super) fn state(&mut self, member: &Member, jsonata: bool) -> Option<State> {
        let path = format!("/States/{}", member.key);
        let state = Object::new(&member.value, path, member.key_span);
        self.state_name(member, &state);
        if !matches!(member.value.kind, Kind::Object(_)) {
            let message = "Expected value of type Object";
            let span = member.value.span;
            self.report(Diagnostic::new(Code::WrongType, state.path(), span, message));
            return None;
        }
        let jsonata = self.state_language(&state, jsonata);
        let kind = self.state_type(&state)?;
        if kind.transits {
            self.next_or_end(&state);
        }
        if jsonata {
            return None;
        }
        if !kind.supported {
            let type_span = state.node.get("Type").map_or(member.key_span, |node| node.span);
            let message = format!("{} is not supported yet", kind.name);
            let path = state.field("Type");
            self.report(Diagnostic::new(Code::UnsupportedState, &path, type_span, message));
            return None;
        }
        self.state_fields(&state, kind);
        let comment = self.comment(&state);
        let kind = match kind.name {
            "Pass" => StateKind::Pass(self.pass(&state)?),
            "Choice" => StateKind::Choice(self.choice(&state)),
            "Wait" => StateKind::Wait(self.wait(&state)?),
            "Succeed" => StateKind::Succeed(self.succeed(&state)),
            "Fail" => StateKind::Fail(self.fail(&state)),
            _ => StateKind::Task(self.task(&state)?),
        };
        let name = Spanned { value: member.key.clone(), span: member.key_span };
        Some(State { name, span: member.value.span, comment, kind })
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
                Diagnostic::new(Code::NameTooLong, state.path(), member.key_span, message)
                    .help("put the long text into \"Comment\""),
            );
        }
        if length == 0 {
            self.empty(state.path(), member.key_span);
        }
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
    fn state_fields(&mut self, state: &Object<'_>, kind: &StateType) {
        let allowed: Vec<_> = COMMON_FIELDS.iter().chain(kind.fields).copied().collect();
        let before = self.diagnostics.len();
        self.only_fields(state, &allowed, kind.unsupported, kind.jsonata);
        for diagnostic in &mut self.diagnostics[before..] {
            if diagnostic.code != Code::UnknownField || diagnostic.help.is_some() {
                continue;
            }
            let owners: Vec<_> = STATE_TYPES
                .iter()
                .filter(|other| {
                    let field = diagnostic.message.split('\'').nth(1).unwrap_or_default();
                    other.fields.contains(&field) || other.unsupported.contains(&field)
                })
                .map(|other| other.name)
                .collect();
            if !owners.is_empty() {
                diagnostic.label = Some(format!("not a field of {} states", kind.name));
                diagnostic.help = Some(format!("it is a field of {}", owners.join(", ")));
            }
        }
    }

    /// Reads the language of a machine or a state; true when it is JSONata.
    pub(super) fn language(&mut self, object: &Object<'_>, inherited: bool) -> bool {
        let Some(language) = self.one_of(object, "QueryLanguage", &["JSONPath", "JSONata"]) else {
            return inherited;
        };
        if language.value == "JSONata" && !inherited {
            let path = object.field("QueryLanguage");
            let message = "JSONata is not supported yet";
            self.report(Diagnostic::new(Code::UnsupportedLanguage, &path, language.span, message));
        }
        language.value == "JSONata"
    }

    fn state_language(&mut self, state: &Object<'_>, machine: bool) -> bool {
        let jsonata = self.language(state, machine);
        if machine && !jsonata {
            let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole \
                           state machine";
            let span = state.node.get("QueryLanguage").map_or(state.head, |node| node.span);
            self.report(Diagnostic::new(Code::OtherLanguage, state.path(), span, message));
        }
        jsonata || machine
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
                    Diagnostic::new(Code::NextOrEnd, state.path(), state.head, message)
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
    fn transition(&mut self, state: &Object<'_>) -> Option<Transition> {
        match state.node.get("Next") {
            Some(Node { kind: Kind::String(name), span }) => {
                let name = Spanned { value: name.clone(), span: *span };
                self.target(Some(name)).map(Transition::Next)
            }
            Some(_) => None,
            None => state.node.get("End").map(|end| Transition::End(end.span)),
        }
    }

    fn pass(&mut self, state: &Object<'_>) -> Option<Pass> {
        Some(Pass {
            input_path: self.path_field(state, "InputPath", PathRole::Select),
            parameters: self.template(state, "Parameters"),
            result: state.node.get("Result").cloned(),
            result_path: self.path_field(state, "ResultPath", PathRole::Write),
            output_path: self.path_field(state, "OutputPath", PathRole::Select),
            assign: None,
            transition: self.transition(state)?,
        })
    }

    fn wait(&mut self, state: &Object<'_>) -> Option<Wait> {
        let input_path = self.path_field(state, "InputPath", PathRole::Select);
        let output_path = self.path_field(state, "OutputPath", PathRole::Select);
        let timing = self.exactly_one(state, WAIT_FIELDS, Code::WaitFields)?;
        let until = match timing.key.as_str() {
            "Seconds" => WaitUntil::Seconds(self.integer(state, "Seconds", 0)?),
            "SecondsPath" => {
                WaitUntil::SecondsPath(self.path(state, "SecondsPath", PathRole::Read)?)
            }
            "Timestamp" => WaitUntil::Timestamp(self.timestamp(state, "Timestamp")?),
            _ => WaitUntil::TimestampPath(self.path(state, "TimestampPath", PathRole::Read)?),
        };
        Some(Wait {
            input_path,
            output_path,
            until,
            assign: None,
            transition: self.transition(state)?,
        })
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
        let resource = self.string(state, "Resource");
        if let Some(resource) = &resource
            && self.machine_type == MachineType::Express
        {
            let refused = check::express(resource, &state.field("Resource"));
            if let Some(diagnostic) = refused {
                self.report(diagnostic);
            }
        }
        let pair = &["TimeoutSeconds", "TimeoutSecondsPath"];
        let timeout = match self.at_most_one(state, pair).map(|member| member.key.as_str()) {
            Some("TimeoutSeconds") => self.integer(state, "TimeoutSeconds", 1).map(Amount::Literal),
            Some(path) => self.path(state, path, PathRole::Read).map(Amount::Path),
            None => None,
        };
        Some(Task {
            input_path: self.path_field(state, "InputPath", PathRole::Select),
            parameters: self.template(state, "Parameters"),
            result_selector: self.template(state, "ResultSelector"),
            result_path: self.path_field(state, "ResultPath", PathRole::Write),
            output_path: self.path_field(state, "OutputPath", PathRole::Select),
            timeout,
            heartbeat: None,
            credentials: None,
            assign: None,
            retry: Vec::new(),
            catch: Vec::new(),
            transition: self.transition(state)?,
            resource: resource?,
        })
    }

    /// Reports a field of the language that we do not act on yet.
    pub(super) fn unsupported(&mut self, object: &Object<'_>, member: &Member) {
        self.report(unsupported_field(&object.field(&member.key), member.key_span, &member.key));
    }
}

/// What a state type may have, as in the field table of the language reference.
#[derive(Clone, Copy)]
struct StateType {
    name: &'static str,
    supported: bool,
    /// Has `Next` or `End`.
    transits: bool,
    fields: &'static [&'static str],
    /// Fields of the language that we do not act on yet.
    unsupported: &'static [&'static str],
    /// Fields that only JSONata states have.
    jsonata: &'static [&'static str],
}

const NEXT_OR_END: &[&str] = &["Next", "End"];
const WAIT_FIELDS: &[&str] = &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
const COMMON_FIELDS: &[&str] = &["Type", "Comment", "QueryLanguage"];

/// In the order in which AWS lists them.
const STATE_TYPES: [StateType; 8] = [
    StateType {
        name: "Task",
        supported: true,
        transits: true,
        fields: &[
            "Next",
            "End",
            "Resource",
            "InputPath",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "OutputPath",
            "TimeoutSeconds",
            "TimeoutSecondsPath",
        ],
        unsupported: &[
            "Retry",
            "Catch",
            "Assign",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "Credentials",
        ],
        jsonata: &["Arguments", "Output"],
    },
    StateType {
        name: "Wait",
        supported: true,
        transits: true,
        fields: &[
            "Next",
            "End",
            "InputPath",
            "OutputPath",
            "Seconds",
            "SecondsPath",
            "Timestamp",
            "TimestampPath",
        ],
        unsupported: &["Assign"],
        jsonata: &["Output"],
    },
    StateType {
        name: "Pass",
        supported: true,
        transits: true,
        fields: &["Next", "End", "InputPath", "Parameters", "Result", "ResultPath", "OutputPath"],
        unsupported: &["Assign"],
        jsonata: &["Output"],
    },
    StateType {
        name: "Succeed",
        supported: true,
        transits: false,
        fields: &["InputPath", "OutputPath"],
        unsupported: &[],
        jsonata: &["Output"],
    },
    StateType {
        name: "Fail",
        supported: true,
        transits: false,
        fields: &["Error", "Cause", "ErrorPath", "CausePath"],
        unsupported: &[],
        jsonata: &[],
    },
    StateType {
        name: "Choice",
        supported: true,
        transits: false,
        fields: &["Choices", "Default", "InputPath", "OutputPath"],
        unsupported: &["Assign"],
        jsonata: &["Output"],
    },
    StateType {
        name: "Parallel",
        supported: false,
        transits: true,
        fields: &[],
        unsupported: &["Branches", "Retry", "Catch", "Assign"],
        jsonata: &["Arguments", "Output"],
    },
    StateType {
        name: "Map",
        supported: false,
        transits: true,
        fields: &[],
        unsupported: &["ItemProcessor", "ItemsPath", "ItemSelector", "Retry", "Catch", "Assign"],
        jsonata: &["Items", "Output"],
    },
];
