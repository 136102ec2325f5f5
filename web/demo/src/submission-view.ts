/** What the panel that submits shows: verdict, calls, cost, outcome. */

import type { Calldata, Precheck } from "@stwo-ml/verifier";
import type { Outcome } from "@stwo-ml/verifier/receipt";

import { create, element, whole } from "./dom.js";
import type { Simulation } from "./node.js";
import { decimal, type Transaction } from "./submission.js";

/** Felts of calldata that the network takes in one transaction. */
const MOST_CALLDATA = 5000;

/** A result, good or bad, with its explanation. */
export function box(good: boolean, title: string, ...lines: string[]): HTMLElement {
  const made = create("div", "", good ? "outcome" : "outcome bad");
  made.append(create("strong", title), ...lines.map((line) => create("span", line, "message")));
  return made;
}

/** What the contract would say. */
export function showPrecheck({ verdict, reason, proofData, proofHash, ioCommitment }: Precheck): void {
  const title =
    verdict === "accepted"
      ? "The contract would accept its form."
      : verdict === "rejected"
        ? "The contract would reject it, and the payment would be made all the same."
        : "The contract would revert.";
  const assumed = "If it is as its deployment leaves it: not paused, 128 bits, this list not submitted before. The simulation asks it.";
  const lines = [`${whole(proofData.length)} felts; input-output commitment ${ioCommitment}`, `Hash of the list ${proofHash}`];
  const verdictBox = box(verdict === "accepted", title, ...(reason === undefined ? [assumed] : [`Its reason: ${reason}`]), ...lines);
  element("contract-verdict", HTMLElement).replaceChildren(verdictBox);
}

/** The calls, each with its felts. */
export function showCalls({ calls, executeCalldata }: Transaction): void {
  let place = 1;
  const items = calls.map(({ contractAddress, entrypoint, calldata }) => {
    const selector = executeCalldata[place + 1] ?? "";
    place += 3 + calldata.length;
    const item = create("li");
    const details = create("details");
    const summary = create("summary");
    summary.append(create("code", entrypoint), create("span", ` ${whole(calldata.length)} felts`, "faint"));
    const felts = create("code", calldata.join(" "), "block felts");
    felts.tabIndex = 0;
    felts.setAttribute("role", "region");
    felts.setAttribute("aria-label", `Calldata of ${entrypoint}`);
    details.append(summary, create("span", `to ${contractAddress}`, "message"), create("span", `selector ${selector}`, "message"), felts);
    item.append(details);
    return item;
  });
  element("calls", HTMLElement).replaceChildren(...items);
  element("calls-size", HTMLElement).textContent =
    `${whole(executeCalldata.length)} felts in all; the network takes ${whole(MOST_CALLDATA)}`;
}

/** The cost: in SAGE as computed here, in STRK as simulated, if it was. */
export function showCost({ fees }: Calldata, simulated?: Simulation & { readonly outcome: Outcome }): void {
  const outcome = simulated?.outcome;
  const actual = outcome?.verdict === "paid" ? outcome.shares : undefined;
  const rows: [string, bigint, string][] = [
    ["You pay", fees.collected, "SAGE"],
    ["The router shares out, 5 % more", (actual ?? fees).shared, "SAGE"],
    ["to the worker", (actual ?? fees).worker, "SAGE"],
    ["to the treasury", (actual ?? fees).treasury, "SAGE"],
    ["to the stakers", (actual ?? fees).stakers, "SAGE"],
    ["burned", (actual ?? fees).burned, "SAGE"],
    ["The router must hold beforehand", fees.needed, "SAGE"],
  ];
  const lines = rows.map(([name, amount, unit]) => [name, `${decimal(amount)} ${unit}`]);
  lines.push(["Fee of the network", simulated === undefined ? "not known without a node" : `${decimal(simulated.fee)} STRK`]);
  element("cost", HTMLElement).replaceChildren(
    ...lines.map(([name, amount]) => {
      const row = create("tr");
      const head = create("th", name);
      head.scope = "row";
      row.append(head, create("td", amount, "number"));
      return row;
    }),
  );
  element("cost-text", HTMLElement).textContent =
    actual === undefined
      ? "Computed here, at the documented split of 80/18/2. The router’s own shares and the network’s fee are the node’s to tell: simulate."
      : "As the node simulates it: the router’s own shares, and an estimate of the fee at present prices, without what your account’s signature costs. It binds nobody.";
}

/** What a transaction did, or would do if it was not sent. */
export function showOutcome(outcome: Outcome, sent: string | undefined): void {
  const would = sent === undefined;
  const lines = would ? [] : [`Transaction ${sent}`];
  const [good, title] = ((): [boolean, string] => {
    switch (outcome.verdict) {
      case "paid":
        lines.push(`The worker ${would ? "would get" : "got"} ${decimal(outcome.shares.worker)} SAGE.`);
        return [true, would ? "Simulated: accepted and paid." : "Accepted and paid."];
      case "rejected":
        lines.push(`The transaction succeeds all the same, and ${outcome.paid ? "the payment is made nevertheless." : "no payment is made."}`);
        return [false, `${would ? "Simulated: rejected" : "Rejected"} by the contract: ${outcome.reason}.`];
      case "reverted":
        lines.push(outcome.reason);
        return [false, would ? "Simulated: reverted." : "Reverted: nothing happened but the fee."];
      case "contradiction":
        lines.push(...outcome.differences);
        return [false, `${would ? "Simulated: its" : "Its"} events are not those of this submission.`];
    }
  })();
  element("submitted", HTMLElement).replaceChildren(box(good, title, ...lines));
}
