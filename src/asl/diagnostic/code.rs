//! Every diagnostic code, in one table: number, AWS's code, severity, title, long text.
//!
//! Codes are forever: one that appeared in a release is never given to another problem. Groups:
//! `00` the text, `01` structure, `02` paths, templates and expressions, `03` states, `04` Express
//! machines, `08` warnings, `09` what is not supported yet.

use super::Severity;

/// Expands the table; a code without a long text does not compile.
macro_rules! codes {
    ($($name:ident $code:literal $severity:ident $aws:expr, $title:literal, $explain:literal;)*) => {
        /// A stable code. The number is written `ASL0107`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $title] $name),* }

        impl Code {
            /// All codes in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the code as people see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// Returns AWS's code for the problem, if AWS reports it.
            pub fn aws(self) -> Option<&'static str> {
                match self { $(Self::$name => $aws),* }
            }

            /// Tells whether it forbids running the definition.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),* }
            }

            /// Returns a short description of the problem.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }

            /// Returns the long text: why it is a problem and how to solve it.
            pub fn explain(self) -> &'static str {
                match self { $(Self::$name => $explain),* }
            }
        }
    };
}

impl Code {
    /// Finds a code by its number, in any case: `ASL0107`, `asl0107`.
    pub fn from_number(number: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(number))
    }

    /// Tells whether the definition is fine by AWS and only we do not support it.
    pub fn is_unsupported(self) -> bool {
        self.as_str().starts_with("ASL09")
    }
}

const JSON: Option<&str> = Some("INVALID_JSON_DESCRIPTION");
const SCHEMA: Option<&str> = Some("SCHEMA_VALIDATION_FAILED");
const STATE_NAME: Option<&str> = Some("INVALID_STATE_NAME");
const TARGET: Option<&str> = Some("MISSING_TRANSITION_TARGET");
const END: Option<&str> = Some("MISSING_END_STATE");
const DUPLICATE_STATE: Option<&str> = Some("DUPLICATE_STATE_NAME");
const VARIABLE: Option<&str> = Some("INVALID_VARIABLE_NAME");
const RESERVED: Option<&str> = Some("RESERVED_VARIABLE_NAME");
const LABEL: Option<&str> = Some("INVALID_LABEL_NAME");
const DUPLICATE_LABEL: Option<&str> = Some("DUPLICATE_LABEL_NAME");
const EXPRESSION: Option<&str> = Some("INVALID_JSONATA_EXPRESSION");
const CONTEXT: Option<&str> = Some("UNSUPPORTED_JSONATA_EXPRESSION");

