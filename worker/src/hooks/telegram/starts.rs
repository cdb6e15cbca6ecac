//! Who starts the bot: it answers with a way into the channel.

use conversions::{ConversionId, TelegramUserId};
use serde_json::json;

use super::update::User;
use super::{Hook, WAITS, in_time};
use crate::config::{Channel, InviteMode, Site};
use crate::edge;
use crate::error::Error;
use crate::ids::ClickId;
use crate::invites;
use crate::ledger::Database;
use crate::message::Message;
use crate::outcomes::joins::{self, OwedStart, Way};
use crate::runtime;

/// What the bot says in a language.
struct Words {
    language: &'static str,
    invitation: &'static str,
    button: &'static str,
    no_channel: &'static str,
}

const WORDS: [Words; 8] = [
    Words {
        language: "en",
        invitation: "Your way into the channel is ready.",
        button: "Join the channel",
        no_channel: "This channel is not available at the moment. Please try again later.",
    },
    Words {
        language: "es",
        invitation: "Tu acceso al canal está listo.",
        button: "Unirse al canal",
        no_channel: "Este canal no está disponible en este momento. Inténtalo más tarde.",
    },
    Words {
        language: "pt",
        invitation: "Seu acesso ao canal está pronto.",
        button: "Entrar no canal",
        no_channel: "Este canal não está disponível no momento. Tente de novo mais tarde.",
    },
    Words {
        language: "de",
        invitation: "Dein Zugang zum Kanal ist bereit.",
        button: "Kanal beitreten",
        no_channel: "Dieser Kanal ist zurzeit nicht verfügbar. Bitte versuche es später noch einmal.",
    },
    Words {
        language: "fr",
        invitation: "Votre accès à la chaîne est prêt.",
        button: "Rejoindre la chaîne",
        no_channel: "Cette chaîne n’est pas disponible pour le moment. Réessayez plus tard.",
    },
    Words {
        language: "it",
        invitation: "Il tuo accesso al canale è pronto.",
        button: "Unisciti al canale",
        no_channel: "Questo canale non è disponibile al momento. Riprova più tardi.",
    },
    Words {
        language: "ru",
        invitation: "Ваш вход в канал готов.",
        button: "Вступить в канал",
        no_channel: "Этот канал сейчас недоступен. Попробуйте позже.",
    },
    Words {
        language: "uk",
        invitation: "Ваш вхід до каналу готовий.",
        button: "Приєднатися до каналу",
        no_channel: "Цей канал зараз недоступний. Спробуйте пізніше.",
    },
];

impl Words {
    /// In that language, else in English.
    fn of(language: &str) -> &'static Self {
        let [english, ..] = &WORDS;
        let same = |words: &&Self| words.language.eq_ignore_ascii_case(language);
        WORDS.iter().find(same).unwrap_or(english)
    }
}

/// A start, as the ledger knows it.
enum Start {
    /// It was answered before.
    Answered,
    /// It is to be answered with that link; none: there is none.
    Due(Option<String>),
}

