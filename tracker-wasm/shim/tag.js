// The script tag: whose page this is, and where the edge lives.

const script = document.currentScript;
// A module is no current script, and has no `src` where it is inline: the innermost frame of a stack is this file.
export const { href: folder, origin } = new URL('.', (script && script.src) || (/https?:\S+\//.exec(new Error().stack) || [location.href])[0]);

// Others' tags bear the same attribute.
const own = [script, ...document.querySelectorAll('script[data-website-id]')].find((tag) =>
  tag && tag.dataset.websiteId && (tag.src || folder).startsWith(folder));

/** The tag's `data-` attributes, or undefined on a page without the tag. */
export const settings = own && own.dataset;

/** Whether the edge and the page share one origin: then cookies travel, and the edge keeps them. */
export const firstParty = origin === location.origin;

/** The folder of the edge's routes; the root's routes are found under the neutral prefix. */
export const base = folder === origin + '/' ? folder + 'e/' : folder;
