// The door of Telegram Ads' pixel: /pxl, to which telegram.org/js/pixel.js posts a form (sendBeacon) or asks for an image with the same fields. It tells
// nothing of what it makes of them: whatever comes, it answers an image.
import { Refusal } from "./server.mjs";

/** The default pixel and its one event. */
export const TELEGRAM_ADS = { pixelId: "Xk3vQ9Lm", eventId: "Xk3vQ9Lm-a1B2c3D4" };

const GIF = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");
const SAID = { status: 200, body: GIF, headers: { "content-type": "image/gif" } };

export function telegramAdsPlatform({ accounts = [TELEGRAM_ADS] } = {}) {
  return {
    name: "telegram",
    accounts,
    secrets: [],
    contentType: "image/gif",
    take(call, state) {
      const refuse = (what) => {
        call.breach(what);
        return new Refusal(SAID);
      };
      if (call.path !== "/pxl") {
        call.breach("no such path");
        throw new Refusal({ status: 404, html: "<html></html>" });
      }
      if (call.method !== "POST" && call.method !== "GET") throw refuse(`${call.method} is neither POST nor GET`);
      const form = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(call.headers["content-type"] ?? "");
      if (call.method === "POST" && !form) throw refuse(`the Content-Type is ${call.headers["content-type"]}`);
      const event = call.method === "GET" ? call.query : Object.fromEntries(new URLSearchParams(call.text));
      call.body = event;
      call.events = 1;

      const { p: pixel, e: name, c: click, t: time, l: page } = event;
      if ((pixel === undefined) === (name === undefined)) throw refuse("not one of p and e alone");
      if (pixel !== undefined && !accounts.some(({ pixelId }) => pixelId === pixel)) throw refuse("an unknown pixel id");
      if (name !== undefined && !/^[^-]+-.{8}$/.test(name)) throw refuse("e is not <pixel id>-<8 characters>");
      if (name !== undefined && !accounts.some(({ eventId }) => eventId === name)) throw refuse("an unknown event id");
      if (!click) throw refuse("c is missing: no click to credit");
      if (!/^\d{13}$/.test(time ?? "")) throw refuse("t is not in Unix milliseconds");
      if (Number(time) > state.nowMs() + 60_000) throw refuse("t is in the future");
      if (!URL.canParse(page ?? "") || !/^https?:/.test(page)) throw refuse("l is no URL");
      if (state.revoked) throw new Refusal(SAID);
      // Nothing documented tells a copy: the same event of the same click at the same millisecond can be no other.
      const id = `${name ?? pixel} ${click} ${time}`;
      return { ...SAID, events: [{ id, keys: [[id, Infinity]], event }] };
    },
    outage: (status) => ({ status, html: `<html><title>${status}</title></html>` }),
    failure: () => SAID,
    poisoned: () => SAID,
  };
}
