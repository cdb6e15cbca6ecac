//! Numbers as people dial them at home.

/// Countries whose national numbers begin with a 0 that is not dialled from abroad, with their calling codes (ITU-T
/// E.164 and E.129, as libphonenumber's metadata lists them).
const TRUNK_ZERO: &str = "ae971 af93 al355 am374 ar54 at43 au61 ax358 az994 ba387 bd880 be32 bg359 bl590 bo591 br55 \
    cc61 cd243 ch41 cn86 co57 cu53 cx61 de49 dz213 ec593 eg20 eh212 er291 et251 fi358 fr33 gb44 ge995 gf594 gg44 \
    gh233 gp590 hr385 id62 ie353 il972 im44 in91 iq964 ir98 je44 jo962 jp81 ke254 kg996 kh855 ki686 kp850 kr82 la856 \
    lb961 li423 lk94 lr231 lt370 ly218 ma212 mc377 md373 me382 mf590 mg261 mk389 mm95 mn976 mq596 mw265 my60 na264 \
    ng234 nl31 np977 nz64 pe51 ph63 pk92 pm508 ps970 py595 re262 ro40 rs381 rw250 sa966 sd249 se46 si386 sk421 sl232 \
    so252 ss211 sy963 th66 tr90 tw886 tz255 ua380 ug256 uy598 ve58 vn84 xk383 ye967 yt262 za27 zm260 zw263";

/// Countries of the North American Numbering Plan: ten digits at home, a 1 before them from abroad.
const NORTH_AMERICAN: &str =
    "ag ai as bb bm bs ca dm do gd gu jm kn ky lc mp ms pr sx tc tt us vc vg vi";

/// The fewest digits of a number within its country, as told from an extension.
const MIN_NATIONAL_DIGITS: usize = 4;

/// The number with its country code, where `text` is surely a national number of `country` (ISO 3166-1, two letters in
/// any case). Where it may have a country code already it stays as it is.
pub fn with_country_code(text: &str, country: &str) -> String {
    international(text, country).unwrap_or_else(|| text.to_owned())
}

fn international(text: &str, country: &str) -> Option<String> {
    if text.contains('+') {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let country = country.to_ascii_lowercase();
    let is_north_american = || NORTH_AMERICAN.split(' ').any(|one| one == country);
    match (country.as_str(), digits.as_bytes()) {
        // The prefix of an international call.
        (_, [b'0', b'0', ..]) => None,
        (_, [b'0', rest @ ..]) if rest.len() >= MIN_NATIONAL_DIGITS => {
            let mut entries = TRUNK_ZERO
                .split(' ')
                .filter_map(|entry| entry.split_at_checked(2));
            let (_, code) = entries.find(|(one, _)| *one == country)?;
            Some(format!("{code}{}", digits.get(1..)?))
        }
        ("ru" | "kz", [b'8', rest @ ..]) if rest.len() == 10 => {
            Some(format!("7{}", digits.get(1..)?))
        }
        ("by", [b'8', b'0', rest @ ..]) if rest.len() == 9 => {
            Some(format!("375{}", digits.get(2..)?))
        }
        (_, [b'2'..=b'9', ..]) if digits.len() == 10 && is_north_american() => {
            Some(format!("1{digits}"))
        }
        _ => None,
    }
}
