//! `report.html` in a browser: drawn, legible, and within the window, light and dark.
//!
//! The browser is Debian's Chromium, which `.ci/install browser` brings. Where there is none the
//! test says so and passes, except in CI.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::scenarios::{SCENARIO, TestFolder};
use super::{Stand, TestFile, right};

/// Run in a copy of the page after it has drawn itself; tells what it looks like.
const PROBE: &str = r#"<script>
const numbers = color => color.match(/[\d.]+/g).map(Number);
const luminance = color => {
  const [r, g, b] = numbers(color).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = node => {
  for (let at = node; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor, parts = numbers(color);
    if (parts.length < 4 || parts[3] === 1) return color;
  }
  return "rgb(255, 255, 255)";
};
const contrast = (ink, paper) => {
  const [high, low] = [luminance(ink), luminance(paper)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
const texts = [...document.querySelectorAll("h1, h2, p, li, td, th, b, .badge, .soft, summary")];
const drawn = [...document.querySelectorAll("svg text")];
document.body.dataset.probe = JSON.stringify({
  drawn: document.documentElement.dataset.drawn || "no",
  paper: luminance(getComputedStyle(document.body).backgroundColor),
  contrast: Math.min(...texts.map(node => contrast(getComputedStyle(node).color, ground(node)))),
  chart_contrast: Math.min(...drawn.map(node => contrast(getComputedStyle(node).fill, ground(node.closest("section"))))),
  charts: document.querySelectorAll("svg").length,
  lines: document.querySelectorAll("svg path.series").length,
  broken: /NaN|undefined|Infinity/.test(document.getElementById("page").innerHTML),
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  title: document.title,
  badge: document.querySelector(".badge").textContent,
  stages: [...document.querySelectorAll("section")].filter(node => node.querySelector("h2")?.textContent === "Stages")[0].querySelectorAll("tbody tr").length,
  images: document.images.length,
});
</script>"#;

/// Run in a page of many stages and joined seconds: what the charts say of both.
const PROBE_LONG: &str = r#"<script>{
const charts = [...document.querySelectorAll("svg")];
const plot = charts.find(svg => svg.getAttribute("aria-label") === "Throughput");
const grid = [...plot.querySelectorAll("line.grid")].map(line => +line.getAttribute("y1"));
const texts = [...plot.querySelectorAll("text[text-anchor=end]")].map(text => +text.textContent.replace(",", ""));
const [zero, full] = [Math.max(...grid), Math.min(...grid)];
const rates = [...plot.querySelectorAll("path.series")[0].getAttribute("d").matchAll(/[ML]([\d.]+) ([\d.]+)/g)]
  .map(([, , y]) => (zero - y) / (zero - full) * Math.max(...texts));
const labels = [...plot.querySelectorAll("text[data-stage]")];
const boxes = labels.map(text => text.getBoundingClientRect()).sort((a, b) => a.left - b.left);
const frame = plot.getBoundingClientRect();
const tips = new Set();
for (let x = frame.left; x < frame.right; x += 0.5) {
  plot.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: frame.top + 50 }));
  const lines = [...plot.parentElement.querySelectorAll(".tip > div")].map(node => node.textContent);
  lines.forEach(text => tips.add(text));
}
document.body.dataset.probe = JSON.stringify({
  least: Math.min(...rates), most: Math.max(...rates), points: rates.length,
  labels: labels.map(text => text.textContent),
  overlap: boxes.some((box, nth) => nth > 0 && box.left < boxes[nth - 1].right - 0.5),
  tips: [...tips],
  table: [...document.querySelectorAll("section")].find(node => node.querySelector("h2")?.textContent === "Stages").querySelector("tbody").textContent,
  broken: /NaN|undefined|Infinity/.test(document.getElementById("page").innerHTML),
});
}</script>"#;

fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    })
}

fn browser_or_skip() -> Option<&'static str> {
    let found = browser();
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no browser: .ci/install browser");
        let message = b"skipped: no Chromium here; .ci/install browser brings one\n";
        std::io::stderr().lock().write_all(message).unwrap();
    }
    found
}

