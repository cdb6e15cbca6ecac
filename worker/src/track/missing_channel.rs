//! The page for a click that finds no channel, in the visitor's language.

use crate::answer::Answer;

/// Language, title, sentence.
const TEXTS: [(&str, &str, &str); 8] = [
    (
        "en",
        "This channel is not available",
        "The link you followed has no Telegram channel behind it at the moment. Please go back and try again later.",
    ),
    (
        "es",
        "Este canal no está disponible",
        "El enlace que has seguido no lleva ahora mismo a ningún canal de Telegram. Vuelve atrás e inténtalo más tarde.",
    ),
    (
        "pt",
        "Este canal não está disponível",
        "O link que você seguiu não leva a nenhum canal do Telegram no momento. Volte e tente de novo mais tarde.",
    ),
    (
        "de",
        "Dieser Kanal ist nicht verfügbar",
        "Hinter diesem Link steht zurzeit kein Telegram-Kanal. Bitte geh zurück und versuche es später noch einmal.",
    ),
    (
        "fr",
        "Cette chaîne n’est pas disponible",
        "Le lien que vous avez suivi ne mène pour le moment à aucune chaîne Telegram. Revenez en arrière et réessayez plus tard.",
    ),
    (
        "it",
        "Questo canale non è disponibile",
        "Il link che hai seguito al momento non porta a nessun canale Telegram. Torna indietro e riprova più tardi.",
    ),
    (
        "ru",
        "Этот канал недоступен",
        "За этой ссылкой сейчас нет канала в Telegram. Вернитесь назад и попробуйте позже.",
    ),
    (
        "uk",
        "Цей канал недоступний",
        "За цим посиланням зараз немає каналу в Telegram. Поверніться назад і спробуйте пізніше.",
    ),
];

/// The page; `accept_language` is the visitor's header.
pub fn page(accept_language: &str) -> Answer {
    let (language, title, sentence) = text(accept_language);
    let html = format!(
        "<!doctype html><html lang=\"{language}\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <style>body{{font:1.125rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem}}h1{{font-size:1.5rem;line-height:1.25}}</style>\
         <main><h1>{title}</h1><p>{sentence}</p></main></html>"
    );
    Answer::new(404, "text/html; charset=utf-8", html)
        .header("cache-control", "no-store")
        .header(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'",
        )
        .header("vary", "accept-language")
}

/// The first language of the header's best weight that there is a text in (RFC 9110, 12.5.4); English else.
fn text(accept_language: &str) -> &'static (&'static str, &'static str, &'static str) {
    let mut best: Option<(f32, &(&str, &str, &str))> = None;
    for range in accept_language.split(',') {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let primary = tag.split('-').next().unwrap_or_default();
        let weight = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1.0, |(_, q)| q.trim().parse::<f32>().unwrap_or(0.0));
        let Some(found) = TEXTS
            .iter()
            .find(|(language, ..)| primary.eq_ignore_ascii_case(language))
        else {
            continue;
        };
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, found));
        }
    }
    let [english, ..] = &TEXTS;
    best.map_or(english, |(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_visitors_language() {
        let table = [
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("ja,uk;q=0.7,ru;q=0.9", "ru"),
            ("PT-br", "pt"),
            ("fr;q=0, es;q=0.1", "es"),
            ("ja", "en"),
            ("", "en"),
            ("it;q=x", "en"),
            ("de;Q=0.1,fr;q=0.9", "fr"),
            ("de; q = 0.1, fr;q=0.9", "fr"),
            ("de;x=1;q=0.1, fr;q=0.9", "fr"),
        ];
        for (header, language) in table {
            assert_eq!(text(header).0, language, "{header}");
        }
    }
}
