//! Pages of the edge's own, for a click that finds no channel and for a page that can't be had, in the visitor's language.

use crate::answer::Answer;
use crate::config::Channel;

/// What is said in a language.
struct Words {
    language: &'static str,
    /// A click finds no channel: title and sentence.
    no_channel: (&'static str, &'static str),
    /// The page's own server does not answer: title, and what a link to the channel says.
    no_page: (&'static str, &'static str),
}

const WORDS: [Words; 8] = [
    Words {
        language: "en",
        no_channel: (
            "This channel is not available",
            "The link you followed has no Telegram channel behind it at the moment. Please go back and try again later.",
        ),
        no_page: (
            "This page can’t be shown right now",
            "Open the channel in Telegram",
        ),
    },
    Words {
        language: "es",
        no_channel: (
            "Este canal no está disponible",
            "El enlace que has seguido no lleva ahora mismo a ningún canal de Telegram. Vuelve atrás e inténtalo más tarde.",
        ),
        no_page: (
            "Esta página no se puede mostrar ahora mismo",
            "Abrir el canal en Telegram",
        ),
    },
    Words {
        language: "pt",
        no_channel: (
            "Este canal não está disponível",
            "O link que você seguiu não leva a nenhum canal do Telegram no momento. Volte e tente de novo mais tarde.",
        ),
        no_page: (
            "Esta página não pode ser exibida no momento",
            "Abrir o canal no Telegram",
        ),
    },
    Words {
        language: "de",
        no_channel: (
            "Dieser Kanal ist nicht verfügbar",
            "Hinter diesem Link steht zurzeit kein Telegram-Kanal. Bitte geh zurück und versuche es später noch einmal.",
        ),
        no_page: (
            "Diese Seite kann gerade nicht angezeigt werden",
            "Den Kanal in Telegram öffnen",
        ),
    },
    Words {
        language: "fr",
        no_channel: (
            "Cette chaîne n’est pas disponible",
            "Le lien que vous avez suivi ne mène pour le moment à aucune chaîne Telegram. Revenez en arrière et réessayez plus tard.",
        ),
        no_page: (
            "Cette page ne peut pas être affichée pour le moment",
            "Ouvrir la chaîne dans Telegram",
        ),
    },
    Words {
        language: "it",
        no_channel: (
            "Questo canale non è disponibile",
            "Il link che hai seguito al momento non porta a nessun canale Telegram. Torna indietro e riprova più tardi.",
        ),
        no_page: (
            "Questa pagina al momento non può essere mostrata",
            "Apri il canale in Telegram",
        ),
    },
    Words {
        language: "ru",
        no_channel: (
            "Этот канал недоступен",
            "За этой ссылкой сейчас нет канала в Telegram. Вернитесь назад и попробуйте позже.",
        ),
        no_page: (
            "Страницу сейчас не удаётся показать",
            "Открыть канал в Telegram",
        ),
    },
    Words {
        language: "uk",
        no_channel: (
            "Цей канал недоступний",
            "За цим посиланням зараз немає каналу в Telegram. Поверніться назад і спробуйте пізніше.",
        ),
        no_page: (
            "Сторінку зараз не вдається показати",
            "Відкрити канал у Telegram",
        ),
    },
];

/// A click finds no channel; `accept_language` is the visitor's header.
pub fn no_channel(accept_language: &str) -> Answer {
    let words = words(accept_language);
    let (title, sentence) = words.no_channel;
    page(404, words.language, title, sentence)
}

/// The page's own server does not answer; the channel, where the site has one, is a tap away.
pub fn no_page(accept_language: &str, channel: Option<&Channel>) -> Answer {
    let words = words(accept_language);
    let (title, link) = words.no_page;
    let way = channel.map(|Channel { slug, .. }| format!("<a href=\"/c/{slug}\">{link}</a>"));
    page(502, words.language, title, &way.unwrap_or_default())
}

fn page(status: u16, language: &str, title: &str, text: &str) -> Answer {
    let html = format!(
        "<!doctype html><html lang=\"{language}\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <style>body{{font:1.125rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem}}h1{{font-size:1.5rem;line-height:1.25}}</style>\
         <main><h1>{title}</h1><p>{text}</p></main></html>"
    );
    Answer::new(status, "text/html; charset=utf-8", html)
        .header("cache-control", "no-store")
        .header(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'",
        )
        .header("vary", "accept-language")
}

/// The first language of the header's best weight that there is a text in (RFC 9110, 12.5.4); English else.
fn words(accept_language: &str) -> &'static Words {
    let mut best: Option<(f32, &Words)> = None;
    for range in accept_language.split(',') {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let primary = tag.split('-').next().unwrap_or_default();
        let weight = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1.0, |(_, q)| q.trim().parse::<f32>().unwrap_or(0.0));
        let Some(found) = WORDS
            .iter()
            .find(|words| primary.eq_ignore_ascii_case(words.language))
        else {
            continue;
        };
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, found));
        }
    }
    let [english, ..] = &WORDS;
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
            assert_eq!(words(header).language, language, "{header}");
        }
    }
}
