//! Days, times and moments as people and spreadsheets write them.

use calamine::{ExcelDateTime, ExcelDateTimeType};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::sheet::Raw;
use crate::environment::Clock;

/// Digits of a year.
const YEAR_LENGTH: usize = 4;

/// A day. `12/31/2026` and `31/12/2026` are read, `05/06/2026` is not: it may be either.
pub fn date(text: &str) -> Option<NaiveDate> {
    let separator = text.chars().find(|letter| !letter.is_ascii_digit())?;
    let parts: Vec<&str> = text.split(separator).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let number = |part: &str, length_max: usize| {
        let is_number = (1..=length_max).contains(&part.len()) && part.chars().all(|digit| digit.is_ascii_digit());
        is_number.then(|| part.parse::<u32>().ok()).flatten()
    };
    let year =
        |part: &str| (part.len() == YEAR_LENGTH).then(|| number(part, YEAR_LENGTH)).flatten().and_then(|year| i32::try_from(year).ok());
    if let Some(year) = year(first) {
        return "-/.".contains(separator).then(|| NaiveDate::from_ymd_opt(year, number(second, 2)?, number(third, 2)?)).flatten();
    }
    let (first, second, year) = (number(first, 2)?, number(second, 2)?, year(third)?);
    let day_first = NaiveDate::from_ymd_opt(year, second, first);
    let month_first = NaiveDate::from_ymd_opt(year, first, second);
    match (separator, day_first, month_first) {
        ('.', day_first, _) => day_first,
        ('/' | '-', Some(one), Some(other)) => (one == other).then_some(one),
        ('/' | '-', one, other) => one.or(other),
        _ => None,
    }
}

/// A time of day, to the minute.
pub fn time(text: &str) -> Option<NaiveTime> {
    clock_time(text).filter(|time| time.second() == 0)
}

fn clock_time(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S", "%H:%M:%S%.f"].iter().find_map(|pattern| NaiveTime::parse_from_str(text, pattern).ok())
}

/// A moment in milliseconds since 1970. Without an offset it is in the laptop's local time; without a time the day's beginning.
pub fn moment_ms(text: &str, clock: &dyn Clock) -> Option<i64> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp_millis());
    }
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (day, clock_time(time.trim())?),
        None => (text, NaiveTime::MIN),
    };
    Some(local_ms(date(day)?.and_time(time), clock))
}

/// A local moment in milliseconds since 1970.
pub fn local_ms(local: NaiveDateTime, clock: &dyn Clock) -> i64 {
    let ms = local.and_utc().timestamp_millis();
    let near = ms - clock.offset_ms_at(ms);
    ms - clock.offset_ms_at(near)
}

/// The moment that a workbook's cell holds. A number counts days.
pub fn of_workbook(raw: &Raw, from_1904: bool) -> Option<NaiveDateTime> {
    match raw {
        Raw::Moment(moment) => Some(*moment),
        Raw::Number(days) if *days >= 0.0 => ExcelDateTime::new(*days, ExcelDateTimeType::DateTime, from_1904).as_datetime(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year, month, day)
    }

    #[test]
    fn a_day_is_read_only_when_it_can_be_no_other() {
        for text in ["2026-12-31", "2026/12/31", "31.12.2026", "12/31/2026", "31/12/2026", "31-12-2026"] {
            assert_eq!(date(text), day(2026, 12, 31), "{text}");
        }
        assert_eq!((date("5.6.2026"), date("05/05/2026")), (day(2026, 6, 5), day(2026, 5, 5)));
        for text in [
            "05/06/2026",
            "31.12.26",
            "2026-02-30",
            "30.02.2026",
            "13/13/2026",
            "12.31.2026",
            "2026",
            "",
            "a.b.c",
            "1-2",
            "2026-1-1-1",
            "2026 12 31",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_to_the_minute() {
        assert_eq!(time("9:05"), NaiveTime::from_hms_opt(9, 5, 0));
        assert_eq!(time("09:05:00"), NaiveTime::from_hms_opt(9, 5, 0));
        assert_eq!((time("09:05:30"), time("24:00"), time("9"), time("9.05")), (None, None, None, None));
    }

    #[test]
    fn workbooks_count_days() {
        let at = |days: f64, from_1904| of_workbook(&Raw::Number(days), from_1904);
        assert_eq!(at(46_023.5, false), day(2026, 1, 1).and_then(|day| day.and_hms_opt(12, 0, 0)));
        assert_eq!(at(46_023.0 - 1_462.0, true), day(2026, 1, 1).map(|day| day.and_time(NaiveTime::MIN)));
        assert_eq!((at(-1.0, false), at(f64::NAN, false), of_workbook(&Raw::Bool(true), false)), (None, None, None));
    }
}
