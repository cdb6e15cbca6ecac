// Google's Data Manager API and the OAuth token endpoint before it, as developers.google.com and the published protocol buffers document them:
// google.ads.datamanager.v1 (IngestEventsRequest, ErrorReason), google.rpc.Status, and "OAuth 2.0 for Server to Server Applications".
import { generateKeyPairSync, randomBytes, randomUUID, verify } from "node:crypto";
import { also, anything, boolean, currency, integer, ip, list, matching, number, object, oneOf, required, string, written } from "./checks.mjs";
import { DAY_MS, Refusal, faultsIn, jsonOf } from "./server.mjs";

/** The default account: a Google Ads account with one conversion action, which a manager account sees to. */
export const GOOGLE = { accountId: "7071902603", loginAccountId: "1202835294", conversionActionId: "7712337565" };
export const SCOPE = "https://www.googleapis.com/auth/datamanager";

const MAX_EVENTS = 2_000;
const MAX_DESTINATIONS = 10;
const MAX_IDENTIFIERS = 10;
/** A click counts for 90 days at most; an event before that can't be its conversion. */
const MAX_AGE_MS = 90 * DAY_MS;

// ---- OAuth ----------------------------------------------------------------------------------------------------------------------

const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const MAX_ASSERTION_S = 3_600;
const SKEW_S = 300;
const oauthError = (error, description, status = 400) => ({ status, body: { error, error_description: description } });

/** The errors of the token endpoint that `misbehave({kind: "code"})` knows. */
const OAUTH_ERRORS = {
  invalid_grant: [400, "Token has been expired or revoked."],
  invalid_client: [401, "The OAuth client was not found."],
  invalid_scope: [400, "Invalid OAuth scope or ID token audience provided."],
  unauthorized_client: [401, "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."],
  internal_failure: [500, "Backend Error"],
};

/**
 * The token endpoint. State besides: `serviceAccount` (the JSON to configure a client with; its key pair is made here), `refreshable` (client and refresh token),
 * `fetches` (tokens given), `expiresIn` (seconds a token lasts, settable), `expire()` (every token given so far is dead).
 */
