import { MillraceError } from "../errors/MillraceError.js";
import { FADING, faded, reputationScore, type Reputation } from "../reputation.js";
import type { Auction, Book, Entered } from "./auction.js";
import type { Bidder, Chain } from "./chain.js";
import type { Note } from "./checkAuctions.js";

/** Seconds by which what the orchestrator had heard of the chain may be behind it, and the chain's clock behind time. */
export const TOLERANCE = 300n;

const WHOLE = 10_000;
const U64_MAX = 2n ** 64n - 1n;
/** Micro-USDC that fading in two steps instead of one may lose, and some. */
const ROUNDED = 32n;

/**
 * Compares a bidder's reputation at the auction's end with the chain's. Where no lease of the provider was settled since,
 * the account of now says exactly what it was; otherwise how low it can have been at most, because what spoke against
 * the provider then does so still, faded. Throws `auction-reputation-differs`.
 */
export function reputationNote(book: Book, { node, facts }: Entered, { reputation: now }: Bidder): Note | undefined {
  if (!now) return undefined;
  const [auction, recorded] = [book.auction, facts.reputation];
  const { least, most } = range(now, book.closedAt);
  if (recorded < least || recorded > most) {
    const told = `auction ${auction} counts ${node} with a reputation of ${recorded}`;
    const message = `${told}, and by the chain it was from ${least} to ${most} (of ${WHOLE})`;
    throw new MillraceError("auction-reputation-differs", { message });
  }
  // A point is what rounding makes of it; of who has nothing against it there is no more to say.
  return most - least > 1 && hasMoved(now, book.closedAt)
    ? { note: "reputation-moved", auction, node, recorded, least }
    : undefined;
}

/**
 * A rig that nobody leased a part of is left with what a lease does not take, and any other with nothing. Nodes may
 * change their hardware, so a difference is not the book's fault for certain.
 */
export function sizeNote(chain: Chain, auction: Auction, { node, facts }: Entered, bidder: Bidder): Note | undefined {
  const { idleGpus } = facts;
  const lease = chain.opened.find(({ bidBookRoot }) => bidBookRoot === auction.root);
  if (!lease || idleGpus === 0 || idleGpus + lease.units === bidder.units) return undefined;
  return { note: "other-size", auction: auction.book.auction, node, idleGpus, units: bidder.units };
}

/** Whether a lease may have been settled since, or so shortly before that nobody had heard of it. */
function hasMoved({ updatedAt }: Reputation, then: bigint): boolean {
  return updatedAt > 0n && updatedAt + FADING > before(then);
}

function range(now: Reputation, then: bigint): { readonly least: number; readonly most: number } {
  if (hasMoved(now, then)) return { least: lowest(now, then), most: WHOLE };
  // It may just have faded by another hour.
  const scores = [before(then), then, then + TOLERANCE].map((moment) => reputationScore(now, moment));
  return { least: Math.min(...scores), most: Math.max(...scores) };
}

/** With nothing in its favour, and as much against it as could have faded to what is against it now. */
function lowest(now: Reputation, then: bigint): number {
  const since = now.updatedAt > before(then) ? now.updatedAt - before(then) : 0n;
  // An hour at either end that has begun.
  const hours = since / FADING + 2n;
  let [fits, tooMuch] = [0n, U64_MAX];
  while (fits < tooMuch - 1n) {
    const middle = fits + (tooMuch - fits) / 2n;
    if (faded(middle, hours) <= now.bad) fits = middle;
    else tooMuch = middle;
  }
  const bad = fits + ROUNDED < U64_MAX ? fits + ROUNDED : U64_MAX;
  return reputationScore({ good: 0n, bad, updatedAt: then }, then);
}

function before(moment: bigint): bigint {
  return moment > TOLERANCE ? moment - TOLERANCE : 0n;
}
