// The page, the edge and what is kept, in wpe.
import { describeIn } from "./harness/scenarios.mjs";
import { SCENARIOS } from "./scenarios/index.mjs";

describeIn("wpe", SCENARIOS);
