// A self-signed certificate made on the spot, so that no private key lies in the repository.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const der = (tag, ...parts) => {
  const body = Buffer.concat(parts);
  // DER wants the shortest form of a length; browsers insist.
  const { length: n } = body;
  const length = Buffer.from(n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 0xff]);
  return Buffer.concat([Buffer.from([tag]), length, body]);
};
const sequence = (...parts) => der(0x30, ...parts);
const ECDSA_SHA256 = sequence(der(0x06, Buffer.from("2a8648ce3d040302", "hex")));
const COMMON_NAME = der(0x06, Buffer.from("550403", "hex"));
const SUBJECT_ALT_NAME = der(0x06, Buffer.from("551d11", "hex"));
const utcTime = (ms) => der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));

/** `{key, cert, pin}` for these host names, good for a day: PEM, and what Chromium's list of trusted keys wants. */
export function selfSigned(hosts) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from("edgeway tests")))));
  const names = der(0x04, sequence(...hosts.map((host) => der(0x82, Buffer.from(host)))));
  const publicInfo = publicKey.export({ type: "spki", format: "der" });
  const unsigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    name,
    sequence(utcTime(Date.now() - 86_400_000), utcTime(Date.now() + 86_400_000)),
    name,
    publicInfo,
    der(0xa3, sequence(sequence(SUBJECT_ALT_NAME, names))),
  );
  const signature = der(0x03, Buffer.from([0]), sign("sha256", unsigned, privateKey));
  const cert = sequence(unsigned, ECDSA_SHA256, signature).toString("base64").match(/.{1,64}/g).join("\n");
  const pin = createHash("sha256").update(publicInfo).digest("base64");
  return { pin, key: privateKey.export({ type: "pkcs8", format: "pem" }), cert: `-----BEGIN CERTIFICATE-----\n${cert}\n-----END CERTIFICATE-----\n` };
}