codes! {
    InvalidJson "ASL0001" Error JSON, "the definition is not JSON",
"A definition is one JSON value. Comments, trailing commas, single quotes and unquoted keys are not
JSON. The message says what was found and what could have stood there instead; the mistake itself may
be a little earlier, for instance a missing comma at the end of the line before.";
    NotAnObject "ASL0002" Error SCHEMA, "the definition is not a JSON object",
"A state machine is a JSON object with at least `StartAt` and `States`:

    {\"StartAt\": \"Hello\", \"States\": {\"Hello\": {\"Type\": \"Succeed\"}}}

An empty file, an array or a string is not one.";
    TooLarge "ASL0003" Error SCHEMA, "the definition is larger than 1 MB",
"AWS refuses definitions of more than 1,048,576 bytes, and so do we. The definition counts into the
memory that is billed with every execution, so a small one is also cheaper. Move data out of `Result`
into the input, or split the machine.";
    DuplicateKey "ASL0004" Error None, "a key appears twice in one object",
"Of two equal keys in one JSON object only one can count, and readers of JSON disagree about which.
Two states of the same name are the usual case: one of them would silently be gone. Rename or remove
one of them.";
    TooDeep "ASL0005" Error Some("TOO_DEEPLY_NESTED"), "the definition is nested too deeply",
"Definitions are read up to 256 levels of objects and arrays inside each other. No machine written by
people comes near that; if a program generated it, look for a loop there.";
    NotUtf8 "ASL0006" Error JSON, "the definition is not UTF-8",
"JSON is UTF-8 text. The file has a byte that cannot be part of such text; often it was saved as
Latin-1 or UTF-16. Save it again as UTF-8.";

    MissingField "ASL0101" Error SCHEMA, "a required field is missing",
"A machine, a branch and a processor need `StartAt` and `States`, every state needs `Type`, a Task
needs `Resource`, a Parallel `Branches`, a Choice `Choices`, and each of its rules `Next`; a retrier
needs `ErrorEquals`, a catcher `ErrorEquals` and `Next`, `Credentials` need `RoleArn` or `RoleArn.$`, a
`ProcessorConfig` with `Mode: DISTRIBUTED` needs `ExecutionType`.";
    WrongType "ASL0102" Error SCHEMA, "a field has a value of the wrong JSON type",
"Each field takes one JSON type: names, paths and texts are strings, `Seconds` and `TimeoutSeconds`
whole numbers (not in quotes, without fraction or exponent), `End` is a boolean, `States` and `Assign`
are objects, `Branches`, `Choices`, `And`, `Or`, `Retry`, `Catch` and `ErrorEquals` are arrays.";
    UnknownField "ASL0103" Error SCHEMA, "a field is unknown or belongs to another kind of state",
"Fields are written exactly as in the Amazon States Language, upper and lower case included, and each
state type has its own set: `Choice` has no `Next`, `Succeed` and `Fail` have no `End`, only `Pass` has
`Result`, only `Task` has `Resource`. Use `Comment` for remarks.";
    EmptyValue "ASL0104" Error SCHEMA, "a value must not be empty",
"`States`, `Branches`, `Choices`, `And`, `Or` and `ErrorEquals` need at least one entry, the name of a
state at least one character.";
    UnknownValue "ASL0105" Error SCHEMA, "a field has none of its possible values",
"Some fields take one of a few words, written exactly so: `Type` is Task, Wait, Pass, Succeed, Fail,
Choice, Parallel or Map; `QueryLanguage` is JSONPath or JSONata; `Version` is \"1.0\"; `JitterStrategy`
is NONE or FULL; `Mode` is INLINE or DISTRIBUTED and its `ExecutionType` STANDARD or EXPRESS.";
    NextOrEnd "ASL0106" Error SCHEMA, "a state needs exactly one of Next and End",
"Pass, Wait, Task, Parallel and Map states say what comes after them: either `\"Next\": \"Other\"` or
`\"End\": true`. Both, or neither, is an error. Choice states go on by their rules and `Default`,
Succeed and Fail end the execution by themselves.";
    UnknownTarget "ASL0107" Error TARGET, "a transition names no state",
"`StartAt`, `Next` and `Default` must name a state of the same `States` object, letter by letter. A
state inside a branch or a Map cannot be reached from outside, nor the other way round.";
    Unreachable "ASL0108" Error TARGET, "a state cannot be reached",
"No transition leads from `StartAt` to this state, so it could never run. Point a `Next`, a `Default`
or a `Catch` at it, or remove it.";
    NoTerminalState "ASL0109" Error END, "the workflow has no terminal state",
"At least one state must end the execution: a Succeed or Fail state, or a state with `\"End\": true`.
Without one the execution could only run until its timeout.";
    NameTooLong "ASL0110" Error STATE_NAME, "a state name is longer than 80 characters",
"State names have 1 to 80 Unicode characters. Put the long text into `Comment`.";
    OutOfRange "ASL0111" Error SCHEMA, "a number is too small or too large",
"`Seconds` and `MaxAttempts` are between 0 and 99,999,999; `TimeoutSeconds`, `HeartbeatSeconds` and
`IntervalSeconds` between 1 and 99,999,999; `MaxDelaySeconds` between 1 and 31,622,400; `BackoffRate` is
at least 1.0; `MaxConcurrency`, `ToleratedFailureCount` and `MaxItemsPerBatch` are at least 0;
`ToleratedFailurePercentage` is between 0 and 100, `MaxInputBytesPerBatch` at most 262,144. An Express
execution ends after 300 seconds, whatever is written.";
    Exclusive "ASL0112" Error SCHEMA, "two fields exclude each other",
"A literal and its path variant (`TimeoutSeconds` and `TimeoutSecondsPath`, `Error` and `ErrorPath`,
`MaxConcurrency` and `MaxConcurrencyPath`) say the same thing twice, and so do `ItemSelector` and its old
name `Parameters` on a Map. Keep one.";
    OtherLanguage "ASL0113" Error SCHEMA, "a field belongs to the other query language",
"`Arguments`, `Output`, `Items` and `Condition` belong to JSONata; `InputPath`, `Parameters`,
`ResultSelector`, `ResultPath`, `OutputPath`, `Result`, the other `...Path` fields and the operators
of choice rules belong to JSONPath. A state uses the language of its `QueryLanguage`, else that of
the machine, else JSONPath; the state around a branch or a processor does not matter. In a JSONata
machine no state can go back to JSONPath.";
    DuplicateStateName "ASL0114" Error DUPLICATE_STATE, "two states have the same name",
"Names of states are unique across the whole machine, also between the branches of a Parallel and the
processor of a Map: logs, metrics and mocks tell states apart by nothing else. Rename one of them.";

    BadTemplateField "ASL0201" Error SCHEMA, "a `.$` field holds neither a path nor an intrinsic call",
"In a payload template, a key that ends in `.$` is computed. Its value is a string: a path (`$.order.id`,
`$$.Execution.Id`, `$variable`) or a call of an intrinsic function, as in
`States.Format('order {}', $.order.id)`. Strings in calls stand in single quotes; inside them only
\\' \\{ \\} and \\\\ are escapes. To pass a fixed text, take the `.$` off the key.";
    BadPath "ASL0202" Error SCHEMA, "a path cannot be read",
