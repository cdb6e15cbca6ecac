// The page, the edge and what is kept, in firefox.
import { describeIn } from "./harness/scenarios.mjs";
import { SCENARIOS } from "./scenarios/index.mjs";

describeIn("firefox", SCENARIOS);
