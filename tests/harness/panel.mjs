import { until } from "./wait.mjs";

function read() {
  const root = document.querySelector("edgeway-panel")?.shadowRoot;
  if (!root) return null;
  const steps = [...root.querySelectorAll(".steps li")].map((step) => [step.querySelector("b").textContent, step.className, step.querySelector(".note").textContent]);
  return { title: root.querySelector(".title").textContent, steps, text: root.querySelector("aside").textContent };
}

/** The debugger's steps when all went well, `[name, state]`. */
export const ALL_WELL = [["Captured", "good"], ["Sent", "good"], ["Recorded", "good"]];

/** What the debugger in a page shows, once it shows these steps: `{title, steps: [[name, state, note]], text}`. */
export const panelOf = (page, wanted = ALL_WELL) =>
  until(async () => {
    const panel = await page.eval(read);
    if (!panel) throw new Error("there is no panel");
    const states = panel.steps.map(([name, state]) => [name, state]);
    if (JSON.stringify(states) !== JSON.stringify(wanted)) throw new Error(`the panel shows ${JSON.stringify(panel.steps)}`);
    return panel;
  }, "the debugger's steps");
