import { consent } from "./consent.mjs";
import { demo } from "./demo.mjs";
import { front } from "./front.mjs";
import { links } from "./links.mjs";
import { moves } from "./moves.mjs";
import { networks } from "./networks.mjs";
import { panels } from "./panels.mjs";
import { pixel } from "./pixel.mjs";
import { policies } from "./policies.mjs";
import { visits } from "./visits.mjs";

/** All tables of scenarios of an advertiser's page: what a visitor's page or network is like, and what happens on it. */
export const SCENARIOS = {
  "a visit": visits,
  "a link": links,
  "a page": moves,
  "a page that has": policies,
  "a network": networks,
  "consent": consent,
  "a page behind the edge that": front,
  "the pixel of Telegram Ads": pixel,
  "the debugger": panels,
};

/** And of the demo page, which needs the edge with the demo's settings. */
export const DEMO_SCENARIOS = { "the demo page": demo };
