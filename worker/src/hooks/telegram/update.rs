//! Telegram's updates (<https://core.telegram.org/bots/api#update>), as far as Edgeway acts on them.
//!
//! They are read by hand: readers derived for these types would make the worker a twentieth larger.

use std::fmt;

use conversions::TelegramUserId;
use serde_json::Value;

use crate::telegram::ChatId;

/// One update.
#[derive(Debug)]
pub struct Update<'a> {
    /// Counts up, each bot's by itself.
    pub update_id: u64,
    /// What it tells.
    pub kind: Kind<'a>,
}

/// What an update tells.
#[derive(Debug)]
pub enum Kind<'a> {
    /// `chat_member`: someone's standing in a chat changed. Comes to admins, and only when asked for.
    SomeoneMoved(ChatMemberUpdated<'a>),
    /// `my_chat_member`: the bot's own standing changed.
    BotMoved(ChatMemberUpdated<'a>),
    /// `chat_join_request`: someone asks to be let in.
    SomeoneAsks(ChatJoinRequest<'a>),
    /// `message`: someone writes.
    SomeoneWrites(Message<'a>),
    /// Whatever else Telegram may tell.
    Other,
}

/// A change of someone's standing in a chat.
#[derive(Debug)]
pub struct ChatMemberUpdated<'a> {
    /// Where.
    pub chat: Chat<'a>,
    /// When, Unix time in s.
    date: u64,
    /// How it was.
    pub old_chat_member: ChatMember<'a>,
    /// How it is.
    pub new_chat_member: ChatMember<'a>,
    /// The link someone joined by. Telegram leaves it out for most joins of public chats.
    pub invite_link: Option<ChatInviteLink<'a>>,
}

/// Someone's wish to be let in.
#[derive(Debug)]
pub struct ChatJoinRequest<'a> {
    /// Where.
    pub chat: Chat<'a>,
    /// Who.
    pub from: User<'a>,
    /// The link they came by.
    pub invite_link: Option<ChatInviteLink<'a>>,
}

/// A message.
#[derive(Debug)]
pub struct Message<'a> {
    /// Where.
    pub chat: Chat<'a>,
    /// Who; none in channels.
    pub from: Option<User<'a>>,
    /// None: it is no text.
    pub text: Option<&'a str>,
}

/// A user or a bot.
#[derive(Debug)]
pub struct User<'a> {
    /// Who.
    pub id: TelegramUserId,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// Without `@`.
    pub username: Option<&'a str>,
    /// An IETF language tag.
    language_code: Option<&'a str>,
}

/// A chat.
#[derive(Debug)]
pub struct Chat<'a> {
    /// Which.
    pub id: ChatId,
    /// Whether it is one user and the bot; all others are channels and groups, which people can be let into.
    pub is_private: bool,
    /// None in private ones.
    pub title: Option<&'a str>,
    /// None: it has no public address.
    pub username: Option<&'a str>,
}

/// Someone's standing in a chat.
#[derive(Debug)]
pub struct ChatMember<'a> {
    /// Who.
    pub user: User<'a>,
    /// As what.
    pub status: Status,
    /// Of a restricted one: whether it is in.
    is_member: bool,
    /// Of an administrator: whether it may make links and let people in.
    can_invite_users: bool,
}

/// As what someone stands in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Telegram's own")]
pub enum Status {
    Creator,
    Administrator,
    Member,
    Restricted,
    Left,
    Kicked,
}

/// An invite link.
#[derive(Debug)]
pub struct ChatInviteLink<'a> {
    /// The URL. Where another admin made it, cut off with `…`.
    pub invite_link: &'a str,
    /// Who made it.
    pub creator: User<'a>,
    /// What its maker calls it.
    pub name: Option<&'a str>,
}

/// An update that is not as documented; the name of the field that is missing or wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable(&'static str);

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is missing or wrong", self.0)
    }
}

/// What a reader of `name` gives, where the field is there and it is as documented.
fn required<'a, T>(
    object: &'a Value,
    name: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<T, Unreadable> {
    object.get(name).and_then(read).ok_or(Unreadable(name))
}

