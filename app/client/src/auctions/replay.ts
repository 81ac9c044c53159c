import type { Auction, Step } from "./auction.js";
import { rankOrder, ranked, type Candidate } from "./book.js";

/**
 * What does not follow from an auction's bids, or nothing: a lease goes to the best bid that is left, and a bid is used
 * up by a lease, or by a reason that is written down.
 */
export function outOfTurn({ book, steps }: Auction): string | undefined {
  const left = ranked(book);
  const awarded: { readonly lease: number; readonly bid: Candidate }[] = [];
  for (const step of steps) {
    const wrong = decide(step, left, awarded);
    if (wrong) return wrong;
  }
  return undefined;
}

function decide(
  step: Step,
  left: Candidate[],
  awarded: { readonly lease: number; readonly bid: Candidate }[],
): string | undefined {
  const { node } = step;
  if (step.step === "awarded" || step.step === "passed-over") {
    const best = left[0];
    if (!best) return `there is a decision about ${node}, which has no bid left`;
    if (best.node !== node) {
      return step.step === "awarded"
        ? `lease ${step.lease} went to ${node}, whose turn it was not: the best bid that was left is ${best.node}'s`
        : `${node} was passed over, whose turn it was not`;
    }
    left.shift();
    if (step.step === "awarded") awarded.push({ lease: step.lease, bid: best });
    return undefined;
  }
  const at = awarded.findLastIndex(({ lease, bid }) => lease === step.lease && bid.node === node);
  if (at < 0) return `lease ${step.lease} was taken from ${node}, which did not have it`;
  const { bid } = awarded.splice(at, 1)[0]!;
  if (step.step === "lapsed") {
    const place = left.findIndex((other) => rankOrder(other, bid) > 0);
    left.splice(place < 0 ? left.length : place, 0, bid);
  }
  return undefined;
}
