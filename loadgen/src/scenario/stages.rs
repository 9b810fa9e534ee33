//! Stages as written become stages as scheduled; steps become one stage each.

use super::file;
use super::limits::Limits;
use super::problem::Problem;
use super::{recording, resolve};
use crate::quantity::{Rate, Span};
use crate::schedule::{Course, Shape, Stage};

/// Returns the stages with the limits of each.
pub(super) fn stages(
    written: &[file::Stage],
    problems: &mut Vec<Problem>,
) -> (Vec<Stage>, Vec<Limits>) {
    let mut stages = Vec::new();
    let mut limits = Vec::new();
    for (nth, stage) in written.iter().enumerate() {
        let place = format!("stage {}", nth + 1);
        let (made, limit) = one(stage, &place, problems);
        if made.iter().any(|stage| stage.duration_ns == 0)
            || stage.duration().is_some_and(|duration| duration.ns() == 0)
        {
            problems.push(Problem::bad(&place, "duration must be above zero"));
        }
        for reason in limit.complaints() {
            problems.push(Problem::bad(format!("{place}: thresholds"), reason));
        }
        for name in limit.of_the_whole_run() {
            let reason = format!("{name} belongs to the whole run");
            problems.push(Problem::bad(format!("{place}: thresholds"), reason));
        }
        limits.extend(made.iter().map(|_| limit));
        stages.extend(made);
    }
    if stages.len() > STAGES_MAX {
        problems.push(Problem::bad("stage", format!("at most {STAGES_MAX} stages, steps counted")));
    }
    let total_ns: u128 = stages.iter().map(|stage| u128::from(stage.duration_ns)).sum();
    if total_ns > 30 * 86_400 * 1_000_000_000 {
        problems.push(Problem::bad("stage", "all stages together take longer than 30 days"));
    }
    (stages, limits)
}

fn one(stage: &file::Stage, place: &str, problems: &mut Vec<Problem>) -> (Vec<Stage>, Limits) {
    match stage {
        file::Stage::Constant { common, rate } => {
            let shape = Shape::Constant { rate: rate.per_second() };
            (vec![at_rate(common, place, "constant", shape)], common.thresholds)
        }
        file::Stage::Ramp { common, from, to } => {
            let seconds = common.duration.duration().as_secs_f64();
            let (from, to) = (from.per_second(), to.per_second());
            let shape = Shape::Ramp { from, to, seconds };
            (vec![at_rate(common, place, "ramp", shape)], common.thresholds)
        }
        file::Stage::Step { common, from, to, steps } => {
            (in_steps(common, place, (*from, *to), *steps, problems), common.thresholds)
        }
        file::Stage::Burst { common, base, peak, every, length } => {
            if length >= every || every.ns() == 0 {
                problems.push(Problem::bad(place, "length must be shorter than every"));
            }
            let shape = Shape::Burst {
                base: base.per_second(),
                peak: peak.per_second(),
                every: every.duration().as_secs_f64(),
                length: length.duration().as_secs_f64(),
            };
            (vec![at_rate(common, place, "burst", shape)], common.thresholds)
        }
        file::Stage::Sine { common, mean, amplitude, period } => {
            if amplitude > mean {
                let reason = "amplitude is above the mean: the rate would fall below zero";
                problems.push(Problem::bad(place, reason));
            }
            if period.ns() == 0 {
                problems.push(Problem::bad(place, "period must be above zero"));
            }
            let shape = Shape::Sine {
                mean: mean.per_second(),
                amplitude: amplitude.per_second(),
                period: period.duration().as_secs_f64(),
            };
            (vec![at_rate(common, place, "sine", shape)], common.thresholds)
        }
        file::Stage::Replay { name, duration, thresholds, file, unit, speed } => {
            let name = name_of(name.as_ref(), place, "replay");
            let stage = replay(name, *duration, (file.as_path(), *unit, *speed), place, problems);
            (stage.into_iter().collect(), *thresholds)
        }
    }
}

fn at_rate(common: &file::Common, place: &str, kind: &str, shape: Shape) -> Stage {
    Stage {
        name: name_of(common.name.as_ref(), place, kind),
        start_ns: 0,
        duration_ns: common.duration.ns(),
        course: Course::Rate(shape),
    }
}

/// A name if there is one, else the shape and the number of the stage.
fn name_of(name: Option<&String>, place: &str, kind: &str) -> String {
    name.cloned().unwrap_or_else(|| {
        let number = place.rsplit(' ').next().unwrap_or_default();
        format!("{kind}-{number}")
    })
}

fn in_steps(
    common: &file::Common,
    place: &str,
    (from, to): (Rate, Rate),
    steps: u32,
    problems: &mut Vec<Problem>,
) -> Vec<Stage> {
    if !(2..=100).contains(&steps) {
        problems.push(Problem::bad(place, "steps is 2 to 100"));
        return Vec::new();
    }
    let name = name_of(common.name.as_ref(), place, "step");
    let (from, to) = (from.per_second(), to.per_second());
    let total_ns = common.duration.ns();
    let end_of = |step: u32| total_ns * u64::from(step) / u64::from(steps);
    (0..steps)
        .map(|step| Stage {
            name: format!("{name} {}/{steps}", step + 1),
            start_ns: 0,
            duration_ns: end_of(step + 1) - end_of(step),
            course: Course::Rate(Shape::Constant {
                rate: from + (to - from) * f64::from(step) / f64::from(steps - 1),
            }),
        })
        .collect()
}

fn replay(
    name: String,
    duration: Option<Span>,
    (file, unit, speed): (&std::path::Path, file::TimeUnit, f64),
    place: &str,
    problems: &mut Vec<Problem>,
) -> Option<Stage> {
    let before = problems.len();
    if !(speed > 0.0 && speed.is_finite()) {
        problems.push(Problem::bad(place, "speed must be above zero"));
    }
    let text = resolve::read(file, problems);
    if problems.len() > before {
        return None;
    }
    match recording::parse(&text, unit, speed) {
        Ok(offsets) => {
            // The last arrival belongs to the stage.
            let recorded_ns = offsets.last().map_or(0, |last| last + 1);
            let duration_ns = duration.map_or(recorded_ns, Span::ns);
            let kept = offsets.partition_point(|offset| *offset < duration_ns);
            let offsets = if kept < offsets.len() { offsets[..kept].into() } else { offsets };
            Some(Stage { name, start_ns: 0, duration_ns, course: Course::Replay(offsets) })
        }
        Err(reason) => {
            problems.push(Problem::bad(format!("{place}: {}", file.display()), reason));
            None
        }
    }
}

/// Every stage has histograms of its own in the checker, about 200 KB.
const STAGES_MAX: usize = 200;
