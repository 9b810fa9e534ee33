//! Reading a date and time by its picture.
//!
//! The picture becomes a regular expression; what its groups found is completed: smaller parts
//! that are missing are the first ones, larger parts are those of today.

use super::calendar::{DAY_MS, Moment, days};
use super::picture::{Component, Field, Part, Picture, Style};
use super::{Code, MILLIS_MAX, Thrown, iso, no_timestamp};

/// A picture prepared for reading.
#[derive(Clone, Debug)]
pub(in crate::expr::jsonata) struct Reader {
    expression: regex::Regex,
    /// Those of the groups, in order.
    fields: Vec<Field>,
}

impl Reader {
    /// Prepares a picture.
    pub(in crate::expr::jsonata) fn new(picture: &str) -> Result<Self, Thrown> {
        let mut expression = String::from("^");
        let mut fields = Vec::new();
        for part in Picture::parse(picture)?.parts {
            match part {
                Part::Literal(literal) => expression.push_str(&regex::escape(&literal)),
                Part::Field(field) => {
                    expression.push('(');
                    expression.push_str(&field.expression()?);
                    expression.push(')');
                    fields.push(field);
                }
            }
        }
        expression.push('$');
        let expression = regex::RegexBuilder::new(&expression)
            .case_insensitive(true)
            .size_limit(PROGRAM_BYTES_MAX)
            .build()
            .map_err(|_| {
                let message = "The date/time picture string is too long";
                Thrown::new(Code::D3137).with("message", message)
            })?;
        Ok(Self { expression, fields })
    }

    /// Milliseconds since the epoch of what `text` says; `None` when it does not look like the
    /// picture, or says nothing.
    pub(in crate::expr::jsonata) fn read(
        &self,
        text: &str,
        now_ms: i64,
    ) -> Result<Option<i64>, Thrown> {
        let Some(captures) = self.expression.captures(text) else { return Ok(None) };
        if self.fields.is_empty() {
            return Ok(None);
        }
        let mut found = Found::default();
        for (field, group) in self.fields.iter().zip(captures.iter().skip(1)) {
            match field.read(group.map_or("", |group| group.as_str())) {
                Ok(value) => found.0[field.component as usize] = value,
                Err(Unreadable) => return Ok(None),
            }
        }
        let now = Moment::new(now_ms.clamp(-MILLIS_MAX, MILLIS_MAX));
        found.millis(&now, || no_timestamp(text)).map(Some)
    }
}

/// A field's text that matches its expression and stands for nothing.
struct Unreadable;

impl Field {
    /// Matches what may be read.
    fn expression(&self) -> Result<String, Thrown> {
        match (&self.style, self.component) {
            (Style::Integer(picture), Component::Offset | Component::OffsetGmt) => {
                let prefix = if self.component == Component::OffsetGmt { "GMT" } else { "" };
                let minutes = picture
                    .separator()
                    .map(|separator| format!("{}[0-9]+", regex::escape(&separator.to_string())))
                    .unwrap_or_default();
                Ok(format!("{prefix}[-+][0-9]+{minutes}"))
            }
            (Style::Integer(_), Component::Fraction) => Ok("[0-9]+".to_owned()),
            (Style::Integer(picture), _) => picture.check().map(|()| picture.expression()),
            (_, Component::HalfOfDay) => Ok("[a-z]+".to_owned()),
            (_, component) if component.names().is_empty() => Err(component.nameless()),
            _ => Ok("[a-z]+".to_owned()),
        }
    }

    /// The value that `text` stands for; a name that is none leaves the component open.
    fn read(&self, text: &str) -> Result<Option<f64>, Unreadable> {
        match (&self.style, self.component) {
            (_, Component::Offset | Component::OffsetGmt) => Ok(Some(read_offset(text))),
            (Style::Integer(_), Component::Fraction) => {
                Ok(Some(iso::milliseconds(text.as_bytes()) as f64))
            }
            (Style::Integer(picture), _) => picture.read(text).map(Some).ok_or(Unreadable),
            (_, Component::HalfOfDay) => Ok(match text {
                "am" | "AM" => Some(0.0),
                "pm" | "PM" => Some(1.0),
                _ => None,
            }),
            (_, component) => {
                let place = component.names().iter().position(|name| self.cut(name) == text);
                Ok(place.map(|place| place as f64 + 1.0))
            }
        }
    }
}

/// Minutes east of UTC of `+hh:mm`, `+hhmm` or `+h`, with or without `GMT`.
///
/// The reference adds the minutes to negative hours, and so is an hour off for `-03:30`.
fn read_offset(text: &str) -> f64 {
    let is_negative = text.contains('-');
    let digits = text.trim_start_matches(|char: char| !char.is_ascii_digit());
    let separator = digits.find(|char: char| !char.is_ascii_digit());
    let (hours, minutes) = match separator {
        Some(at) => digits.split_at(at),
        None => digits.split_at(digits.len().min(2)),
    };
    let minutes = minutes.trim_start_matches(|char: char| !char.is_ascii_digit());
    let number = |digits: &str| digits.parse().unwrap_or(0.0);
    let offset = number(hours) * 60.0 + number(minutes);
    if is_negative { -offset } else { offset }
}

/// Values by component.
#[derive(Clone, Copy, Debug, Default)]
struct Found([Option<f64>; 19]);

impl Found {
    fn get(&self, component: Component) -> Option<f64> {
        self.0[component as usize]
    }