impl Hook<'_> {
    /// `/start`: with a click, a link of that click and person; else the channel's own. A ledger that does not answer keeps nobody waiting: it learns of
    /// the start from the queue.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: neither the ledger nor the queue answers, or nobody has the message.
    pub(super) async fn someone_starts(&self, user: &User<'_>, payload: &str) -> Result<(), Error> {
        let Some((site, channel)) = self.own_channel() else {
            runtime::log_warning(&format!("@{} leads to no channel", self.bot.username));
            return Ok(());
        };
        let home = self.database(site)?;
        let click = ClickId::parse(payload);
        // Repeating it does no harm: the pool gives the same link to the same two, and what is noted stands.
        let known = self
            .in_ledger(&home, user.id, click.as_ref(), site, channel)
            .await;
        let (link, is_known) = match known {
            Ok(Start::Answered) => return Ok(()),
            Ok(Start::Due(link)) => (link, true),
            // Which of several channels is meant, the ledger alone knows.
            Err(why) if self.ways() > 1 => return Err(why),
            Err(why) => {
                // Repeating it does no harm: see there.
                let link = self
                    .link_without_ledger(user.id, click.as_ref(), site, channel)
                    .await?;
                (Some(link.ok_or(why)?), false)
            }
        };
        let words = Words::of(user.language());
        let message = match &link {
            Some(url) => json!({
                "chat_id": user.id,
                "text": words.invitation,
                "reply_markup": { "inline_keyboard": [[{ "text": words.button, "url": url }]] },
            }),
            None => json!({ "chat_id": user.id, "text": words.no_channel }),
        };
        // Repeated, it is the same message with the same link: better twice than not at all.
        self.tell("sendMessage", message).await?;
        if !is_known {
            return Ok(());
        }
        // Repeating it does no harm: it notes the same update.
        Ok(joins::keep_update(&home, self.taken()).await?)
    }

    /// The link for a start of which the ledger can't be asked, and is told by the queue; `None`: there is none.
    async fn link_without_ledger(
        &self,
        person: TelegramUserId,
        click: Option<&ClickId>,
        site: &Site,
        channel: &Channel,
    ) -> Result<Option<String>, Error> {
        let edge = self.edge;
        let (Some(click), Some(chat_id)) = (click, channel.telegram_id) else {
            return Ok(shared_link(channel));
        };
        if edge.limit_person(person).await.is_err() {
            return Ok(shared_link(channel));
        }
        // Repeating it does no harm: the pool gives the same link to the same two.
        let (name, own) = self.pools_link(person, click, channel).await?;
        let taken = self.taken();
        let message = Message::Start(Box::new(OwedStart {
            website_id: site.website_id.clone(),
            bot: taken.bot.to_owned(),
            update_id: taken.update_id,
            told_ms: taken.told_ms,
            name,
            click: click.clone(),
            telegram_user_id: person,
            chat_id,
            at_ms: edge.now_ms,
        }));
        // Repeating it does no harm: what is noted stands.
        edge::enqueue(edge.env, &message, 0)
            .await
            .map_err(|why| self.failed(why))?;
        Ok(own.or_else(|| shared_link(channel)))
    }

    /// The start, as the ledger whose updates stand in `home` knows it; `site` and `channel` are those of a click that it does not.
    async fn in_ledger(
        &self,
        home: &Database,
        person: TelegramUserId,
        click: Option<&ClickId>,
        site: &'static Site,
        channel: &'static Channel,
    ) -> Result<Start, Error> {
        // Repeating it does no harm: it reads.
        if joins::was_taken(home, self.taken()).await? {
            return Ok(Start::Answered);
        }
        let Some(click) = click else {
            return Ok(Start::Due(shared_link(channel)));
        };
        // Repeating it does no harm: it reads.
        let meant = self.target_in_time(click).await?;
        let (site, channel) = meant.unwrap_or((site, channel));
        // Repeating it does no harm: the same link, and the row stands.
        let personal = self.personal_link(person, click, site, channel).await?;
        Ok(Start::Due(personal.or_else(|| shared_link(channel))))
    }

    /// How many channels the bot is the way to.
    fn ways(&self) -> usize {
        let config = self.edge.config;
        let channels = config.sites.iter().flat_map(|site| &site.channels);
        let ways = channels.filter(|channel| {
            channel.mode == InviteMode::Bot && config.bot_of(channel) == Some(self.bot)
        });
        ways.count()
    }

    /// As [`Self::target`]; where the bot is the way to several channels, a click that is on its way through the queue is waited
    /// for: without it, the person would be led to another one.
    async fn target_in_time(
        &self,
        click: &ClickId,
    ) -> Result<Option<(&'static Site, &'static Channel)>, Error> {
        let waits = if self.ways() > 1 { WAITS } else { 0 };
        in_time(waits, || self.target(click)).await
    }

    /// The channel that a click meant, and its site; `None`: the click is not known, or not yet.
    async fn target(
        &self,
        click: &ClickId,
    ) -> Result<Option<(&'static Site, &'static Channel)>, Error> {
        let config = self.edge.config;
        for binding in config.databases() {
            let database = Database::bound(self.edge.env, binding)?;
            // Repeating it does no harm: it reads.
            if let Some(target) = joins::target(&database, click).await? {
                let site = config.site(&target.website_id);
                return Ok(
                    site.and_then(|site| Some((site, site.channel(target.channel.as_deref()?)?)))
                );
            }
        }
        Ok(None)
    }

    /// The link that belongs to this person and click; the same each time. `None`: none is to be had.
    async fn personal_link(
        &self,
        person: TelegramUserId,
        click: &ClickId,
        site: &Site,
        channel: &Channel,
    ) -> Result<Option<String>, Error> {
        let edge = self.edge;
        if edge.limit_person(person).await.is_err() {
            return Ok(None);
        }
        // Repeating it does no harm: the pool gives the same link to the same two.
        let (name, own) = self.pools_link(person, click, channel).await?;
        if let Some(chat_id) = channel.telegram_id {
            let way = Way {
                name: &name,
                click,
                telegram_user_id: person,
                chat_id,
                at_ms: edge.now_ms,
            };
            // Repeating it does no harm: the row stands. It stands before anyone can join by the link.
            joins::keep_way(&self.database(site)?, &way).await?;
        }
        Ok(own)
    }

    /// What the way of this person by this click is called, and the pool's link, which bears that name; the same each time. `None`: none is to be had.
    async fn pools_link(
        &self,
        person: TelegramUserId,
        click: &ClickId,
        channel: &Channel,
    ) -> Result<(ClickId, Option<String>), Error> {
        let edge = self.edge;
        let both = ConversionId::derive("start", &[&person.to_string(), click.as_str()]);
        let both = ClickId::parse(&both.to_string()).ok_or(Error::Internal)?;
        // Repeating it does no harm: the pool gives the same link to the same two.
        match invites::link_for(edge.env, edge.config, channel, &both).await {
            Ok(own) => Ok((own.click_id, Some(own.link.as_str().to_owned()))),
            Err(why) => {
                runtime::log_warning(&format!("no link for a start: {why}; the channel's own"));
                Ok((both, None))
            }
        }
    }
}

/// The channel's own link, unless that leads to the bot itself.
fn shared_link(channel: &Channel) -> Option<String> {
    let invite = channel
        .invite
        .as_ref()
        .filter(|invite| !invite.is_personal())?;
    Some(invite.link().to_owned())
}
