//! From the history of one execution to its spans: one of the whole, one per state, one per call.
//!
//! The history says what led to what (`previous`), so each event stands somewhere in the tree: in a
//! state, maybe in a call. Events that are no beginning and no end change nothing. What has no end of
//! its own ends with the execution. Times are those of the shard's turns; the clock of the wall is read
//! once, at the start, and whole milliseconds of it.

use super::message::{KeyValue, Span, SpanKind, Status, StatusCode, int, text};
use super::{MachineCard, PipelineCard};
use crate::base::ids::ExecutionSuffix;
use crate::base::trace::{TraceParent, span_id};
use crate::shard::Settled;
use crate::vm::{Detail, Event};

/// The spans of an execution, its own first; none when they are not recorded.
pub(super) fn spans(
    machine: &MachineCard,
    pipeline: &PipelineCard,
    settled: &Settled<'_>,
) -> Vec<Span> {
    let Some(own) = settled.trace.own(settled.suffix) else { return Vec::new() };
    let start_ns = u64::try_from(settled.started_ms).unwrap_or(0).saturating_mul(1_000_000);
    let end_ns = start_ns.saturating_add(settled.duration_ns);
    let story = Story::told(start_ns, end_ns, settled.history);
    let mut whole = story.whole(machine, pipeline, settled, own);
    let mut spans = Vec::with_capacity(1 + story.nodes.len());
    let failure = settled.error.filter(|_| settled.status != crate::shard::Status::Succeeded);
    for node in &story.nodes {
        spans.push(story.span(node, failure, settled, own));
    }
    whole.attributes.extend((story.left_out > 0).then(|| int(SPANS_LEFT_OUT, story.left_out)));
    spans.insert(0, whole);
    spans
}

/// Spans under construction.
struct Story<'e> {
    start_ns: u64,
    end_ns: u64,
    /// Of the first event, on the clock of all of them.
    origin_ns: u64,
    nodes: Vec<Node<'e>>,
    /// States and calls beyond the bound.
    left_out: u32,
    /// Nodes that [`Self::end_below`] looked at.
    #[cfg(test)]
    steps: usize,
}

/// A state or a call.
struct Node<'e> {
    /// The event that its id follows from.
    event: u32,
    parent: Option<usize>,
    what: What<'e>,
    /// The iteration of a Map that it is in.
    iteration: Option<u64>,
    start_ns: u64,
    end: Option<End<'e>>,
    /// Whether it hangs in the list of its parent. What does has a parent that does, or has none.
    listed: bool,
    /// The one that was listed last of those within; they may have ended since.
    within: Option<usize>,
    /// The one that its parent listed before it.
    beside: Option<usize>,
}

#[derive(Clone, Copy)]
enum What<'e> {
    State { name: &'e str, kind: &'e str, calls: u32 },
    Call { state: &'e str, service: &'e str, action: &'e str, attempt: u32 },
}

struct End<'e> {
    at_ns: u64,
    /// Error name, and cause if there is one.
    error: Option<(&'e str, &'e str)>,
}

/// Where an event stands.
#[derive(Clone, Copy, Default)]
struct Place<'e> {
    state: Option<usize>,
    call: Option<usize>,
    iteration: Option<u64>,
    /// What went wrong since the state was entered.
    failed: Option<&'e str>,
    /// States within `state` that were left out.
    left_out: u32,
}

impl<'e> Story<'e> {
    /// What a history tells of an execution between these times of the wall clock.
    fn told(start_ns: u64, end_ns: u64, history: &'e [Event]) -> Self {
        let mut story = Self {
            start_ns,
            end_ns,
            origin_ns: history.first().map_or(0, |event| event.mono_ns),
            nodes: Vec::new(),
            left_out: 0,
            #[cfg(test)]
            steps: 0,
        };
        story.tell(history);
        story
    }

    fn tell(&mut self, history: &'e [Event]) {
        let mut places: Vec<Place<'e>> = Vec::with_capacity(history.len());
        for event in history {
            let before =
                history[..places.len()].binary_search_by_key(&event.previous, |one| one.id);
            let place = before.map_or_else(|_| Place::default(), |index| places[index]);
            places.push(self.take(event, place));
        }
    }

