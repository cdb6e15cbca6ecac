//! Numbers as people dial them at home.

use std::borrow::Cow;

/// How each country numbers its phones (ITU-T E.164 and E.129, as libphonenumber's metadata lists them), a line each: the
/// country, its calling code, what is dialled before a number at home and not from abroad (`-`: nothing), and how numbers of
/// people and places look without either: so many digits, the first of which is one of those. `*`: they vary too much to be
/// known by that, and are told by what is dialled before them.
const NUMBERING: &str = include_str!("numbering.txt");

/// The fewest digits of a number within its country, as told from an extension.
const MIN_NATIONAL_DIGITS: usize = 4;

/// Whether `country` is the code of one (ISO 3166-1, two letters in any case) whose numbers are known.
pub fn is_country(country: &str) -> bool {
    Plan::of(&country.to_ascii_lowercase()).is_some()
}

/// The number with its country code, where `text` is surely a national number of `country` (ISO 3166-1, two letters in
/// any case). Where it may have a country code already it stays as it is.
pub fn with_country_code(text: &str, country: &str) -> String {
    international(text, country).unwrap_or_else(|| text.to_owned())
}

/// The number without a `(0)` behind its country code, as in `+44 (0)20 7946 0018`: that is dialled at home alone (ITU-T E.123, 7.2). Italy's
/// numbers, and San Marino's and the Vatican's, begin with it abroad, too.
pub fn without_trunk_zero(text: &str) -> Cow<'_, str> {
    const ZERO: &str = "(0)";
    let digits_of = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let Some((code, national)) = text.split_once(ZERO) else {
        return text.into();
    };
    let is_international = code.contains(['+', '＋']) || digits_of(code).starts_with("00");
    let code_digits = digits_of(code);
    let code_digits = code_digits.trim_start_matches('0');
    match (is_international, code_digits) {
        (false, _) | (true, "" | "39" | "378" | "379") => text.into(),
        _ => [code, national].concat().into(),
    }
}

fn international(text: &str, country: &str) -> Option<String> {
    if text.contains(['+', '＋']) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.starts_with("00") {
        return None;
    }
    let plan = Plan::of(&country.to_ascii_lowercase())?;
    if let Some(abroad) = plan.dialled_abroad(&digits) {
        return Some(abroad.to_owned());
    }
    let in_full = |national: &str| Some([plan.code, national].concat());
    let national = plan.prefixes().find_map(|prefix| {
        let national = digits.strip_prefix(prefix)?;
        plan.is_dialled(national).then_some(national)
    });
    if let Some(national) = national {
        return in_full(national);
    }
    let has_code = digits
        .strip_prefix(plan.code)
        .is_some_and(|national| plan.varies() || plan.is_national(national));
    (!has_code && plan.is_national(&digits)).then(|| in_full(&digits))?
}

/// How a country numbers its phones.
#[derive(Clone, Copy)]
struct Plan<'a> {
    code: &'a str,
    prefixes: &'a str,
    shapes: &'a str,
}

impl<'a> Plan<'a> {
    fn of(country: &str) -> Option<Plan<'static>> {
        let line = NUMBERING
            .lines()
            .find_map(|line| line.strip_prefix(country)?.strip_prefix(' '))?;
        let (code, rest) = line.split_once(' ')?;
        let (prefixes, shapes) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Plan {
            code,
            prefixes,
            shapes,
        })
    }

    /// What is dialled before a number at home, the longest first.
    fn prefixes(self) -> impl Iterator<Item = &'a str> {
        self.prefixes.split(',').filter(|prefix| *prefix != "-")
    }

    fn varies(self) -> bool {
        self.shapes.starts_with('*')
    }

    /// What follows the prefix of an international call, where that is not 00.
    fn dialled_abroad(self, digits: &str) -> Option<&str> {
        let prefix = match self.code {
            "1" => "011",
            "7" => "810",
            _ => return None,
        };
        let abroad = digits.strip_prefix(prefix)?;
        (abroad.len() > MIN_NATIONAL_DIGITS && !self.is_national(digits)).then_some(abroad)
    }

    /// Whether a number of the country looks like that behind the prefix.
    fn is_dialled(self, national: &str) -> bool {
        self.is_national(national) || (self.varies() && national.len() >= MIN_NATIONAL_DIGITS)
    }

    /// Whether a number of the country looks like that.
    fn is_national(self, digits: &str) -> bool {
        // In North America an exchange begins with 2 to 9; in Brazil the longer numbers are mobile, 9 behind the area.
        match (self.code, digits.as_bytes()) {
            ("1", [_, _, _, b'0' | b'1', ..]) => return false,
            ("55", [_, _, third, rest @ ..]) if rest.len() == 8 && *third != b'9' => return false,
            _ => {}
        }
        let bound = |text: &str| text.parse().unwrap_or(0);
        let has_length = |lengths: &str| {
            lengths.split(',').any(|range| {
                let (least, most) = range.split_once('-').unwrap_or((range, range));
                (bound(least)..=bound(most)).contains(&digits.len())
            })
        };
        self.shapes.split(' ').any(|shape| {
            shape.split_once(':').is_some_and(|(lengths, first)| {
                has_length(lengths) && digits.starts_with(|digit| first.contains(digit))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_plan() {
        let is_number = |text: &str| text.parse::<u32>().is_ok();
        for line in NUMBERING.lines() {
            let (country, _) = line.split_once(' ').unwrap();
            assert_eq!(country.len(), 2, "{line}");
            let plan = Plan::of(country).unwrap();
            assert!(is_number(plan.code), "{line}");
            assert!(
                plan.prefixes == "-" || plan.prefixes().all(is_number),
                "{line}"
            );
            for shape in plan.shapes.split(' ').filter(|shape| *shape != "*") {
                let (lengths, first) = shape.split_once(':').unwrap();
                assert!(is_number(first), "{line}");
                assert!(lengths.split([',', '-']).all(is_number), "{line}");
            }
        }
        assert!(Plan::of("").is_none() && Plan::of("d").is_none() && Plan::of("zz").is_none());
    }
}
