//! What each state type may have, as in the field table of the language reference.

/// A state type and its fields.
#[derive(Clone, Copy)]
pub(super) struct StateType {
    pub(super) name: &'static str,
    /// Has `Next` or `End`.
    pub(super) transits: bool,
    /// Fields of either language, without [`COMMON_FIELDS`].
    pub(super) fields: &'static [&'static str],
}

pub(super) const COMMON_FIELDS: &[&str] = &["Type", "Comment", "QueryLanguage"];
pub(super) const NEXT_OR_END: &[&str] = &["Next", "End"];
pub(super) const WAIT_FIELDS: &[&str] = &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
pub(super) const PROCESSOR_FIELDS: &[&str] = &["ItemProcessor", "Iterator"];

/// In the order in which AWS lists them.
pub(super) const STATE_TYPES: [StateType; 8] = [
    StateType {
        name: "Task",
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
            "Assign",
            "TimeoutSeconds",
            "TimeoutSecondsPath",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "Credentials",
            "Retry",
            "Catch",
            "Arguments",
            "Output",
        ],
    },
    StateType {
        name: "Wait",
        transits: true,
        fields: &[
            "Next",
            "End",
            "InputPath",
            "OutputPath",
            "Assign",
            "Seconds",
            "SecondsPath",
            "Timestamp",
            "TimestampPath",
            "Output",
        ],
    },
    StateType {
        name: "Pass",
        transits: true,
        fields: &[
            "Next",
            "End",
            "InputPath",
            "Parameters",
            "Result",
            "ResultPath",
            "OutputPath",
            "Assign",
            "Output",
        ],
    },
    StateType { name: "Succeed", transits: false, fields: &["InputPath", "OutputPath", "Output"] },
    StateType {
        name: "Fail",
        transits: false,
        fields: &["Error", "Cause", "ErrorPath", "CausePath"],
    },
    StateType {
        name: "Choice",
        transits: false,
        fields: &["Choices", "Default", "InputPath", "OutputPath", "Assign", "Output"],
    },
    StateType {
        name: "Parallel",
        transits: true,
        fields: &[
            "Next",
            "End",
            "Branches",
            "InputPath",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "OutputPath",
            "Assign",
            "Retry",
            "Catch",
            "Arguments",
            "Output",
        ],
    },
    StateType {
        name: "Map",
        transits: true,
        fields: &[
            "Next",
            "End",
            "ItemProcessor",
            "Iterator",
            "InputPath",
            "ItemsPath",
            "ItemSelector",
            "Parameters",
            "MaxConcurrency",
            "MaxConcurrencyPath",
            "ResultSelector",
            "ResultPath",
            "OutputPath",
            "Assign",
            "Retry",
            "Catch",
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
            "Label",
            "Items",
            "Output",
        ],
    },
];