"A path begins with `$` (the state's data), `$$` (the context object) or `$name` (a variable) and goes
on with `.name`, `['any name']` and `[0]`; where several values may be read also with `[*]`, `[1:3]`,
`[0,2]`, `..name` and filters, `[?(@.price > 10)]`. Names with characters other than letters, digits and
`_` need the brackets.";
    BadReferencePath "ASL0203" Error SCHEMA, "a value is not a reference path",
"A reference path names one single place: `$.a.b[0]['c d']`. Wildcards, slices, filters, `..`, several
indices and functions are not allowed, because the place is written to, or must give one value.
`ResultPath` can point neither into the context object (`$$`) nor into a variable; the numbers of a Map
(`MaxConcurrencyPath`, `ToleratedFailureCountPath` and the like) cannot be read from the context object.";
    DuplicateTemplateKey "ASL0204" Error SCHEMA, "two template keys give the same field",
"`\"total\"` and `\"total.$\"` in one template object both make the field `total`. Keep one.";
    BadVariableName "ASL0205" Error VARIABLE, "a variable cannot have this name",
"Names of variables are identifiers of at most 80 characters: a letter, then letters, digits and `_`
(Unicode ID_Start and ID_Continue). A variable is assigned as a whole: `\"order.id\"` or `\"list[0]\"` cannot
be assigned, an object or an array can.";
    ReservedVariable "ASL0206" Error RESERVED, "the variable `states` is reserved",
"`$states` is what JSONata states read their input, result and context from. Choose another name.";
    OuterVariable "ASL0207" Error SCHEMA, "a variable belongs to an enclosing scope",
"States in a branch or an iteration read the variables of the states around them, but cannot assign
them: branches and iterations run at the same time, so which value should win? Assign a variable of
another name inside, return it as the output, and assign the outer one from the result of the Parallel
or Map state.";

    BadExpression "ASL0208" Error EXPRESSION, "a JSONata expression cannot be read",
"What stands between `{%` and `%}` is one JSONata expression. The caret shows where reading it ended,
the label is JSONata's own code. A string is an expression only if it begins with `{%` and ends with
`%}`; inside a JSON string write `\\\"` for a double quote, or use single quotes.";
    UnsupportedExpression "ASL0209" Error CONTEXT, "an expression reads a context item, and there is none",
"Expressions of a state machine have no context item: `$`, `$$` and a bare name such as `phone` name
nothing at the top level. The input is `$states.input`, the context object `$states.context`, and a
variable `$name`. Inside a predicate or a later step names mean what they always do:
`$states.input.items[price > 3]`.";
    MissingOfStates "ASL0210" Error CONTEXT, "a field of `$states` does not exist here",