    /// Takes an event that follows one at `place`; returns where it stands itself.
    fn take(&mut self, event: &'e Event, place: Place<'e>) -> Place<'e> {
        let at_ns = self.at_ns(event);
        if let Some(kind) = event.kind.strip_suffix("StateEntered") {
            return self.enter(event, kind, place);
        }
        let name = detail(event, "name").unwrap_or_default();
        if event.kind.ends_with("StateExited") {
            return self.leave(name, End { at_ns, error: None }, place);
        }
        if event.kind.ends_with("StateAborted") {
            return self.give_up(at_ns, place);
        }
        match event.kind {
            // What failed in a branch leaves its states open; the state around them goes on.
            "MapStateStarted" | "MapStateSucceeded" | "MapStateFailed" => {
                self.reach("Map", at_ns, place)
            }
            "ParallelStateStarted" | "ParallelStateSucceeded" | "ParallelStateFailed" => {
                self.reach("Parallel", at_ns, place)
            }
            "EvaluationFailed" => {
                Place { failed: detail(event, "error").or(place.failed), ..place }
            }
            "MapIterationStarted" => Place { iteration: count(event, "index"), ..place },
            "TaskScheduled" | "LambdaFunctionScheduled" => self.call(event, place),
            // Whoever is called knows the call by this event.
            "TaskStarted" | "LambdaFunctionStarted" => {
                if let Some(call) = place.call {
                    self.nodes[call].event = event.id;
                }
                place
            }
            "TaskSucceeded" | "LambdaFunctionSucceeded" => {
                self.end(place.call, End { at_ns, error: None });
                Place { call: None, ..place }
            }
            "TaskFailed" | "TaskTimedOut" | "LambdaFunctionFailed" | "LambdaFunctionTimedOut" => {
                let error = detail(event, "error").unwrap_or("unknown");
                let cause = detail(event, "cause").unwrap_or_default();
                self.end(place.call, End { at_ns, error: Some((error, cause)) });
                Place { call: None, failed: Some(error), ..place }
            }
            _ => place,
        }
    }

    fn enter(&mut self, event: &'e Event, kind: &'e str, place: Place<'e>) -> Place<'e> {
        let name = detail(event, "name").unwrap_or_default();
        match self.add(event, place, place.state, What::State { name, kind, calls: 0 }) {
            Some(state) => Place { state: Some(state), call: None, failed: None, ..place },
            None => Place { left_out: place.left_out + 1, call: None, failed: None, ..place },
        }
    }

    fn call(&mut self, event: &'e Event, place: Place<'e>) -> Place<'e> {
        let mut what = What::Call {
            state: "",
            service: detail(event, "resourceType").unwrap_or("lambda"),
            action: detail(event, "resource").unwrap_or_default(),
            attempt: 0,
        };
        if let Some(state) = place.state.filter(|_| place.left_out == 0)
            && let What::State { name, calls, .. } = &mut self.nodes[state].what
            && let What::Call { state, attempt, .. } = &mut what
        {
            (*state, *attempt) = (name, *calls);
            *calls += 1;
        }
        Place { call: self.add(event, place, place.state, what), ..place }
    }

    fn add(
        &mut self,
        event: &'e Event,
        place: Place<'e>,
        parent: Option<usize>,
        what: What<'e>,
    ) -> Option<usize> {
        if self.nodes.len() >= NODES_MAX {
            self.left_out += 1;
            return None;
        }
        self.nodes.push(Node {
            event: event.id,
            parent,
            what,
            iteration: place.iteration,
            start_ns: self.at_ns(event),
            end: None,
            listed: false,
            within: None,
            beside: None,
        });
        let index = self.nodes.len() - 1;
        self.list(index);
        Some(index)
    }

    /// Lists a node with its parent, and that with its own if it was taken off.
    fn list(&mut self, index: usize) {
        let mut inner = index;
        while let Some(outer) = self.nodes[inner].parent
            && !self.nodes[inner].listed
        {
            let before = self.nodes[outer].within.replace(inner);
            let node = &mut self.nodes[inner];
            (node.listed, node.beside) = (true, before);
            inner = outer;
        }
    }

    /// Ends the state of this name, and all that is open in it.
    fn leave(&mut self, name: &str, end: End<'e>, place: Place<'e>) -> Place<'e> {
        if place.left_out > 0 {
            return Place { left_out: place.left_out - 1, call: None, ..place };
        }
        let is_it =
            |what: &What<'_>| matches!(what, What::State { name: known, .. } if *known == name);
        let Some(state) = self.climb(end.at_ns, place, is_it) else { return place };
        self.end(Some(state), end);
        let node = &self.nodes[state];
        Place { state: node.parent, iteration: node.iteration, ..Place::default() }
    }

    /// Ends the state at `place`, whose event does not name it.
    fn give_up(&mut self, at_ns: u64, place: Place<'e>) -> Place<'e> {
        if place.left_out > 0 {
            return Place { left_out: place.left_out - 1, call: None, ..place };
        }
        let error = Some((ABORTED, ""));
        self.end(place.call, End { at_ns, error });
        self.end(place.state, End { at_ns, error });
        let Some(state) = place.state else { return place };
        self.end_below(state, at_ns);
        let node = &self.nodes[state];
        Place { state: node.parent, iteration: node.iteration, ..Place::default() }
    }

    /// Goes back to the state of this type around `place`.
    fn reach(&mut self, kind: &str, at_ns: u64, place: Place<'e>) -> Place<'e> {
        if place.left_out > 0 {
            return place;
        }
        let is_it =
            |what: &What<'_>| matches!(what, What::State { kind: known, .. } if *known == kind);
        let Some(state) = self.climb(at_ns, place, is_it) else { return place };
        let iteration = self.nodes[state].iteration;
        Place { state: Some(state), iteration, failed: place.failed, ..Place::default() }
    }

    /// Finds the innermost state that `is_it`, and ends what is open in it.
    fn climb(
        &mut self,
        at_ns: u64,
        place: Place<'e>,
        is_it: impl Fn(&What<'_>) -> bool,
    ) -> Option<usize> {
        let inside = |index: &usize| self.nodes[*index].parent;
        let above = std::iter::successors(place.state, inside);
        let found = above.clone().find(|index| is_it(&self.nodes[*index].what))?;
        let open: Vec<_> =
            place.call.into_iter().chain(above.take_while(|at| *at != found)).collect();
        let error = Some((place.failed.unwrap_or(ABORTED), ""));
        for index in open {
            self.end(Some(index), End { at_ns, error });
        }
        self.end_below(found, at_ns);
        Some(found)
    }

    /// Ends what is still open in the branches or iterations of a state that goes on. All of it is
    /// taken off the lists: nothing is looked at twice unless something begins late in it.
    fn end_below(&mut self, state: usize, at_ns: u64) {
        if !matches!(self.nodes[state].what, What::State { kind: "Map" | "Parallel", .. }) {
            return;
        }
        let mut next: Vec<_> = self.nodes[state].within.take().into_iter().collect();
        while let Some(index) = next.pop() {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            let node = &mut self.nodes[index];
            node.listed = false;
            next.extend(node.beside.take());
            next.extend(node.within.take());
            self.end(Some(index), End { at_ns, error: Some((ABORTED, "")) });
        }
    }

    /// Ends a state or a call, unless it has ended.
    fn end(&mut self, index: Option<usize>, end: End<'e>) {
        if let Some(index) = index {
            self.nodes[index].end.get_or_insert(end);
        }
    }

    fn at_ns(&self, event: &Event) -> u64 {
        let since_ns = event.mono_ns.saturating_sub(self.origin_ns);
        // An execution that is timed out ends at its limit, however late that was seen.
        self.start_ns.saturating_add(since_ns).min(self.end_ns)
    }

    /// The span of the execution as the processing of a message, by OpenTelemetry's conventions.
    fn whole(
        &self,
        machine: &MachineCard,
        pipeline: &PipelineCard,
        settled: &Settled<'_>,
        own: TraceParent,
    ) -> Span {
        let origin = settled.origin;
        let topic = pipeline.topics.get(usize::from(origin.topic)).map_or("", String::as_str);
        let arn = format!("{}{}:{}", machine.execution_arn_prefix, settled.name, settled.suffix);
        let mut attributes = vec![
            text("messaging.system", "kafka"),
            text("messaging.operation.name", "process"),
            text("messaging.operation.type", "process"),
            text("messaging.destination.name", topic),
            text("messaging.destination.partition.id", origin.partition.to_string()),
            int("messaging.kafka.offset", origin.offset),
            text("messaging.consumer.group.name", &*pipeline.group),
            text("aws.step_functions.state_machine.arn", &*machine.arn),
            text("expressway.state_machine.name", &*machine.name),
            text("expressway.state_machine.revision", &*machine.revision),
            text("expressway.execution.arn", arn),
            text("expressway.execution.status", settled.status.as_str()),
            text("expressway.pipeline", &*pipeline.name),
            int("expressway.transitions", settled.transitions),
        ];
        let version = machine.version.as_deref();
        attributes.extend(version.map(|version| text("expressway.state_machine.version", version)));
        let left_out = settled.events_left_out;
        attributes.extend((left_out > 0).then(|| int("expressway.events_left_out", left_out)));
        let failed = settled.status != crate::shard::Status::Succeeded;
        // A Fail state may leave its error out.
        let error = failed.then(|| (settled.error.unwrap_or(OTHER), settled.cause.unwrap_or("")));
        let parent = settled.trace.parent;
        Span {
            span_id: own.span_id().into(),
            parent_span_id: parent.map_or_else(Vec::new, |parent| parent.span_id().into()),
            name: format!("process {topic}"),
            kind: SpanKind::Consumer.into(),
            start_time_unix_nano: self.start_ns,
            end_time_unix_nano: self.end_ns,
            status: status(error, &mut attributes),
            attributes,
            flags: flags(own) | parent.map_or(0, |_| PARENT_IS_REMOTE),
            ..in_trace(settled, own)
        }
    }

    fn span(
        &self,
        node: &Node<'_>,
        failure: Option<&str>,
        settled: &Settled<'_>,
        own: TraceParent,
    ) -> Span {
        let mut attributes = Vec::new();
        let (name, kind) = match node.what {
            What::State { name, kind, .. } => {
                attributes.push(text("expressway.state.name", name));
                attributes.push(text("expressway.state.type", kind));
                (name.to_owned(), SpanKind::Internal)
            }
            What::Call { state, service, action, attempt } => {
                attributes.push(text("expressway.state.name", state));
                attributes.push(text("expressway.task.resource", format!("{service}:{action}")));
                attributes.push(int("expressway.task.attempt", attempt));
                (format!("{service}:{action} {state}"), SpanKind::Client)
            }
        };
        let iteration = node.iteration.and_then(|index| i64::try_from(index).ok());
        attributes.extend(iteration.map(|index| int("expressway.map.index", index)));
        let (end_ns, error) = match &node.end {
            Some(End { at_ns, error }) => (*at_ns, *error),
            None => (self.end_ns, failure.map(|error| (error, ""))),
        };
        let id = |event| id(settled.suffix, event);
        let parent =
            node.parent.map_or_else(|| own.span_id().into(), |at| id(self.nodes[at].event));
        Span {
            span_id: id(node.event),
            parent_span_id: parent,
            name,
            kind: kind.into(),
            start_time_unix_nano: node.start_ns,
            end_time_unix_nano: end_ns,
            status: status(error, &mut attributes),
            attributes,
            flags: flags(own),
            ..in_trace(settled, own)
        }
    }
}

fn in_trace(settled: &Settled<'_>, own: TraceParent) -> Span {
    Span {
        trace_id: own.trace_id().into(),
        trace_state: settled.trace.state.as_deref().unwrap_or_default().to_owned(),
        ..Span::default()
    }
}

fn id(suffix: ExecutionSuffix, event: u32) -> Vec<u8> {
    span_id(suffix, event).into()
}

fn flags(own: TraceParent) -> u32 {
    u32::from(own.flags()) | PARENT_IS_KNOWN
}

/// The status of a span, with the attribute that goes with a failure.
fn status(error: Option<(&str, &str)>, attributes: &mut Vec<KeyValue>) -> Option<Status> {
    let (error, cause) = error?;
    attributes.push(text("error.type", error));
    let message = cause.chars().take(MESSAGE_CHARS_MAX).collect();
    Some(Status { message, code: StatusCode::Error.into() })
}

fn detail<'e>(event: &'e Event, name: &str) -> Option<&'e str> {
    event.details.iter().find_map(|(known, detail)| match detail {
        Detail::Text(text) if *known == name => Some(&**text),
        _ => None,
    })
}

