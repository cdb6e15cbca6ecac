/** Types of the page tracker: `window.edgeway`, and `window.tgp` of Telegram Ads' pixel. */

/** What happened, newest last; the same details go out as the event `edgeway` on `window`. */
export type EdgewayHappening = { at: number } & (
  | { type: 'captured'; data: EdgewayVisit }
  | { type: 'sent'; data: { to: 'init' | 'update-fbp'; body: object; via: 'fetch' | 'beacon' } }
  | { type: 'sent'; data: { to: 'mark'; body: TelegramPixelCall; via: 'beacon' } }
  | { type: 'sent'; data: { to: 'invite'; body: { href: string }; via: 'link' } }
  | { type: 'answered'; data: { to: 'init' | 'update-fbp'; status: number; body: unknown } }
  | { type: 'link'; data: { from: string; to: string } }
  | { type: 'failed'; data: { to: string; why: string } }
  | { type: 'core'; data: 'wasm' | 'wasm-async' | 'wasm2js' | 'edge' }
);

/** A visit as it is sent to the edge. */
export interface EdgewayVisit {
  websiteId: string;
  /** One per visit, the same on every retry. */
  eventId: string;
  href: string;
  tempId: string;
  clientSessionId: string;
  externalUserId?: string;
  landingPage?: string;
  referrer?: string;
  fbc?: string;
  fbp?: string;
  gclid?: string;
  gbraid?: string;
  wbraid?: string;
  ttclid?: string;
  ttp?: string;
  sccid?: string;
  scid?: string;
  ga?: string;
  tgclid?: string;
  utmSource?: string;
  utmMedium?: string;
  utmCampaign?: string;
  utmContent?: string;
  utmTerm?: string;
  consent?: 'granted' | 'denied';
  /** The browser is driven by a program. */
  bot?: boolean;
  /** The edge has recorded the page request itself; this adds to it. */
  capturedBy?: 'edge';
  /** The ad cookies as they are, where no core could run in the page. */
  cookie?: string;
}

/** A call of Telegram Ads' pixel as it is sent to the edge, and goes on to Telegram: the event's own parameters, and these. */
export interface TelegramPixelCall {
  /** The pixel's id, of `init`. */
  p?: string;
  /** The event's id, of `event`. */
  e?: string;
  /** The click id that Telegram Ads gave the visitor. */
  c?: string;
  /** When, in Unix ms. */
  t: number;
  /** The page's address. */
  l: string;
  [parameter: string]: unknown;
}

/** The commands of Telegram Ads' pixel. Without Telegram's own script before it, the tracker carries them out. */
export interface TelegramPixel {
  /** Says that the page has the pixel; once a page, however often it is called. */
  (command: 'init', pixelId: string): void;
  /** Says that the event happened. The parameters are left as they are. */
  (command: 'event', eventId: string, parameters?: Record<string, string | number | boolean>): void;
  /** Carries a command out; undefined before the script has loaded. */
  run?: (...command: unknown[]) => void;
  /** The commands given before the script has loaded. */
  queue?: { push(command: ArrayLike<unknown>): unknown };
}

/** The commands of the page. Before the script has loaded they are queued, and return nothing. */
export interface Edgeway {
  /** Records a visit of the present address, unless it is recorded already. */
  (command: 'visit'): void;
  /** Says who the visitor is in the site's own books. */
  (command: 'identify', externalUserId: string | number): void;
  /** Says what the visitor consented to; any other word fails and changes nothing. */
  (command: 'consent', state: 'granted' | 'denied'): void;
  /** Makes the link to the invite that belongs to this visit. */
  (command: 'invite', options?: { channel?: string }, callback?: (link: string) => void): string | undefined;
  /** Settles once the tracker runs; undefined before the script has loaded. */
  ready?: Promise<Edgeway>;
  /** The latest 100 happenings; the links among them make room for the others. */
  log?: EdgewayHappening[];
  /** The commands given before the script has loaded. */
  q?: { push(command: ArrayLike<unknown>): unknown };
}

declare global {
  interface Window {
    edgeway: Edgeway;
    tgp: TelegramPixel;
  }
  interface WindowEventMap {
    edgeway: CustomEvent<EdgewayHappening>;
  }
  /** The page tracker. */
  var edgeway: Edgeway;
  /** Telegram Ads' pixel. */
  var tgp: TelegramPixel;
}
