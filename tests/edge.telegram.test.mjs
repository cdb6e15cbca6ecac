// POST /hooks/telegram/{bot}, from outside: Telegram's updates as its Bot API documents them, and what the ledger makes of them.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { OPERATOR_KEY } from "./harness/api.mjs";
import { BOT, UPDATES, WEBHOOK_SECRET, person } from "./standins/botapi.mjs";
import { BACK, CLUB, DOOR, NEWS, OTHER_BOT, OTHER_SECRET, SITES, STRAY, VIP, clickId, startChats } from "./harness/chats.mjs";
import { never, sleep, until } from "./harness/wait.mjs";
import { BROWSER, only } from "./harness/world.mjs";

describe("Telegram's updates", () => {
  let telegram, botapi, edge;
  before(async () => {
    telegram = await startChats();
    ({ botapi, edge } = telegram);
  });
  after(() => telegram.close());
  afterEach(() => telegram.reset());

  describe("at the door:", () => {
    const join = () => botapi.join(undefined, 501);

    it("one with the bot's secret is taken", async () => {
      assert.equal((await telegram.post(join())).status, 200);
      assert.equal(only(await telegram.members()).status, "member");
    });

    it("the bot's name knows no case", async () => {
      assert.equal((await telegram.post(join(), { bot: BOT.username.toUpperCase() })).status, 200);
      only(await telegram.members());
    });

    const refused = {
      "a wrong secret": [{ secret: "wrong" }, 401, "WRONG_SECRET"],
      "the start of the secret": [{ secret: WEBHOOK_SECRET.slice(0, -1) }, 401, "WRONG_SECRET"],
      "an empty secret": [{ secret: "" }, 401, "WRONG_SECRET"],
      "no secret": [{ secret: null }, 401, "WRONG_SECRET"],
      "another bot's secret": [{ secret: OTHER_SECRET }, 401, "WRONG_SECRET"],
      "an unknown bot": [{ bot: "nobody_bot" }, 404, "NOT_FOUND"],
      "no bot": [{ bot: "" }, 404, "NOT_FOUND"],
      "another method": [{ method: "GET", body: undefined }, 405, "METHOD_NOT_ALLOWED"],
    };
    for (const [what, [how, status, code]] of Object.entries(refused)) {
      it(`one with ${what} is refused`, async () => {
        const answer = await telegram.post(join(), how);
        assert.equal(answer.status, status);
        assert.equal(answer.json().error.code, code);
        assert.ok(!answer.text.includes(WEBHOOK_SECRET));
        assert.deepEqual([await telegram.members(), await telegram.updates()], [[], []]);
      });
    }

    for (const [what, body] of Object.entries({ nothing: "", "half a text": '{"update_id":1', "no text": Buffer.from([0xff, 0xfe, 0]) })) {
      it(`a body that is ${what} is no JSON`, async () => {
        const answer = await telegram.post(body);
        assert.equal(answer.status, 400);
        assert.equal(answer.json().error.code, "INVALID_PAYLOAD");
      });
    }

    it("a body beyond 256 KiB is refused", async () => {
      assert.equal((await telegram.post(`"${"x".repeat(256 * 1024)}"`)).status, 413);
    });

    const unreadable = {
      "an array": [], "a number": 7, "no id": {}, "an id that is text": { update_id: "7" },
      "an empty change": { update_id: 7, chat_member: {} },
      "a status of next year": { update_id: 7, chat_member: { ...botapiShape(), new_chat_member: { user: person(5), status: "guest" } } },
      "a user beyond 52 bits": { update_id: 7, chat_join_request: { chat: NEWS, from: person(2 ** 52), user_chat_id: 2 ** 52, date: 1 } },
    };
    for (const [what, body] of Object.entries(unreadable)) {
      it(`JSON that can never be read is taken and logged: ${what}`, async () => {
        await telegram.tell(body);
        await until(() => edge.logs.some(({ message }) => message.includes("can't be read")), "the log says so");
        assert.deepEqual(await telegram.members(), []);
      });
    }

    it("what Edgeway does not act on is taken and passed over", async () => {
      const chat = { id: NEWS.id, title: NEWS.title, type: "channel" };
      const message = { message_id: 1, chat, date: 1_790_000_000 };
      await telegram.tell(
        { update_id: 1, channel_post: { ...message, text: "/start abc" } },
        { update_id: 2, message: { ...message, chat: { id: 5, first_name: "A", type: "private" }, from: person(5), sticker: {} } },
        { update_id: 3, poll: {} },
        { update_id: 4, something_of_next_year: { a: [] } },
        { update_id: 5 },
      );
      assert.deepEqual([await telegram.members(), await telegram.leads(), botapi.calls], [[], [], []]);
      assert.deepEqual(edge.logs.filter(({ level }) => level === "error"), []);
    });
  });

  describe("a join", () => {
    it("by a click's link is a member, a lead and a conversion", async () => {
      const click = clickId();
      const update = botapi.join(await telegram.link(click, { member_limit: 1 }), 2 ** 52 - 1);
      const date = update.chat_member.date * 1000;
      const unknown = { origin_source: "", origin_campaign: "", origin_ad: "" };
      await telegram.tell(update);
      const member = only(await telegram.members());
      assert.deepEqual(member, {
        chat_id: NEWS.id, telegram_user_id: 2 ** 52 - 1, status: "member", changed_ms: date, changed_by: update.update_id, first_joined_ms: date, joins: 1, website_id: "atid_shop", channel_id: "chan_news",
        click_id: click, ...unknown,
      });
      assert.deepEqual(only(await telegram.leads()), {
        website_id: "atid_shop", telegram_user_id: 2 ** 52 - 1, first_seen_ms: date, last_seen_ms: date, external_user_id: null, organic: 0,
      });
      const { conversion_id, attributed_ms, ...conversion } = only(await telegram.conversions());
      assert.deepEqual(conversion, {
        website_id: "atid_shop", channel_id: "chan_news", telegram_user_id: 2 ** 52 - 1, event_type: "CompleteRegistration", custom_event_name: null,
        value_minor: null, currency: null, content_name: NEWS.title, external_user_id: null, event_ms: date, source: "tracker", cold: 0, awaits_value: 0,
        consent: null, click_id: click, overrides: "{}", person: "{}", awaited_by: null, joined_by: null, page_consent: null, valued_ms: null, ...unknown,
      });
      assert.match(conversion_id, /^[0-9a-f]{32}$/);
      assert.ok(attributed_ms >= date);
      const taken = only(await telegram.updates());
      assert.deepEqual([taken.bot, taken.update_id], [BOT.username, update.update_id]);
    });

    it("is what its channel's settings say", async () => {
      await telegram.tell(botapi.join(await telegram.link(clickId(), { chat: CLUB }), 1), botapi.join(await telegram.link(clickId(), { chat: VIP }), 2));
      const [club, vip] = await telegram.conversions();
      assert.deepEqual(
        [club.website_id, club.channel_id, club.event_type, club.custom_event_name, club.value_minor, club.currency],
        ["atid_shop", "chan_club", "Custom", "Joined Club", 250, "EUR"],
      );
      assert.deepEqual([vip.website_id, vip.channel_id, vip.event_type, vip.value_minor], ["atid_second", "chan_vip", "Subscribe", null]);
    });

    it("of a channel without an id of its own goes by its slug; of one that no setting names, by Telegram's id and to the first site", async () => {
      await telegram.tell(
        botapi.join(await telegram.link(clickId(), { chat: DOOR }), 1),
        botapi.promoted({ chat: STRAY.id }),
        botapi.join(await telegram.link(clickId(), { chat: STRAY }), 2),
      );
      const places = (await telegram.conversions()).map(({ website_id, channel_id, event_type }) => [website_id, channel_id, event_type]);
      assert.deepEqual(places, [["atid_shop", "door", "CompleteRegistration"], ["atid_shop", String(STRAY.id), "CompleteRegistration"]]);
    });

    it("in a chat that no setting names, by the link of a click that is known, is of that click's site and channel", async () => {
      const click = clickId();
      await telegram.click({ clickId: click, websiteId: "atid_second", channel: "vip" });
      const link = await telegram.link(click, { chat: STRAY });
      await telegram.tell(botapi.promoted({ chat: STRAY.id }), botapi.join(link, 2));
      const { website_id, channel_id, event_type, click_id } = only(await telegram.conversions());
      assert.deepEqual([website_id, channel_id, event_type, click_id], ["atid_second", "chan_vip", "Subscribe", click]);
      assert.equal(only(await telegram.leads()).website_id, "atid_second");
    });

    /** Somebody's link, a click's or none, and who is there by it. */
    const ways = {
      "with no link, as in public chats": { join: () => botapi.join(undefined, 7) },
      "by a click's link that Telegram does not name": { join: async () => botapi.join(await telegram.link(clickId()), 7, { hidden: true }) },
      "by an admin's hand": { join: () => botapi.join(undefined, 7, { by: person(9) }) },
      "by an admin's own link": { join: () => botapi.join("https://t.me/+AdminsOwnLink01", 7) },
      "by a person's link that bears a click's id as its name": {
        join: () => botapi.join({ invite_link: "https://t.me/+Forged…", creator: person(9), name: clickId(), creates_join_request: false, is_primary: false, is_revoked: false }, 7),
      },
      "by another bot's link that bears a click's id as its name": { join: async () => botapi.join(await telegram.link(clickId(), { bot: OTHER_BOT }), 7) },
      "by a link of the bot's that is no click's": { join: async () => botapi.join(await telegram.link("spring campaign"), 7) },
      "by a link of the bot's without a name": { join: async () => botapi.join(await telegram.link(), 7) },
      "by a link whose name is nearly a click's id": { join: async () => botapi.join(await telegram.link(clickId().toUpperCase().replace(/^./, "F")), 7) },
    };
    for (const [what, { join }] of Object.entries(ways)) {
      it(`${what} is organic: a member and a lead, no conversion`, async () => {
        await telegram.tell(await join());
        const member = only(await telegram.members());
        assert.deepEqual([member.status, member.joins, member.click_id], ["member", 1, null]);
        assert.equal(only(await telegram.leads()).organic, 1);
        assert.deepEqual(await telegram.conversions(), []);
      });
    }

    it("by a link that is known whole, whatever its name, is its click's", async () => {
      const [click, link] = [clickId(), await telegram.link("personal")];
      await telegram.click({ clickId: click, inviteLink: link, personal: true });
      await telegram.tell(botapi.join(link, 7));
      assert.equal(only(await telegram.conversions()).click_id, click);
    });

    it("by a link that clicks share is organic", async () => {
      const link = await telegram.link("shared");
      await telegram.click({ inviteLink: link, personal: false });
      await telegram.tell(botapi.join(link, 7));
      assert.deepEqual(await telegram.conversions(), []);
    });

    /** Standings before and after, and whether that is a join. */
    const user = person(7);
    const standings = {
      "out, in": ["left", "member", true],
      "banned, in": ["kicked", "member", true],
      "out, in and restricted": ["left", { status: "restricted", is_member: true }, true],
      "out and restricted, in": [{ status: "restricted", is_member: false }, "member", true],
      "out, admin at once": ["left", { status: "administrator", can_invite_users: false }, true],
      "in, admin": ["member", { status: "administrator", can_invite_users: true }, false],
      "admin, in": [{ status: "administrator", can_invite_users: true }, "member", false],
      "admin, owner": [{ status: "administrator" }, "creator", false],
      "in, restricted": ["member", { status: "restricted", is_member: true }, false],
      "restricted, in": [{ status: "restricted", is_member: true }, "member", false],
      "in, out": ["member", "left", false],
      "in, banned": ["member", "kicked", false],
      "banned, out": ["kicked", "left", false],
      "in, out and restricted": ["member", { status: "restricted", is_member: false }, false],
    };
    const member = (standing) => ({ user, ...(typeof standing === "string" ? { status: standing } : standing) });
    for (const [what, [old, next, isJoin]] of Object.entries(standings)) {
      it(`is ${isJoin ? "one" : "none"}: ${what}`, async () => {
        const update = botapi.join(await telegram.link(clickId()), user);
        Object.assign(update.chat_member, { old_chat_member: member(old), new_chat_member: member(next) });
        await telegram.tell(update);
        assert.deepEqual([(await telegram.conversions()).length, (await telegram.leads()).length], isJoin ? [1, 1] : [0, 0]);
        assert.equal(only(await telegram.members()).joins, isJoin ? 1 : 0);
      });
    }

    it("of a bot is none, be it Edgeway's own", async () => {
      const link = await telegram.link(clickId());
      await telegram.tell(botapi.join(link, { id: BOT.id, is_bot: true, first_name: "Gate", username: BOT.username }), botapi.join(link, { id: 55, is_bot: true, first_name: "B", username: "b_bot" }));
      assert.deepEqual([await telegram.members(), await telegram.leads(), await telegram.conversions()], [[], [], []]);
    });
  });

  describe("one person makes one conversion a channel:", () => {
    it("the same update twice", async () => {
      const update = botapi.join(await telegram.link(clickId()), 7);
      await telegram.tell(update, update);
      only(await telegram.conversions());
      assert.equal(only(await telegram.members()).joins, 1);
      only(await telegram.updates());
    });

    it("the same update twenty times at once", async () => {
      const update = botapi.join(await telegram.link(clickId()), 7);
      const answers = await Promise.all(Array.from({ length: 20 }, () => telegram.post(update)));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      only(await telegram.conversions());
      assert.equal(only(await telegram.members()).joins, 1);
    });

    it("left and back by the same link", async () => {
      const [click, link] = [clickId(), await telegram.link(undefined)];
      botapi.links.get(link).name = click;
      const first = botapi.join(link, 7);
      botapi.advance(60_000);
      await telegram.tell(first, botapi.leave(7), botapi.join(link, 7));
      const conversion = only(await telegram.conversions());
      assert.deepEqual([conversion.click_id, conversion.event_ms], [click, first.chat_member.date * 1000]);
      const member = only(await telegram.members());
      assert.deepEqual([member.status, member.joins, member.click_id], ["member", 2, click]);
    });

    it("left and back by another link, or by none, keeps the first click", async () => {
      const [first, second] = [clickId(), clickId()];
      await telegram.tell(botapi.join(await telegram.link(first), 7), botapi.leave(7), botapi.join(await telegram.link(second), 7), botapi.leave(7), botapi.join(undefined, 7));
      assert.equal(only(await telegram.conversions()).click_id, first);
      const member = only(await telegram.members());
      assert.deepEqual([member.joins, member.click_id], [3, first]);
      assert.equal(only(await telegram.leads()).organic, 0);
    });

    it("organic first, then by a click: that click's, and organic no more", async () => {
      const click = clickId();
      await telegram.tell(botapi.join(undefined, 7), botapi.leave(7), botapi.join(await telegram.link(click), 7));
      assert.equal(only(await telegram.conversions()).click_id, click);
      assert.equal(only(await telegram.members()).click_id, click);
      assert.equal(only(await telegram.leads()).organic, 0);
    });

    it("in two channels makes two, of one lead", async () => {
      await telegram.tell(botapi.join(await telegram.link(clickId()), 7), botapi.join(await telegram.link(clickId(), { chat: CLUB }), 7));
      assert.equal((await telegram.conversions()).length, 2);
      only(await telegram.leads());
    });

    it("two people by one link: the first owns the click, the second is organic", async () => {
      const [click, link] = [clickId(), await telegram.link(undefined)];
      botapi.links.get(link).name = click;
      await telegram.tell(botapi.join(link, 7), botapi.join(link, 8));
      assert.deepEqual((await telegram.members()).map((member) => member.click_id), [click, null]);
      assert.deepEqual((await telegram.leads()).map((lead) => lead.organic), [0, 1]);
      assert.equal(only(await telegram.conversions()).telegram_user_id, 7);
    });

    it("two people by one link at once: one owns the click", async () => {
      const [click, link] = [clickId(), await telegram.link(undefined)];
      botapi.links.get(link).name = click;
      await Promise.all([7, 8, 9, 10].map((id) => botapi.join(link, id)).map((update) => telegram.post(update)));
      assert.equal(only(await telegram.conversions()).click_id, click);
      assert.deepEqual((await telegram.members()).map((member) => member.click_id).filter(Boolean), [click]);
    });

    it("two sites' channels at once are two transactions that do not meet", async () => {
      const updates = [botapi.join(await telegram.link(clickId()), 7), botapi.join(await telegram.link(clickId(), { chat: VIP }), 7)];
      await Promise.all(updates.map((update) => telegram.post(update)));
      assert.deepEqual((await telegram.leads()).map((lead) => lead.website_id).sort(), ["atid_second", "atid_shop"]);
    });
  });

  describe("in any order:", () => {
    /** All orders of a list. */
    const orders = (list) => (list.length < 2 ? [list] : list.flatMap((first, at) => orders(list.toSpliced(at, 1)).map((rest) => [first, ...rest])));
    /** What has to come out, whatever the order and whether an update comes twice. */
    const summary = async () => {
      const member = only(await telegram.members());
      assert.equal(member.first_joined_ms, 1_790_000_000_000);
      return [member.status, member.joins, member.click_id, (await telegram.conversions()).map((each) => [each.click_id, each.event_ms])];
    };
    const stories = {
      "in, out": (first) => [[botapi.join(first, 7), botapi.leave(7)], "left"],
      "in, out, in by another link": (first, second) => [[botapi.join(first, 7), botapi.leave(7), botapi.join(second, 7)], "member"],
      "in, banned, unbanned": (first) => [[botapi.join(first, 7), botapi.ban(7), unban(7)], "left"],
      "in, out, banned": (first) => [[botapi.join(first, 7), botapi.leave(7), botapi.ban(7)], "banned"],
      "in, banned": (first) => [[botapi.join(first, 7), botapi.ban(7)], "banned"],
    };
    function unban(id) {
      return botapi.leave(id);
    }
    for (const apart of [0, 60_000]) {
      for (const [what, story] of Object.entries(stories)) {
        it(`${what}, ${apart ? "minutes apart" : "within one second"}`, async () => {
          const length = story.length;
          for (let order = 0; ; order += 1) {
            const clicks = Array.from({ length }, clickId);
            const links = [];
            for (const click of clicks) links.push(await telegram.link(click));
            const [told, status] = story(...links);
            told.forEach(({ chat_member }, at) => (chat_member.date = 1_790_000_000 + (apart / 1000) * at));
            const all = orders(told);
            if (order === all.length) break;
            await telegram.tell(...all[order], all[order][0]);
            const joins = told.filter(({ chat_member }) => chat_member.new_chat_member.status === "member").length;
            const conversion = [clicks[0], 1_790_000_000_000];
            const [seenStatus, seenJoins, seenClick, conversions] = await summary();
            const names = `order ${all[order].map((update) => told.indexOf(update))}`;
            assert.deepEqual([seenStatus, seenJoins], [status, joins], names);
            if (apart || joins === 1) assert.deepEqual([seenClick, conversions], [clicks[0], [conversion]], names);
            else assert.equal(conversions.length, 1, names);
            await edge.clear();
            botapi.reset();
          }
        });
      }
    }

    it("in by nobody's link, out, in by a click's: who was there before joins when the click brings them", async () => {
      for (let order = 0; ; order += 1) {
        const click = clickId();
        const told = [botapi.join(await telegram.link(undefined), 7), botapi.leave(7), botapi.join(await telegram.link(click), 7)];
        told.forEach(({ chat_member }, at) => (chat_member.date = 1_790_000_000 + 60 * at));
        const all = orders(told);
        if (order === all.length) break;
        await telegram.tell(...all[order], all[order][0]);
        const { status, joins, click_id, first_joined_ms } = only(await telegram.members());
        assert.deepEqual([status, joins, click_id, first_joined_ms], ["member", 2, click, 1_790_000_120_000], `order ${all[order].map((update) => told.indexOf(update))}`);
        await edge.clear();
        botapi.reset();
      }
    });

    it("a join before its click's and visit's records came is attributed when they are in", async () => {
      const [visitEvent, clickEvent, tempId] = [randomUUID(), randomUUID(), randomUUID()];
      const click = clickEvent.replaceAll("-", "");
      await telegram.tell(botapi.join(await telegram.link(click), 7));
      const attribution = () => edge.rows("SELECT click_id, visit_id, fbclid FROM attributions");
      assert.deepEqual(only(await attribution()), { click_id: null, visit_id: null, fbclid: null });
      await edge.request("/e/invite?" + new URLSearchParams({ websiteId: "atid_shop", tempId, eventId: clickEvent, channelId: "news", visit: visitEvent }), { headers: { "user-agent": BROWSER } });
      await edge.drained();
      assert.deepEqual(only(await attribution()), { click_id: click, visit_id: null, fbclid: null });
      await edge.request("/e/init", {
        method: "POST", headers: { "content-type": "text/plain", origin: "https://www.shop.test", "user-agent": BROWSER },
        body: { websiteId: "atid_shop", href: "https://www.shop.test/?fbclid=Ad1", tempId, eventId: visitEvent },
      });
      await edge.drained();
      assert.deepEqual(only(await attribution()), { click_id: click, visit_id: visitEvent, fbclid: "Ad1" });
    });
  });

  describe("while the ledger is down", () => {
    it("an update is refused and comes again: nothing lost, nothing doubled, and who came by a click's link is let in", async () => {
      const updates = [botapi.join(await telegram.link(clickId()), 7), botapi.leave(7), botapi.promoted(), botapi.requestToJoin(await telegram.link(clickId(), { chat: CLUB, creates_join_request: true }), 8)];
      await edge.fail({ d1: "fail" });
      for (const update of updates) {
        const answer = await telegram.post(update);
        assert.equal(answer.status, 500);
        assert.equal(answer.json().error.code, "INTERNAL_ERROR");
      }
      assert.deepEqual(botapi.callsOf("approveChatJoinRequest").map(({ parameters }) => parameters.user_id), [8]);
      await edge.fail({ d1: null });
      await telegram.tell(...updates, ...updates);
      only(await telegram.conversions());
      assert.deepEqual([only(await telegram.members()).status, only(await telegram.members()).joins], ["left", 1]);
      only(await telegram.channels());
    });

    for (const first of ["the start", "the join"]) {
      it(`who starts the bot has their link at once, and joins by the click, though the ledger hears of ${first} first`, async () => {
        const click = clickId();
        await telegram.click({ clickId: click, channel: "door" });
        await edge.fail({ d1: "fail" });
        const start = botapi.start(9, click);
        await telegram.tell(start);
        const { url } = only(botapi.messages).reply_markup.inline_keyboard[0][0];
        assert.notEqual(url, SITES[0].channels[2].invite, "a link of that person's own");
        const join = botapi.join(url, 9);
        assert.equal((await telegram.post(join)).status, 500);
        if (first === "the join") {
          // What the queue has waits for its next turn.
          await edge.fail({ d1: null });
          await telegram.tell(join);
          // A delivery may be skipped meanwhile for want of what the click carries.
          await edge.rows(`INSERT INTO sends (conversion_id, destination, website_id, platform, state, made_ms, owed_since_ms, due_ms, attempts, changed_ms, code)
            SELECT conversion_id, 'meta', website_id, 'meta', 'skipped', attributed_ms, attributed_ms, 0, 0, attributed_ms, 'no_signal' FROM conversions`);
          await edge.drained();
          assert.equal(only(await edge.rows("SELECT state FROM sends")).state, "pending", "it is looked at again");
        } else {
          await edge.fail({ d1: null });
          await edge.drained();
          await telegram.tell(join);
        }
        await telegram.tell(start, join);
        assert.equal(only(await telegram.members()).click_id, click);
        assert.equal(only(await telegram.conversions()).click_id, click);
        only(botapi.messages);
      });
    }

    it("a start that the queue has is forgotten with the person who is erased before it comes", async () => {
      const [mine, theirs] = [clickId(), clickId()];
      await edge.fail({ d1: "fail" });
      await telegram.tell(botapi.start(9, mine), botapi.start(10, theirs));
      await edge.rows("INSERT INTO erased (id, website_id, erased_ms) VALUES (?, '', ?)", mine, Date.now() + 1_000);
      await edge.fail({ d1: null });
      await edge.drained();
      assert.deepEqual(await edge.rows("SELECT telegram_user_id, click_id FROM invite_names"), [{ telegram_user_id: 10, click_id: theirs }]);
    });

    it("a start comes again where the queue is, too", async () => {
      await edge.fail({ d1: "fail", queue: "fail" });
      const start = botapi.start(9, clickId());
      assert.equal((await telegram.post(start)).status, 500);
      assert.deepEqual(botapi.messages, []);
      await edge.fail({ d1: null, queue: null });
      await telegram.tell(start, start);
      only(botapi.messages);
    });
  });

  describe("a request to join", () => {
    const ask = async (name, more, who = 7) => botapi.requestToJoin(await telegram.link(name, { chat: CLUB, creates_join_request: true, ...more }), who);
    const approvals = () => botapi.callsOf("approveChatJoinRequest");

    it("by a click's link is approved; the member that follows is the conversion", async () => {
      const click = clickId();
      const request = await ask(click);
      await telegram.tell(request);
      assert.deepEqual(only(approvals()).parameters, { chat_id: CLUB.id, user_id: 7 });
      assert.deepEqual([await telegram.conversions(), await telegram.members()], [[], []]);
      await telegram.tell(botapi.join(request.chat_join_request.invite_link, 7, { viaJoinRequest: true }));
      assert.equal(only(await telegram.conversions()).click_id, click);
    });

    it("is the click's, too, where Telegram leaves the link out of the member that follows", async () => {
      const click = clickId();
      const request = await ask(click);
      await telegram.tell(request, botapi.join(request.chat_join_request.invite_link.invite_link, 7, { viaJoinRequest: true, hidden: true }));
      assert.equal(only(await telegram.conversions()).click_id, click);
      assert.equal(only(await telegram.leads()).organic, 0);
    });

    it("that was noted lets nobody in by another link", async () => {
      await telegram.tell(await ask(clickId()), botapi.requestToJoin(undefined, 7, { chat: CLUB.id }), await ask("by hand"));
      only(approvals());
    });

    it("that no click's link brought is left to the admins", async () => {
      await telegram.tell(
        botapi.requestToJoin(undefined, 7, { chat: CLUB.id }),
        await ask("by hand"),
        await ask(undefined),
        botapi.requestToJoin({ invite_link: "https://t.me/+Admins…", creator: person(9), name: clickId(), creates_join_request: true, is_primary: false, is_revoked: false }, 7, { chat: CLUB.id }),
      );
      assert.deepEqual(approvals(), []);
      assert.deepEqual((await edge.queue()).delays, []);
    });

    for (const [what, fault, wait] of [["too many calls", { status: 429, retryAfter: 7 }, 7], ["a fault", { status: 502 }, 0], ["a cut", { cut: "arrival" }, 0], ["a cut after it was done", { cut: "headers" }, 0], ["a proxy's page", { body: "<html>" }, 0], ["a token that was not taken", { status: 401, description: "Unauthorized" }, 0], ["a token of nobody", { status: 404, description: "Not Found" }, 0]]) {
      it(`is approved later after ${what}`, async () => {
        botapi.misbehave({ method: "approveChatJoinRequest", ...fault, times: 3 });
        await telegram.tell(await ask(clickId()));
        await until(() => !botapi.chats.get(CLUB.id).requests.has(7), "the request is answered");
        await edge.drained();
        assert.deepEqual(edge.deadLetters, []);
        const { delays, retries } = await edge.queue();
        assert.deepEqual(delays, [wait]);
        for (const { delaySeconds } of retries) assert.ok(delaySeconds >= Math.max(wait, 1));
      });
    }

    it("that is gone, or whose asker is in already, is over", async () => {
      const request = await ask(clickId());
      botapi.chats.get(CLUB.id).requests.clear();
      await telegram.tell(request);
      assert.equal(approvals().length, 1);
      assert.deepEqual((await edge.queue()).delays, []);
    });

    it("comes again when neither Telegram nor the queue takes the approval", async () => {
      const request = await ask(clickId());
      botapi.misbehave({ method: "approveChatJoinRequest", status: 500 });
      await edge.fail({ queue: "fail" });
      assert.equal((await telegram.post(request)).status, 500);
      await edge.fail({ queue: null });
      await telegram.tell(request);
      assert.equal(approvals().at(-1).status, 200);
    });
  });

  describe("a start of the bot", () => {
    const answers = () => botapi.messages.map(({ chat, text, reply_markup }) => ({ to: chat.id, text, url: reply_markup?.inline_keyboard[0][0].url, button: reply_markup?.inline_keyboard[0][0].text }));

    it("with a click is answered with a link of that person's own; the join by it is the click's", async () => {
      const click = clickId();
      await telegram.tell(botapi.start(7, click));
      const { to, url } = only(answers());
      assert.equal(to, 7);
      const link = botapi.links.get(url);
      assert.deepEqual([link.chat_id, link.member_limit], [DOOR.id, 1]);
      assert.notEqual(link.name, click);
      await telegram.tell(botapi.join(url, 7));
      const conversion = only(await telegram.conversions());
      assert.deepEqual([conversion.click_id, conversion.channel_id], [click, "door"]);
    });

    const led = {
      "the channel's own link": (url) => ["https://t.me/+DoorFallback01", 7, { chat: DOOR.id }],
      "a link that Telegram leaves out, as in most joins of public chats": (url) => [url, 7, { hidden: true }],
      "none, by search": () => [undefined, 7, { chat: DOOR.id }],
    };
    for (const [what, join] of Object.entries(led)) {
      it(`is what a join within a week is of, by ${what}; and the link is closed`, async () => {
        const click = clickId();
        await telegram.tell(botapi.start(7, click));
        const { url } = only(answers());
        await telegram.tell(botapi.join(...join(url)), botapi.join(undefined, 8, { chat: DOOR.id }));
        const conversion = only(await telegram.conversions());
        assert.deepEqual([conversion.click_id, conversion.telegram_user_id], [click, 7]);
        assert.deepEqual((await telegram.leads()).map((lead) => [lead.telegram_user_id, lead.organic]), [[7, 0], [8, 1]]);
        await until(() => botapi.links.get(url).is_revoked, "the link is revoked");
      });
    }

    it("is what a join is of that was led by the channel's own link, where no other was to be had", async () => {
      botapi.misbehave({ method: "createChatInviteLink", status: 400, description: "Bad Request: not enough rights", times: Infinity });
      const click = clickId();
      await telegram.post(botapi.start(7, click), { bot: OTHER_BOT.username, secret: OTHER_SECRET });
      const join = botapi.join(only(answers()).url, 7, { chat: BACK.id });
      await telegram.post(join, { bot: OTHER_BOT.username, secret: OTHER_SECRET });
      assert.equal(only(await telegram.conversions()).click_id, click);
    });

    it("says nothing of a join in another channel, or a week later", async () => {
      await telegram.tell(botapi.start(7, clickId()));
      await telegram.tell(botapi.join(undefined, 7, { chat: NEWS.id }));
      const late = botapi.join(undefined, 7, { chat: DOOR.id });
      late.chat_member.date += 7 * 86_400 + 2;
      await telegram.tell(late);
      assert.deepEqual(await telegram.conversions(), []);
    });

    it("by the latest of two clicks is what the join is of", async () => {
      const [first, second] = [clickId(), clickId()];
      for (const click of [second, first, second]) {
        await telegram.tell(botapi.start(7, click));
        await sleep(2);
      }
      await telegram.tell(botapi.join(undefined, 7, { chat: DOOR.id }));
      assert.equal(only(await telegram.conversions()).click_id, second);
    });

    it("again, or told again, gets the same link", async () => {
      const click = clickId();
      const update = botapi.start(7, click);
      await telegram.tell(update, update);
      assert.equal(answers().length, 1, "an update that was taken is taken once");
      await telegram.tell(botapi.start(7, click));
      const [first, second] = answers();
      assert.equal(first.url, second.url);
      only(await edge.rows("SELECT * FROM invite_names"));
    });

    it("by two people with one click gets two links; the first to join owns the click", async () => {
      const click = clickId();
      await telegram.tell(botapi.start(7, click), botapi.start(8, click));
      const [one, two] = answers();
      assert.notEqual(one.url, two.url);
      await telegram.tell(botapi.join(two.url, 8), botapi.join(one.url, 7));
      assert.equal(only(await telegram.conversions()).telegram_user_id, 8);
      assert.deepEqual((await telegram.leads()).map((lead) => [lead.telegram_user_id, lead.organic]), [[7, 1], [8, 0]]);
    });

    it("with a click of another channel leads into that", async () => {
      const click = clickId();
      await telegram.click({ clickId: click, websiteId: "atid_second", channel: "vip" });
      await telegram.tell(botapi.start(7, click));
      assert.equal(botapi.links.get(only(answers()).url).chat_id, VIP.id);
    });

    for (const [what, payload] of Object.entries({ nothing: undefined, "a foreign payload": "ref_12-Z", "a click's id in capitals": "A".repeat(32), "a longer one": "a".repeat(33) })) {
      it(`with ${what} is answered with the channel's own link`, async () => {
        await telegram.tell(botapi.start(7, payload));
        assert.equal(only(answers()).url, "https://t.me/+DoorFallback01");
        assert.deepEqual(await edge.rows("SELECT * FROM invite_names"), []);
      });
    }

    const languages = { en: "Join the channel", es: "Unirse al canal", "pt-br": "Entrar no canal", de: "Kanal beitreten", fr: "Rejoindre la chaîne", it: "Unisciti al canale", ru: "Вступить в канал", uk: "Приєднатися до каналу", ja: "Join the channel" };
    it("is answered in the person's language", async () => {
      for (const [language_code, button] of Object.entries(languages)) {
        await telegram.tell(botapi.start(person(7, { language_code })));
        assert.equal(answers().at(-1).button, button, language_code);
      }
      await telegram.tell(botapi.start(person(7, { language_code: undefined })));
      assert.equal(answers().at(-1).button, "Join the channel");
    });

    it("gets the channel's own link when no other is to be had", async () => {
      botapi.misbehave({ method: "createChatInviteLink", status: 400, description: "Bad Request: not enough rights", times: Infinity });
      assert.equal((await telegram.post(botapi.start(7, clickId()), { bot: OTHER_BOT.username, secret: OTHER_SECRET })).status, 200);
      assert.equal(only(answers()).url, "https://t.me/+BackFallback01");
    });

    for (const [what, fault] of Object.entries({ "too many calls": { status: 429, retryAfter: 3 }, "a fault": { status: 500 } })) {
      it(`is answered later after ${what}`, async () => {
        botapi.misbehave({ method: "sendMessage", ...fault, times: 2 });
        await telegram.tell(botapi.start(7));
        await until(() => botapi.messages.length, "the answer");
        await edge.drained();
        only(answers());
      });
    }

    it("of someone who has blocked the bot is over", async () => {
      const update = botapi.start(7);
      botapi.started.clear();
      await telegram.tell(update);
      assert.deepEqual((await edge.queue()).delays, []);
    });

    it("in a group is none of the bot's business", async () => {
      const update = botapi.start(7, clickId());
      update.message.chat = { id: CLUB.id, title: CLUB.title, type: "supergroup" };
      await telegram.tell(update);
      assert.deepEqual(botapi.calls, []);
    });
  });

  describe("the bot's own standing", () => {
    it("as an admin that may invite is a channel that works", async () => {
      const update = botapi.promoted({ chat: VIP.id });
      await telegram.tell(update);
      assert.deepEqual(only(await telegram.channels()), {
        chat_id: VIP.id, bot: BOT.username, title: VIP.title, username: "shop_vip", broken: null, changed_ms: update.my_chat_member.date * 1000,
      });
    });

    for (const [what, later, words] of [
      ["without the right to invite", () => botapi.promoted({ rights: { can_invite_users: false } }), /may not invite users/],
      ["as no admin", () => botapi.demoted({ status: "member" }), /is no admin/],
      ["gone", () => botapi.demoted(), /was removed/],
      ["banned", () => botapi.demoted({ status: "kicked" }), /was removed/],
    ]) {
      it(`${what} is a channel that is broken, until it is mended, in any order`, async () => {
        const [made, broken] = [botapi.promoted(), later()];
        broken.my_chat_member.date += 60;
        await telegram.tell(made, broken);
        assert.match(only(await telegram.channels()).broken, words);
        await edge.clear();
        await telegram.tell(broken, made);
        assert.match(only(await telegram.channels()).broken, words);
        const mended = botapi.promoted();
        mended.my_chat_member.date += 120;
        await telegram.tell(mended);
        assert.equal(only(await telegram.channels()).broken, null);
      });
    }

    it("comes with the channel's name, and so does who joins or leaves", async () => {
      await telegram.tell(botapi.promoted());
      const called = async () => { const { title, username } = only(await telegram.channels()); return [title, username]; };
      Object.assign(botapi.chats.get(NEWS.id), { title: "Shop Daily", username: "shop_daily" });
      await telegram.tell(botapi.join(undefined, 7));
      assert.deepEqual(await called(), ["Shop Daily", "shop_daily"]);
      const old = botapi.join(undefined, 8);
      old.chat_member.chat.title = "Before";
      old.chat_member.date -= 3_600;
      await telegram.tell(old);
      assert.deepEqual(await called(), ["Shop Daily", "shop_daily"], "an update that comes late undoes nothing");
      delete botapi.chats.get(NEWS.id).username;
      await telegram.tell(botapi.leave(7));
      assert.deepEqual(await called(), ["Shop Daily", null]);
    });

    it("as a guest in somebody's group, or alone with someone, is no channel", async () => {
      const guest = botapi.demoted({ chat: STRAY.id, status: "member" });
      guest.my_chat_member.old_chat_member.status = "left";
      const blocked = botapi.demoted({ status: "kicked" });
      blocked.my_chat_member.chat = { id: 7, first_name: "P", type: "private" };
      await telegram.tell(guest, blocked);
      assert.deepEqual(await telegram.channels(), []);
    });

    it("of another bot says nothing of the channel's own", async () => {
      await telegram.tell(botapi.promoted());
      const answer = await telegram.post(botapi.demoted({ bot: OTHER_BOT }), { bot: OTHER_BOT.username, secret: OTHER_SECRET });
      assert.equal(answer.status, 200);
      assert.deepEqual(only(await telegram.channels()).broken, null);
    });
  });

  it("a whole trail: a click's own link, a join, and the link is closed", async () => {
    const [tempId, clickEvent] = [randomUUID(), randomUUID()];
    const click = async (eventId) =>
      (await edge.request("/e/invite?" + new URLSearchParams({ websiteId: "atid_second", tempId, eventId }), { headers: { "user-agent": BROWSER } })).location;
    // The first click finds an empty pool, and has it filled.
    await until(async () => (await click(randomUUID())) !== "https://t.me/+VipFallback0001", "a link of its own");
    const location = await until(async () => ((own) => own !== "https://t.me/+VipFallback0001" && own)(await click(clickEvent)), "another");
    const link = botapi.links.get(location);
    await telegram.tell(botapi.join(location, 7));
    assert.ok(await until(() => link.is_revoked, "the link is closed"));
    await edge.drained();
    const [row] = await edge.rows("SELECT click_id, temp_id, channel_id, event_type FROM attributions JOIN conversions USING (conversion_id, click_id)");
    assert.deepEqual(row, { click_id: link.name, temp_id: tempId, channel_id: "chan_vip", event_type: "Subscribe" });
  });

  it("no secret is in any answer or log", async () => {
    botapi.misbehave({ status: 500, times: Infinity });
    const secrets = [BOT.token, WEBHOOK_SECRET];
    for (const { text, headers } of [await telegram.post(botapi.start(7, clickId())), await telegram.post("x"), await telegram.post("x", { secret: "wrong" }), await edge.request("/healthz")]) {
      assert.ok(!secrets.some((secret) => `${text}${JSON.stringify(headers)}`.includes(secret)), text);
    }
    await never(() => edge.logs.some(({ message }) => secrets.some((secret) => message.includes(secret))), "a secret in the log");
  });
});

