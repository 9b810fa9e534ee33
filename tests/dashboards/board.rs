//! Dashboards as data, and the JSON that Grafana reads.
//!
//! Queries are written short: `@` stands for the matchers of cluster, job and instance, `@m`, `@t`
//! and `@r` for those with the state machine, the topic or the resource, `@s` for those with all topics
//! of a source, which has the topic among them, `[~]` for the rate interval.

use serde_json::{Map, Value, json};

/// One file of `dashboards/grafana/`.
pub(crate) struct Board {
    /// Also the file's name.
    pub(crate) uid: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    /// The metric whose labels fill the variables.
    pub(crate) anchor: &'static str,
    /// Variable beside cluster, job and instance, with the metric that knows its values.
    pub(crate) variable: Option<(&'static str, &'static str)>,
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) collapsed: bool,
    pub(crate) panels: Vec<Panel>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Stat,
    Lines,
    Stacked,
    Heat,
}

pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) look: Look,
    pub(crate) width: u32,
    /// Query and legend.
    pub(crate) targets: Vec<(String, &'static str)>,
    /// Its event may not have happened yet: then there are series, but no value.
    pub(crate) rare: bool,
    /// Levels of a stat: orange from the first, red from the second.
    pub(crate) levels: Option<(f64, f64)>,
}

pub(crate) fn stat(
    title: &'static str,
    unit: &'static str,
    query: &str,
    about: &'static str,
) -> Panel {
    Panel { look: Look::Stat, ..lines(title, unit, STAT_WIDTH, &[(query, "")], about) }
}

