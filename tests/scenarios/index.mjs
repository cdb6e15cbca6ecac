import { moves } from "./moves.mjs";
import { visits } from "./visits.mjs";

/** All tables of scenarios. */
export const SCENARIOS = { visits, moves };