export function oauthPlatform() {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const privateKey = pair.privateKey.export({ type: "pkcs8", format: "pem" });
  const kid = randomBytes(20).toString("hex");
  const email = "edgeway@edgeway-test.iam.gserviceaccount.com";
  const refreshable = {
    client_id: "764086051850-edgeway.apps.googleusercontent.com", client_secret: "GOCSPX-0123456789abcdefghijklmn",
    refresh_token: "1//0g-refresh-token-0123456789",
  };
  const tokens = new Map();

  function claimsOf(assertion, state) {
    const refuse = (description, error = "invalid_grant") => new Refusal(oauthError(error, description));
    const [head, claims, signature, more] = `${assertion}`.split(".");
    const parse = (text) => JSON.parse(Buffer.from(text, "base64url"));
    let header, set;
    try {
      [header, set] = [parse(head), parse(claims)];
      if (!signature || more !== undefined || [head, claims, signature].some((part) => !/^[A-Za-z0-9_-]+$/.test(part))) throw new Error();
    } catch {
      throw refuse("Bad Request", "invalid_request");
    }
    if (set.iss !== email) throw refuse("Invalid grant: account not found");
    if (header.alg !== "RS256" || (header.kid !== undefined && header.kid !== kid)) throw refuse("Invalid JWT Signature.");
    if (!verify("RSA-SHA256", Buffer.from(`${head}.${claims}`), pair.publicKey, Buffer.from(signature, "base64url"))) throw refuse("Invalid JWT Signature.");
    if (![state.serviceAccount.token_uri, "https://oauth2.googleapis.com/token"].includes(set.aud)) throw refuse("Invalid JWT: Failed audience check.");
    const now = state.nowMs() / 1000;
    const { iat, exp } = set;
    if (!Number.isInteger(iat) || !Number.isInteger(exp) || iat > now + SKEW_S || exp < now - SKEW_S || exp <= iat || exp - iat > MAX_ASSERTION_S) {
      throw refuse("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.");
    }
    if (typeof set.scope !== "string" || !set.scope.split(" ").every((scope) => /^https:\/\/www\.googleapis\.com\/auth\/[\w.]+$/.test(scope))) {
      throw refuse("Invalid OAuth scope or ID token audience provided.", "invalid_scope");
    }
    return set;
  }

  function give(state, scope) {
    const access_token = `ya29.${randomBytes(48).toString("base64url")}`;
    const expires_in = state.expiresIn;
    return {
      body: { access_token, expires_in, token_type: "Bearer" },
      commit() {
        state.fetches += 1;
        tokens.set(access_token, { until: state.nowMs() + expires_in * 1000, scopes: scope.split(" ") });
      },
    };
  }

  return {
    name: "oauth",
    accounts: [],
    secrets: [refreshable.client_secret, refreshable.refresh_token],
    refreshable,
    tokens,
    serviceAccountAt: (url) => ({
      type: "service_account", project_id: "edgeway-test", private_key_id: kid, private_key: privateKey, client_email: email, client_id: "104567890123456789012",
      auth_uri: "https://accounts.google.com/o/oauth2/auth", token_uri: `${url}/token`, universe_domain: "googleapis.com",
    }),
    take(call, state) {
      const refuse = (answer, what) => {
        call.breach(what ?? answer.body.error_description);
        return new Refusal(answer);
      };
      if (call.path !== "/token" || call.method !== "POST") throw refuse(oauthError("invalid_request", "Not found", 404), "no such path");
      if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(call.headers["content-type"] ?? "")) {
        throw refuse(oauthError("unsupported_grant_type", "Invalid grant_type: "), `the Content-Type is ${call.headers["content-type"]}`);
      }
      call.body = Object.fromEntries(new URLSearchParams(call.text));
      const { grant_type: grant, assertion } = call.body;
      if (grant === GRANT) {
        let claims;
        try {
          claims = claimsOf(assertion, state);
        } catch (error) {
          if (error instanceof Refusal) call.breach(error.answer.body.error_description);
          throw error;
        }
        if (state.revoked) throw new Refusal(oauthError("invalid_grant", "Invalid grant: account not found"));
        return give(state, claims.scope);
      }
      if (grant !== "refresh_token") throw refuse(oauthError("unsupported_grant_type", `Invalid grant_type: ${grant ?? ""}`));
      if (call.body.client_id !== refreshable.client_id) throw refuse(oauthError("invalid_client", "The OAuth client was not found.", 401));
      if (call.body.client_secret !== refreshable.client_secret) throw refuse(oauthError("invalid_client", "Unauthorized", 401));
      if (call.body.refresh_token !== refreshable.refresh_token) throw refuse(oauthError("invalid_grant", "Bad Request"));
      if (state.revoked) throw new Refusal(oauthError("invalid_grant", "Token has been expired or revoked."));
      const { body, commit } = give(state, SCOPE);
      return { body: { ...body, scope: SCOPE }, commit };
    },
    outage: (status) => oauthError(status === 429 ? "rate_limit_exceeded" : "internal_failure", status === 429 ? "Rate limit exceeded" : "Backend Error", status),
    failure(code) {
      const [status, description] = OAUTH_ERRORS[code] ?? [400, code];
      return oauthError(code, description, status);
    },
    reset(state) {
      tokens.clear();
      Object.assign(state, { fetches: 0, expiresIn: 3_599, expire: () => tokens.clear(), refreshable });
    },
  };
}

// ---- Data Manager ---------------------------------------------------------------------------------------------------------------

