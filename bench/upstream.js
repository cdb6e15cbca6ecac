// What stands behind the edge in the bench: AdTarget's keyless answers and a landing page, as fast as may be.
const ANSWER = JSON.stringify({
  visitId: "j57a1x0v2q9r8s7t6u5v4w3x2y1z0a1b", sessionId: "k97b2y1w3r0s9t8u7v6w5x4y3z2a1b0c",
  tempId: "6e1f0d1c-5b7a-4c1e-9f3a-0a1b2c3d4e5f", clientSessionId: "7f2a1e2d-6c8b-4d2f-8a4b-1b2c3d4e5f60",
  cookies: {
    tempId: { name: "adtarget_temp_id", value: "6e1f0d1c-5b7a-4c1e-9f3a-0a1b2c3d4e5f", maxAge: 31536000, sameSite: "Lax" },
    session: { name: "adtarget_session_id", value: "7f2a1e2d-6c8b-4d2f-8a4b-1b2c3d4e5f60", maxAge: 1800, sameSite: "Lax" },
  },
});
const LINES = "<p>Every weekday at seven: what moved overnight, why it moved, and what the day holds.</p>\n".repeat(110);
const LINK = '<p><a class="button" href="https://t.me/+AbCdEfGhIjKlMnOp">Join the channel</a></p>\n';
const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Seven Lines</title></head><body>\n${LINK}${LINES}${LINK}</body></html>`;
const json = { "content-type": "application/json" };
const html = { "content-type": "text/html; charset=utf-8" };
const invite = { location: "https://t.me/+ZyXwVuTsRqPoNmLk" };

export default {
  async fetch(request) {
    if (request.method === "POST") {
      await request.arrayBuffer();
      return new Response(ANSWER, { headers: json });
    }
    return request.url.includes("/invite") ? new Response(null, { status: 302, headers: invite }) : new Response(PAGE, { headers: html });
  },
};
