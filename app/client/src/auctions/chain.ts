import type { Address } from "@solana/kit";
import type { Reputation } from "../reputation.js";

/** What the chain says of a job and of who has bid for its leases. */
export interface Chain {
  readonly program: Address;
  readonly job: Address;
  /** None once the job is closed. */
  readonly terms: { readonly openedSlot: bigint; readonly maximumPrice: bigint } | undefined;
  /** All leases that were ever opened for the job. */
  readonly opened: readonly Opened[];
  /** Of the nodes that have bid, those that are still there. */
  readonly bidders: ReadonlyMap<Address, Bidder>;
}

/** A lease as the chain has recorded its opening. */
export interface Opened {
  readonly lease: Address;
  readonly number: number;
  readonly node: Address;
  /** In micro-USDC per GPU-hour. */
  readonly price: bigint;
  readonly units: number;
  /** In hex; zeros where no auction led to it. */
  readonly bidBookRoot: string;
  /** Unix seconds. */
  readonly at: bigint;
}

/** A node that has bid, as it is on chain now. */
export interface Bidder {
  readonly key: Address;
  /** GPUs, or slices of them, that it offers. */
  readonly units: number;
  /** Its provider's; none where that is gone. */
  readonly reputation: Reputation | undefined;
}