const snake = (word) => (typeof word === "string" ? word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : word);
const digits = (value, path, report) => {
  if (typeof value !== "string") return report(path, "type", "a string");
  if (!/^\d+$/.test(value)) report(path, "form", "is no number without dashes", { reason: "INVALID_NUMBER_FORMAT" });
};
const enumOf = (...values) => (value, path, report) =>
  oneOf(...values)(value, path, (where, kind, text) => report(where, kind, text, { reason: "INVALID_ENUM_VALUE" }));
/** SHA-256 in the request's encoding. */
const hashIn = (encoding) => (value, path, report) => {
  if (typeof value !== "string") return report(path, "type", "a string");
  const bytes = Buffer.from(value, encoding === "BASE64" ? "base64" : "hex");
  if (encoding === "BASE64" ? bytes.toString("base64") !== value : !/^[0-9a-f]*$/i.test(value)) {
    return report(path, "hash", `is not ${encoding} encoded`, { reason: encoding === "BASE64" ? "INVALID_BASE64_ENCODING" : "INVALID_HEX_ENCODING" });
  }
  if (bytes.length !== 32) return report(path, "hash", "is not hashed", { reason: "INVALID_SHA256_FORMAT" });
  if (encoding === "HEX" && /[A-F]/.test(value)) report(path, "hash", "is a hash in capitals", { soft: true });
  if (bytes.toString("hex").startsWith("e3b0c44298fc1c149afbf4c8996fb924")) report(path, "hash", "is the hash of nothing", { soft: true });
};
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const timestamp = (nowMs) => (value, path, report) => {
  if (typeof value !== "string") return report(path, "type", "a string");
  if (!RFC_3339.test(value) || Number.isNaN(Date.parse(value))) return report(path, "type", "a timestamp by RFC 3339");
  const age = nowMs - Date.parse(value);
  if (age > MAX_AGE_MS || age < -60_000) report(path, "range", `is ${age < 0 ? "in the future" : "more than 90 days ago"}`, { reason: "EVENT_TIME_INVALID" });
};
const DEVICE = object({
  userAgent: string, ipAddress: ip, category: string, languageCode: string, screenHeight: integer, screenWidth: integer, operatingSystem: string,
  operatingSystemVersion: string, model: string, brand: string, browser: string, browserVersion: string,
});
const STATUS = enumOf("CONSENT_STATUS_UNSPECIFIED", "CONSENT_GRANTED", "CONSENT_DENIED");
const CONSENT = object({ adUserData: STATUS, adPersonalization: STATUS });
const ACCOUNT = object({
  accountId: required(digits),
  accountType: required(enumOf("GOOGLE_ADS", "GOOGLE_ANALYTICS_PROPERTY", "DATA_PARTNER", "DISPLAY_VIDEO_ADVERTISER", "DISPLAY_VIDEO_PARTNER")),
});
const DESTINATION = object({
  reference: string, loginAccount: ACCOUNT, linkedAccount: ACCOUNT, operatingAccount: required(ACCOUNT), productDestinationId: required(digits),
});

