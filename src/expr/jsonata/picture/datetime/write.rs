//! Writing a date and time by its picture.

use super::super::integer::{Case, Integer, IntegerPicture};
use super::calendar::Moment;
use super::picture::{Component, Field, Part, Picture, Style};
use super::{Code, Offset, Thrown, local};

impl Picture {
    /// Writes the time `millis` as clocks show it where `timezone`, an offset such as `+0530`,
    /// applies; without one, in UTC.
    pub(in crate::expr::jsonata) fn format(
        &self,
        millis: f64,
        timezone: Option<&str>,
    ) -> Result<String, Thrown> {
        let offset = Offset::parse(timezone)?;
        let moment = local(millis, offset)?;
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Field(field) => text.push_str(&field.format(&moment, offset)?),
            }
        }
        Ok(text)
    }
}

impl Field {
    fn format(&self, moment: &Moment, offset: Offset) -> Result<String, Thrown> {
        match (&self.style, self.component) {
            (Style::Integer(picture), Component::Offset | Component::OffsetGmt) => {
                self.format_offset(picture, offset)
            }
            (style, Component::HalfOfDay) => {
                let half = if moment.hour() < 12 { "am" } else { "pm" };
                let is_upper = matches!(style, Style::Name(Case::Upper));
                Ok(if is_upper { half.to_uppercase() } else { half.to_owned() })
            }
            (Style::Name(_) | Style::Plain, Component::Calendar | Component::Era) => {
                Ok("ISO".to_owned())
            }
            (Style::Name(case), component) => {
                let name = component.name(component.value(moment));
                let name = name.ok_or_else(|| component.nameless())?;
                Ok(case.apply(self.cut(name).to_owned()))
            }
            (Style::Integer(picture), component) => {
                let value = component.value(moment);
                let modulus = self.year_digits.and_then(|digits| 10_i64.checked_pow(digits));
                picture.format(&Integer::from(modulus.map_or(value, |modulus| value % modulus)))
            }
            (Style::Plain, _) => Ok(String::new()),
        }
    }

    /// The part of a name that is written and read.
    pub(super) fn cut<'n>(&self, name: &'n str) -> &'n str {
        self.width_max
            .filter(|&width| width > 0)
            .and_then(|width| name.get(..width))
            .unwrap_or(name)
    }

    fn format_offset(&self, picture: &IntegerPicture, offset: Offset) -> Result<String, Thrown> {
        let sign = if offset.is_negative() { '-' } else { '+' };
        let [hours, minutes] = [offset.hours.abs(), offset.minutes.abs()];
        let too_long = || Thrown::new(Code::D3134);
        let decimal = picture.decimal().ok_or_else(too_long)?;
        let text = match decimal.digits_min {
            1 | 2 if picture.separator().is_none() => {
                let hours = picture.format(&Integer::from(hours))?;
                if minutes == 0 { hours } else { format!("{hours}:{minutes:02}") }
            }
            digits if digits <= 4 || picture.separator().is_some() => {
                picture.format(&Integer::from(hours * 100 + minutes))?
            }
            _ => return Err(too_long()),
        };
        if self.is_zulu && offset == Offset::default() {
            return Ok("Z".to_owned());
        }
        let prefix = if self.component == Component::OffsetGmt { "GMT" } else { "" };
        Ok(format!("{prefix}{sign}{text}"))
    }
}

impl Component {
    /// What the component is at a moment, as a number.
    pub(super) fn value(self, moment: &Moment) -> i64 {
        match self {
            Self::Year => moment.year,
            Self::Month => moment.month,
            Self::Day => moment.day,
            Self::DayOfYear => moment.day_of_year(),
            Self::Weekday => moment.weekday(),
            Self::WeekOfYear => moment.week_of_year().1,
            Self::WeekOfMonth => moment.week_of_month().1,
            Self::WeekYear => moment.week_of_year().0,
            Self::WeekMonth => moment.week_of_month().0,
            Self::Hour => moment.hour(),
            Self::HalfHour => (moment.hour() + 11) % 12 + 1,
            Self::HalfOfDay => i64::from(moment.hour() >= 12),
            Self::Minute => moment.minute(),
            Self::Second => moment.second(),
            Self::Fraction => moment.millisecond(),
            Self::Offset | Self::OffsetGmt | Self::Calendar | Self::Era => 0,
        }
    }

    /// Names of the values, the first of which is 1.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month | Self::WeekMonth => &MONTHS,
            Self::Weekday => &DAYS,
            _ => &[],
        }
    }

    fn name(self, value: i64) -> Option<&'static str> {
        self.names().get(usize::try_from(value).ok()?.checked_sub(1)?).copied()
    }
}

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
