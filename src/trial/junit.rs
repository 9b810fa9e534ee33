//! A report as JUnit XML, which most build servers show.

use std::fmt::Write as _;
use std::time::Duration;

use super::report::{Report, Reported};
use super::run::Verdict;

/// The report as XML: one suite for each area.
pub fn junit(report: &Report) -> String {
    let total = report.total();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites name=\"expressway\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        report.cases.len(),
        total.failed,
        total.unsupported,
        seconds(&report.cases)
    );
    for (area, counts) in report.areas() {
        let cases: Vec<_> = report.cases.iter().filter(|case| case.area == area).collect();
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
            escaped(area),
            cases.len(),
            counts.failed,
            counts.unsupported,
            seconds(cases.iter().copied())
        );
        for case in cases {
            write_case(case, &mut text);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn write_case(case: &Reported, text: &mut String) {
    let Reported { name, area, verdict, took, .. } = case;
    let _ = write!(
        text,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escaped(area),
        escaped(name),
        took.as_secs_f64()
    );
    let _ = match verdict {
        Verdict::Passed => writeln!(text, "/>"),
        Verdict::Failed(difference) => {
            writeln!(text, "><failure message=\"{}\"/></testcase>", escaped(difference))
        }
        Verdict::Unsupported(reason) => {
            writeln!(text, "><skipped message=\"{}\"/></testcase>", escaped(reason))
        }
    };
}

fn seconds<'a>(cases: impl IntoIterator<Item = &'a Reported>) -> f64 {
    cases.into_iter().map(|case| case.took).sum::<Duration>().as_secs_f64()
}

/// Text for an attribute; what XML 1.0 cannot hold becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::report::tests::sample;

    #[test]
    fn areas_are_suites_and_differences_are_escaped() {
        assert_eq!(
            junit(&sample()),
            r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="expressway" tests="4" failures="1" skipped="1" time="6.000">
  <testsuite name="map" tests="2" failures="0" skipped="1" time="3.000">
    <testcase classname="map" name="c" time="1.500"><skipped message="ASL0902 x"/></testcase>
    <testcase classname="map" name="d" time="1.500"/>
  </testsuite>
  <testsuite name="pay" tests="2" failures="1" skipped="0" time="3.000">
    <testcase classname="pay" name="b" time="1.500"/>
    <testcase classname="pay" name="a" time="1.500"><failure message="output: &lt;1&gt; &amp; &quot;2&quot;"/></testcase>
  </testsuite>
</testsuites>
"#
        );
        assert_eq!(escaped("a\u{1}\n'"), "a\u{fffd}&#10;'");
    }
}