pub(crate) fn lines(
    title: &'static str,
    unit: &'static str,
    width: u32,
    targets: &[(&str, &'static str)],
    about: &'static str,
) -> Panel {
    let targets = targets.iter().map(|(query, legend)| (expand(query), *legend)).collect();
    Panel { title, about, unit, look: Look::Lines, width, targets, rare: false, levels: None }
}

/// Quantiles of a histogram; `by` is what else the lines are apart by.
pub(crate) fn quantiles(
    title: &'static str,
    width: u32,
    histogram: &str,
    selector: &str,
    about: &'static str,
) -> Panel {
    let query = |quantile: &str| {
        format!(
            "histogram_quantile({quantile}, sum by (le) (rate({histogram}_bucket{{{selector}}}[~])))"
        )
    };
    let (p50, p95, p99) = (query("0.5"), query("0.95"), query("0.99"));
    lines(title, "s", width, &[(&p50, "p50"), (&p95, "p95"), (&p99, "p99")], about)
}

impl Panel {
    pub(crate) fn stacked(self) -> Self {
        Self { look: Look::Stacked, ..self }
    }

    pub(crate) fn rare(self) -> Self {
        Self { rare: true, ..self }
    }

    pub(crate) fn heat(self) -> Self {
        Self { look: Look::Heat, ..self }
    }

    pub(crate) fn levels(self, orange: f64, red: f64) -> Self {
        Self { levels: Some((orange, red)), ..self }
    }
}

fn expand(query: &str) -> String {
    let all = r#"cluster=~"$cluster",job=~"$job",instance=~"$instance""#;
    let with = |variable: &str| format!(r#"{all},{variable}=~"${variable}""#);
    query
        .replace("@m", &with("state_machine"))
        .replace("@t", &with("topic"))
        .replace("@r", &with("resource"))
        .replace("@s", &format!(r#"{all},topic=~"(.*,)?($topic)(,.*)?""#))
        .replace('@', all)
        .replace("[~]", "[$__rate_interval]")
}

impl Board {
    /// The file; `boards` are all of them, for the links.
    pub(crate) fn json(&self) -> Value {
        let mut id = 0;
        let mut panels = Vec::new();
        let mut y = 0;
        for row in &self.rows {
            id += 1;
            let mut inside = Vec::new();
            let row_id = id;
            let row_y = y;
            y += 1;
            y = place(&row.panels, y, &mut id, &mut inside);
            let nested = if row.collapsed { std::mem::take(&mut inside) } else { Vec::new() };
            panels.push(json!({
                "id": row_id, "type": "row", "title": row.title, "collapsed": row.collapsed,
                "gridPos": {"h": 1, "w": 24, "x": 0, "y": row_y}, "panels": nested,
            }));
            panels.extend(inside);
        }
        json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.about,
            "tags": ["express"],
            "editable": false,
            "graphTooltip": 1,
            "refresh": "10s",
            "schemaVersion": 39,
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "browser",
            "annotations": {"list": annotations(self.anchor)},
            "links": [{
                "title": "expressway", "type": "dashboards", "tags": ["express"], "asDropdown": true,
                "icon": "external link", "includeVars": true, "keepTime": true,
                "targetBlank": false, "tooltip": "", "url": "",
            }],
            "templating": {"list": self.variables()},
            "panels": panels,
        })
    }

    fn variables(&self) -> Vec<Value> {
        let mut list = vec![json!({
            "name": "datasource", "label": "Data source", "type": "datasource",
            "query": "prometheus", "refresh": 1, "multi": false, "includeAll": false, "hide": 0,
        })];
        let anchor = self.anchor;
        let mut matchers: Vec<String> = Vec::new();
        for name in ["cluster", "job", "instance"] {
            list.push(variable(name, anchor, &matchers.join(",")));
            matchers.push(format!("{name}=~\"${name}\""));
        }
        if let Some((name, metric)) = self.variable {
            list.push(variable(name, metric, &matchers.join(",")));
        }
        list
    }

    /// All panels but rows.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }
}

fn variable(name: &str, metric: &str, matchers: &str) -> Value {
    let query = format!("label_values({metric}{{{matchers}}}, {name})");
    json!({
        "name": name, "label": name.replace('_', " "), "type": "query", "datasource": datasource(),
        "definition": query, "query": {"query": query, "refId": name},
        "refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*", "hide": 0,
        "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
    })
}

fn annotations(anchor: &str) -> Vec<Value> {
    let marks = [
        ("Restarts", "red", "changes(process_start_time_seconds{@}[1m]) > 0"),
        (
            "Rebalances",
            "orange",
            "sum by (event) (increase(expressway_source_rebalances_total{@}[1m])) > 0",
        ),
    ];
    // The load generator is not the process that these tell of.
    let marks = marks.into_iter().filter(|_| anchor == ANCHOR);
    marks
        .map(|(name, colour, query)| {
            json!({
                "name": name, "enable": true, "hide": false, "iconColor": colour,
                "datasource": datasource(),
                "target": {"refId": "Annotation", "expr": expand(query)},
            })
        })
        .collect()
}

/// Lays panels out from left to right; returns the next free line.
fn place(panels: &[Panel], top: u32, id: &mut u32, out: &mut Vec<Value>) -> u32 {
    let (mut x, mut y, mut height) = (0, top, 0);
    for panel in panels {
        if x + panel.width > 24 {
            (x, y) = (0, y + height);
        }
        height = if panel.look == Look::Stat { STAT_HEIGHT } else { GRAPH_HEIGHT };
        *id += 1;
        out.push(panel.json(*id, &json!({"h": height, "w": panel.width, "x": x, "y": y})));
        x += panel.width;
    }
    y + height
}

impl Panel {
    fn json(&self, id: u32, grid: &Value) -> Value {
        let targets: Vec<Value> = self
            .targets
            .iter()
            .zip('A'..)
            .map(|((query, legend), name)| {
                let mut target = json!({
                    "refId": name.to_string(), "datasource": datasource(), "expr": query,
                    "legendFormat": legend, "range": true, "editorMode": "code",
                });
                if self.look == Look::Heat {
                    target["format"] = json!("heatmap");
                }
                target
            })
            .collect();
        let kind = match self.look {
            Look::Stat => "stat",
            Look::Lines | Look::Stacked => "timeseries",
            Look::Heat => "heatmap",
        };
        json!({
            "id": id, "type": kind, "title": self.title, "description": self.about,
            "datasource": datasource(), "gridPos": grid, "targets": targets,
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
            "options": self.options(),
        })
    }

    fn defaults(&self) -> Value {
        let mut defaults = Map::new();
        defaults.insert("unit".to_owned(), json!(self.unit));
        match self.look {
            Look::Stat => {
                let steps = match self.levels {
                    None => json!([{"color": "blue", "value": null}]),
                    Some((orange, red)) => json!([
                        {"color": "green", "value": null},
                        {"color": "orange", "value": orange},
                        {"color": "red", "value": red},
                    ]),
                };
                defaults.insert("color".to_owned(), json!({"mode": "thresholds"}));
                if self.unit == "percentunit" {
                    defaults.insert("decimals".to_owned(), json!(2));
                }
                // With a name the value stands above its curve, without one upon it.
                defaults.insert("displayName".to_owned(), json!("now"));
                defaults
                    .insert("thresholds".to_owned(), json!({"mode": "absolute", "steps": steps}));
            }
            Look::Lines | Look::Stacked => {
                let stacked = self.look == Look::Stacked;
                defaults.insert("color".to_owned(), json!({"mode": "palette-classic"}));
                defaults.insert("min".to_owned(), json!(0));
                // A stack has no lines: that of a status which never happens would lie on top of
                // the others in its colour.
                let mut custom = json!({
                    "drawStyle": "line", "showPoints": "never",
                    "lineWidth": i32::from(!stacked),
                    "fillOpacity": if stacked { 60 } else { 6 },
                    "gradientMode": if stacked { "none" } else { "opacity" },
                    "stacking": {"mode": if stacked { "normal" } else { "none" }, "group": "A"},
                });
                if self.unit == "percentunit" {
                    custom["axisSoftMax"] = json!(1);
                }
                defaults.insert("custom".to_owned(), custom);
            }
            Look::Heat => {}
        }
        Value::Object(defaults)
    }

    /// Colours of the names that this panel can have; ceilings only in the legend.
    fn overrides(&self) -> Vec<Value> {
        if !matches!(self.look, Look::Lines | Look::Stacked) {
            return Vec::new();
        }
        let has = |wanted: &str| self.targets.iter().any(|(_, legend)| *legend == wanted);
        let statuses = has("{{status}}") || has("{{result}}");
        let named = OF_STATUSES.into_iter().filter(|_| statuses);
        let named = named.chain(OF_QUANTILES.into_iter().filter(|(name, _)| has(name)));
        let mut overrides: Vec<Value> = named
            .map(|(name, colour)| {
                json!({
                    "matcher": {"id": "byName", "options": name},
                    "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
                })
            })
            .collect();
        // Far above what is in use, as it should be, a ceiling would press it flat. A click in the
        // legend shows it.
        if self.has_ceiling() {
            overrides.push(json!({
                "matcher": {"id": "byRegexp", "options": format!("/^({})\\b/", CEILINGS.join("|"))},
                "properties": [{
                    "id": "custom.hideFrom",
                    "value": {"legend": false, "tooltip": false, "viz": true},
                }],
            }));
        }
        overrides
    }

    fn has_ceiling(&self) -> bool {
        self.targets.iter().any(|(_, legend)| CEILINGS.iter().any(|one| legend.starts_with(one)))
    }

    fn options(&self) -> Value {
        match self.look {
            Look::Stat => json!({
                "colorMode": "value", "graphMode": "area", "justifyMode": "auto",
                "orientation": "auto", "textMode": "value_and_name",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            }),
            Look::Lines | Look::Stacked => {
                let mut legend = json!({
                    "displayMode": "table", "placement": "bottom", "showLegend": true,
                    "calcs": ["lastNotNull", "max"],
                });
                // What is large stands first where there is no room for all, but not a ceiling.
                if !self.has_ceiling() {
                    legend["sortBy"] = json!("Last *");
                    legend["sortDesc"] = json!(true);
                }
                json!({"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}})
            }
            Look::Heat => json!({
                "calculate": false,
                "cellGap": 1,
                "color": {"mode": "scheme", "scheme": "Spectral", "steps": 64, "reverse": false},
                "legend": {"show": true},
                "tooltip": {"mode": "single", "yHistogram": true},
                "yAxis": {"axisPlacement": "left", "unit": self.unit},
            }),
        }
    }
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// The same colour for the same status everywhere.
const OF_STATUSES: [(&str, &str); 12] = [
    // What the others are held against.
    ("asked", "blue"),
    ("succeeded", "green"),
    ("failed", "red"),
    ("timed_out", "orange"),
    ("aborted", "gray"),
    ("cancelled", "gray"),
    ("delivered", "green"),
    ("ok", "green"),
    ("error", "red"),
    ("wrong", "red"),
    ("duplicate", "orange"),
    ("dead_letter", "purple"),
];
/// The same for the same quantile.
const OF_QUANTILES: [(&str, &str); 3] = [("p50", "light-blue"), ("p95", "blue"), ("p99", "purple")];
/// How legends of what is a ceiling begin; the address space of a process is one for its memory.
const CEILINGS: [&str; 2] = ["limit", "virtual"];
/// A metric that every processor has.
pub(crate) const ANCHOR: &str = "expressway_build_info";
const STAT_WIDTH: u32 = 4;
/// Grid cells of 38 pixels. Below 5 a narrow stat has no room for the curve under its value, and below
/// 9 a legend, which has a third of the height, cuts its third line: p99.
const STAT_HEIGHT: u32 = 5;
const GRAPH_HEIGHT: u32 = 9;
