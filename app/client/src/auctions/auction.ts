import type { Address } from "@solana/kit";

/** A sealed auction that is over, and the leases it led to. */
export interface Auction {
  readonly book: Book;
  /** Of the book, 32 bytes in hex; in each lease's account. */
  readonly root: string;
  /** In the order in which they were taken. */
  readonly steps: readonly Step[];
}

/** All bids of one auction, and everything that their order follows from. */
export interface Book {
  readonly program: Address;
  readonly job: Address;
  readonly openedSlot: bigint;
  /** The auction's number within the job. */
  readonly auction: number;
  /** Unix seconds by the chain's clock; what was known of the bidders was known then. */
  readonly closedAt: bigint;
  /** Of every bid, in Unix seconds. */
  readonly validUntil: bigint;
  /** The job's, in micro-USDC per GPU-hour. */
  readonly maximumPrice: bigint;
  readonly weights: Weights;
  /** By node, each once. */
  readonly bids: readonly Entered[];
}

/** What a lease is charged beside its price: see `millrace job explain`. Absolute ones are micro-USDC per GPU-hour. */
export interface Weights {
  /** Basis points of the price, for a reputation of zero. */
  readonly reputation: number;
  /** Basis points of the price, for a link that moves nothing. */
  readonly link: number;
  /** KiB per second. */
  readonly fastLink: number;
  readonly image: bigint;
  readonly packing: bigint;
  readonly scarcity: bigint;
}

/** A bid in the book. */
export interface Entered {
  readonly node: Address;
  /** The node's, when it bid: the signature is this key's. */
  readonly key: Address;
  /** In micro-USDC per GPU-hour. */
  readonly price: bigint;
  readonly signature: Uint8Array;
  readonly facts: Facts;
}

/** What the orchestrator knew of a bidder. */
export interface Facts {
  /** Of its provider, in basis points. */
  readonly reputation: number;
  /** KiB per second; none where it was never measured. */
  readonly link: number | undefined;
  readonly imagePresent: boolean;
  readonly idleGpus: number;
  /** In micro-USDC per GPU-hour. */
  readonly scarcity: bigint;
  /** It failed the job before: any other comes first. */
  readonly failedBefore: boolean;
}

/** What was decided about the best bid that was left. */
export type Step =
  | { readonly step: "awarded"; readonly lease: number; readonly node: Address }
  | { readonly step: "passed-over"; readonly node: Address; readonly reason: string }
  | {
      readonly step: "failed";
      readonly lease: number;
      readonly node: Address;
      readonly code: string;
      readonly cause: string;
    }
  | { readonly step: "lapsed"; readonly lease: number; readonly node: Address };

/** A bid as its node signed it, such as `millrace --json worker bids` keeps it. */
export interface SignedBid {
  readonly bid: {
    readonly program: Address;
    readonly job: Address;
    readonly openedSlot: bigint;
    readonly auction: number;
    readonly node: Address;
    readonly price: bigint;
    readonly validUntil: bigint;
  };
  readonly signature: Uint8Array;
}