/// Shows the page in a window of this width; returns what the probe found.
fn probe(browser: &str, page: &Path, folder: &TestFolder, dark: bool, width: u32) -> Value {
    let scheme = u8::from(!dark);
    let profile = folder.0.join(format!("profile-{scheme}-{width}"));
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .args(["--disable-sync", "--disable-quic", "--hide-scrollbars", "--dump-dom"])
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8(output.stdout).unwrap();
    let found = dom.split_once("data-probe=\"").expect("the probe has run").1;
    let found = found.split('"').next().unwrap().replace("&quot;", "\"").replace("&lt;", "<");
    serde_json::from_str(&found.replace("&gt;", ">").replace("&amp;", "&")).unwrap()
}

#[test]
fn the_report_is_drawn_and_legible_in_light_and_dark() {
    let Some(browser) = browser_or_skip() else {
        return;
    };
    let folder = TestFolder::new("page");
    // A name that would be markup, were it not written as text.
    let scenario = SCENARIO
        .replace("LIMITS", "thresholds = { p50_ms = 0.001 }")
        .replace("all-shapes", "</script><img src=x onerror=alert(1)>");
    let file = TestFile::new("page.toml", &scenario);
    let flags = |output: &str| {
        format!("--scenario {} --output {}/{output}", file.0.display(), folder.0.display())
    };
    let (code, first) = Stand::new().run(right, &flags("first"));
    assert_eq!(code, 99, "{first:#}");
    let compare =
        format!("{} --compare {}/first/summary.json", flags("second"), folder.0.display());
    let (code, _) = Stand::new().run(right, &compare);
    assert_eq!(code, 99);

    let page = folder.read("second/report.html");
    let probed = folder.0.join("probed.html");
    std::fs::write(&probed, page.replace("</body>", &format!("{PROBE}</body>"))).unwrap();
    for (dark, width) in [(false, 1_200), (true, 1_200), (false, 500), (true, 500)] {
        let found = probe(browser, &probed, &folder, dark, width);
        assert_eq!(found["drawn"], "yes", "{found:#}");
        assert_eq!(found["broken"], false, "{found:#}");
        let paper = found["paper"].as_f64().unwrap();
        assert!(if dark { paper < 0.05 } else { paper > 0.8 }, "dark {dark}: {found:#}");
        // What WCAG asks of text.
        assert!(found["contrast"].as_f64().unwrap() >= 4.5, "dark {dark}: {found:#}");
        assert!(found["chart_contrast"].as_f64().unwrap() >= 4.5, "dark {dark}: {found:#}");
        assert_eq!(found["overflow"], 0, "{width} wide: {found:#}");
        assert_eq!(found["charts"], 4);
        // Three of throughput, two of percentiles, four of latency, one of lag.
        assert_eq!(found["lines"], 10, "{found:#}");
        assert_eq!(found["stages"], 5);
        assert_eq!(found["badge"], "fail");
        assert_eq!(found["images"], 0);
        let title = found["title"].as_str().unwrap();
        assert!(title.starts_with("</script><img"), "{title}");
    }
}

