//! A scenario in a few lines, for `--dry-run`.

use std::fmt::{self, Display, Formatter};

use super::Scenario;
use crate::schedule::{Course, Shape};

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
        writeln!(f, "size        {} to {} bytes", scenario.size.min, scenario.size.max)?;
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