/// The object in the field `name`; `None` where it is not there.
fn optional<'a, T>(
    object: &'a Value,
    name: &str,
    read: impl FnOnce(&'a Value) -> Result<T, Unreadable>,
) -> Result<Option<T>, Unreadable> {
    object.get(name).map(read).transpose()
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

fn is_true(object: &Value, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(false)
}

impl<'a> Update<'a> {
    /// Reads an update.
    ///
    /// # Errors
    /// Where a field is missing or wrong that Edgeway acts on.
    pub fn read(value: &'a Value) -> Result<Self, Unreadable> {
        let update_id = required(value, "update_id", Value::as_u64)?;
        let told = |name| value.get(name);
        let kind = if let Some(change) = told("chat_member") {
            Kind::SomeoneMoved(ChatMemberUpdated::read(change)?)
        } else if let Some(change) = told("my_chat_member") {
            Kind::BotMoved(ChatMemberUpdated::read(change)?)
        } else if let Some(request) = told("chat_join_request") {
            Kind::SomeoneAsks(ChatJoinRequest::read(request)?)
        } else if let Some(message) = told("message") {
            Kind::SomeoneWrites(Message::read(message)?)
        } else {
            Kind::Other
        };
        Ok(Self { update_id, kind })
    }
}

impl<'a> ChatMemberUpdated<'a> {
    fn read(value: &'a Value) -> Result<Self, Unreadable> {
        let member = |name| ChatMember::read(required(value, name, Some)?);
        Ok(Self {
            chat: Chat::read(value)?,
            date: required(value, "date", Value::as_u64)?,
            old_chat_member: member("old_chat_member")?,
            new_chat_member: member("new_chat_member")?,
            invite_link: optional(value, "invite_link", ChatInviteLink::read)?,
        })
    }
}

impl<'a> ChatJoinRequest<'a> {
    fn read(value: &'a Value) -> Result<Self, Unreadable> {
        Ok(Self {
            chat: Chat::read(value)?,
            from: User::read(required(value, "from", Some)?)?,
            invite_link: optional(value, "invite_link", ChatInviteLink::read)?,
        })
    }
}

impl<'a> Message<'a> {
    fn read(value: &'a Value) -> Result<Self, Unreadable> {
        Ok(Self {
            chat: Chat::read(value)?,
            from: optional(value, "from", User::read)?,
            text: text(value, "text"),
        })
    }
}

impl<'a> User<'a> {
    fn read(value: &'a Value) -> Result<Self, Unreadable> {
        let id = |value: &Value| TelegramUserId::new(value.as_u64()?).ok();
        Ok(Self {
            id: required(value, "id", id)?,
            is_bot: required(value, "is_bot", Value::as_bool)?,
            username: text(value, "username"),
            language_code: text(value, "language_code"),
        })
    }
}

impl<'a> Chat<'a> {
    /// Reads the field `chat` of `object`.
    fn read(object: &'a Value) -> Result<Self, Unreadable> {
        let value = required(object, "chat", Some)?;
        let id = |value: &Value| ChatId::new(value.as_i64()?);
        Ok(Self {
            id: required(value, "id", id)?,
            is_private: required(value, "type", Value::as_str)? == "private",
            title: text(value, "title"),
            username: text(value, "username"),
        })
    }
}

impl<'a> ChatMember<'a> {
    fn read(value: &'a Value) -> Result<Self, Unreadable> {
        let status = |value: &Value| {
            Some(match value.as_str()? {
                "creator" => Status::Creator,
                "administrator" => Status::Administrator,
                "member" => Status::Member,
                "restricted" => Status::Restricted,
                "left" => Status::Left,
                "kicked" => Status::Kicked,
                _ => return None,
            })
        };
        Ok(Self {
            user: User::read(required(value, "user", Some)?)?,
            status: required(value, "status", status)?,
            is_member: is_true(value, "is_member"),
            can_invite_users: is_true(value, "can_invite_users"),
        })
    }
}

impl<'a> ChatInviteLink<'a> {
    fn read(value: &'a Value) -> Result<Self, Unreadable> {
        Ok(Self {
            invite_link: required(value, "invite_link", Value::as_str)?,
            creator: User::read(required(value, "creator", Some)?)?,
            name: text(value, "name"),
        })
    }
}

/// What a bot lacks in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// It is not in there.
    Membership,
    /// It is no admin.
    Administration,
    /// It may not invite users.
    Invitation,
}

impl Lack {
    /// In words for the operator.
    pub fn words(self) -> &'static str {
        match self {
            Self::Membership => "the bot was removed: add it as an admin that may invite users",
            Self::Administration => "the bot is no admin: make it one that may invite users",
            Self::Invitation => "the bot may not invite users: grant it that right",
        }
    }
}

