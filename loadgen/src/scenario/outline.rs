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
        let about = |exact: bool| if exact { "" } else { "about " };
        writeln!(
            f,
            "events      {}{} in {:.1} s, seed {}, load {}",
            about(schedule.is_total_exact()),
            schedule.planned(),
            schedule.planned_ns() as f64 / 1e9,
            scenario.plan.seed,
            scenario.load_hash()
        )?;
        writeln!(f, "keys        {}", scenario.keys().count())?;
        let (min, max, first) = examples(scenario);
        writeln!(f, "size        {min} to {max} bytes")?;
        writeln!(f, "first       {first}")?;
        writeln!(f, "\n{:<28} {:>8} {:>8} {:>14}  rate/s", "stage", "from s", "to s", "events")?;
        for (stage, events) in schedule.stages().iter().zip(schedule.planned_by_stage()) {
            let exact = schedule.is_exact() || matches!(stage.course, Course::Replay(_));
            let end_ns = (stage.start_ns + stage.duration_ns).min(schedule.planned_ns());
            writeln!(
                f,
                "{:<28} {:>8.1} {:>8.1} {:>14}  {}",
                stage.name,
                stage.start_ns as f64 / 1e9,
                end_ns.max(stage.start_ns) as f64 / 1e9,
                format!("{}{events}", about(exact)),
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;

    fn outline(name: &str, text: &str, extra: &str) -> String {
        let path = std::env::temp_dir().join(format!("loadgen-{name}-{}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let line = format!("loadgen --ndjson --scenario {} {extra}", path.display());
        let args = Args::try_parse_from(line.split_whitespace()).unwrap();
        let outline = Scenario::from_args(&args).unwrap().outline().to_string();
        std::fs::remove_file(&path).unwrap();
        outline
    }

    /// Returns the numbers of events by stage.
    fn by_stage(outline: &str) -> Vec<&str> {
        let (_, table) = outline.split_once("rate/s\n").unwrap();
        table.lines().map(|line| line.split_whitespace().nth(3).unwrap()).collect()
    }

    const THREE: &str = "[[stage]]\nshape = 'constant'\nrate = 2.5\nduration = '1s'\n\
                         [[stage]]\nshape = 'constant'\nrate = 2.5\nduration = '1s'\n\
                         [[stage]]\nshape = 'constant'\nrate = 10\nduration = '1s'\n";

    #[test]
    fn stages_add_up_to_the_head_and_are_cut_at_the_count() {
        let whole = outline("whole", THREE, "");
        assert!(whole.contains("events      15 in 3.0 s"), "{whole}");
        assert_eq!(by_stage(&whole), ["3", "2", "10"], "{whole}");
        let cut = outline("cut", THREE, "--count 7");
        assert!(cut.contains("events      7 in 2.2 s"), "{cut}");
        assert_eq!(by_stage(&cut), ["3", "2", "2"], "{cut}");
        let short = outline("short", THREE, "--count 2");
        assert_eq!(by_stage(&short), ["2"], "{short}");
        assert!(short.contains("0.8"), "{short}");
    }

    #[test]
    fn what_chance_decides_is_said_to_be_about_as_much() {
        let text = outline("chance", THREE, "--arrivals poisson");
        assert!(text.contains("events      about 15 in"), "{text}");
        assert!(text.contains("about 10  10"), "{text}");
        let counted = outline("counted", "rate = 100\ncount = 50\n", "--arrivals poisson");
        assert!(counted.contains("events      50 in 0.5 s"), "{counted}");
        assert!(counted.contains("0.5       about 50"), "{counted}");
    }
}