fn count(event: &Event, name: &str) -> Option<u64> {
    event.details.iter().find_map(|(known, detail)| match detail {
        Detail::Count(count) if *known == name => Some(*count),
        _ => None,
    })
}

/// What is given up because something beside it failed.
const ABORTED: &str = "aborted";
/// OpenTelemetry: the value of `error.type` when there is no better one.
const OTHER: &str = "_OTHER";
const SPANS_LEFT_OUT: &str = "expressway.spans_left_out";
/// States and calls of one execution that are told: a Map of thousands would fill the queue.
pub(super) const NODES_MAX: usize = 1_000;
/// A cause may have 32,768 characters.
const MESSAGE_CHARS_MAX: usize = 1_024;
/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK` and `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`.
const PARENT_IS_KNOWN: u32 = 0x100;
const PARENT_IS_REMOTE: u32 = 0x200;

#[cfg(test)]
mod tests {
    use super::*;

    /// Events that follow from one another as they are told.
    #[derive(Default)]
    struct Events(Vec<Event>);

    impl Events {
        fn push(&mut self, previous: u32, kind: &'static str, name: &str) -> u32 {
            let id = self.0.len() as u32 + 1;
            let details = match kind {
                "MapIterationStarted" => vec![("index", Detail::Count(u64::from(id)))],
                _ => vec![("name", Detail::Text(name.into()))],
            };
            let mono_ns = u64::from(id);
            self.0.push(Event { id, previous, wall_ms: 0, mono_ns, kind, details });
            id
        }
    }

    #[test]
    fn ending_what_is_open_takes_a_step_for_each_node() {
        let mut events = Events::default();
        let mut outer = events.push(0, "MapStateEntered", "Outer");
        outer = events.push(outer, "MapStateStarted", "");
        // All iterations are open at a time, each with a Map of its own and a state open in that.
        let inner: Vec<_> = (0..300)
            .map(|_| {
                let iteration = events.push(outer, "MapIterationStarted", "");
                let map = events.push(iteration, "MapStateEntered", "Inner");
                let map = events.push(map, "MapStateStarted", "");
                events.push(map, "WaitStateEntered", "Open");
                map
            })
            .collect();
        for map in inner {
            let failed = events.push(map, "MapStateFailed", "");
            events.push(failed, "MapStateExited", "Inner");
        }
        let failed = events.push(outer, "MapStateFailed", "");
        events.push(failed, "MapStateExited", "Outer");
        let story = Story::told(0, 1_000_000, &events.0);
        assert_eq!(story.nodes.len(), 601);
        assert!(story.nodes.iter().all(|node| node.end.is_some()));
        let aborted = story
            .nodes
            .iter()
            .filter(|node| node.end.as_ref().is_some_and(|end| end.error == Some((ABORTED, ""))));
        assert_eq!(aborted.count(), 300, "what was open in the inner Maps");
        assert_eq!(story.steps, 600);
    }

    #[test]
    fn what_begins_late_in_what_was_given_up_ends_with_the_state_around_it() {
        let mut events = Events::default();
        let outer = events.push(0, "ParallelStateEntered", "Outer");
        let inner = events.push(outer, "ParallelStateEntered", "Inner");
        let failed = events.push(outer, "ParallelStateFailed", "");
        events.push(inner, "WaitStateEntered", "Late");
        events.push(failed, "ParallelStateExited", "Outer");
        let story = Story::told(0, 1_000_000, &events.0);
        let ends = story.nodes.iter().map(|node| node.end.as_ref().map(|end| end.at_ns));
        assert_eq!(ends.collect::<Vec<_>>(), [Some(4), Some(2), Some(4)]);
    }
}
