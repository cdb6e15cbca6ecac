//! What the report counts money in.

use super::{Problem, Settings};
use crate::money::{Rates, is_currency};

/// The settings of the report.
#[derive(Debug)]
pub struct ReportSettings {
    /// What money is counted in (`REPORT_CURRENCY`), and what other currencies are worth in it (`REPORT_RATES`).
    pub rates: Rates,
    /// What is wrong with the settings.
    pub problems: Vec<Problem>,
}

impl ReportSettings {
    /// Reads them through `variable` (the value of a name, if set).
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut settings = Settings {
            variable,
            problems: Vec::new(),
        };
        Self {
            rates: settings.report_rates(),
            problems: settings.problems,
        }
    }
}

impl Settings<'_> {
    fn report_rates(&mut self) -> Rates {
        const DEFAULT: &str = "EUR";
        let currency = self.text("REPORT_CURRENCY");
        let currency = currency.unwrap_or_else(|| DEFAULT.to_owned());
        if !is_currency(&currency) {
            self.wrong("REPORT_CURRENCY", "expected a code such as EUR");
            return Rates::only(DEFAULT.to_owned());
        }
        match self.text("REPORT_RATES") {
            None => Rates::only(currency),
            Some(json) => Rates::read(currency.clone(), &json).unwrap_or_else(|why| {
                self.wrong("REPORT_RATES", why);
                Rates::only(currency)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_named_and_its_default_stands_in() {
        for (name, value) in [
            ("REPORT_CURRENCY", "euro"),
            ("REPORT_RATES", r#"{"USD":"-1"}"#),
        ] {
            let settings = ReportSettings::read(&|asked| (asked == name).then(|| value.to_owned()));
            let named: Vec<_> = settings.problems.iter().map(|each| each.setting).collect();
            assert_eq!(named, [name]);
            assert_eq!(settings.rates, Rates::only("EUR".to_owned()));
        }
    }
}
