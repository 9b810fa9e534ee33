//! What is played: which state machines run, with what load, for how long.
//!
//! The test needs every series once and soon. The pictures need what an operator would see: several
//! machines, load that rises and falls, calls that fail now and then, an instance that joins.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::called::Manners;

pub(crate) struct Play {
    pub(crate) machines: Vec<Machine>,
    pub(crate) called: Manners,
    /// What the scraped instances are called; `None` leaves it to their addresses.
    pub(crate) names: Option<&'static str>,
    /// Partitions of each topic.
    pub(crate) partitions: i32,
}

/// A state machine with a pipeline of its own.
pub(crate) struct Machine {
    /// Of the machine, the pipeline and its source topic.
    pub(crate) name: &'static str,
    /// The definition; `127.0.0.1:8080` stands for the service that is called.
    pub(crate) definition: String,
    /// A scenario of the load generator, without the part that says where Kafka is.
    pub(crate) scenario: String,
    /// Whether its history goes to a topic.
    pub(crate) logs: bool,
}

/// A low, even load until the test has seen enough.
pub(crate) fn for_the_test() -> Play {
    let load = |input: &str| {
        format!(
            "rate = 300\nduration = \"10m\"\n[payload]\nfile = '{}'\n[poison]\nshare = 0.01\n",
            example(input).display()
        )
    };
    Play {
        machines: vec![
            Machine {
                name: "orders",
                definition: read("pass-choice.asl.json"),
                scenario: load("pass-choice.input.json"),
                logs: false,
            },
            Machine {
                name: "calls",
                definition: CALLS.to_owned(),
                scenario: load("pass-choice.input.json"),
                logs: false,
            },
        ],
        called: Manners { takes_ms: 0..0, one_failure_in: 0 },
        names: None,
        partitions: 2,
    }
}

/// Three machines under a load that ends after [`PLAYS`].
pub(crate) fn for_pictures() -> Play {
    let end = PLAYS.as_secs();
    let mut orders = String::from("seed = 7\narrivals = \"poisson\"\nwarmup = \"10s\"\n");
    for (name, stage, seconds) in [
        ("up", "shape = \"ramp\"\nfrom = 0\nto = 400", 30),
        ("plateau", "shape = \"constant\"\nrate = 400", end - 30 - 270),
        ("wave", "shape = \"sine\"\nmean = 400\namplitude = 250\nperiod = \"60s\"", 150),
        (
            "bursts",
            "shape = \"burst\"\nbase = 300\npeak = 1000\nevery = \"20s\"\nlength = \"3s\"",
            80,
        ),
        ("down", "shape = \"step\"\nfrom = 400\nto = 200\nsteps = 3", 40),
    ] {
        let _ =
            write!(orders, "[[stage]]\nname = \"{name}\"\n{stage}\nduration = \"{seconds}s\"\n");
    }
    orders.push_str(ORDERS);
    Play {
        machines: vec![
            Machine {
                name: "orders",
                definition: read("pass-choice.asl.json"),
                scenario: orders,
                logs: false,
            },
            Machine {
                name: "fulfilment",
                definition: FULFILMENT.to_owned(),
                scenario: format!(
                    "seed = 8\narrivals = \"poisson\"\n\
                     [[stage]]\nshape = \"sine\"\nmean = 40\namplitude = 20\nperiod = \"100s\"\n\
                     duration = \"{end}s\"\n[payload]\nfile = '{}'\n",
                    example("task-fanout.input.json").display()
                ),
                logs: true,
            },
            Machine {
                name: "pricing",
                definition: read("jsonata-enrich.asl.json"),
                scenario: format!(
                    "seed = 9\narrivals = \"poisson\"\nrate = 80\nduration = \"{end}s\"\n\
                     [payload]\nfile = '{}'\n",
                    example("jsonata-enrich.input.json").display()
                ),
                logs: false,
            },
        ],
        called: Manners { takes_ms: 4..60, one_failure_in: 60 },
        names: Some("expressway"),
        partitions: 4,
    }
}

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(example(file)).expect("an example definition")
}

/// Longer than twice the window of the recorded rates of money (5 min), so that what is shown, the
/// last [`SHOWN`], is no longer their start.
pub(crate) const PLAYS: Duration = Duration::from_secs(620);
pub(crate) const SHOWN: Duration = Duration::from_mins(5);
/// When the second instance joins, from the beginning.
pub(crate) const JOINS_AFTER: Duration = Duration::from_secs(430);