describe("Telegram's updates with BACKEND=adtarget", () => {
  it("are AdTarget's own bot's: the path is not there", async () => {
    const telegram = await startChats({ vars: { BACKEND: "adtarget" } });
    try {
      assert.equal((await telegram.post(telegram.botapi.join(undefined, 7))).status, 404);
    } finally {
      await telegram.close();
    }
  });
});

describe("Telegram's updates of a site with a database of its own", () => {
  let telegram, botapi, edge;
  before(async () => {
    const sites = SITES.map((site) => (site.websiteId === "atid_second" ? { ...site, database: "DB_SECOND" } : site));
    telegram = await startChats({ databases: ["DB_SECOND"], vars: { SITES: JSON.stringify(sites) } });
    ({ botapi, edge } = telegram);
  });
  after(() => telegram.close());

  it("are in that, and in no other", async () => {
    const click = clickId();
    await telegram.click({ clickId: click, websiteId: "atid_second", channel: "vip" });
    await telegram.tell(botapi.start(7, click));
    const { url } = botapi.messages.at(-1).reply_markup.inline_keyboard[0][0];
    assert.equal(botapi.links.get(url).chat_id, VIP.id);
    await telegram.tell(botapi.promoted({ chat: VIP.id }), botapi.join(url, 7));
    const count = "SELECT (SELECT count(*) FROM members) AS members, (SELECT count(*) FROM leads) AS leads, (SELECT count(*) FROM telegram_channels) AS channels";
    assert.deepEqual(only(await edge.rowsOf("DB_SECOND", count)), { members: 1, leads: 1, channels: 1 });
    assert.deepEqual(only(await edge.rows(count)), { members: 0, leads: 0, channels: 0 });
    assert.equal(only(await edge.rowsOf("DB_SECOND", "SELECT click_id FROM conversions")).click_id, click);
  });

  it("are nowhere, where no setting names the chat and they came by no click, as in the team's own group", async () => {
    await telegram.tell(botapi.promoted({ chat: STRAY.id }), botapi.join(undefined, 9, { chat: STRAY.id }), botapi.leave(9, { chat: STRAY.id }));
    const known = "SELECT 1 FROM members WHERE telegram_user_id = 9 UNION ALL SELECT 1 FROM leads WHERE telegram_user_id = 9";
    assert.deepEqual([await edge.rows(known), await edge.rowsOf("DB_SECOND", known)], [[], []]);
  });

  it("are there, too, where no setting names the chat: who came by a click of that site, and that they left", async () => {
    const click = clickId();
    await telegram.click({ clickId: click, websiteId: "atid_second", channel: "vip" });
    const link = await telegram.link(click, { chat: STRAY, creates_join_request: true });
    await telegram.tell(botapi.promoted({ chat: STRAY.id }), botapi.requestToJoin(link, 8), botapi.join(link, 8, { viaJoinRequest: true }), botapi.leave(8, { chat: STRAY.id }));
    const members = `SELECT status, click_id FROM members WHERE chat_id = ${STRAY.id}`;
    assert.deepEqual([only(await edge.rowsOf("DB_SECOND", members)), await edge.rows(members)], [{ status: "left", click_id: click }, []]);
  });
});

