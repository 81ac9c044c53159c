import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import {
  getAddressEncoder,
  getBooleanEncoder,
  getBytesEncoder,
  getTupleEncoder,
  getU16Encoder,
  getU32Encoder,
  getU64Encoder,
  type Address,
} from "@solana/kit";
import { bytesOrder } from "../spec/placement.js";
import type { Book, Entered, Facts, SignedBid, Weights } from "./auction.js";

const BOOK_DOMAIN = new TextEncoder().encode("millrace bid book v1");
const BID_DOMAIN = new TextEncoder().encode("millrace bid v1");
const U64_MAX = 2n ** 64n - 1n;
const WHOLE = 10_000n;

const [key, bytes, u16, u32, u64] = [
  getAddressEncoder(),
  getBytesEncoder(),
  getU16Encoder(),
  getU32Encoder(),
  getU64Encoder(),
];
const yes = getBooleanEncoder();
const BID = getTupleEncoder([bytes, key, key, u64, u32, key, u64, u64]);
const HEAD = getTupleEncoder([bytes, key, key, u64, u32, u64, u64, u64, u16, u16, u32, u64, u64, u64, u64]);
const LEAF = getTupleEncoder([bytes, key, bytes, u16, yes, u32, yes, u16, u64, yes]);

/** A bid with everything that its place follows from. Less is better. */
export interface Candidate {
  readonly node: Address;
  readonly failed: boolean;
  /** In micro-USDC per GPU-hour: price and charges. */
  readonly total: bigint;
}

/** What a bidder's key signs. */
export function bidMessage({ bid }: SignedBid): Uint8Array {
  const { program, job, openedSlot, auction, node, price, validUntil } = bid;
  return Uint8Array.from(BID.encode([BID_DOMAIN, program, job, openedSlot, auction, node, price, validUntil]));
}

/** What the bidder has signed, of a bid in the book. */
export function signedBid(book: Book, { node, price, signature }: Entered): SignedBid {
  const { program, job, openedSlot, auction, validUntil } = book;
  return { bid: { program, job, openedSlot, auction, node, price, validUntil }, signature };
}

/** A Merkle root in hex: its first leaf is the auction and the weights, the others are the bids in their order. */
export function rootOf(book: Book): string {
  const { program, job, openedSlot, auction, closedAt, validUntil, maximumPrice, weights, bids } = book;
  const { reputation, link, fastLink, image, packing, scarcity } = weights;
  const place = [BOOK_DOMAIN, program, job, openedSlot, auction, closedAt, validUntil, maximumPrice] as const;
  const head = HEAD.encode([...place, reputation, link, fastLink, image, packing, scarcity, BigInt(bids.length)]);
  let level = [hash(0, Uint8Array.from(head)), ...bids.map((entered) => leaf(book, entered))];
  while (level.length > 1) {
    const pairs = Array.from({ length: Math.ceil(level.length / 2) }, (_, pair) => level.slice(2 * pair, 2 * pair + 2));
    // A node without a sibling moves up unchanged.
    level = pairs.map(([left, right]) => (right ? hash(1, left!, right) : left!));
  }
  return bytesToHex(level[0]!);
}

function leaf(book: Book, entered: Entered): Uint8Array {
  const { reputation, link, imagePresent, idleGpus, scarcity, failedBefore } = entered.facts;
  const [message, known] = [bidMessage(signedBid(book, entered)), link !== undefined];
  const bid = [message, entered.key, entered.signature, reputation, known, link ?? 0] as const;
  return hash(0, Uint8Array.from(LEAF.encode([...bid, imagePresent, idleGpus, scarcity, failedBefore])));
}

function hash(kind: 0 | 1, ...parts: Uint8Array[]): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(kind), ...parts));
}

/** What is no book that an auction can have, or nothing. */
export function malformed({ bids, maximumPrice }: Book): string | undefined {
  const sorted = bids.every((bid, at) => at === 0 || addressOrder(bids[at - 1]!.node, bid.node) < 0);
  if (!sorted) return "the bids are not sorted by node, or a node has two of them";
  const out = bids.find(({ price }) => price < 1n || price > maximumPrice);
  return out && `the bid of ${out.node}, ${out.price}, is not above nothing and at most the job's maximum`;
}

/** Every bid with its score, the best first. */
export function ranked({ bids, weights }: Book): Candidate[] {
  const scored = bids.map(({ node, price, facts }) => {
    return { node, failed: facts.failedBefore, total: total(weights, price, facts) };
  });
  return scored.sort(rankOrder);
}

/** Who comes before whom: who did not fail before, then the lowest total, then the lowest address. */
export function rankOrder(left: Candidate, right: Candidate): number {
  if (left.failed !== right.failed) return left.failed ? 1 : -1;
  if (left.total !== right.total) return left.total < right.total ? -1 : 1;
  return addressOrder(left.node, right.node);
}

function total(weights: Weights, price: bigint, facts: Facts): bigint {
  const lacking = facts.reputation < Number(WHOLE) ? WHOLE - BigInt(facts.reputation) : 0n;
  const slow = facts.link === undefined ? 0 : Math.max(0, weights.fastLink - facts.link);
  const charges = [
    share(price, weights.reputation, lacking, WHOLE),
    share(price, weights.link, BigInt(slow), BigInt(weights.fastLink)),
    facts.imagePresent ? 0n : weights.image,
    saturated(weights.packing * BigInt(facts.idleGpus)),
    facts.scarcity,
  ];
  return charges.reduce((sum, charge) => saturated(sum + charge), price);
}

/** `price · weight · part / (10 000 · of)`, rounded down. */
function share(price: bigint, weight: number, part: bigint, of: bigint): bigint {
  return saturated((price * BigInt(weight) * part) / WHOLE / (of > 0n ? of : 1n));
}

function saturated(value: bigint): bigint {
  return value < U64_MAX ? value : U64_MAX;
}

function addressOrder(left: Address, right: Address): number {
  return bytesOrder(key.encode(left), key.encode(right));
}
