// The script tag: whose page this is, and where the edge lives.

const own = [document.currentScript, document.querySelector('script[data-website-id]')]
  .find((script) => script && script.dataset.websiteId);

/** The tag's `data-` attributes, or undefined on a page without the tag. */
export const settings = own && own.dataset;

// An inline module that imports this file has no `src`: the innermost frame of a stack is this file.
const source = (own && own.src) || (new Error().stack.match(/https?:\S+\//) || [location.href])[0];
const { href: folder, origin } = new URL('.', source);

/** Whether the edge and the page share one origin: then cookies travel, and the edge keeps them. */
export const firstParty = origin === location.origin;

/** The folder of the edge's routes; the root's routes are found under the neutral prefix. */
export const base = folder === origin + '/' ? folder + 'e/' : folder;

/** Where the edge's short invite links begin. */
export const shortLinks = [origin + '/c/', base + 'c/'];
