//! What a shard counts of what it runs: states and how they are left, branches, items, errors,
//! instructions, expressions, timers, sizes, limits. Held against what the definition says.

use std::collections::BTreeMap;

use expressway::app::Metered;
use expressway::asl::parse;
use expressway::asl::source::Source;
use expressway::base::clock::Now;
use expressway::base::ids::{MachineIdx, WakeToken};
use expressway::base::tally::{
    MachineShape, PerState, RunReader, ShardReader, StateShape, runs, shard,
};
use expressway::compile::compile;
use expressway::program::{Branch, Image, Loaded, Op, Outcome, Program, World};
use expressway::shard::{
    CallRequest, CallResult, Calls, Inputs, Limits, Rejected, Settle, Settled, ShardCore,
};
use expressway::trial::clock::batch;

/// Takes what ended and keeps the name of the error.
#[derive(Default)]
struct Ends(Vec<Option<String>>);

impl Settle for Ends {
    fn settled(&mut self, settled: &Settled<'_>) {
        self.0.push(settled.error.map(str::to_owned));
    }

    fn rejected(&mut self, _: &Rejected<'_>) {}

    fn flush(&mut self, _: Now) {}
}

/// Answers calls by the name of their state: with an error, or with nothing at all.
struct Answers {
    error: &'static str,
    /// Attempts of a state that fail before one succeeds.
    failures: u32,
    ready: Vec<(WakeToken, CallResult)>,
}

impl Calls for Answers {
    fn call(&mut self, token: WakeToken, request: CallRequest) {
        assert_eq!(request.machine, MachineIdx(0));
        let result = if request.attempt < self.failures {
            CallResult::Failed { error: self.error.into(), cause: None }
        } else {
            CallResult::Returned(b"{}".to_vec())
        };
        self.ready.push((token, result));
    }

    fn cancel(&mut self, _: WakeToken) {}
}

/// A shard with all that it counts into.
struct Bench {
    core: ShardCore,
    inputs: Inputs,
    settle: Metered<Ends>,
    calls: Answers,
    now_ns: u64,
    program: Program,
    runs: RunReader,
    shard: ShardReader,
}

impl Bench {
    /// A shard for the machine with these states, begun at `A`.
    fn new(states: &str, limits: Limits) -> Self {
        let text = format!(r#"{{"StartAt": "A", "States": {{{states}}}}}"#);
        let machine = parse(&text, "test").unwrap_or_else(|refused| panic!("{refused:?}"));
        let world = World::express("us-east-1", "111111111111", "m", "role");
        let Image { program, constants } =
            compile(&machine, Source { file: "test", text: &text }, world).expect("compiles");
        let states = vec![StateShape { takes_errors: true, waits: true }; program.states.len()];
        let shape = MachineShape { ops: program.ops.len(), states };
        let (tally, reader) = runs(&[shape], PerState::Full);
        let (shard_tally, shard_reader) = shard(1);
        let loaded = Loaded::from(Image { program: program.clone(), constants });
        let mut core = ShardCore::new(vec![loaded], limits, Now::default(), 0);
        core.count_runs(tally);
        Self {
            core,
            inputs: Inputs::default(),
            settle: Metered::new(Ends::default(), shard_tally, vec![0]),
            calls: Answers { error: "Busy", failures: 0, ready: Vec::new() },
            now_ns: 0,
            program,
            runs: reader,
            shard: shard_reader,
        }
    }

    fn start(&mut self, input: &str) {
        self.inputs.batches.push_back(batch([(0, "e", input.as_bytes())]));
    }

    /// Turns until nothing is left to do; time goes on to a millisecond behind each timer.
    fn run(&mut self) {
        loop {
            self.inputs.answers.extend(self.calls.ready.drain(..));
            let now = Now { mono_ns: self.now_ns, wall_ms: (self.now_ns / 1_000_000) as i64 };
            let turned = self.core.turn(now, &mut self.inputs, &mut self.settle, &mut self.calls);
            match turned.next_timer_ms {
                _ if turned.busy || !self.calls.ready.is_empty() => {}
                Some(at_ms) if turned.open > 0 => {
                    self.now_ns = (at_ms + 1).saturating_mul(1_000_000).max(self.now_ns + 1);
                }
                _ => return,
            }
        }
    }

    /// Runs one event to its end; returns its error.
    fn end_of(&mut self, input: &str) -> Option<String> {
        self.start(input);
        self.run();
        self.settle.inner().0.last().expect("an end").clone()
    }

    fn index(&self, name: &str) -> usize {
        self.program.states.iter().position(|state| &*state.name == name).expect(name)
    }

    /// How often a state was entered, and left by outcome: next, end, caught, failed.
    fn visits(&self, name: &str) -> [u64; 5] {
        let state = self.index(name);
        let counts = self.runs.state(MachineIdx(0), state);
        let mut visits = [counts.entered, 0, 0, 0, counts.failed];
        for exit in self.program.exits().iter().filter(|exit| exit.state.index() == state) {
            let outcome = match exit.outcome {
                Outcome::Next => 1,
                Outcome::End => 2,
                Outcome::Caught => 3,
            };
            visits[outcome] += self.runs.left(MachineIdx(0), exit.pc.0 as usize);
        }
        visits
    }

    fn branches(&self, name: &str) -> Vec<(Branch, u64)> {
        let state = self.index(name);
        let exits = self.program.exits().into_iter();
        let own = exits.filter(|exit| exit.state.index() == state);
        own.filter_map(|exit| {
            Some((exit.branch?, self.runs.left(MachineIdx(0), exit.pc.0 as usize)))
        })
        .collect()
    }
}

fn named(error: &str, count: u64) -> BTreeMap<String, u64> {
    BTreeMap::from([(error.to_owned(), count)])
}

const CHOICE: &str = r#""A": {"Type": "Choice", "Default": "D", "Choices": [
        {"Variable": "$.n", "NumericEquals": 1, "Next": "B"},
        {"Or": [{"Variable": "$.n", "NumericEquals": 2}, {"Variable": "$.n", "NumericEquals": 3}],
         "Next": "B"}]},
    "B": {"Type": "Pass", "End": true}, "D": {"Type": "Fail", "Error": "Own"}"#;

