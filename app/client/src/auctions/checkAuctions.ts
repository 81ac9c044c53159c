import type { Address } from "@solana/kit";
import { MillraceError } from "../errors/MillraceError.js";
import type { ErrorCode } from "../errors/diagnostics.js";
import { findLeasePda } from "../generated/pdas/index.js";
import { isSignedBy } from "../signature.js";
import type { Auction, Book, SignedBid } from "./auction.js";
import { bidMessage, malformed, rootOf, signedBid } from "./book.js";
import type { Chain, Opened } from "./chain.js";
import { reputationNote, sizeNote, TOLERANCE } from "./facts.js";
import { outOfTurn } from "./replay.js";

/** What one may still want to know of auctions that are as they should be. */
export type Note =
  /** The node's key on chain is another one than the bid's: it was replaced since, or was never this one. */
  | { readonly note: "other-key"; readonly auction: number; readonly node: Address }
  /** Leases of its provider were settled since: all that can be said is that its reputation was at least this. */
  | {
      readonly note: "reputation-moved";
      readonly auction: number;
      readonly node: Address;
      readonly recorded: number;
      readonly least: number;
    }
  /** A rig of its size on chain now could not be left with as many idle GPUs: it was changed, or the book is wrong. */
  | {
      readonly note: "other-size";
      readonly auction: number;
      readonly node: Address;
      readonly idleGpus: number;
      readonly units: number;
    }
  /** The own bid is for an auction of which there is no book: nothing was decided in it. */
  | { readonly note: "no-book"; readonly auction: number }
  /** The own bid is in its book. */
  | { readonly note: "in-book"; readonly auction: number };

const NO_ROOT = "0".repeat(64);

/**
 * Whether a job's auctions were held as they are told: each bid is signed by who is said to have made it, each award
 * follows from the bids, the leases on chain are those that were awarded, and what is told of the bidders does not
 * contradict the chain. Throws, for the first that is wrong, `auction-foreign`, `auction-job-differs`,
 * `auction-book-malformed`, `auction-root-differs`, `auction-out-of-turn`, `auction-bid-forged`,
 * `auction-reputation-differs`, `auction-not-shown`, `auction-lease-differs`, `auction-out-of-time`, `bid-not-yours`,
 * `bid-left-out`.
 */
export async function checkAuctions(
  chain: Chain,
  auctions: readonly Auction[],
  own: readonly SignedBid[] = [],
): Promise<Note[]> {
  const notes = auctions.flatMap((auction) => checkAuction(chain, auction));
  for (const lease of chain.opened) if (lease.bidBookRoot !== NO_ROOT) await checkLease(chain.job, auctions, lease);
  return [...notes, ...own.map((bid) => checkOwn(chain, auctions, bid))];
}

function checkAuction(chain: Chain, auction: Auction): Note[] {
  const { book } = auction;
  const number = book.auction;
  checkJob(chain, book);
  const flaw = malformed(book);
  if (flaw) throw wrong("auction-book-malformed", `auction ${number}: ${flaw}`);
  const computed = rootOf(book);
  if (computed !== auction.root) {
    const message = `auction ${number}: the root of the bids is ${computed}, and the auction's is ${auction.root}`;
    throw wrong("auction-root-differs", message);
  }
  const unfollowed = outOfTurn(auction);
  if (unfollowed) throw wrong("auction-out-of-turn", `auction ${number}: ${unfollowed}`);
  return book.bids.flatMap((entered) => {
    const { node, key, signature } = entered;
    if (!isSignedBy(key, bidMessage(signedBid(book, entered)), signature)) {
      throw wrong("auction-bid-forged", `the bid of ${node} in auction ${number} is not signed by its key`);
    }
    const bidder = chain.bidders.get(node);
    const otherKey: Note[] = bidder?.key === key ? [] : [{ note: "other-key", auction: number, node }];
    if (!bidder) return otherKey;
    const found = [reputationNote(book, entered, bidder), sizeNote(chain, auction, entered, bidder)];
    return [...otherKey, ...found.filter((note) => note !== undefined)];
  });
}

function checkJob(chain: Chain, book: Book): void {
  const number = book.auction;
  if (book.program !== chain.program || book.job !== chain.job) {
    throw wrong("auction-foreign", `auction ${number} is another job's, or another program's`);
  }
  if (!chain.terms) return;
  if (book.openedSlot !== chain.terms.openedSlot) throw jobDiffers(number, "opening slot");
  if (book.maximumPrice !== chain.terms.maximumPrice) throw jobDiffers(number, "maximum price");
}

async function checkLease(job: Address, auctions: readonly Auction[], opened: Opened): Promise<void> {
  const { number, node, price, bidBookRoot, at } = opened;
  const auction = auctions.find(({ root }) => root === bidBookRoot);
  if (!auction) {
    const message = `lease ${number} was opened on the bids with the root ${bidBookRoot}, which are not shown`;
    throw wrong("auction-not-shown", message);
  }
  const { book, steps } = auction;
  // The slot is in the lease's address: that is there when the job's account is not any more.
  const [address] = await findLeasePda({ job, openedSlot: book.openedSlot, number });
  if (address !== opened.lease) throw jobDiffers(book.auction, "opening slot");
  const awarded = steps.some((step) => step.step === "awarded" && step.lease === number && step.node === node);
  const bid = book.bids.find((entered) => entered.node === node);
  if (!awarded || bid?.price !== price) {
    const where = `lease ${number} went to ${node} at ${price} micro-USDC on chain`;
    throw wrong("auction-lease-differs", `${where}, which auction ${book.auction} has not awarded`);
  }
  if (at + TOLERANCE < book.closedAt || at > book.validUntil + TOLERANCE) {
    const when = `lease ${number} was opened at ${at} (Unix seconds)`;
    throw wrong("auction-out-of-time", `${when}, when the bids of auction ${book.auction} were not good`);
  }
}

function checkOwn({ bidders }: Chain, auctions: readonly Auction[], own: SignedBid): Note {
  const { auction: number, node, price, openedSlot, validUntil } = own.bid;
  const bidder = bidders.get(node);
  if (!bidder || !isSignedBy(bidder.key, bidMessage(own), own.signature)) {
    const message = `your bid in auction ${number} is not signed by the key of ${node}, so it proves nothing`;
    throw wrong("bid-not-yours", message);
  }
  const found = auctions.find(({ book }) => {
    return book.openedSlot === openedSlot && book.auction === number && book.validUntil === validUntil;
  });
  if (!found) return { note: "no-book", auction: number };
  const entered = found.book.bids.find((bid) => bid.node === node);
  if (entered && isSame(signedBid(found.book, entered), own)) return { note: "in-book", auction: number };
  throw wrong("bid-left-out", `your bid of ${price} micro-USDC in auction ${number} is not among its bids`);
}

function isSame(left: SignedBid, right: SignedBid): boolean {
  const bytes = (bid: SignedBid) => [...bidMessage(bid), ...bid.signature].join();
  return bytes(left) === bytes(right);
}

function jobDiffers(auction: number, what: string): MillraceError {
  return wrong("auction-job-differs", `the ${what} of the job in auction ${auction} is another one than on chain`);
}

function wrong(code: ErrorCode, message: string): MillraceError {
  return new MillraceError(code, { message });
}
