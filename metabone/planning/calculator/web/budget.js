"use strict";
// A budget of animals: whether the answer fits, and what the largest study that fits can do.

async function showBudget(request, response, values, state, old) {
  const box = byId("budget-line");
  const budget = values.budget;
  show(box, Boolean(budget));
  if (!budget) return;
  box.className = "budget";
  replace(box, `Budget ${count(budget)} animals: …`);
  const total = response.answer.outputs.n_total_with_losses;
  const size = response.answer.size;
  const largest = await largestThatFits(request, budget, Number.isFinite(size) && total ? [size, total] : null, old);
  if (old()) return;
  const over = Number.isFinite(total) && total > budget;
  box.classList.toggle("over", over || !Number.isFinite(total));
  const fits = !Number.isFinite(total) ? `Budget ${count(budget)} animals.`
    : over ? `${count(total)} animals are ${count(total - budget)} over the budget of ${count(budget)}.`
    : `${count(total)} animals are within the budget of ${count(budget)}.`;
  replace(box, make("strong", {}, fits), " ", buysWords(largest, state, response.answer));
}

function buysWords(largest, state, answer) {
  if (!largest) return "The budget does not hold the smallest study of this design.";
  const out = largest.answer.outputs;
  const size = `${count(largest.size)} ${sizeWordsOf(state)}, ${count(out.n_total_with_losses)} in all`;
  if (state.solve === "mde") return `It buys ${size}: they find ${amount(out.effect, answer.unit || "")}.`;
  const evidence = largest.answer.evidence;
  const assured = evidence && Number.isFinite(evidence.assurance) ? `, assurance ${chance(evidence.assurance)}` : "";
  return `It buys ${size}: power ${chance(out.power)}${assured}.`;
}

/** The largest size whose animals, losses included, are within the budget; null if none is. */
async function largestThatFits(request, budget, known, old) {
  const tried = new Map();
  const at = async (size) => {
    if (tried.has(size)) return tried.get(size);
    const plan = { ...request.plan, design: { ...request.plan.design, n: size } };
    const asked = request.asked === "mde" ? "mde" : "power";
    const response = await ENGINE.ask({ what: "answer", asked, plan }, "page");
    const found = response && response.ok ? { size, answer: response.answer } : null;
    tried.set(size, found);
    return found;
  };
  const fits = (found) => Boolean(found) && found.answer.outputs.n_total_with_losses <= budget;
  const least = known ? null : await at(2);
  const [size, total] = known || [2, least ? least.answer.outputs.n_total_with_losses : NaN];
  let guess = Math.max(2, Math.floor((size * budget) / total));
  if (!Number.isFinite(guess)) return null;
  let best = null;
  for (let step = 0; step < 12 && guess >= 2 && !old(); step += 1) {
    const found = await at(guess);
    if (fits(found)) {
      best = found;
      if (tried.has(guess + 1)) break;
      guess += 1;
    } else {
      if (best) break;
      guess -= 1;
    }
  }
  return best;
}