for (const database of ["DB", "DB_SECOND"]) {
  describe(`A chat that two sites lead to, the second's all in ${database}`, () => {
    let telegram, botapi, edge;
    before(async () => {
      const [shop, second] = SITES;
      const channel = { slug: "shared", channelId: "chan_shared", invite: "https://t.me/+NewsFallback01", telegramId: NEWS.id, eventType: "Subscribe" };
      const sites = [shop, { ...second, database, channels: [...second.channels, channel] }];
      telegram = await startChats({ databases: ["DB_SECOND"], vars: { SITES: JSON.stringify(sites), OPERATOR_KEY } });
      ({ botapi, edge } = telegram);
    });
    after(() => telegram.close());
    const conversion = async (user) =>
      only(await edge.rowsOf(database, `SELECT website_id, channel_id, event_type, click_id FROM conversions WHERE telegram_user_id = ${user}`));
    const ofSecond = (click_id) => ({ website_id: "atid_second", channel_id: "chan_shared", event_type: "Subscribe", click_id });
    const came = async (fields) => {
      const click = clickId();
      await telegram.click({ clickId: click, websiteId: "atid_second", channel: "shared", ...fields });
      return [click, await telegram.link(click)];
    };

    it("reports who came to the site and channel that brought them, and who came by none to the first", async () => {
      const [, second] = await came();
      const [, first] = await came({ websiteId: "atid_shop", channel: "news" });
      // Who was there before comes back by a click, as one database can know; who left counts where they had come.
      if (database === "DB") await telegram.tell(botapi.join(undefined, 12), botapi.leave(12));
      await telegram.tell(botapi.join(second, 12), botapi.join(first, 13), botapi.leave(13), botapi.join(undefined, 14));
      const ask = async (path) => {
        const answer = await edge.request(`/api/v1/${path}`, { headers: { authorization: `Bearer ${OPERATOR_KEY}` } });
        assert.equal(answer.status, 200, answer.text);
        return answer.json();
      };
      const moves = ({ joins, leaves }) => [joins, leaves];
      assert.deepEqual(moves((await ask("report")).total), [3, 1]);
      assert.deepEqual(moves((await ask("report?websiteId=atid_shop")).total), [2, 1]);
      assert.deepEqual(moves((await ask("report?websiteId=atid_second")).total), [1, 0]);
      const byChannel = (await ask("report?by=channel")).rows.map(({ key, label, ...sums }) => [key, label, ...moves(sums)]);
      assert.deepEqual(byChannel.sort(), [["chan_news", "news", 2, 1], ["chan_shared", "shared", 1, 0]]);
      const feed = async (query) => (await ask(`feed${query}`)).items.filter(({ kind }) => kind === "join" || kind === "leave").map(({ websiteId, title, detail }) => [websiteId, title, detail.telegramUserId]).sort();
      const ofFirst = [["atid_shop", "Joined news", 13], ["atid_shop", "Joined news", 14], ["atid_shop", "Left news", 13]];
      const ofSecond = [["atid_second", "Joined shared", 12]];
      assert.deepEqual(await feed("?websiteId=atid_shop"), ofFirst);
      assert.deepEqual(await feed("?websiteId=atid_second"), ofSecond);
      assert.deepEqual(await feed(""), [...ofSecond, ...ofFirst]);
      // What a site may see of somebody, and erase, is no other's; who came by no click is everybody's who leads there.
      const of = async (user, site, method = "GET") =>
        (await edge.request(`/api/v1/trail?telegramUserId=${user}&websiteId=${site}`, { method, headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).status;
      const known = async () => (await edge.rowsOf(database, "SELECT telegram_user_id FROM members WHERE telegram_user_id = 12")).length;
      assert.deepEqual([await of(12, "atid_shop"), await of(12, "atid_second"), await of(14, "atid_shop")], [404, 200, 200]);
      if (database === "DB") assert.equal(await of(14, "atid_second"), 200);
      // Who was there before by no click is the first one's lead, too.
      assert.deepEqual([await of(12, "atid_shop", "DELETE"), await known()], [database === "DB" ? 200 : 404, 1]);
      assert.deepEqual([await of(12, "atid_second", "DELETE"), await known()], [200, 0]);
      assert.deepEqual(moves((await ask("report?websiteId=atid_second")).total), [0, 0]);
    });

    it("counts who came by a click of the second there, and who left", async () => {
      const [click, link] = await came();
      await telegram.tell(botapi.join(link, 7), botapi.leave(7));
      assert.deepEqual(await conversion(7), ofSecond(click));
      assert.equal(only(await edge.rowsOf(database, "SELECT status FROM members WHERE telegram_user_id = 7")).status, "left");
      // Who comes back by no link is no lead of a site that never brought them.
      await telegram.tell(botapi.join(undefined, 7));
      const leads = await Promise.all(["DB", "DB_SECOND"].map((each) => edge.rowsOf(each, "SELECT website_id, organic FROM leads WHERE telegram_user_id = 7")));
      assert.deepEqual(only(leads.flat()), { website_id: "atid_second", organic: 0 });
    });

    it("waits for a click that is in the queue still", async () => {
      const click = clickId();
      const told = telegram.tell(botapi.join(await telegram.link(click), 8));
      await telegram.click({ clickId: click, websiteId: "atid_second", channel: "shared" });
      await told;
      assert.deepEqual(await conversion(8), ofSecond(click));
    });

    it("asks Telegram to tell again who joined by a click that is not there yet, as after an outage", async () => {
      const click = clickId();
      const update = botapi.join(await telegram.link(click), 15);
      assert.equal((await telegram.post(update)).status, 500);
      assert.deepEqual(await edge.rowsOf(database, "SELECT 1 FROM members WHERE telegram_user_id = 15"), []);
      await telegram.click({ clickId: click, websiteId: "atid_second", channel: "shared" });
      await telegram.tell(update);
      assert.deepEqual(await conversion(15), ofSecond(click));
    });

    it("counts who came by a click whose channel is called otherwise since, or is no more, without asking again", async () => {
      const [renamed, byRenamed] = await came({ channel: "shared-before" });
      assert.equal((await telegram.post(botapi.join(byRenamed, 16))).status, 200);
      assert.deepEqual(await conversion(16), ofSecond(renamed));
      const [, ofNobody] = await came({ websiteId: "atid_gone", channel: "gone" });
      assert.equal((await telegram.post(botapi.join(ofNobody, 17))).status, 200);
      assert.equal(only(await edge.rows("SELECT website_id FROM leads WHERE telegram_user_id = 17")).website_id, "atid_shop");
    });

    it("counts who asked to join by that click there, where Telegram leaves the link out", async () => {
      const click = clickId();
      await telegram.click({ clickId: click, websiteId: "atid_second", channel: "shared" });
      const link = await telegram.link(click, { creates_join_request: true });
      await telegram.tell(botapi.requestToJoin(link, 9), botapi.join(link, 9, { viaJoinRequest: true, hidden: true }));
      assert.deepEqual(await conversion(9), ofSecond(click));
    });

    it("counts who came by a click of the first with that, and who came by none", async () => {
      const [click, link] = await came({ websiteId: "atid_shop", channel: "news" });
      await telegram.tell(botapi.join(link, 10), botapi.join(undefined, 11));
      assert.deepEqual(only(await edge.rows("SELECT website_id, channel_id, click_id FROM conversions WHERE telegram_user_id = 10")), { website_id: "atid_shop", channel_id: "chan_news", click_id: click });
      assert.equal(only(await edge.rows("SELECT website_id FROM leads WHERE telegram_user_id = 11")).website_id, "atid_shop");
    });
  });
}

/** The rest of a change of membership. */
function botapiShape() {
  return { chat: NEWS, from: person(5), date: 1_790_000_000, old_chat_member: { user: person(5), status: "left" } };
}

describe("what the operator sees of webhooks and of what waits", () => {
  let telegram, botapi;
  before(async () => {
    telegram = await startChats({ vars: { OPERATOR_KEY } });
    botapi = telegram.botapi;
  });
  after(() => telegram.close());
  const health = (key) => telegram.edge.request("/healthz", { headers: key ? { authorization: `Bearer ${key}` } : {} });
  const asked = () => botapi.calls.filter(({ method }) => method === "getWebhookInfo").length;

  it("is what Telegram says, asked once a minute, and what came last; a stranger sees and asks nothing of it", async () => {
    await telegram.reset();
    for (let times = 0; times < 3; times += 1) {
      const { webhooks, backlog } = (await health()).json();
      assert.deepEqual([webhooks, backlog], [undefined, undefined]);
    }
    assert.equal((await health("wrong")).status, 401);
    assert.equal(asked(), 0, "a stranger has nobody asked");

    // Later than all that came.
    const failedS = Math.floor(Date.now() / 1_000) + 86_400;
    botapi.webhooks.set(BOT.username, {
      url: `https://edge.shop.test/hooks/telegram/${BOT.username}`, allowed_updates: UPDATES, pending_update_count: 7, last_error_date: failedS, last_error_message: "Wrong response from the webhook: 500 Internal Server Error",
    });
    const before = Date.now();
    await telegram.tell(botapi.join(await telegram.link(clickId(), { member_limit: 1 }), 4242));
    await telegram.edge.drained();
    const answer = await health(OPERATOR_KEY);
    const { webhooks, backlog, status, cautions } = answer.json();
    assert.equal(status, "degraded", "it serves everybody, but the bots hear nothing");
    assert.deepEqual(cautions.filter(({ about }) => about === "webhook"), [
      { about: "webhook", name: BOT.username, state: "failing", why: "Wrong response from the webhook: 500 Internal Server Error" },
      { about: "webhook", name: OTHER_BOT.username, state: "missing", why: "npm run telegram -- setup sets it" },
    ]);
    assert.equal((await health()).json().status, "ok");
    const [ours, other] = webhooks;
    assert.ok(ours.checkedAt >= before && ours.lastUpdateAt >= before);
    assert.deepEqual({ ...ours, checkedAt: 0, lastUpdateAt: 0 }, {
      bot: BOT.username, host: "edge.shop.test", leadsHere: true, pendingUpdates: 7, lastErrorAt: failedS * 1_000, lastError: "Wrong response from the webhook: 500 Internal Server Error",
      lastUpdateAt: 0, checkedAt: 0, failure: null,
    });
    assert.deepEqual({ ...other, checkedAt: 0 }, {
      bot: OTHER_BOT.username, host: null, leadsHere: false, pendingUpdates: 0, lastErrorAt: null, lastError: null, lastUpdateAt: null, checkedAt: 0, failure: null,
    });
    assert.deepEqual(backlog, { queue: { pending: 0, oldestAt: null, dead: 0 }, outbox: { pending: 0, oldestAt: null, dead: 0 }, owed: { pending: 0, oldestAt: null, dead: 0 } });
    for (const secret of [BOT.token, OTHER_BOT.token, WEBHOOK_SECRET, OPERATOR_KEY]) assert.ok(!answer.text.includes(secret));

    await health(OPERATOR_KEY);
    assert.equal(asked(), 2, "one a bot, within a minute");
    const ofWebhook = async (host, last) => {
      botapi.webhooks.set(BOT.username, { url: `https://${host}/hooks/telegram/${BOT.username}`, allowed_updates: UPDATES, pending_update_count: 0, last_error_date: last, last_error_message: "500" });
      await telegram.edge.advance(61_000);
      return (await health(OPERATOR_KEY)).json().cautions.filter(({ about, name }) => about === "webhook" && name === BOT.username).map(({ state }) => state);
    };
    assert.deepEqual(await ofWebhook("shop.test", Math.floor(before / 1_000) - 60), [], "the edge's other host, by which updates come");
    assert.deepEqual(await ofWebhook("shop.test", failedS), ["elsewhere"]);
    assert.deepEqual(await ofWebhook("edge.shop.test", Math.floor(before / 1_000) - 60), []);
    botapi.webhooks.get(BOT.username).allowed_updates = UPDATES.filter((kind) => kind !== "chat_member");
    await telegram.edge.advance(61_000);
    assert.match(JSON.stringify((await health(OPERATOR_KEY)).json().cautions), /"state":"not asked for","why":"chat_member: /);
    const webhook = botapi.webhooks.get(BOT.username);
    Object.assign(webhook, { pending_update_count: 7, last_error_date: failedS });
    await telegram.edge.advance(61_000);
    assert.match(JSON.stringify((await health(OPERATOR_KEY)).json().cautions), /"state":"failing","why":"500"/, "which is the worse");
    Object.assign(webhook, { pending_update_count: 0, last_error_date: undefined });
    await telegram.edge.advance(61_000);
    await health(OPERATOR_KEY);
    botapi.calls.length = 0;
    await telegram.edge.advance(61_000);
    await health(OPERATOR_KEY);
    assert.equal(asked(), 2);
  });

  it("is that Telegram does not answer, too", async () => {
    await telegram.edge.advance(61_000);
    botapi.misbehave({ method: "getWebhookInfo", cut: "arrival", times: 2 });
    const answer = await health(OPERATOR_KEY);
    assert.equal(answer.status, 200);
    const { webhooks } = answer.json();
    assert.deepEqual(webhooks.map(({ bot, pendingUpdates, failure }) => [bot, pendingUpdates, failure]), [BOT, OTHER_BOT].map(({ username }) => [username, null, "Network connection lost."]));
  });

  it("is what waits, since when, and what was given up", async () => {
    const { edge } = telegram;
    const now = Date.now();
    const send = (id, state, owed, changed) => edge.rows(`INSERT INTO sends (conversion_id, destination, website_id, platform, state, made_ms, owed_since_ms, due_ms, attempts, changed_ms) VALUES ('${id}', 'meta', 'atid_shop', 'meta', '${state}', ${owed}, ${owed}, 9e15, 1, ${changed})`);
    await send("a", "pending", now - 5_000, now);
    await send("b", "pending", now - 4_000, now);
    await send("c", "dead", now - 9_000, now);
    const owe = (id, status, at) => edge.rows(`INSERT INTO owed_conversions (conversion_id, telegram_user_id, at_ms, tried_ms, path, body, status) VALUES ('${id}', 1, ${at}, ${at}, 'x', '', '${status}')`);
    await owe("a", "owed", now - 3_000);
    await owe("b", "refused", now - 2_000);
    await owe("c", "delivered", now - 1_000);
    const { backlog, deliveries } = (await health(OPERATOR_KEY)).json();
    assert.deepEqual([backlog.outbox, backlog.owed], [{ pending: 2, oldestAt: now - 5_000, dead: 1 }, { pending: 1, oldestAt: now - 3_000, dead: 1 }]);
    assert.deepEqual(deliveries, [{ websiteId: "atid_shop", destination: "meta", pending: 2, oldestAt: now - 5_000, dead: 1 }]);
  });
});

describe("a bot that is the way to several channels", () => {
  it("leads to the one that was clicked, though the click is still on its way", async () => {
    const channels = [DOOR, NEWS].map(({ id }, at) => ({ slug: ["door", "news"][at], invite: `https://t.me/+Fallback0000${at}`, telegramId: id, mode: "bot", poolSize: 1 }));
    const telegram = await startChats({ vars: { SITES: JSON.stringify([{ websiteId: "atid_shop", domains: ["shop.test"], channels }]) } });
    try {
      const click = clickId();
      // For longer than a machine stalls.
      await telegram.edge.fail({ haste: 0.25 });
      const told = telegram.tell(telegram.botapi.start(7, click));
      await sleep(700);
      assert.deepEqual(telegram.botapi.messages, [], "it waits");
      await telegram.click({ clickId: click, channel: "news" });
      await told;
      await telegram.edge.fail({ haste: 1 });
      const { url } = only(telegram.botapi.messages).reply_markup.inline_keyboard[0][0];
      assert.equal(telegram.botapi.links.get(url).chat_id, NEWS.id);
      await telegram.tell(telegram.botapi.start(8, clickId()));
      assert.equal(telegram.botapi.links.get(telegram.botapi.messages.at(-1).reply_markup.inline_keyboard[0][0].url).chat_id, DOOR.id, "one that never comes is waited for a moment");
    } finally {
      await telegram.close();
    }
  });
});