impl ChatMember<'_> {
    /// Whether they are in the chat.
    pub fn is_in(&self) -> bool {
        match self.status {
            Status::Creator | Status::Administrator | Status::Member => true,
            Status::Restricted => self.is_member,
            Status::Left | Status::Kicked => false,
        }
    }

    /// What a bot of that standing lacks to hand out links.
    pub fn lack(&self) -> Option<Lack> {
        match self.status {
            Status::Creator => None,
            Status::Administrator if self.can_invite_users => None,
            Status::Administrator => Some(Lack::Invitation),
            Status::Member => Some(Lack::Administration),
            Status::Restricted if self.is_member => Some(Lack::Administration),
            Status::Restricted | Status::Left | Status::Kicked => Some(Lack::Membership),
        }
    }
}

impl ChatMemberUpdated<'_> {
    /// Whether somebody came in.
    pub fn is_join(&self) -> bool {
        !self.old_chat_member.is_in() && self.new_chat_member.is_in()
    }

    /// When, Unix time in ms.
    pub fn at_ms(&self) -> u64 {
        self.date.saturating_mul(1_000)
    }
}

impl<'a> ChatInviteLink<'a> {
    /// The name, where the bot called `username` made the link: what others write there says nothing.
    pub fn name_by(&self, username: &str) -> Option<&'a str> {
        let maker = self.creator.username?;
        self.name
            .filter(|_| self.creator.is_bot && maker.eq_ignore_ascii_case(username))
    }
}

impl<'a> Message<'a> {
    /// The payload of `/start`, empty without one; `None`: the message is something else, or not of a user alone with the bot.
    pub fn start(&self) -> Option<(&User<'a>, &'a str)> {
        let user = self.from.as_ref().filter(|user| !user.is_bot)?;
        if !self.chat.is_private {
            return None;
        }
        let mut words = self.text?.split_whitespace();
        let command = words.next()?;
        (command.split('@').next() == Some("/start")).then_some(())?;
        Some((user, words.next().unwrap_or_default()))
    }
}

