// Cloudflare Access from outside: a team that tells its public keys and signs tokens.
import { createSign, generateKeyPairSync } from "node:crypto";
import { standIn } from "./http.mjs";

/**
 * Starts a team. `rotate()` makes a new signing key and keeps the one before among those that are told; `sign(claims)` gives a token for
 * `audience` that names `buyer@shop.test` unless told otherwise; `asked` counts the questions for keys; `fails` has them answered 500.
 */
export async function startAccess({ audience = "aud-of-the-tests" } = {}) {
  const team = await standIn({ audience, asked: 0, fails: false, keys: [], violations: [] }, async (incoming, outgoing) => {
    team.asked += 1;
    if (team.fails || incoming.url !== "/cdn-cgi/access/certs") return outgoing.writeHead(500).end();
    const keys = team.keys.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: "jwk" }), kid, alg: "RS256", use: "sig" }));
    outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys, public_cert: {}, public_certs: [] }));
  });
  let made = 0;
  team.rotate = () => {
    made += 1;
    team.keys = [{ kid: `key-${made}`, ...generateKeyPairSync("rsa", { modulusLength: 2048 }) }, ...team.keys.slice(0, 1)];
  };
  team.sign = (claims = {}, { header = {}, key = team.keys[0] } = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const said = { iss: team.url, aud: [audience], iat: now, nbf: now, exp: now + 3_600, email: "buyer@shop.test", sub: "u-1", type: "app", ...claims };
    const signed = `${part({ alg: "RS256", kid: key.kid, typ: "JWT", ...header })}.${part(said)}`;
    return `${signed}.${createSign("RSA-SHA256").update(signed).sign(key.privateKey, "base64url")}`;
  };
  team.rotate();
  return team;
}
