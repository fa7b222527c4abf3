"use strict";
// The budget of animals against the answer, and what the largest study that fits can do.

function showBudget(answer, state) {
  const box = byId("budget-line");
  const budget = answer.budget;
  show(box, Boolean(budget));
  if (!budget) return;
  const total = answer.outputs.n_total_with_losses;
  const most = count(budget.animals);
  box.className = budget.within ? "budget" : "budget over";
  const fits = budget.within === null || !Number.isFinite(total) ? `The budget of ${most} animals does not reach the target.`
    : budget.within ? `${count(total)} animals are within the budget of ${most}.`
    : `${count(total)} animals are ${count(total - budget.animals)} over the budget of ${most}.`;
  replace(box, make("strong", {}, fits), " ", buysWords(budget, state));
}

function buysWords(budget, state) {
  if (budget.size === null) return "It does not hold the smallest study of this design.";
  const chances = [];
  if (Number.isFinite(budget.power)) chances.push(`power ${chance(budget.power)}${state.solve === "mde" ? " for that difference" : ""}`);
  if (Number.isFinite(budget.assurance)) chances.push(`assurance ${chance(budget.assurance)}`);
  return `It buys ${count(budget.size)} ${sizeWordsOf(state)}, ${count(budget.n_total_with_losses)} in all: ${chances.join(", ")}.`;
}
