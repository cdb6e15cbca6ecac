//! What Google takes from where.

/// Whether Google takes IP addresses of a country, of two letters.
pub(in crate::platform) fn takes_ips_of(country: &str) -> bool {
    /// The European Economic Area, the United Kingdom and Switzerland.
    const BARRED: [&str; 32] = [
        "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR",
        "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE",
        "SI", "SK",
    ];
    // XX and T1 are Cloudflare's words for an unknown country and for Tor.
    let is_country = country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !country.eq_ignore_ascii_case("XX");
    is_country
        && !BARRED
            .iter()
            .any(|barred| barred.eq_ignore_ascii_case(country))
}