function requestAt(nowMs, encoding) {
  const hash = hashIn(encoding);
  const identifier = also(
    object({
      emailAddress: hash, phoneNumber: hash,
      address: object({ givenName: required(hash), familyName: required(hash), regionCode: required(matching(/^[A-Za-z]{2}$/, "a region code")), postalCode: required(string) }),
    }),
    (value, path, report) => Object.keys(value).length === 1 || report(path, "form", "has not one identifier alone", { reason: "INVALID_FORMAT" }),
  );
  const userData = also(object({ userIdentifiers: required(list(identifier, { max: MAX_IDENTIFIERS })) }), (value, path, report) => {
    if (encoding === undefined) report(["encoding"], "missing", "is required");
  });
  const event = also(
    object({
      destinationReferences: list(string), transactionId: string, eventTimestamp: required(timestamp(nowMs)), lastUpdatedTimestamp: timestamp(nowMs), userData, consent: CONSENT,
      adIdentifiers: object({ sessionAttributes: string, gclid: string, gbraid: string, wbraid: string, landingPageDeviceInfo: DEVICE }),
      currency: currency(), conversionValue: number, eventSource: enumOf("WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"), eventDeviceInfo: DEVICE, cartData: anything,
      customVariables: list(object({ variable: string, value: string, destinationReferences: list(string) })), experimentalFields: anything, userProperties: anything,
      eventName: string, clientId: string, userId: string, additionalEventParameters: anything, thirdPartyUserData: userData, eventLocation: anything, appInstanceId: string,
    }),
    (value, path, report) => {
      const { gclid, gbraid, wbraid, sessionAttributes } = value.adIdentifiers ?? {};
      if (!(gclid || gbraid || wbraid || sessionAttributes || value.userData)) report(path, "form", "has no identifier", { reason: "NO_IDENTIFIERS_PROVIDED" });
      if (value.transactionId === undefined) report([...path, "transactionId"], "missing", "is missing: nothing can tell a copy", { soft: true });
    },
  );
  return object({
    destinations: required(list(DESTINATION, { max: MAX_DESTINATIONS })), events: required(list(event, { max: MAX_EVENTS })), consent: CONSENT, validateOnly: boolean,
    encoding: enumOf("HEX", "BASE64"), encryptionInfo: anything,
  });
}

const HTTP_OF = {
  INVALID_ARGUMENT: 400, UNAUTHENTICATED: 401, PERMISSION_DENIED: 403, NOT_FOUND: 404, RESOURCE_EXHAUSTED: 429, INTERNAL: 500, UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};
const MESSAGES = {
  INVALID_ARGUMENT: "There was a problem with the request.",
  UNAUTHENTICATED:
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
    "See https://developers.google.com/identity/sign-in/web/devconsole-project.",
  PERMISSION_DENIED: "The caller does not have permission",
  RESOURCE_EXHAUSTED: "Resource has been exhausted (e.g. check quota).",
  INTERNAL: "Internal error encountered.",
  UNAVAILABLE: "The service is currently unavailable.",
  DEADLINE_EXCEEDED: "Deadline expired before operation could complete.",
};
const detail = (type, fields) => ({ "@type": `type.googleapis.com/google.rpc.${type}`, ...fields });
const rpcError = (status, { message = MESSAGES[status] ?? status, details = [] } = {}) => ({
  status: HTTP_OF[status] ?? 400,
  body: { error: { code: HTTP_OF[status] ?? 400, message, status, ...(details.length && { details: [...details, detail("RequestInfo", { requestId: randomUUID() })] }) } },
});
const errorInfo = (reason, domain = "datamanager.googleapis.com") => detail("ErrorInfo", { reason, domain });
/** What is wrong with fields: `[path, description, reason]`. */
const violated = (fields) =>
  rpcError("INVALID_ARGUMENT", {
    details: [
      errorInfo("INVALID_ARGUMENT"),
      detail("BadRequest", { fieldViolations: fields.map(([path, description, reason]) => ({ field: `events.${written(path.map(snake))}`, description, reason })) }),
    ],
  });

function answerTo(found) {
  // What is not the message's own JSON never reaches the service.
  const unreadable = found.filter(({ kind }) => kind === "type" || kind === "unknown").map(({ path, kind, text }) => {
    if (kind === "type") return [written(path), `Invalid value at '${written(path)}', must be ${text}`];
    const where = written(path.slice(0, -1));
    return [where, `Invalid JSON payload received. Unknown name "${path.at(-1)}"${where && ` at '${where}'`}: Cannot find field.`];
  });
  if (unreadable.length) {
    return rpcError("INVALID_ARGUMENT", {
      message: unreadable.map(([, description]) => description).join("\n"),
      details: [detail("BadRequest", { fieldViolations: unreadable.map(([field, description]) => ({ ...(field && { field }), description })) })],
    });
  }
  const REASON = { missing: "REQUIRED_FIELD_MISSING", form: "INVALID_FORMAT", range: "INVALID_ARGUMENT", hash: "INVALID_SHA256_FORMAT" };
  const reasonOf = ({ path, kind, reason, currency: isCurrency, length }) => {
    if (length > 0 && path.length === 1) return path[0] === "events" ? "TOO_MANY_EVENTS" : "TOO_MANY_DESTINATIONS";
    if (length > 0 && path.at(-1) === "userIdentifiers") return "TOO_MANY_USER_IDENTIFIERS";
    if (length === 0) return "REQUIRED_FIELD_MISSING";
    return reason ?? (isCurrency ? "INVALID_CURRENCY_CODE" : REASON[kind]);
  };
  return violated(found.map((each) => [each.path, `${written(each.path)} ${each.text}`, reasonOf(each)]));
}