    fn millis(mut self, now: &Moment, no_timestamp: impl Fn() -> Thrown) -> Result<i64, Thrown> {
        let (date, time) = (self.date_components(), self.time_components());
        self.complete(date.iter().chain(time), now)?;
        if date.contains(&Component::WeekYear) {
            // The reference does not read weeks either.
            return Err(Thrown::new(Code::D3136));
        }
        self.sum(date, time).ok_or_else(no_timestamp)
    }

    /// The components that make up the date, largest first.
    fn date_components(&self) -> &'static [Component] {
        let ways = [BY_MONTH, BY_DAY_OF_YEAR, BY_WEEK_OF_MONTH, BY_WEEK_OF_YEAR];
        self.way(&ways, DATE_COMPONENTS).unwrap_or(BY_MONTH)
    }

    fn time_components(&self) -> &'static [Component] {
        self.way(&[BY_24_HOURS, BY_12_HOURS], TIME_COMPONENTS).unwrap_or(BY_24_HOURS)
    }

    /// The first way that has all of the components that were found, if any was; zeros do not
    /// count.
    fn way(
        &self,
        ways: &[&'static [Component]],
        components: &[Component],
    ) -> Option<&'static [Component]> {
        let is_found = |it: &&Component| self.get(**it).is_some_and(|value| value != 0.0);
        let found: Vec<_> = components.iter().filter(is_found).collect();
        let has_all = |way: &[Component]| found.iter().all(|it| way.contains(it));
        ways.iter().copied().find(|way| !found.is_empty() && has_all(way))
    }

    /// Gives all components a value; nothing may be missing between those that were found.
    fn complete<'c>(
        &mut self,
        components: impl Iterator<Item = &'c Component>,
        now: &Moment,
    ) -> Result<(), Thrown> {
        let mut is_begun = false;
        let mut is_ended = false;
        for &component in components {
            let value = &mut self.0[component as usize];
            if value.is_some() {
                is_begun = true;
                if is_ended {
                    return Err(Thrown::new(Code::D3136));
                }
            } else if is_begun {
                is_ended = true;
                *value = Some(component.smallest());
            } else if component == Component::HalfOfDay {
                // Morning, whatever the time is.
                *value = Some(0.0);
            } else {
                *value = Some(component.value(now) as f64);
            }
        }
        Ok(())
    }

    /// `None` when out of range.
    fn sum(&self, date: &[Component], time: &[Component]) -> Option<i64> {
        let value = |component| match self.get(component).unwrap_or(0.0) {
            value if value.abs() < VALUE_MAX => Some(value as i64),
            _ => None,
        };
        // JavaScript takes two digits for a year of its own century.
        let year = match value(Component::Year)? {
            year @ 0..=99 => 1900 + year,
            year => year,
        };
        let days = if date.contains(&Component::DayOfYear) {
            days(year, 1, value(Component::DayOfYear)?)
        } else {
            days(year, value(Component::Month)?.max(1), value(Component::Day)?)
        };
        let hour = if time.contains(&Component::HalfHour) {
            let hour = value(Component::HalfHour)?;
            let half = value(Component::HalfOfDay)?;
            (if hour == 12 { 0 } else { hour }) + if half == 1 { 12 } else { 0 }
        } else {
            value(Component::Hour)?
        };
        let offset = match value(Component::Offset)? {
            0 => value(Component::OffsetGmt)?,
            offset => offset,
        };
        let minutes = hour * 60 + value(Component::Minute)? - offset;
        let millis = value(Component::Second)? * 1000 + value(Component::Fraction)?;
        let sum = days.checked_mul(DAY_MS)?.checked_add(minutes * 60_000 + millis)?;
        (sum.abs() <= MILLIS_MAX).then_some(sum)
    }
}

impl Component {
    /// What it is when only larger components are given.
    fn smallest(self) -> f64 {
        f64::from(u8::from(matches!(self, Self::Month | Self::Day | Self::DayOfYear)))
    }
}

const DATE_COMPONENTS: &[Component] = &[
    Component::Year,
    Component::WeekYear,
    Component::Month,
    Component::WeekMonth,
    Component::WeekOfYear,
    Component::WeekOfMonth,
    Component::DayOfYear,
    Component::Day,
];

const TIME_COMPONENTS: &[Component] = &[
    Component::HalfOfDay,
    Component::Hour,
    Component::HalfHour,
    Component::Minute,
    Component::Second,
    Component::Fraction,
];

const BY_MONTH: &[Component] = &[Component::Year, Component::Month, Component::Day];

const BY_DAY_OF_YEAR: &[Component] = &[Component::Year, Component::DayOfYear];

const BY_WEEK_OF_MONTH: &[Component] =
    &[Component::WeekYear, Component::WeekMonth, Component::WeekOfMonth, Component::Weekday];

const BY_WEEK_OF_YEAR: &[Component] =
    &[Component::WeekYear, Component::WeekOfYear, Component::Weekday];

const BY_24_HOURS: &[Component] =
    &[Component::Hour, Component::Minute, Component::Second, Component::Fraction];

const BY_12_HOURS: &[Component] = &[
    Component::HalfOfDay,
    Component::HalfHour,
    Component::Minute,
    Component::Second,
    Component::Fraction,
];

/// Beyond, no component is in range whatever the others are.
const VALUE_MAX: f64 = 1e10;

const PROGRAM_BYTES_MAX: usize = 1 << 18;
