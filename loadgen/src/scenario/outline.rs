//! A scenario in a few lines, for `--dry-run`.

use std::fmt::{self, Display, Formatter};

use super::Scenario;
use crate::schedule::{Course, Shape};
use crate::stamp::{ProducerId, Stamp};

/// Shows what would be sent.
#[derive(Debug)]
pub(crate) struct Outline<'a>(pub(super) &'a Scenario);

impl Display for Outline<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scenario = self.0;
        let schedule = scenario.schedule();
        writeln!(f, "scenario    {}", scenario.name)?;
        if let Some(description) = &scenario.description {
            writeln!(f, "            {description}")?;
        }
        writeln!(
            f,
            "events      {} in {:.1} s, seed {}, load {}",
            schedule.planned(),
            schedule.planned_ns() as f64 / 1e9,
            scenario.plan.seed,
            scenario.load_hash()
        )?;
        writeln!(f, "keys        {}", scenario.keys().count())?;
        let (min, max, first) = examples(scenario);
        writeln!(f, "size        {min} to {max} bytes")?;
        writeln!(f, "first       {first}")?;
        writeln!(f, "\n{:<28}{:>9}{:>9}{:>12}  rate/s", "stage", "from s", "to s", "events")?;
        for stage in schedule.stages() {
            let end_ns = stage.start_ns + stage.duration_ns;
            let events = schedule.expected_until(end_ns) - schedule.expected_until(stage.start_ns);
            writeln!(
                f,
                "{:<28}{:>9.1}{:>9.1}{:>12.0}  {}",
                stage.name,
                stage.start_ns as f64 / 1e9,
                end_ns as f64 / 1e9,
                events,
                RateOf(&stage.course)
            )?;
        }
        Ok(())
    }
}

/// Returns the sizes of some events and the beginning of the first sound one.
fn examples(scenario: &Scenario) -> (usize, usize, String) {
    let payload = scenario.payload(scenario.plan.clone(), ProducerId::from_number(0));
    let mut value = Vec::new();
    let (mut min, mut max) = (usize::MAX, 0);
    let mut first = None;
    for sequence in 0..EXAMPLES.min(scenario.schedule().planned()) {
        payload.render(Stamp { sequence, due_ns: 0 }, &mut value);
        (min, max) = (min.min(value.len()), max.max(value.len()));
        if first.is_none() && scenario.plan.poison(sequence).is_none() {
            first = Some(String::from_utf8_lossy(&value).chars().take(FIRST_CHARS).collect());
        }
    }
    (min, max, first.unwrap_or_default())
}

struct RateOf<'a>(&'a Course);

impl Display for RateOf<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Course::Rate(Shape::Constant { rate }) => write!(f, "{rate}"),
            Course::Rate(Shape::Ramp { from, to, .. }) => write!(f, "{from} to {to}"),
            Course::Rate(Shape::Burst { base, peak, every, length }) => {
                write!(f, "{base}, {peak} for {length} s every {every} s")
            }
            Course::Rate(Shape::Sine { mean, amplitude, period }) => {
                write!(f, "{mean} ± {amplitude} every {period} s")
            }
            Course::Replay(offsets) => write!(f, "as recorded, {} arrivals", offsets.len()),
        }
    }
}

const EXAMPLES: u64 = 1_000;
const FIRST_CHARS: usize = 200;
