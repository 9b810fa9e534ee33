//! Generated paths, intrinsic calls, payload templates and choice rules, most of which find what
//! they look for in a sample of the document that will be there.

use serde_json::{Map, Value, json};

use crate::documents::{key, number, object, places, scalar, segment, text, value};
use crate::tape::Tape;

/// What is known where an expression stands.
pub(crate) struct Sight<'a> {
    pub(crate) tape: &'a Tape<'a>,
    /// What `$` will probably be.
    pub(crate) sample: &'a Value,
    /// Variables and what they probably hold.
    pub(crate) variables: &'a Map<String, Value>,
    /// The execution's input.
    pub(crate) input: &'a Value,
    /// Context paths that are particular to this place.
    pub(crate) context: &'a [(&'static str, Value)],
}

impl Sight<'_> {
    /// All that can be named by a definite path.
    fn everything(&self) -> Vec<(String, Value)> {
        let mut all = places("$", self.sample);
        for (name, value) in self.variables {
            all.extend(places(&format!("${name}"), value).into_iter().take(6));
        }
        all.extend(places("$$.Execution.Input", self.input).into_iter().take(6));
        for (path, value) in self.context {
            all.extend(places(path, value).into_iter().take(4));
        }
        all.push(("$$.Execution.Name".into(), json!("execution")));
        all.push(("$$.StateMachine.Name".into(), json!("machine")));
        all
    }

    /// Whether there is a definite path to what is wanted.
    pub(crate) fn knows(&self, wanted: impl Fn(&Value) -> bool) -> bool {
        self.everything().iter().any(|(_, value)| wanted(value))
    }

    /// A definite path, `wanted` or one that finds nothing.
    pub(crate) fn definite(&self, wanted: impl Fn(&Value) -> bool) -> String {
        let all: Vec<_> =
            self.everything().into_iter().filter(|(_, value)| wanted(value)).collect();
        let Some((path, _)) = all.get(self.tape.below(all.len().max(1))) else {
            return "$".to_owned();
        };
        if self.tape.chance(1) {
            return format!(
                "{path}{}",
                segment(if self.tape.chance(50) { "nowhere" } else { "a" })
            );
        }
        path.clone()
    }

    /// A definite path from the root of the document only.
    pub(crate) fn own(&self, wanted: impl Fn(&Value) -> bool) -> Option<String> {
        let all: Vec<_> =
            places("$", self.sample).into_iter().filter(|(_, value)| wanted(value)).collect();
        (!all.is_empty()).then(|| self.tape.pick(&all).0.clone())
    }

    /// Any path.
    pub(crate) fn path(&self) -> String {
        let path = self.definite(|_| true);
        if !self.tape.chance(20) {
            return path;
        }
        let of_array = self.definite(Value::is_array);
        let of_object = self.definite(Value::is_object);
        let key = || segment(&key(self.tape));
        let bound = || self.tape.below(8) as i64 - 4;
        match self.tape.below(14) {
            0 => format!("{of_array}[*]"),
            1 => format!("{of_array}[{}:]", bound()),
            2 => format!("{of_array}[:{}]", bound()),
            3 => format!("{of_array}[0,{}]", bound()),
            4 => format!("$..{}", self.plain_key()),
            5 => format!("{of_array}[*]{}", key()),
            6 => format!("{of_array}[-1]"),
            7 => format!("{of_array}[{}:{}]", bound(), bound()),
            8 => format!("{of_object}.*"),
            9 => format!("{of_object}['{}','{}']", self.plain_key(), self.plain_key()),
            10 => format!("{of_object}..*"),
            11 => format!("{of_object}.*{}", key()),
            12 => self.filtered(&of_object),
            _ => format!(
                "{}{}",
                self.filtered(&of_array),
                if self.tape.chance(30) { key() } else { String::new() }
            ),
        }
    }

    fn filtered(&self, from: &str) -> String {
        format!("{from}[?({})]", self.test(2))
    }

    fn test(&self, depth: usize) -> String {
        let key = segment(&key(self.tape));
        if depth > 0 && self.tape.chance(25) {
            let (one, other) = (self.test(depth - 1), self.test(depth - 1));
            return match self.tape.below(3) {
                0 => format!("({one}) && {other}"),
                1 => format!("({one} || {other})"),
                _ => format!("!({one})"),
            };
        }
        let operator = self.tape.pick(&["==", "!=", "<", "<=", ">", ">="]);
        match self.tape.below(8) {
            0 | 1 => format!("@{key} {operator} {}", number(self.tape)),
            2 => format!("@{key} {operator} 'x'"),
            3 => format!("@{key}"),
            4 => format!("@{key} == null"),
            5 => format!("@{key} != true"),
            6 => format!("@ {operator} 5"),
            _ => format!("@{key} {operator} $.{}", self.plain_key()),
        }
    }

    fn plain_key(&self) -> String {
        let key = key(self.tape);
        if segment(&key).starts_with('.') { key } else { "a".to_owned() }
    }

    /// What may stand behind a key that ends in `.$`.
    pub(crate) fn expression(&self) -> String {
        if self.tape.chance(35) { self.call(0, Kind::Any) } else { self.path() }
    }

    /// A payload template that is an object.
    pub(crate) fn template(&self, depth: usize) -> Value {
        let mut members = Map::new();
        for _ in 0..=self.tape.below(3) {
            let key = key(self.tape);
            match self.tape.below(8) {
                0..=3 => members.insert(format!("{key}.$"), self.expression().into()),
                4 if depth > 0 => members.insert(key, self.template(depth - 1)),
                5 if depth > 0 => members.insert(key, json!([self.template(depth - 1), 1])),
                6 => members.insert(key, value(self.tape, 1)),
                _ => members.insert(key, scalar(self.tape)),
            };
        }
        // The same key with and without the suffix would be refused.
        let stripped = |key: &String| key.strip_suffix(".$").map(str::to_owned);
        let names: Vec<String> = members.keys().filter_map(stripped).collect();
        members.retain(|key, _| !names.contains(key));
        Value::Object(members)
    }

    /// An intrinsic call that gives a value of `kind`.
    pub(crate) fn call(&self, depth: usize, kind: Kind) -> String {
        let kind = if kind == Kind::Any {
            *self.tape.pick(&[Kind::Text, Kind::Number, Kind::Array, Kind::Object, Kind::Any])
        } else {
            kind
        };
        let arg = |kind| self.argument(depth + 1, kind);
        match (kind, self.tape.below(6)) {
            (Kind::Text, 0 | 1) => {
                let values: Vec<_> = (0..self.tape.below(3)).map(|_| arg(Kind::Any)).collect();
                let holes = "<{}> ".repeat(values.len());
                let values = [&[String::new()][..], &values].concat().join(", ");
                format!(
                    "States.Format('{}{holes}'{values})",
                    self.tape.pick(&["", "it\\'s ", "\\{\\} "])
                )
            }
            (Kind::Text, 2) => format!("States.Base64Encode({})", arg(Kind::Text)),
            (Kind::Text, 3) => {
                format!("States.Base64Decode(States.Base64Encode({}))", arg(Kind::Text))
            }
            (Kind::Text, 4) => {
                let algorithms = ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"];
                let algorithm = self.odd(&algorithms, "sha-1");
                format!("States.Hash({}, '{algorithm}')", arg(Kind::Text))
            }
            (Kind::Text, _) => format!("States.JsonToString({})", arg(Kind::Any)),
            (Kind::Number, 0 | 1) => {
                format!("States.MathAdd({}, {})", arg(Kind::Number), arg(Kind::Number))
            }
            (Kind::Number, 2 | 3) => format!("States.ArrayLength({})", arg(Kind::Array)),
            (Kind::Number, _) => {
                let (from, size) = (self.tape.below(50), 1 + self.tape.below(100));
                let seed = self.tape.below(1000) as i64 - 500;
                format!("States.MathRandom({from}, {}, {seed})", from + size)
            }
            (Kind::Array, 0) => {
                let values: Vec<_> = (0..self.tape.below(4)).map(|_| arg(Kind::Any)).collect();
                format!("States.Array({})", values.join(", "))
            }
            (Kind::Array, 1) => format!(
                "States.ArrayPartition({}, {})",
                arg(Kind::Array),
                self.odd(&["2", "1", "3.9", "100"], "0.5")
            ),
            (Kind::Array, 2) => {
                let bound = || *self.tape.pick(&["0", "1", "5", "9.7", "-4", "2.2"]);
                let step = self.odd(&["1", "2", "-1", "3.3", "-2.9"], "0.4");
                format!("States.ArrayRange({}, {}, {step})", bound(), bound())
            }
            (Kind::Array, 3) => format!("States.ArrayUnique({})", arg(Kind::Array)),
            (Kind::Array, _) => format!(
                "States.StringSplit({}, '{}')",
                arg(Kind::Text),
                self.tape.pick(&[",", " ", ",-.", "e"])
            ),
            (Kind::Object, _) => {
                format!("States.JsonMerge({}, {}, false)", arg(Kind::Object), arg(Kind::Object))
            }
            (Kind::Any, 0 | 1) => {
                let index = self.odd(&["0", "0.9", "1"], "-1");
                format!("States.ArrayGetItem({}, {index})", arg(Kind::Array))
            }
            (Kind::Any, 2 | 3) => {
                format!("States.ArrayContains({}, {})", arg(Kind::Array), arg(Kind::Any))
            }
            (Kind::Any, _) => {
                format!("States.StringToJson(States.JsonToString({}))", arg(Kind::Any))
            }
        }
    }

    /// One of the good ones, or rarely the bad one.
    fn odd<T: Copy>(&self, good: &[T], bad: T) -> T {
        if self.tape.chance(2) { bad } else { *self.tape.pick(good) }
    }

    fn argument(&self, depth: usize, kind: Kind) -> String {
        // Now and then of the wrong kind.
        let kind = if self.tape.chance(1) { Kind::Any } else { kind };
        if depth < 4 && self.tape.chance(25) {
            return self.call(depth, kind);
        }
        let fits = |value: &Value| match kind {
            Kind::Text => value.is_string(),
            Kind::Number => value.is_number(),
            Kind::Array => value.is_array(),
            Kind::Object => value.is_object(),
            Kind::Any => true,
        };
        let known = self.knows(fits);
        if known && self.tape.chance(75) {
            return self.definite(fits);
        }
        match kind {
            Kind::Text => quoted(text(self.tape)),
            Kind::Number => number(self.tape).to_string(),
            Kind::Array => "States.Array('x', 2, null, true)".to_owned(),
            Kind::Object => quoted_json(&object(self.tape, 1)),
            Kind::Any => match scalar(self.tape) {
                Value::String(text) => quoted(&text),
                other => other.to_string(),
            },
        }
    }

    /// A choice rule without its `Next`.
    pub(crate) fn rule(&self, depth: usize) -> Value {
        let many = || -> Value { (0..=self.tape.below(3)).map(|_| self.rule(depth - 1)).collect() };
        if depth > 0 && self.tape.chance(35) {
            return match self.tape.below(3) {
                0 => json!({"And": many()}),
                1 => json!({"Or": many()}),
                _ => json!({"Not": self.rule(depth - 1)}),
            };
        }
        let family = *self.tape.pick(&["Numeric", "String", "Boolean", "Timestamp", "Is"]);
        let of_family = |value: &Value| match family {
            "Numeric" => value.is_number(),
            "String" => value.is_string(),
            "Boolean" => value.is_boolean(),
            "Timestamp" => value.as_str().is_some_and(|text| text.contains("T1")),
            _ => true,
        };
        let variable =
            if self.knows(of_family) { self.definite(of_family) } else { self.definite(|_| true) };
        if family == "Is" {
            let kinds = ["Present", "Null", "Numeric", "String", "Boolean", "Timestamp"];
            let operator = format!("Is{}", self.tape.pick(&kinds));
            let variable = if operator == "IsPresent" && self.tape.chance(30) {
                "$.perhaps.there".to_owned()
            } else {
                variable
            };
            return json!({"Variable": variable, operator: self.tape.chance(70)});
        }
        let order = ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"];
        let order = if family == "Boolean" { "Equals" } else { *self.tape.pick(&order) };
        if self.tape.chance(30) {
            return json!({"Variable": variable, format!("{family}{order}Path"): self.definite(of_family)});
        }
        if family == "String" && self.tape.chance(30) {
            let patterns = ["*", "h*o*", "a\\*c", "*,*", "x", "*world"];
            return json!({"Variable": variable, "StringMatches": self.tape.pick(&patterns)});
        }
        let operand = match family {
            "Numeric" => number(self.tape),
            "String" => text(self.tape).into(),
            "Boolean" => self.tape.chance(50).into(),
            _ => (*self.tape.pick(&["2025-06-01T12:00:00Z", "2025-06-01T12:00:00.5Z"])).into(),
        };
        json!({"Variable": variable, format!("{family}{order}"): operand})
    }
}

/// What a call gives or an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Array,
    Object,
    Any,
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|c| "'\\{}".contains(c).then_some('\\').into_iter().chain([c]))
        .collect();
    format!("'{escaped}'")
}

fn quoted_json(value: &Value) -> String {
    format!("States.StringToJson({})", quoted(&value.to_string()))
}