/// Makes of the page of a short run that of one of an hour: 100 rows of joined seconds, in one of
/// which a burst and in another a pause lasted a second, and 60 stages.
fn as_an_hour(page: &str) -> String {
    let (head, rest) = page.split_once(r#"id="data">"#).unwrap();
    let (json, tail) = rest.split_once("</script>").unwrap();
    let mut data: Value = serde_json::from_str(json).unwrap();
    let mut stage = data["report"]["stages"][0].clone();
    stage["seconds"] = 60.into();
    let stages = (0..60).map(|nth| {
        stage["name"] = format!("of-the-day-{nth}").into();
        stage["start_seconds"] = (nth * 60).into();
        stage.clone()
    });
    let stages: Vec<Value> = stages.collect();
    let mut row = data["rows"][0].clone();
    let rows = (0..100).map(|nth| {
        let rates = |least: u32, most: u32| json!({"least": least, "most": most});
        row["start_seconds"] = (nth * 36).into();
        row["seconds"] = 36.into();
        row["target"] = 36_000.into();
        row["sent"] = 36_000.into();
        row["settled"] = 36_000.into();
        let (least, most) = match nth {
            40 => (1_000, 9_000),
            60 => (20, 1_000),
            _ => (990, 1_010),
        };
        row["extremes"] = json!({
            "target": rates(1_000, 1_000), "sent": rates(least, most), "settled": rates(least, most),
            "open": rates(0, most), "lag": null, "latency_least": null,
        });
        row.clone()
    });
    let rows: Vec<Value> = rows.collect();
    data["report"]["stages"] = stages.into();
    data["rows"] = rows.into();
    let json = data.to_string().replace('<', "\\u003c");
    format!(r#"{head}id="data">{json}</script>{tail}"#)
}

#[test]
fn narrow_stages_can_be_told_and_a_burst_of_a_joined_second_is_seen() {
    let Some(browser) = browser_or_skip() else {
        return;
    };
    let folder = TestFolder::new("long-page");
    let flags = format!("--count 500 --rate 1000 --output {}", folder.0.display());
    let (code, report) = Stand::new().run(right, &flags);
    assert_eq!(code, 0, "{report:#}");
    let page = as_an_hour(&folder.read("report.html"));
    let probed = folder.0.join("probed.html");
    std::fs::write(&probed, page.replace("</body>", &format!("{PROBE_LONG}</body>"))).unwrap();
    let found = probe(browser, &probed, &folder, false, 1_200);
    assert_eq!(found["broken"], false, "{found:#}");
    assert!((found["most"].as_f64().unwrap() - 9_000.0).abs() < 50.0, "{found:#}");
    assert!((found["least"].as_f64().unwrap() - 20.0).abs() < 50.0, "{found:#}");
    assert_eq!(found["points"], 200, "two for each row");
    // About 17 pixels each: room for a number, which the table explains, and not for a name.
    let labels = found["labels"].as_array().unwrap();
    assert_eq!(labels.len(), 60, "{found:#}");
    assert_eq!(
        (&labels[0], &labels[59], &found["overlap"]),
        (&"1".into(), &"60".into(), &false.into())
    );
    assert!(found["table"].as_str().unwrap().contains("60 of-the-day-59"), "{found:#}");
    let tips = found["tips"].to_string();
    for nth in 0..60 {
        let name = format!("\"{} of-the-day-{nth}\"", nth + 1);
        assert!(tips.contains(&name), "{name}: {found:#}");
    }
    assert!(tips.contains("sent1,000 to 9,000") && tips.contains("sent20 to 1,000"), "{tips}");
}

#[test]
fn a_run_is_held_against_an_earlier_one() {
    let folder = TestFolder::new("compare");
    let flags = format!("--count 500 --rate 1000 --output {}", folder.0.display());
    let (code, first) = Stand::new().run(right, &flags);
    assert_eq!(code, 0, "{first:#}");

    // Against a run a thousand times as slow everything is better.
    let path = folder.0.join("summary.json");
    let mut baseline: Value = serde_json::from_str(&folder.read("summary.json")).unwrap();
    let mut against = |p50: f64, lost: u64| {
        for name in ["p50", "p90", "p99", "p999", "max"] {
            baseline["latency_ms"][name] = p50.into();
        }
        baseline["outcomes"]["lost"] = lost.into();
        // One of before the sum was there.
        let billing = baseline["billing"].as_object_mut().unwrap();
        billing.remove("faults");
        billing.insert("missing".to_owned(), lost.into());
        std::fs::write(&path, baseline.to_string()).unwrap();
        let flags = format!("--count 500 --rate 1000 --compare {}", path.display());
        Stand::new().run(right, &flags)
    };
    let (code, better) = against(60_000.0, 3);
    assert_eq!(code, 0, "{better:#}");
    let verdict = |report: &Value, name: &str| {
        let lines = report["comparison"]["lines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["name"] == name).unwrap();
        line["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict(&better, "p99 ms"), "better");
    assert_eq!(verdict(&better, "lost"), "better");
    assert_eq!(verdict(&better, "bill faults"), "better");
    assert_eq!(verdict(&better, "rate/s"), "same");

    let (code, worse) = against(0.001, 0);
    assert_eq!(code, 99, "{worse:#}");
    assert_eq!(worse["verdict"], "fail");
    assert_eq!(verdict(&worse, "p50 ms"), "worse");
    let violation = worse["violations"][0].as_str().unwrap();
    assert!(violation.starts_with("compared: p50 ms was 0.001, now "), "{violation}");

    let mut command = Stand::new().command("--count 1 --compare /dev/null");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a summary.json"));
}
