import type { Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { request } from "../orchestrator/request.js";
import type { Auction, SignedBid } from "./auction.js";
import { checkAuctions, type Note } from "./checkAuctions.js";
import { parseAuctions } from "./parse.js";
import { readChain } from "./readChain.js";

export interface Audit {
  readonly job: Address;
  /** Bids of your own, to see that they were let in: `parseBids`. Those of other jobs are not looked at. */
  readonly own?: readonly SignedBid[];
  readonly signal?: AbortSignal;
}

export interface Audited {
  readonly auctions: readonly Auction[];
  readonly notes: readonly Note[];
}

/**
 * A job's auctions, once everything that the orchestrator tells of them is found right: what `millrace job auction` does.
 * For anybody; no wallet is needed. The endpoint of `connection` is believed. Throws what `checkAuctions` throws, what the
 * orchestrator or the endpoint refuses with, `history-incomplete`, and `bid-of-another-job` where all own bids are.
 */
export async function auditAuctions(
  connection: Connection,
  orchestratorUrl: string,
  { job, own: all = [], signal }: Audit,
): Promise<Audited> {
  const own = all.filter(({ bid }) => bid.job === job);
  if (own.length === 0 && all.length > 0) throw new MillraceError("bid-of-another-job");
  const path = `/v1/jobs/${job}/auctions`;
  const text = await request(orchestratorUrl, { method: "GET", path, ...(signal ? { signal } : {}) });
  const auctions = parseAuctions(text);
  const bidding = auctions.flatMap(({ book }) => book.bids.map(({ node }) => node));
  const chain = await readChain(connection, job, [...bidding, ...own.map(({ bid }) => bid.node)]);
  return { auctions, notes: await checkAuctions(chain, auctions, own) };
}
