// The bare floor: what the runtime itself costs.
export default { fetch: () => new Response() };
