//! Kind `start_error`: `StartExecution` refuses a text that is no input.

use serde_json::{Value, json};

use super::case::Case;
use super::pattern::Comparison;
use super::run::Verdict;
use super::world;
use crate::asl::json;
use crate::base::limits::PAYLOAD_BYTES_MAX;

/// Starts an execution with a text that must be refused.
pub(super) fn start_error(case: &Case) -> Verdict {
    if let Err(verdict) = world::load(case) {
        return verdict;
    }
    match refusal(case.input.as_deref().unwrap_or_default()) {
        Some(answer) => {
            let expected = case.expected.error_response.as_ref();
            Comparison::default().optional("error_response", expected, Some(&answer)).into()
        }
        None => Verdict::Failed("error_response: expected one, the input is accepted".to_owned()),
    }
}

/// What `StartExecution` answers to an input that it does not take.
fn refusal(input: &str) -> Option<Value> {
    let text = if input.len() > PAYLOAD_BYTES_MAX {
        // AWS: recorded texts do not show what it says of size; this one names the API's limit.
        format!(
            "Value at 'input' failed to satisfy constraint: Member must have length less than or \
             equal to {PAYLOAD_BYTES_MAX}"
        )
    } else {
        let error = json::read(input).err()?;
        match error.in_words_of_aws(input) {
            Some(complaint) => complaint.message,
            // The reader speaks of what it usually reads.
            None => error.message.replace("the definition", "the input"),
        }
    };
    let message = format!("Invalid State Machine Execution Input: '{text}'");
    Some(json!({"code": "InvalidExecutionInput", "message": message}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_refused_in_aws_s_words() {
        let answer = refusal("not some json").expect("refused");
        assert_eq!(answer["code"], "InvalidExecutionInput");
        assert_eq!(
            answer["message"],
            "Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON \
             String, Number, Array, Object or token 'null', 'true' or 'false')'"
        );
    }

    #[test]
    fn what_is_json_is_taken_and_what_is_cut_off_is_not() {
        assert_eq!(refusal("[1, null]"), None);
        let message = refusal("{\"a\": ").expect("refused")["message"].to_string();
        assert!(message.contains("Unexpected end-of-input"), "{message}");
        let message = refusal("{a: 1}").expect("refused")["message"].to_string();
        let said =
            "Unexpected character ('a' (code 97)): was expecting double-quote to start field";
        assert!(message.contains(said), "{message}");
        let message = refusal("1 2").expect("refused")["message"].to_string();
        assert!(message.contains("expected the end of the input"), "{message}");
        assert!(refusal(&format!("\"{}\"", "x".repeat(PAYLOAD_BYTES_MAX))).is_some());
    }
}