impl User<'_> {
    /// What texts to greet them with: the first part of their language's tag.
    pub fn language(&self) -> &str {
        let tag = self.language_code.unwrap_or_default();
        tag.split('-').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: &str =
        r#"{"id":-1001234567890,"title":"Shop News","username":"shopnews","type":"channel"}"#;
    const ANNA: &str = r#"{"id":4503599627370495,"is_bot":false,"first_name":"Anna","last_name":"Ö","language_code":"pt-br","is_premium":true}"#;
    const BOT: &str =
        r#"{"id":7000000001,"is_bot":true,"first_name":"Gate","username":"Shop_Gate_Bot"}"#;

    fn member(fields: &str) -> String {
        format!(r#"{{"user":{ANNA},{fields}}}"#)
    }

    /// The update of that JSON. Tests leak: what is read borrows from it.
    fn read(json: &str) -> Result<Update<'static>, Unreadable> {
        Update::read(Box::leak(Box::new(serde_json::from_str(json).unwrap())))
    }

    fn chat_member(old: &str, new: &str, more: &str) -> ChatMemberUpdated<'static> {
        let json = format!(
            r#"{{"update_id":900000001,"chat_member":{{"chat":{CHANNEL},"from":{ANNA},"date":1790000000,"old_chat_member":{},"new_chat_member":{}{more}}}}}"#,
            member(old),
            member(new)
        );
        match read(&json).unwrap() {
            Update {
                update_id: 900_000_001,
                kind: Kind::SomeoneMoved(change),
            } => change,
            other => panic!("{other:?}"),
        }
    }

    const LEFT: &str = r#""status":"left""#;
    const KICKED: &str = r#""status":"kicked","until_date":0"#;
    const MEMBER: &str = r#""status":"member""#;
    const MEMBER_FOR_A_WHILE: &str = r#""status":"member","until_date":1800000000"#;
    const RESTRICTED_IN: &str = r#""status":"restricted","tag":"x","is_member":true,"can_send_messages":false,"can_send_audios":false,"can_send_documents":false,"can_send_photos":false,"can_send_videos":false,"can_send_video_notes":false,"can_send_voice_notes":false,"can_send_polls":false,"can_send_other_messages":false,"can_add_web_page_previews":false,"can_change_info":false,"can_invite_users":false,"can_pin_messages":false,"can_manage_topics":false,"until_date":0"#;
    const RESTRICTED_OUT: &str =
        r#""status":"restricted","is_member":false,"can_send_messages":false,"until_date":0"#;
    const ADMIN: &str = r#""status":"administrator","can_be_edited":false,"is_anonymous":false,"can_manage_chat":true,"can_delete_messages":true,"can_manage_video_chats":true,"can_restrict_members":true,"can_promote_members":false,"can_change_info":true,"can_invite_users":true,"can_post_messages":true,"custom_title":"Boss""#;
    const ADMIN_NO_INVITES: &str = r#""status":"administrator","can_be_edited":false,"is_anonymous":false,"can_manage_chat":true,"can_invite_users":false"#;
    const OWNER: &str = r#""status":"creator","is_anonymous":false,"custom_title":"Owner""#;

    #[test]
    fn who_comes_in() {
        let table = [
            (LEFT, MEMBER, true),
            (LEFT, MEMBER_FOR_A_WHILE, true),
            (KICKED, MEMBER, true),
            (LEFT, RESTRICTED_IN, true),
            (RESTRICTED_OUT, MEMBER, true),
            (RESTRICTED_OUT, RESTRICTED_IN, true),
            (LEFT, ADMIN, true),
            (MEMBER, ADMIN, false),
            (ADMIN, MEMBER, false),
            (ADMIN, OWNER, false),
            (RESTRICTED_IN, MEMBER, false),
            (MEMBER, RESTRICTED_IN, false),
            (MEMBER, LEFT, false),
            (MEMBER, KICKED, false),
            (LEFT, KICKED, false),
            (KICKED, LEFT, false),
            (LEFT, RESTRICTED_OUT, false),
        ];
        for (old, new, is_join) in table {
            let change = chat_member(old, new, "");
            assert_eq!(change.is_join(), is_join, "{old} → {new}");
        }
    }

    #[test]
    fn a_join_by_a_link() {
        let link = format!(
            r#","invite_link":{{"invite_link":"https://t.me/+AbCdEf","creator":{BOT},"creates_join_request":false,"is_primary":false,"is_revoked":false,"name":"0123456789abcdef0123456789abcdef","expire_date":1790000900,"member_limit":1,"pending_join_request_count":0}},"via_join_request":true,"via_chat_folder_invite_link":false"#
        );
        let change = chat_member(LEFT, MEMBER, &link);
        assert_eq!(change.at_ms(), 1_790_000_000_000);
        assert_eq!(change.chat.id.to_string(), "-1001234567890");
        assert_eq!(change.new_chat_member.user.id.get(), (1 << 52) - 1);
        let link = change.invite_link.unwrap();
        assert_eq!(link.invite_link, "https://t.me/+AbCdEf");
        assert_eq!(
            link.name_by("shop_gate_bot"),
            Some("0123456789abcdef0123456789abcdef")
        );
        assert_eq!(link.name_by("another_bot"), None);
    }

    #[test]
    fn a_persons_link_has_no_name_that_counts() {
        let link = format!(
            r#","invite_link":{{"invite_link":"https://t.me/+AbC…","creator":{ANNA},"creates_join_request":false,"is_primary":false,"is_revoked":false,"name":"0123456789abcdef0123456789abcdef"}}"#
        );
        let link = chat_member(LEFT, MEMBER, &link).invite_link;
        assert_eq!(link.unwrap().name_by("shop_gate_bot"), None);
    }

    #[test]
    fn what_the_bot_lacks() {
        let table = [
            (ADMIN, None),
            (OWNER, None),
            (ADMIN_NO_INVITES, Some(Lack::Invitation)),
            (MEMBER, Some(Lack::Administration)),
            (RESTRICTED_IN, Some(Lack::Administration)),
            (RESTRICTED_OUT, Some(Lack::Membership)),
            (LEFT, Some(Lack::Membership)),
            (KICKED, Some(Lack::Membership)),
        ];
        for (fields, lack) in table {
            let value = serde_json::from_str(&member(fields)).unwrap();
            assert_eq!(ChatMember::read(&value).unwrap().lack(), lack, "{fields}");
        }
    }

    #[test]
    fn the_bots_own_standing() {
        let json = format!(
            r#"{{"update_id":1,"my_chat_member":{{"chat":{CHANNEL},"from":{ANNA},"date":1790000000,"old_chat_member":{{"user":{BOT},"status":"left"}},"new_chat_member":{{"user":{BOT},{ADMIN}}}}}}}"#
        );
        let Kind::BotMoved(change) = read(&json).unwrap().kind else {
            panic!("{json}");
        };
        assert_eq!(change.chat.title, Some("Shop News"));
        assert_eq!(change.chat.username, Some("shopnews"));
        assert!(!change.chat.is_private);
        assert_eq!(change.new_chat_member.lack(), None);
    }

    #[test]
    fn a_request_to_join() {
        let json = format!(
            r#"{{"update_id":2,"chat_join_request":{{"chat":{CHANNEL},"from":{ANNA},"user_chat_id":4503599627370495,"date":1790000000,"bio":"hi","invite_link":{{"invite_link":"https://t.me/+AbC","creator":{BOT},"creates_join_request":true,"is_primary":false,"is_revoked":false,"pending_join_request_count":1}}}}}}"#
        );
        let Kind::SomeoneAsks(request) = read(&json).unwrap().kind else {
            panic!("{json}");
        };
        assert_eq!(request.from.id.get(), (1 << 52) - 1);
        let link = request.invite_link.unwrap();
        assert_eq!(link.invite_link, "https://t.me/+AbC");
        assert_eq!(link.name_by("shop_gate_bot"), None, "it has none");
    }

    #[test]
    fn a_start() {
        let message = |chat: &str, from: &str, text: &str| {
            let json = format!(
                r#"{{"update_id":3,"message":{{"message_id":7,"from":{from},"chat":{chat},"date":1790000000,{text},"entities":[{{"offset":0,"length":6,"type":"bot_command"}}]}}}}"#
            );
            let Kind::SomeoneWrites(message) = read(&json).unwrap().kind else {
                panic!("{json}");
            };
            message
                .start()
                .map(|(user, payload)| (user.language().to_owned(), payload.to_owned()))
        };
        let private = r#"{"id":4503599627370495,"first_name":"Anna","type":"private"}"#;
        let group = r#"{"id":-5,"title":"G","type":"group","all_members_are_administrators":true}"#;
        let some = |payload: &str| Some(("pt".to_owned(), payload.to_owned()));
        let table = [
            (private, ANNA, r#""text":"/start abc_-1""#, some("abc_-1")),
            (private, ANNA, r#""text":"/start""#, some("")),
            (
                private,
                ANNA,
                r#""text":"/start@shop_gate_bot x""#,
                some("x"),
            ),
            (private, ANNA, r#""text":"/started x""#, None),
            (private, ANNA, r#""text":"hello /start""#, None),
            (private, ANNA, r#""text":"""#, None),
            (private, ANNA, r#""photo":[]"#, None),
            (private, BOT, r#""text":"/start""#, None),
            (group, ANNA, r#""text":"/start""#, None),
        ];
        for (chat, from, text, expected) in table {
            assert_eq!(message(chat, from, text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_asked_for_is_passed_over() {
        let update = read(
            r#"{"update_id":4,"channel_post":{"message_id":1,"chat":{"id":-1,"type":"channel"}},"new_in_2027":[]}"#,
        );
        assert!(matches!(update.unwrap().kind, Kind::Other));
    }

    #[test]
    fn what_cannot_be_read() {
        let table = [
            ("1", "update_id"),
            ("[]", "update_id"),
            ("{}", "update_id"),
            (r#"{"update_id":"1"}"#, "update_id"),
            (r#"{"update_id":1,"chat_member":{}}"#, "chat"),
            (
                r#"{"update_id":1,"chat_join_request":{"chat":{"id":4503599627370496,"type":"channel"}}}"#,
                "id",
            ),
            (
                r#"{"update_id":1,"message":{"chat":{"id":1,"type":"private"},"from":{"id":1}}}"#,
                "is_bot",
            ),
        ];
        for (wrong, field) in table {
            assert_eq!(read(wrong).unwrap_err(), Unreadable(field), "{wrong}");
        }
        let guest = member(r#""status":"guest""#);
        let guest = serde_json::from_str(&guest).unwrap();
        assert_eq!(ChatMember::read(&guest).unwrap_err(), Unreadable("status"));
    }
}
