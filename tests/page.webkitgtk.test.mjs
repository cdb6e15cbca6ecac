// The page, the edge and what is kept, in webkitgtk: tests/scenarios/ says what, and harness/scenarios.mjs where it runs.
import { describeIn } from "./harness/scenarios.mjs";
import { DEMO_SCENARIOS, SCENARIOS } from "./scenarios/index.mjs";

describeIn("webkitgtk", SCENARIOS);
describeIn("webkitgtk", DEMO_SCENARIOS, { backends: ["ledger"], world: { demo: true } });
