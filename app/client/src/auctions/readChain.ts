import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Account, Address, MaybeAccount, ReadonlyUint8Array } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { refusal } from "../errors/refusal.js";
import {
  fetchAllMaybeNode,
  fetchAllMaybeProvider,
  NODE_DISCRIMINATOR,
  PROVIDER_DISCRIMINATOR,
  type Provider,
} from "../generated/accounts/index.js";
import { MILLRACE_PROGRAM_ADDRESS } from "../generated/programs/index.js";
import { getJobOpenedDecoder, getLeaseOpenedDecoder } from "../generated/types/index.js";
import { genuine } from "../genuine.js";
import { eventsOf, startsWith } from "../history.js";
import { readJob } from "../jobs/findJob.js";
import type { Bidder, Chain, Opened } from "./chain.js";

const JOB_OPENED = eventTag("JobOpened");
const LEASE_OPENED = eventTag("LeaseOpened");
/** Accounts that one request may ask for. */
const BATCH = 100;

/**
 * Reads what a job's auctions are compared with, also of a job that is closed. Throws what the endpoint throws, and
 * `history-incomplete` where it does not tell of everything since the job's opening: a lease that nobody tells of could
 * not be compared with anything.
 */
export async function readChain(connection: Connection, job: Address, nodes: Iterable<Address>): Promise<Chain> {
  try {
    const [account, opened, bidders] = await Promise.all([
      readJob(connection, job),
      leaseOpenings(connection, job),
      readBidders(connection, [...new Set(nodes)]),
    ]);
    const terms = account && { openedSlot: account.data.openedSlot, maximumPrice: account.data.terms.maximumPrice };
    return { program: MILLRACE_PROGRAM_ADDRESS, job, terms, opened, bidders };
  } catch (error) {
    throw refusal(error);
  }
}

/** Of an id that was used again, those of the latest job. */
async function leaseOpenings(connection: Connection, job: Address): Promise<Opened[]> {
  let opened: Opened[] | undefined;
  for (const event of await eventsOf(connection, job)) {
    if (startsWith(event, JOB_OPENED) && getJobOpenedDecoder().decode(event, JOB_OPENED.length).job === job) {
      opened = [];
    }
    if (!startsWith(event, LEASE_OPENED)) continue;
    const { bidBookRoot, ...found } = getLeaseOpenedDecoder().decode(event, LEASE_OPENED.length);
    if (found.job === job) opened?.push({ ...found, bidBookRoot: bytesToHex(Uint8Array.from(bidBookRoot)) });
  }
  if (opened) return opened;
  const message = `what the endpoint tells of job ${job} does not begin with its opening`;
  throw new MillraceError("history-incomplete", { message });
}

async function readBidders({ rpc, commitment }: Connection, nodes: Address[]): Promise<Map<Address, Bidder>> {
  const found = await there(nodes, NODE_DISCRIMINATOR, (some) => fetchAllMaybeNode(rpc, some, { commitment }));
  const owners = [...new Set(found.map(({ data }) => data.provider))];
  const providers = await there(owners, PROVIDER_DISCRIMINATOR, (some) => {
    return fetchAllMaybeProvider(rpc, some, { commitment });
  });
  const reputations = new Map(providers.map(({ address, data }) => [address, reputation(data)]));
  return new Map(
    found.map(({ address, data }) => {
      const units = Math.max(data.hardware.gpuCount, 1);
      return [address, { key: data.nodeKey, units, reputation: reputations.get(data.provider) }];
    }),
  );
}

function reputation({ reputationGood: good, reputationBad: bad, reputationAt: updatedAt }: Provider) {
  return { good, bad, updatedAt };
}

async function there<T extends { readonly discriminator: ReadonlyUint8Array }>(
  addresses: Address[],
  discriminator: ReadonlyUint8Array,
  fetch: (some: Address[]) => Promise<MaybeAccount<T>[]>,
): Promise<Account<T>[]> {
  const starts = Array.from({ length: Math.ceil(addresses.length / BATCH) }, (_, batch) => batch * BATCH);
  const batches = await Promise.all(starts.map((start) => fetch(addresses.slice(start, start + BATCH))));
  return batches.flat().flatMap((account) => genuine(account, discriminator) ?? []);
}

function eventTag(name: string): Uint8Array {
  return sha256(utf8ToBytes(`event:${name}`)).subarray(0, 8);
}