const CALLS: &str = r#"{
  "StartAt": "Ask",
  "States": {
    "Ask": {
      "Type": "Task",
      "Resource": "arn:aws:states:::http:invoke",
      "Parameters": {"ApiEndpoint": "http://127.0.0.1:8080/", "Method": "GET"},
      "TimeoutSeconds": 20,
      "Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Give up"}],
      "ResultSelector": {"items": [1, 2, 3]},
      "Next": "Each"
    },
    "Each": {
      "Type": "Map",
      "ItemsPath": "$.items",
      "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}},
      "Next": "Rest"
    },
    "Rest": {"Type": "Wait", "Seconds": 1, "End": true},
    "Give up": {"Type": "Fail", "Error": "Calls.Failed"}
  }
}"#;

/// Two calls at once, one of them tried again; then a third, whose failure is caught; then a Map.
const FULFILMENT: &str = r#"{
  "StartAt": "Prepare",
  "States": {
    "Prepare": {
      "Type": "Parallel",
      "Branches": [
        {
          "StartAt": "Reserve stock",
          "States": {
            "Reserve stock": {
              "Type": "Task",
              "Resource": "arn:aws:states:::http:invoke",
              "Parameters": {
                "ApiEndpoint": "http://127.0.0.1:8080/stock", "Method": "POST",
                "RequestBody": {"orderId.$": "$.id", "lines.$": "$.lines"}
              },
              "ResultSelector": {"reservation.$": "$.ResponseBody.reservation"},
              "TimeoutSeconds": 5,
              "Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 2}],
              "End": true
            }
          }
        },
        {
          "StartAt": "Assess risk",
          "States": {
            "Assess risk": {
              "Type": "Task",
              "Resource": "arn:aws:states:::http:invoke",
              "Parameters": {
                "ApiEndpoint": "http://127.0.0.1:8080/risk", "Method": "POST",
                "RequestBody": {"customer.$": "$.customer", "total.$": "$.total"}
              },
              "ResultSelector": {"score.$": "$.ResponseBody.score"},
              "TimeoutSeconds": 5,
              "Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 2}],
              "End": true
            }
          }
        }
      ],
      "ResultPath": "$.answers",
      "Next": "Charge card"
    },
    "Charge card": {
      "Type": "Task",
      "Resource": "arn:aws:states:::http:invoke",
      "Parameters": {
        "ApiEndpoint": "http://127.0.0.1:8080/charges", "Method": "POST",
        "RequestBody": {"card.$": "$.payment.card", "amount.$": "$.total"}
      },
      "ResultSelector": {"charge.$": "$.ResponseBody.chargeId"},
      "ResultPath": "$.paid",
      "TimeoutSeconds": 5,
      "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Payment declined"}],
      "Next": "Pack lines"
    },
    "Pack lines": {
      "Type": "Map",
      "ItemsPath": "$.lines",
      "ItemProcessor": {"StartAt": "Pack", "States": {"Pack": {"Type": "Pass", "End": true}}},
      "ResultPath": "$.packed",
      "Next": "Shipped"
    },
    "Shipped": {"Type": "Succeed"},
    "Payment declined": {"Type": "Fail", "Error": "Payment.Declined"}
  }
}"#;

/// One in 500 is rejected, since its customer has no tier that the machine knows.
const ORDERS: &str = r#"
[keys]
distribution = "zipf"
count = 10000
exponent = 0.6

[payload]
size = { min = 500, max = 3000 }
template = '''
{
  "order": {"id": "ord-{{sequence}}", "region": "eu-west-1", "priority": "{{priority}}",
            "total": {{total}}, "currency": "EUR", "itemCount": {{items}}, "placedAt": "{{due_time}}"},
  "customer": {"id": "{{key}}", "name": "{{padding}}", "tier": "{{tier}}", "blocked": false, "country": "GB"},
  "device": {"id": "{{device}}", "firmware": "4.19.2", "battery": {{battery}}, "signal": -61,
             "temperature": 21.5, "lat": 51.50735, "lon": -0.12776},
  "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736", "span": "00f067aa0ba902b7", "sampled": true},
  "channel": "mobile"
}
'''

[payload.fields]
priority = { kind = "choice", values = ["normal", "high"], weights = [9, 1] }
tier = { kind = "choice", values = ["gold", "platinum", "none"], weights = [600, 398, 2] }
total = { kind = "decimal", min = 300.0, max = 900.0 }
items = { kind = "integer", min = 1, max = 20 }
battery = { kind = "integer", min = 21, max = 100 }
device = { kind = "uuid" }

[poison]
share = 0.002
"#;
