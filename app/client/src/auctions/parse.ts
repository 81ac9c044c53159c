import { hexToBytes } from "@noble/hashes/utils.js";
import { isAddress, type Address } from "@solana/kit";
import { parse } from "lossless-json";
import { MillraceError } from "../errors/MillraceError.js";
import type { Auction, Book, Entered, Facts, SignedBid, Step, Weights } from "./auction.js";

/** What an orchestrator answers to `GET /v1/jobs/{job}/auctions`. Throws `orchestrator-foreign`. */
export function parseAuctions(text: string): Auction[] {
  return read(text, (value) => list(value).map(auction));
}

/** Signed bids, one or a list of them, as `millrace --json worker bids` writes them. Throws `bid-malformed`. */
export function parseBids(text: string): SignedBid[] {
  try {
    return read(text, (value) => (Array.isArray(value) ? value : [value]).map(ownBid));
  } catch (cause) {
    throw new MillraceError("bid-malformed", { cause });
  }
}

/** JavaScript's own reader would round integers beyond 53 bits, and a root is of all 64. */
function read<T>(text: string, of: (value: unknown) => T): T {
  try {
    return of(parse(text, null, natural));
  } catch (cause) {
    throw new MillraceError("orchestrator-foreign", { cause });
  }
}

function natural(digits: string): bigint {
  if (!/^\d+$/.test(digits)) throw new TypeError(`${digits} is no natural number`);
  return BigInt(digits);
}

function auction(value: unknown): Auction {
  const fields = object(value);
  return { book: book(fields["book"]), root: hex(fields["root"], 32).text, steps: list(fields["steps"]).map(step) };
}

function book(value: unknown): Book {
  const fields = object(value);
  return {
    program: address(fields["program"]),
    job: address(fields["job"]),
    openedSlot: wide(fields["opened_slot"]),
    auction: narrow(fields["auction"], 32),
    closedAt: wide(fields["closed_at"]),
    validUntil: wide(fields["valid_until"]),
    maximumPrice: wide(fields["maximum_price"]),
    weights: weights(fields["weights"]),
    bids: list(fields["bids"]).map(entered),
  };
}

function weights(value: unknown): Weights {
  const fields = object(value);
  return {
    reputation: narrow(fields["reputation"], 16),
    link: narrow(fields["link"], 16),
    fastLink: narrow(fields["fast_link"], 32),
    image: wide(fields["image"]),
    packing: wide(fields["packing"]),
    scarcity: wide(fields["scarcity"]),
  };
}

function entered(value: unknown): Entered {
  const fields = object(value);
  return {
    node: address(fields["node"]),
    key: address(fields["key"]),
    price: wide(fields["price"]),
    signature: hex(fields["signature"], 64).bytes,
    facts: facts(fields["facts"]),
  };
}

function facts(value: unknown): Facts {
  const fields = object(value);
  return {
    reputation: narrow(fields["reputation"], 16),
    link: fields["link"] === null ? undefined : narrow(fields["link"], 32),
    imagePresent: boolean(fields["image_present"]),
    idleGpus: narrow(fields["idle_gpus"], 16),
    scarcity: wide(fields["scarcity"]),
    failedBefore: boolean(fields["failed_before"]),
  };
}

function step(value: unknown): Step {
  const fields = object(value);
  const node = address(fields["node"]);
  const lease = () => narrow(fields["lease"], 32);
  switch (fields["step"]) {
    case "awarded":
    case "lapsed":
      return { step: fields["step"], lease: lease(), node };
    case "failed":
      return { step: "failed", lease: lease(), node, code: word(fields["code"]), cause: word(fields["cause"]) };
    case "passed-over":
      return { step: "passed-over", node, reason: reason(fields["reason"]) };
    default:
      throw new TypeError("there is no such step");
  }
}

/** What speaks against the node since it bid is named by itself. */
function reason(value: unknown): string {
  return typeof value === "string" ? value : word(object(value)["excluded"]);
}

/** A worker's list has each signed bid with when it was made. */
function ownBid(value: unknown): SignedBid {
  const fields = object(value);
  if ("signed" in fields) return ownBid(fields["signed"]);
  const bid = object(fields["bid"]);
  return {
    bid: {
      program: address(bid["program"]),
      job: address(bid["job"]),
      openedSlot: wide(bid["opened_slot"]),
      auction: narrow(bid["auction"], 32),
      node: address(bid["node"]),
      price: wide(bid["price"]),
      validUntil: wide(bid["valid_until"]),
    },
    signature: hex(fields["signature"], 64).bytes,
  };
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("no object");
  return value as Record<string, unknown>;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError("no list");
  return value;
}

function wide(value: unknown): bigint {
  if (typeof value !== "bigint" || value >= 1n << 64n) throw new TypeError("no integer of 64 bits");
  return value;
}

function narrow(value: unknown, bits: 16 | 32): number {
  if (typeof value !== "bigint" || value >= 1n << BigInt(bits)) throw new TypeError(`no integer of ${bits} bits`);
  return Number(value);
}

function boolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError("no boolean");
  return value;
}

function word(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("no text");
  return value;
}

function address(value: unknown): Address {
  if (typeof value !== "string" || !isAddress(value)) throw new TypeError("no address");
  return value;
}

function hex(value: unknown, length: number): { readonly text: string; readonly bytes: Uint8Array } {
  const bytes = hexToBytes(word(value));
  if (bytes.length !== length) throw new TypeError(`no ${length} bytes in hex`);
  return { text: word(value).toLowerCase(), bytes };
}
