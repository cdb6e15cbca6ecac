// The page, the edge and what is kept, in webkitgtk.
import { describeIn } from "./harness/scenarios.mjs";
import { SCENARIOS } from "./scenarios/index.mjs";

describeIn("webkitgtk", SCENARIOS);
