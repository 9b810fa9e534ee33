//! Whether a record says at one place what it says at another: region, account and state machine
//! stand in the attributes of the event, in its id and in its data.

use super::record::{Attributes, RecordError};

/// Parts of a state machine's ARN that the record repeats elsewhere.
pub(super) struct MachineArn<'a> {
    region: &'a str,
    account: &'a str,
    name: &'a str,
}

impl<'a> MachineArn<'a> {
    /// `None` for what is none; the ledger refuses it.
    pub(super) fn read(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(7, ':').skip(3);
        let (region, account) = (parts.next()?, parts.next()?);
        parts.next().filter(|part| *part == "stateMachine")?;
        Some(Self { region, account, name: parts.next()? })
    }

    /// Refuses a record that says at one place this and at another that.
    pub(super) fn check(
        &self,
        event: &Attributes<'_>,
        machine: Option<&str>,
    ) -> Result<(), RecordError> {
        let Self { region, account, name } = *self;
        let differs = |what: &str, given: &str| {
            Err(RecordError::Contradiction(format!(
                "{what} is {given:?}, but its state machine is {name:?} of account {account:?} in {region:?}"
            )))
        };
        let source = event.source.strip_prefix("//states/").and_then(|rest| rest.split_once('/'));
        if source != Some((region, account)) {
            return differs("source", &event.source);
        }
        if !event.subject.is_empty() && event.subject != account {
            return differs("subject", &event.subject);
        }
        if let Some(machine) = machine.filter(|machine| *machine != name) {
            return differs("machine", machine);
        }
        // An execution's ARN names all three as well.
        let id: Vec<&str> = event.id.splitn(8, ':').collect();
        if let ["arn", _, "states", of_region, of_account, "express", of_machine, _] = id[..]
            && (of_region, of_account, of_machine) != (region, account, name)
        {
            return differs("id", &event.id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Reading, read_structured};

    /// As the service writes it, to the letter: `outcome::billing` holds this text too.
    const WRITTEN: &str = concat!(
        r#"{"specversion":"1.0","id":"arn:aws:states:eu-west-1:111111111111:express:order:orders-7-42:"#,
        r#"abababab-abab-abab-abab-abababababab","source":"//states/eu-west-1/111111111111","#,
        r#""type":"express.execution.billed.v1","subject":"111111111111","time":"2026-01-01T00:00:00.100Z","#,
        r#""datacontenttype":"application/json","data":{"requests":1,"billed_duration_ms":100,"#,
        r#""billed_memory_mb":64,"mb_milliseconds":6400,"gb_seconds":"0.00625","status":"SUCCEEDED","#,
        r#""state_machine_arn":"arn:aws:states:eu-west-1:111111111111:stateMachine:order","machine":"order","#,
        r#""version":"3","revision":"rev","tags":{"team":"a\"b"},"pipeline":"orders","topic":"in","partition":7,"offset":42,"#,
        r#""started_at":"2026-01-01T00:00:00.000Z","transitions":4}}"#
    );

    #[test]
    fn what_says_one_thing_here_and_another_there_is_refused() {
        assert!(matches!(read_structured(WRITTEN.as_bytes()), Ok(Reading::Usage(_))));
        for (right, wrong, named) in [
            ("\"specversion\":\"1.0\"", "\"specversion\":\"0.3\"", "specversion is \"0.3\""),
            (
                "seconds\":6400",
                "seconds\":6401",
                "mb_milliseconds is 6401, but 100 ms of 64 MB are 6400",
            ),
            ("\"machine\":\"order\"", "\"machine\":\"orders\"", "machine is \"orders\""),
            ("//states/eu", "//states/us", "source is \"//states/us-west-1/111111111111\""),
            ("//states/eu-west-1/1", "//states/eu-west-1/2", "source is"),
            ("\"source\":\"//states/", "\"source\":\"/", "source is"),
            ("\"subject\":\"1", "\"subject\":\"2", "subject is \"211111111111\""),
            (":express:order:", ":express:other:", "id is"),
            ("eu-west-1:111111111111:express", "eu-west-2:111111111111:express", "id is"),
            ("111111111111:express", "111111111112:express", "id is"),
        ] {
            assert!(WRITTEN.contains(right), "{right}");
            let why = read_structured(WRITTEN.replacen(right, wrong, 1).as_bytes())
                .unwrap_err()
                .to_string();
            assert!(why.contains(named), "{wrong}: {why}");
        }
        // What another writer leaves out contradicts nothing.
        for optional in
            ["\"subject\":\"111111111111\",", "\"machine\":\"order\",", "\"mb_milliseconds\":6400,"]
        {
            assert!(
                read_structured(WRITTEN.replace(optional, "").as_bytes()).is_ok(),
                "{optional}"
            );
        }
    }
}