/**
 * `tokens` are the access tokens that hold; `requestsAMinute`: what the platform lets through (300 in truth, without bound here unless given).
 *
 * What is taken is processed for `state.processingMs`; then `requestStatus:retrieve` tells what became of it. `state.refuse(predicate, reason)`: events that are
 * refused by then, `PROCESSING_ERROR_REASON_` before the reason; they are not among `events`, nor is their transaction id known from then on.
 * `state.relent()` ends that.
 */
export function dataManagerPlatform({ accounts = [GOOGLE], requestsAMinute = Infinity, tokens }) {
  let [refusals, held, taken] = [[], new Set(), new Map()];

  /** What of an event is told once it is processed: nothing, or a reason. */
  const reasonOf = (event, key) => refusals.find(({ predicate }) => predicate(event))?.reason ?? (held.has(key) ? "DUPLICATE_TRANSACTION_ID" : undefined);

  /** Takes a request under an id: what becomes of its events is settled, and told later. */
  function digest(requestId, body, events, state) {
    const reasons = events.map(({ event, keys: [[key] = []] }) => reasonOf(event, key));
    const ofDestination = body.destinations.map((destination) => {
      const own = events.flatMap((each, index) => (each.destination === destination ? [reasons[index]] : []));
      const wrong = own.filter(Boolean);
      const counts = [...new Set(wrong)].map((reason) => ({
        recordCount: `${wrong.filter((each) => each === reason).length}`, reason: `PROCESSING_ERROR_REASON_${reason}`,
      }));
      const failed = wrong.length;
      return {
        destination, requestStatus: !failed ? "SUCCESS" : failed === own.length ? "FAILED" : "PARTIAL_SUCCESS",
        eventsIngestionStatus: { recordCount: `${own.length}` }, ...(failed && { errorInfo: { errorCounts: counts } }),
      };
    });
    events.forEach(({ keys: [[key] = []] }, index) => void (reasons[index] ?? held.add(key)));
    taken.set(requestId, { doneAt: state.nowMs() + state.processingMs, destinations: ofDestination });
  }

  function statusOf(call, state) {
    if (call.method !== "GET") call.breach(`${call.method} is not GET`);
    if (call.text) call.breach("a body");
    const { requestId, ...more } = call.query;
    if (Object.keys(more).length) call.breach(`a parameter ${Object.keys(more)}`);
    const found = taken.get(requestId);
    if (!found) {
      call.breach("an unknown request id");
      throw new Refusal(rpcError("NOT_FOUND", { message: "Requested entity was not found." }));
    }
    const isDone = found.doneAt <= state.nowMs();
    const told = found.destinations.map((each) => (isDone ? each : { destination: each.destination, requestStatus: "PROCESSING" }));
    return { body: { requestStatusPerDestination: told } };
  }

  return {
    name: "google",
    accounts,
    secrets: [],
    take(call, state) {
      const isStatus = call.path === "/v1/requestStatus:retrieve";
      if (call.path !== "/v1/events:ingest" && !isStatus) {
        call.breach("no such path");
        throw new Refusal(rpcError("NOT_FOUND", { message: "Not Found" }));
      }
      if (call.query.access_token || call.query.key) call.breach("a secret in the URL");
      const token = /^Bearer (.+)$/.exec(call.headers.authorization ?? "")?.[1];
      const known = tokens.get(token);
      if (!token) call.breach("no access token");
      if (state.revoked || !known || known.until <= state.nowMs()) throw new Refusal(rpcError("UNAUTHENTICATED", { details: [errorInfo("ACCESS_TOKEN_INVALID", "googleapis.com")] }));
      if (!known.scopes.includes(SCOPE)) {
        call.breach("an access token without the scope");
        const details = [errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com")];
        throw new Refusal(rpcError("PERMISSION_DENIED", { message: "Request had insufficient authentication scopes.", details }));
      }
      const lately = requestsAMinute < Infinity && state.requests.filter(({ at }) => at > state.nowMs() - 60_000).length;
      if (lately > requestsAMinute) throw new Refusal(rpcError("RESOURCE_EXHAUSTED", { details: [errorInfo("RATE_LIMIT_EXCEEDED", "googleapis.com")] }));
      if (isStatus) return statusOf(call, state);
      const body = jsonOf(call, (what) => rpcError("INVALID_ARGUMENT", { message: `Invalid JSON payload received. ${what}` }));
      const found = faultsIn(call, requestAt(state.nowMs(), body.encoding), body);
      if (found.length) throw new Refusal(answerTo(found));

      body.destinations.forEach(({ operatingAccount, loginAccount, productDestinationId }, index) => {
        const seesTo = ({ accountId, loginAccountId }) => !loginAccount || [loginAccountId, accountId].includes(loginAccount.accountId);
        const owned = accounts.filter((each) => each.accountId === operatingAccount.accountId && seesTo(each));
        if (!owned.length) {
          call.breach("an unknown account");
          throw new Refusal(rpcError("PERMISSION_DENIED", { details: [errorInfo("PERMISSION_DENIED")] }));
        }
        if (owned.some(({ conversionActionId }) => conversionActionId === productDestinationId)) return;
        call.breach("an unknown conversion action");
        throw new Refusal(violated([[["destinations", index, "productDestinationId"], "Conversion action ID is not valid.", "INVALID_CONVERSION_ACTION_ID"]]));
      });
      const goesTo = (event) => ({ reference }) => !event.destinationReferences || event.destinationReferences.includes(reference);
      const events = body.events.flatMap((event, index) =>
        body.destinations.filter(goesTo(event)).map((destination) => {
          const key = `${destination.operatingAccount.accountId} ${destination.productDestinationId} ${event.transactionId}`;
          return { id: event.transactionId ?? `${state.requests.length}:${index}`, keys: event.transactionId === undefined ? [] : [[key, Infinity]], event, destination };
        }),
      );
      if (body.validateOnly) return { events, test: true, body: {} };
      const requestId = randomBytes(12).toString("base64url");
      const kept = events.filter(({ event }) => !refusals.some(({ predicate }) => predicate(event)));
      return { events: kept, body: { requestId }, commit: () => digest(requestId, body, events, state) };
    },
    reset(state) {
      [refusals, held, taken] = [[], new Set(), new Map()];
      state.processingMs = 10 * 60_000;
      state.refuse = (predicate, reason) => void refusals.push({ predicate, reason });
      state.relent = () => void (refusals = []);
    },
    outage: (status) => {
      const name = Object.keys(HTTP_OF).find((each) => HTTP_OF[each] === status) ?? (status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT");
      const answer = rpcError(name);
      answer.body.error.code = status;
      return { ...answer, status };
    },
    failure: (status) => rpcError(status, status === "INVALID_ARGUMENT" ? { details: [errorInfo("INVALID_ARGUMENT")] } : {}),
    poisoned: (index) => violated([[["events", index], "This event is not valid.", "INVALID_EVENT"]]),
  };
}
