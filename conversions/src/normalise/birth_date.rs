//! Dates of birth, from the many ways people write them.

/// The first year that counts as one of birth.
const FIRST_YEAR: u64 = 1800;

/// A date of birth as YYYYMMDD. Three numbers are read by their size: the year is the one over 31, else the last; then
/// month before day, unless that month would be over 12. Eight digits in a row are taken as they are.
///
/// `this_year` bounds the year: none is later than the next.
pub fn birth_date(text: &str, this_year: u64) -> Option<String> {
    let mut groups = text
        .split(|character: char| !character.is_ascii_digit())
        .filter(|group| !group.is_empty());
    let first = groups.next()?;
    match (groups.next(), groups.next()) {
        (Some(second), Some(third)) => {
            let (year, month, day) = in_order(number(first), number(second), number(third));
            let is_date = (FIRST_YEAR..=this_year + 1).contains(&year)
                && (1..=12).contains(&month)
                && (1..=31).contains(&day);
            is_date.then(|| format!("{year:04}{month:02}{day:02}"))
        }
        (None, _) if first.len() == 8 => Some(first.to_owned()),
        _ => None,
    }
}

fn number(digits: &str) -> u64 {
    // Too many digits are no part of a date.
    digits.parse().unwrap_or(u64::MAX)
}

fn in_order(first: u64, second: u64, third: u64) -> (u64, u64, u64) {
    let (year, [before, after]) = if first > 31 {
        (first, [second, third])
    } else if second > 31 {
        (second, [third, first])
    } else {
        (third, [first, second])
    };
    if before > 12 {
        (year, after, before)
    } else {
        (year, before, after)
    }
}
