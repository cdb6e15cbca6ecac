// The page, the edge and what is kept, in wpe: tests/scenarios/ says what, and harness/scenarios.mjs where it runs.
import { describeIn } from "./harness/scenarios.mjs";
import { DEMO_SCENARIOS, SCENARIOS } from "./scenarios/index.mjs";

describeIn("wpe", SCENARIOS);
describeIn("wpe", DEMO_SCENARIOS, { backends: ["ledger"], world: { demo: true } });
