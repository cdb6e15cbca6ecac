// The page, the edge and what is kept, in chromium.
import { describeIn } from "./harness/scenarios.mjs";
import { SCENARIOS } from "./scenarios/index.mjs";

describeIn("chromium", SCENARIOS);