#[test]
fn choices_are_counted_by_branch_and_states_by_how_they_are_left() {
    let mut bench = Bench::new(CHOICE, Limits::default());
    for n in [1, 2, 3, 4] {
        let error = bench.end_of(&format!(r#"{{"n":{n}}}"#));
        assert_eq!(error.as_deref(), (n == 4).then_some("Own"));
    }
    let branches = [(Branch::Default, 1), (Branch::Rule(0), 1), (Branch::Rule(1), 2)];
    assert_eq!(bench.branches("A"), branches);
    assert_eq!(bench.visits("A"), [4, 4, 0, 0, 0]);
    assert_eq!(bench.visits("B"), [3, 0, 3, 0, 0]);
    assert_eq!(bench.visits("D"), [1, 0, 0, 0, 1]);
    let without = CHOICE.replace(r#""Default": "D","#, "");
    let without = without.replace(r#", "D": {"Type": "Fail", "Error": "Own"}"#, "");
    let mut bench = Bench::new(&without, Limits::default());
    assert_eq!(bench.end_of(r#"{"n":9}"#).as_deref(), Some("States.Runtime"));
    assert_eq!(bench.runs.state(MachineIdx(0), 0).unmatched, 1);
    assert_eq!(bench.visits("A"), [1, 0, 0, 0, 1]);
}

#[test]
fn jsonata_choices_are_counted_alike() {
    let states = r#""A": {"Type": "Choice", "QueryLanguage": "JSONata", "Default": "B", "Choices": [
            {"Condition": "{% $states.input.n = 1 %}", "Output": "{% 1 %}", "Next": "B"},
            {"Condition": "{% $states.input.n = 2 %}", "Next": "B"}]},
        "B": {"Type": "Succeed"}"#;
    let mut bench = Bench::new(states, Limits::default());
    for n in [2, 1, 2, 7, 2] {
        assert_eq!(bench.end_of(&format!(r#"{{"n":{n}}}"#)), None);
    }
    let branches = [(Branch::Default, 1), (Branch::Rule(0), 1), (Branch::Rule(1), 3)];
    assert_eq!(bench.branches("A"), branches);
    assert_eq!(bench.visits("B"), [5, 0, 5, 0, 0]);
}

const TASK: &str = r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "B",
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 2}],
        "Catch": [{"ErrorEquals": ["Busy"], "Next": "B"}]},
    "B": {"Type": "Pass", "End": true}"#;

#[test]
fn retries_and_catches_are_counted_by_error() {
    let mut bench = Bench::new(TASK, Limits::default());
    bench.calls.failures = 1;
    assert_eq!(bench.end_of("{}"), None);
    let state = bench.runs.state(MachineIdx(0), 0);
    assert_eq!((state.entered, &state.retried, state.caught.len()), (1, &named("Busy", 1), 0));
    assert_eq!(bench.visits("A"), [1, 1, 0, 0, 0]);
    // From entry to exit, with the second between the attempts.
    let duration = state.duration;
    assert!((1_000_000_000..1_100_000_000).contains(&duration.sum), "{duration:?}");

    bench.calls.failures = 3;
    assert_eq!(bench.end_of("{}"), None);
    let state = bench.runs.state(MachineIdx(0), 0);
    assert_eq!((state.retried, state.caught), (named("Busy", 3), named("Busy", 1)));
    assert_eq!(bench.visits("A"), [2, 1, 0, 1, 0]);

    bench.calls.error = "Gone";
    assert_eq!(bench.end_of("{}").as_deref(), Some("Gone"));
    assert_eq!(bench.visits("A"), [3, 1, 0, 1, 1]);
    assert_eq!(bench.visits("B"), [2, 0, 2, 0, 0]);
}

#[test]
fn iterations_are_counted_by_how_they_end() {
    let map = r#""A": {"Type": "Map", "End": true, "MaxConcurrency": 0, "ItemProcessor": {
            "StartAt": "I", "States": {
                "I": {"Type": "Choice", "Default": "W", "Choices": [
                    {"Variable": "$", "NumericEquals": 3, "Next": "F"},
                    {"Variable": "$", "NumericLessThan": 3, "Next": "P"}]},
                "P": {"Type": "Pass", "End": true},
                "W": {"Type": "Wait", "Seconds": 9, "End": true},
                "F": {"Type": "Fail", "Error": "Own"}}}}"#;
    let mut bench = Bench::new(map, Limits::default());
    assert_eq!(bench.end_of("[0,1,2]"), None);
    let items = |bench: &Bench| bench.runs.state(MachineIdx(0), 0).items;
    assert_eq!(items(&bench), [3, 0, 0]);
    // Two wait when the third fails; the last one is never begun.
    assert_eq!(bench.end_of("[7,8,3,9]").as_deref(), Some("Own"));
    assert_eq!(items(&bench), [3, 1, 2]);
    assert_eq!(bench.visits("A"), [2, 0, 1, 0, 1]);
    assert_eq!(bench.visits("F"), [1, 0, 0, 0, 1]);
    // Given up: entered, and left in no way.
    assert_eq!(bench.visits("W"), [2, 0, 0, 0, 0]);
    assert_eq!(bench.visits("P"), [3, 0, 3, 0, 0]);

    let parallel = r#""A": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}]}"#;
    let mut bench = Bench::new(parallel, Limits::default());
    assert_eq!(bench.end_of("{}"), None);
    assert_eq!(items(&bench), [0, 0, 0], "a branch is no item");
}

#[test]
fn instructions_are_those_that_ran_and_no_cost_of_expressions() {
    let mut bench = Bench::new(CHOICE, Limits::default());
    assert_eq!(bench.end_of(r#"{"n":1}"#), None);
    // ENTER, BRANCH, JUMP of the first rule; ENTER, HALT.
    assert_eq!(bench.runs.machine(MachineIdx(0)).instructions, 5);
    let jsonata = r#""A": {"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
        "Output": "{% $sum([1..500]) %}"}"#;
    let mut bench = Bench::new(jsonata, Limits { fuel: 20, ..Limits::default() });
    assert_eq!(bench.end_of("{}"), None);
    assert!(matches!(bench.program.ops[..], [Op::Enter(_), Op::Eval(..), Op::Halt()]));
    assert_eq!(bench.runs.machine(MachineIdx(0)).instructions, 3);
}

#[test]
fn failed_expressions_are_counted_by_their_language() {
    let pass = |field: &str| format!(r#""A": {{"Type": "Pass", {field}, "End": true}}"#);
    for (states, expected) in [
        (pass(r#""InputPath": "$.gone""#), [1, 0, 0]),
        (pass(r#""Parameters": {"a.$": "$.gone"}"#), [1, 0, 0]),
        (pass(r#""Parameters": {"a.$": "States.MathAdd('x', 1)"}"#), [0, 0, 1]),
        (pass(r#""QueryLanguage": "JSONata", "Output": "{% $number('x') %}""#), [0, 1, 0]),
        (CHOICE.to_owned(), [1, 0, 0]),
        (pass(r#""Result": 1"#), [0, 0, 0]),
    ] {
        let mut bench = Bench::new(&states, Limits::default());
        let error = bench.end_of("{}");
        assert_eq!(error.is_some(), expected != [0; 3], "{states}: {error:?}");
        assert_eq!(bench.runs.machine(MachineIdx(0)).expression_errors, expected, "{states}");
    }
    // Once, however far it goes up.
    let inner = pass(r#""InputPath": "$.gone""#).replace(r#""A""#, r#""I""#);
    let map = format!(
        r#""A": {{"Type": "Map", "End": true, "ItemProcessor": {{"StartAt": "I", "States": {{{inner}}}}}}}"#
    );
    let mut bench = Bench::new(&map, Limits::default());
    assert!(bench.end_of("[{}]").is_some());
    assert_eq!(bench.runs.machine(MachineIdx(0)).expression_errors, [1, 0, 0]);
}

#[test]
fn late_timers_are_observed() {
    let states = r#""A": {"Type": "Wait", "Seconds": 3, "End": true}"#;
    let mut bench = Bench::new(states, Limits::default());
    assert_eq!(bench.end_of("{}"), None);
    let delay = bench.runs.timer_delay();
    // The clock of this test goes a millisecond beyond what the timers ask for.
    assert_eq!((delay.count(), delay.sum), (1, 1_000_000));
}

#[test]
fn sizes_are_those_of_the_documents_and_of_what_was_held() {
    let map = r#""A": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "I", "States": {
        "I": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "Seconds": 2, "End": true}}}}"#;
    let mut bench = Bench::new(map, Limits::default());
    let input = format!(r#"["{}",1,2,3]"#, "x".repeat(10_000));
    assert_eq!(bench.end_of(&input), None);
    let counts = bench.shard.machine(MachineIdx(0));
    assert_eq!((counts.input.count(), counts.input.sum), (1, input.len() as u64));
    assert!(counts.held.sum > input.len() as u64, "{:?}", counts.held);
    // A wait that is folded up gives its memory back; what was held before it is the most all the same.
    let states = r#""A": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "Seconds": 2, "Next": "S"},
        "S": {"Type": "Pass", "Result": 1, "End": true}"#;
    let mut bench = Bench::new(states, Limits::default());
    bench.start(&input);
    assert_eq!(bench.end_of("{}"), None);
    let held = bench.shard.machine(MachineIdx(0)).held;
    assert_eq!(held.count(), 2);
    assert!(held.sum > input.len() as u64, "{held:?}");
}

#[test]
fn events_that_find_no_room_are_counted_once_each() {
    let states = r#""A": {"Type": "Wait", "Seconds": 1, "End": true}"#;
    let mut bench = Bench::new(states, Limits { open_max: 1, ..Limits::default() });
    for _ in 0..3 {
        bench.start("{}");
    }
    bench.run();
    let counts = bench.shard.machine(MachineIdx(0));
    // The first found room; a second later the second did, while the third had to wait again.
    assert_eq!((counts.ended[0], counts.throttled), (3, 2));
}

#[test]
fn states_are_named_behind_those_around_them() {
    let states = r#""A": {"Type": "Parallel", "Next": "M", "Branches": [
            {"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "Q"}, "Q": {"Type": "Pass", "End": true}}},
            {"StartAt": "N", "States": {"N": {"Type": "Map", "End": true, "ItemProcessor": {
                "StartAt": "X", "States": {"X": {"Type": "Pass", "End": true}}}}}}]},
        "M": {"Type": "Map", "ItemsPath": "$", "End": true, "ItemProcessor": {
            "StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}}"#;
    let bench = Bench::new(states, Limits::default());
    let mut paths = bench.program.state_paths();
    paths.sort_unstable();
    assert_eq!(paths, ["A", "A/0/P", "A/0/Q", "A/1/N", "A/1/N/X", "M", "M/I"]);
}

#[test]
fn a_name_with_slashes_is_no_path() {
    let states = r#""A": {"Type": "Parallel", "Next": "A/0/P", "Branches": [
            {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}]},
        "A/0/P": {"Type": "Pass", "Next": "A~10~1P"},
        "A~10~1P": {"Type": "Pass", "End": true}"#;
    let bench = Bench::new(states, Limits::default());
    let mut paths = bench.program.state_paths();
    paths.sort_unstable();
    assert_eq!(paths, ["A", "A/0/P", "A~010~01P", "A~10~1P"]);
}