"`$states` has `input` and `context` everywhere; `result` only in `Output` and `Assign` of Task,
Parallel and Map states, and `errorOutput` only in `Output` and `Assign` of a catcher. Data of the
state's input is in `$states.input`, the item of a Map in `$states.context.Map.Item.Value`.";

    NoOperator "ASL0301" Error SCHEMA, "a choice rule needs exactly one operator",
"A data test has `Variable` and one comparison operator such as `StringEquals` or `IsPresent`. Several
conditions are combined with `And`, `Or` and `Not`:

    {\"And\": [{\"Variable\": \"$.a\", \"IsPresent\": true},
             {\"Variable\": \"$.a\", \"NumericGreaterThan\": 0}], \"Next\": \"Positive\"}";
    NestedNext "ASL0302" Error SCHEMA, "Next stands in a nested choice rule",
"Only the rules directly in `Choices` lead to a state. Conditions inside `And`, `Or` and `Not` are parts
of their rule and have no `Next` of their own.";
    BadTimestamp "ASL0303" Error SCHEMA, "a timestamp is not RFC 3339",
"Timestamps are written `2026-03-14T01:59:00Z` or with an offset, `2026-03-14T02:59:00+01:00`: upper case
`T` between date and time, upper case `Z` when there is no offset, and a date that exists.";
    WaitFields "ASL0304" Error SCHEMA, "a Wait state needs exactly one timing field",
"A Wait state has exactly one of `Seconds`, `SecondsPath`, `Timestamp` and `TimestampPath`.";
    BadPattern "ASL0305" Error SCHEMA, "a StringMatches pattern has a backslash that escapes nothing",
"In a pattern, `*` stands for any characters, `\\\\*` for a star and `\\\\\\\\` for a backslash. In JSON each
backslash is written twice. A backslash before anything else, or at the end, has no meaning.";

    MapProcessor "ASL0306" Error SCHEMA, "a Map state needs exactly one processor",
"The states that run for each item stand in `ItemProcessor`; `Iterator` is its old name. A Map state has
one of them.";
    MisplacedAll "ASL0307" Error SCHEMA, "States.ALL is not alone and last",
"Retriers and catchers are tried in order and `States.ALL` matches every error, so nothing after it
could match. It stands alone in `ErrorEquals`, in the last element of `Retry` or `Catch`.";
    HeartbeatTooLong "ASL0308" Error SCHEMA, "HeartbeatSeconds is not smaller than TimeoutSeconds",
"A heartbeat that is missed must show before the task times out anyway. Make `HeartbeatSeconds` smaller
or leave it out.";
    BadResource "ASL0309" Error SCHEMA, "the resource of a task is no ARN",
"`Resource` is an ARN: `arn:aws:states:::http:invoke` for an HTTP endpoint,
`arn:aws:states:::sqs:sendMessage` for a service, `arn:aws:lambda:...` for a function. It is fixed
text, never a path.";
    EmptyBatcher "ASL0310" Error SCHEMA, "an ItemBatcher has no limit",
"`ItemBatcher` needs `MaxItemsPerBatch`, `MaxInputBytesPerBatch`, or one of their `...Path` forms: without
a limit all items would be one batch.";
    BadLabel "ASL0311" Error LABEL, "a label cannot have this text",
"The label of a distributed Map becomes part of ARNs. It has 1 to 40 characters, no blanks and none of
`? * < > { } [ ] : ; , \\ | ^ ~ $ # % & `` ` `` \"`.";
    DuplicateLabel "ASL0312" Error DUPLICATE_LABEL, "two Map states have the same label",
"The label of a distributed Map becomes part of the ARNs of its runs, so it is unique in the machine.";

    ExpressSync "ASL0401" Error SCHEMA, "Express machines cannot wait for a job",
"`.sync` resources wait until a job ends, which may take a year. Express executions live at most five
minutes, so AWS does not allow the pattern there. Start the job without `.sync` and pick up its end as
another event.";
    ExpressTaskToken "ASL0402" Error SCHEMA, "Express machines cannot wait for a task token",
"`.waitForTaskToken` resources wait for a callback, possibly for a year. Express executions live at most
five minutes, so AWS does not allow the pattern there. End the execution after the request and let the
answer arrive as another event.";
    ExpressActivity "ASL0403" Error SCHEMA, "Express machines cannot use activities",
"Activities are workers that poll for tasks; AWS offers them to Standard machines only. Call the worker
by HTTP (`arn:aws:states:::http:invoke`) instead.";
    ExpressDistributed "ASL0404" Error SCHEMA, "Express machines cannot use distributed Maps",
"A Map of `Mode: DISTRIBUTED` starts an execution per item or batch, up to ten thousand at once; AWS
allows it in Standard machines only. Use `\"Mode\": \"INLINE\"` (the default), or let the events come one by
one. A pipeline can switch the mode on, but then its definition cannot move to AWS.";

    TemplateWithoutSuffix "ASL0801" Warning Some("NO_DOLLAR"), "a text looks like a path, but its key has no `.$`",
"Only keys that end in `.$` are computed. `\"id\": \"$.order.id\"` gives the text `$.order.id`; write
`\"id.$\": \"$.order.id\"` to get the value.";
    TimeoutOverExpress "ASL0802" Warning None, "TimeoutSeconds is over the limit of Express executions",
"An Express execution ends with TIMED_OUT after 300 seconds, whatever `TimeoutSeconds` says.";
    UnknownErrorName "ASL0803" Warning None, "no error has this name",
"Names that begin with `States.` belong to the language, and this one is none of them, so the element
of `ErrorEquals` never matches. Names of your own must not begin with `States.`.";
    NeverCaught "ASL0804" Warning None, "States.Runtime is never caught",
"`States.Runtime` means that the definition does not fit the data (a path finds nothing, an intrinsic
gets a wrong argument). It ends the execution: AWS neither retries nor catches it, not even where it is
named. Test the data with a Choice state before.";
    IgnoredInline "ASL0805" Warning None, "a field has no effect on an inline Map",
"`Label` and the tolerance for failures belong to Maps of `Mode: DISTRIBUTED`. The first failure of an
iteration ends an inline Map, whatever they say. Catch the error inside of the iteration instead.";
    StaticResult "ASL0806" Warning Some("PASS_RESULT_IS_STATIC"), "a Result looks like a path",
"`Result` of a Pass state is passed on as it stands, nothing in it is computed. To build a result from
data, use `Parameters` with keys that end in `.$`.";
    LiteralPath "ASL0807" Warning Some("NO_PATH"), "a text looks like a path, but its field takes a literal",
"`\"Error\": \"$.error\"` fails with the error name `$.error`; `\"ErrorPath\": \"$.error\"` takes the name from
the data. The same holds for `Cause` and for the comparison operators of choice rules.";

    NewerOperator "ASL0808" Warning None, "an expression uses an operator that AWS may not know",
"`??` and `?:` came to JSONata after the version that AWS documents. They work here; for a definition
that is to run on AWS write `$exists(a) ? a : b` and `a ? a : b`.";
    LiteralExpression "ASL0809" Warning None, "a text looks computed, but is passed as it stands",
"In a JSONata state a string is computed only if it begins exactly with `{%` and ends exactly with
`%}`: a blank before or behind makes it a text, and so does a missing `%}`. To join texts write
`{% 'Hello ' & $name %}`. Paths and intrinsic calls of JSONPath are texts, too. In a JSONPath state
`{% ... %}` is a text. Set `QueryLanguage` of the state or of the machine to choose.";
    UnknownVariable "ASL0810" Warning None, "an expression names neither a function nor an assigned variable",
"What follows a `$` in an expression is a built-in function, a name that the expression binds itself
(`$x := 1`, a parameter), or a variable that some state assigns with `Assign`. This name is none of them:
the definition is accepted, as by AWS, but the name is undefined, and calling it fails with `T1006`.
There is no `$eval`; `$parse` reads JSON.";

    UnsupportedState "ASL0901" Error None, "not reported any more: a state type is not supported",
"Not reported any more: all state types are supported. Earlier versions refused Parallel and Map.";
    UnsupportedField "ASL0902" Error None, "a field is not supported yet",
"The field is part of the language, but this version does not act on it: `ItemReader` and `ResultWriter`,
by which a distributed Map reads from S3 and writes to it. To ignore it would change what the machine
does, so the definition is refused.";
    UnsupportedLanguage "ASL0903" Error None, "not reported any more: JSONata is not supported",
"Not reported any more: JSONata is supported. Earlier versions evaluated JSONPath only.";
    UnsupportedPath "ASL0904" Error None, "not reported any more: a path uses something that is not supported",
"Not reported any more: paths are supported as a whole. Earlier versions refused wildcards, slices,
filters, `..` and variables.";
    UnsupportedFunction "ASL0905" Error None, "not reported any more: an intrinsic function is not supported",
"Not reported any more: all eighteen intrinsic functions are supported. Earlier versions had
`States.Format` and `States.MathAdd`.";
    UnsupportedResource "ASL0906" Error None, "no integration serves the resource of a task",
"Tasks can call HTTP endpoints (`arn:aws:states:::http:invoke`). A task with any other resource runs only
where its results are mocked: `expressway exec --mocks`.";
    UnsupportedHttpField "ASL0907" Error None, "a parameter of the HTTP task is not supported yet",
"`ApiEndpoint`, `Method`, `Headers`, `QueryParameters` and `RequestBody` are supported.
`Authentication`, `InvocationConfig` (connections of EventBridge) and `Transform` are not yet.";
    UnsupportedRegex "ASL0908" Error None, "a regular expression cannot be matched in linear time",
"Regular expressions of JSONata are matched in time that grows with the text and not faster, so that
no event can hold up the others. Look-ahead, look-behind and back-references do not allow that and
are refused. Often two simpler expressions, or `$split` and `$contains`, do the same.";
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn numbers_are_unique_sorted_and_found_again() {
        let numbers: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(numbers, sorted);
        for &code in Code::ALL {
            assert_eq!(Code::from_number(&code.as_str().to_lowercase()), Some(code));
            assert!(code.as_str().len() == 7 && code.as_str().starts_with("ASL0"));
        }
        assert_eq!(Code::from_number("ASL9999"), None);
    }

    #[test]
    fn every_code_is_explained_at_length() {
        for code in Code::ALL {
            assert!(code.explain().len() > code.title().len(), "{code:?}");
            assert!(code.explain().lines().all(|line| line.chars().count() <= 105), "{code:?}");
        }
    }

    #[test]
    fn a_retired_code_says_so_in_its_title() {
        for code in Code::ALL {
            let retired = code.explain().starts_with("Not reported any more: ");
            assert_eq!(code.title().starts_with("not reported any more: "), retired, "{code:?}");
        }
    }

    /// `UPDATE_DOCS=1` writes the page instead of comparing it.
    #[test]
    fn the_page_in_docs_lists_every_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/diagnostics.md");
        let page = page();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).expect("docs/ can be written");
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == page, "{path} is out of date: run UPDATE_DOCS=1 cargo test diagnostic");
    }

    fn page() -> String {
        let mut page = String::from(PAGE_HEAD);
        for code in Code::ALL {
            let severity = code.severity().as_str();
            let aws = code.aws().map(|aws| format!(", AWS: `{aws}`")).unwrap_or_default();
            let (number, title, text) = (code.as_str(), code.title(), code.explain());
            let _ = write!(page, "\n## {number}: {title}\n\n*{severity}{aws}*\n\n{text}\n");
        }
        page
    }

    const PAGE_HEAD: &str = "# Diagnostics

What `expressway validate` can find in a definition. `expressway explain CODE` prints the same texts.
Errors keep a definition from running, warnings do not: `exec`, `bench`, `disasm` and `run --input` show
them on stderr and go on, a service writes a line of its log for each (`definition has a warning`).
Codes are stable: one that appeared in a release is never given to another problem.
Where AWS reports the problem too, its own code is named and the message is AWS's.
";

    #[test]
    fn what_is_unsupported_is_no_fault_in_the_eyes_of_aws() {
        for code in Code::ALL.iter().filter(|code| code.is_unsupported()) {
            assert_eq!(code.aws(), None, "{code:?}");
        }
    }
}
