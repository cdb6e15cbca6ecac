//! Sources of signed webhooks.

use webhooks::Source;

use super::{Settings, Site};

impl Settings<'_> {
    /// The sources of `WEBHOOKS`. One that is wrong is left out and named; the others stand.
    pub(super) fn webhooks(&mut self, sites: &[Site]) -> Vec<Source> {
        const SETTING: &str = "WEBHOOKS";
        let Some(json) = self.json_list(SETTING) else {
            return Vec::new();
        };
        let sites: Vec<&str> = sites.iter().map(|site| site.website_id.as_str()).collect();
        let (sources, problems) = Source::read_all(&json, &|name| self.text(name), &sites);
        for why in problems {
            self.wrong(SETTING, why);
        }
        sources
    }
}
