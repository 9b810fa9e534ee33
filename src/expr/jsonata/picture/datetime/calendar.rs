//! The Gregorian calendar, in both directions, and ISO's weeks.
//!
//! Written out instead of taken from a library, whose years end at 9999: JavaScript's go on to
//! 275760.

/// Milliseconds since the epoch, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) year: i64,
    /// From 1 on, as is the day.
    pub(super) month: i64,
    pub(super) day: i64,
    /// Days since the epoch.
    days: i64,
    millis_of_day: i64,
}

impl Moment {
    pub(super) fn new(millis: i64) -> Self {
        let days = millis.div_euclid(DAY_MS);
        let (year, month, day) = civil(days);
        Self { year, month, day, days, millis_of_day: millis.rem_euclid(DAY_MS) }
    }

    /// Day of the year, from 1 on.
    pub(super) fn day_of_year(&self) -> i64 {
        self.days - days(self.year, 1, 1) + 1
    }

    /// Monday is 1, Sunday 7.
    pub(super) fn weekday(&self) -> i64 {
        weekday(self.days)
    }

    pub(super) fn hour(&self) -> i64 {
        self.millis_of_day / 3_600_000
    }

    pub(super) fn minute(&self) -> i64 {
        self.millis_of_day / 60_000 % 60
    }

    pub(super) fn second(&self) -> i64 {
        self.millis_of_day / 1000 % 60
    }

    pub(super) fn millisecond(&self) -> i64 {
        self.millis_of_day % 1000
    }

    /// The year that the week belongs to, and the week's number in it.
    pub(super) fn week_of_year(&self) -> (i64, i64) {
        let week_one = |year| first_week(days(year, 1, 1));
        let year = match self.year {
            year if self.days < week_one(year) => year - 1,
            year if self.days >= week_one(year + 1) => year + 1,
            year => year,
        };
        (year, (self.days - week_one(year)) / 7 + 1)
    }

    /// The month that the week belongs to, and the week's number in it: like weeks of years, the
    /// first one is that with the first Thursday.
    pub(super) fn week_of_month(&self) -> (i64, i64) {
        let week_one = |month| first_week(days(self.year, month, 1));
        let month = match self.month {
            month if self.days < week_one(month) => month - 1,
            month if self.days >= week_one(month + 1) => month + 1,
            month => month,
        };
        ((month - 1).rem_euclid(12) + 1, (self.days - week_one(month)) / 7 + 1)
    }
}

/// Days from the epoch to a date. Months and days outside of the calendar count on: month 13 is
/// the next January, day 0 the last of the month before.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let months = year * 12 + month - 3;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - DAYS_TO_EPOCH
}

/// Year, month and day of a number of days since the epoch.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era + month / 10;
    (year, (month + 2) % 12 + 1, day)
}

fn weekday(days: i64) -> i64 {
    // The epoch was a Thursday.
    (days + 3).rem_euclid(7) + 1
}

/// The Monday of the week that has the first Thursday from `first_day` on.
fn first_week(first_day: i64) -> i64 {
    let weekday = weekday(first_day);
    first_day - weekday + if weekday > 4 { 8 } else { 1 }
}

pub(super) const DAY_MS: i64 = 86_400_000;

/// From 1 March of the year 0 to 1 January 1970.
const DAYS_TO_EPOCH: i64 = 719_468;

/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_dates_are_known_days() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(days(2018, 14, 0), days(2019, 1, 31));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(-100_000_000), (-271_821, 4, 20));
        assert_eq!(civil(100_000_000), (275_760, 9, 13));
    }

    #[track_caller]
    fn has_weeks(date: (i64, i64, i64), of_year: (i64, i64), of_month: (i64, i64)) {
        let moment = Moment::new(days(date.0, date.1, date.2) * DAY_MS);
        assert_eq!((moment.week_of_year(), moment.week_of_month()), (of_year, of_month));
    }

    #[test]
    fn weeks_belong_to_the_year_and_month_of_their_thursday() {
        has_weeks((2005, 1, 1), (2004, 53), (12, 5));
        has_weeks((2005, 1, 2), (2004, 53), (12, 5));
        has_weeks((2008, 12, 29), (2009, 1), (1, 1));
        has_weeks((2018, 1, 1), (2018, 1), (1, 1));
        has_weeks((2010, 1, 4), (2010, 1), (1, 1));
        has_weeks((2018, 12, 31), (2019, 1), (1, 1));
        has_weeks((2018, 3, 30), (2018, 13), (3, 5));
    }

    proptest! {
        #[test]
        fn dates_and_days_agree(number in -100_000_000_i64..=100_000_000) {
            let (year, month, day) = civil(number);
            prop_assert!((1..=12).contains(&month) && (1..=31).contains(&day));
            prop_assert_eq!(days(year, month, day), number);
        }
    }
}
