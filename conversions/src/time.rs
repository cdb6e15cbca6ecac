//! Times in the forms that platforms write them in.

const MS_PER_DAY: u64 = 86_400_000;

/// A Unix time (ms) as RFC 3339 writes it, in UTC with milliseconds: `2026-09-01T12:00:00.000Z`.
pub(crate) fn rfc3339(ms: u64) -> String {
    let (year, month, day) = date(ms / MS_PER_DAY);
    let ms = ms % MS_PER_DAY;
    let [hour, minute, second] = [ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60];
    let ms = ms % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, eras are 400 years.
const DAYS_PER_ERA: u64 = 146_097;
const DAYS_FROM_0000_03_01_TO_1970: u64 = 719_468;

/// The date (year, month, day) so many days after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_FROM_0000_03_01_TO_1970;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // date -u -d @… +%FT%T
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_767_225_599_000, "2025-12-31T23:59:59.000Z"),
            (1_788_264_000_042, "2026-09-01T12:00:00.042Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
        let mut day = 0;
        for year in 1970..2110 {
            for month in 1..=12 {
                assert_eq!(date(day), (year, month, 1));
                let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                day += match month {
                    2 => 28 + u64::from(leap),
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
            }
        }
    }
}
