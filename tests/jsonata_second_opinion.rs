//! A second opinion on JSONata: generated expressions over generated documents, evaluated here (full
//! dialect) and by the crate `jsonata-core`, which passes all but four cases of the official suite.
//!
//! `SEED=7 cargo test --test jsonata_second_opinion` makes other cases, `CASES=100000` more of them.
//! A case that differs is made smaller before it is shown.
//!
//! What is known to differ is not generated, or not compared:
//! * integers beyond 2^53: ours stay exact, theirs are binary64; numbers stay small;
//! * what depends on the clock, on chance or on the order of equal things (`$now`, `$shuffle`);
//! * `$eval`, which we do not have, and regular expressions that only one of the engines takes;
//! * results that are functions: theirs are written as `""`;
//! * the code of an error where only one side has one; where both have one and they are not the same,
//!   the case is counted apart, since it is often another of two errors that came first;
//! * `items.[name[9]]`: an empty array constructed by a last step; theirs is undefined, the reference's is
//!   `[]`;
//! * bounds of time, depth and length: neither side may reach its own.

#[path = "jsonata_second_opinion/documents.rs"]
mod documents;
#[path = "support/jsonata.rs"]
mod engine;
#[path = "jsonata_second_opinion/forms.rs"]
mod forms;
#[path = "jsonata_second_opinion/judge.rs"]
mod judge;
#[path = "jsonata_second_opinion/term.rs"]
mod term;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::{env, panic};

use expressway::base::entropy::Entropy;
use judge::{Judge, Verdict};
use term::Term;

/// Cases of a usual run: about ten seconds in the `dev` profile.
const CASES: u64 = 4_000;
/// Levels of an expression.
const DEPTH: u64 = 4;
/// Enough to see what is wrong.
const DIFFERENCES_SHOWN_MAX: usize = 20;
/// Smaller versions of a differing case that are tried.
const TRIES_MAX: usize = 2_000;

#[test]
fn both_engines_agree() {
    let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seed, cases) = (number("SEED").unwrap_or(0), number("CASES").unwrap_or(CASES));
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    // Theirs may panic, which is no fault of ours and not worth a backtrace.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let mut differing = Vec::new();
    for case in 0..cases {
        let mut entropy = Entropy::seeded(seed.wrapping_mul(CASES_APART).wrapping_add(case));
        let document = documents::document(&mut entropy);
        let depth = 1 + entropy.below(DEPTH);
        let expression = forms::expression(&mut entropy, depth);
        let mut judge = Judge::new(&document);
        match judge.verdict(&expression.text()) {
            Verdict::Agreed(what) | Verdict::Open(what) => *counts.entry(what).or_default() += 1,
            Verdict::Differs(difference) => {
                let (expression, difference) = smallest(&mut judge, expression, difference);
                differing.push(format!("case {case}: {expression}\n{difference}\nover {document}"));
                if differing.len() == DIFFERENCES_SHOWN_MAX {
                    break;
                }
            }
        }
    }
    panic::set_hook(hook);
    let mut report = format!("SEED={seed}: {cases} cases\n");
    for (what, count) in &counts {
        let _ = writeln!(report, "  {count:>6} {what}");
    }
    let _ = std::io::stderr().lock().write_all(report.as_bytes());
    assert!(differing.is_empty(), "SEED={seed}:\n{}", differing.join("\n\n"));
    let other_errors = counts.get(judge::OTHER_ERRORS).copied().unwrap_or_default();
    assert!(other_errors * 100 < cases, "too many errors of another kind:\n{report}");
    let agreed = counts.get(judge::AGREED_ON_A_VALUE).copied().unwrap_or_default();
    assert!(agreed * 3 > cases, "too few expressions have a value:\n{report}");
}

/// The smallest version found of an expression that differs.
fn smallest(judge: &mut Judge, mut term: Term, mut difference: String) -> (String, String) {
    let mut tries = 0;
    let mut shrinking = true;
    while shrinking {
        shrinking = false;
        for smaller in term.smaller() {
            tries += 1;
            if tries > TRIES_MAX {
                break;
            }
            if let Verdict::Differs(found) = judge.verdict(&smaller.text()) {
                (term, difference, shrinking) = (smaller, found, true);
                break;
            }
        }
    }
    (term.text(), difference)
}

/// So that one seed's cases are not the next one's.
const CASES_APART: u64 = 1 << 32;
