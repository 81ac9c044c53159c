import { type Account, type Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import { refusal } from "../errors/refusal.js";
import { fetchAllMaybeLease, fetchMaybeJob, type Job, type Lease } from "../generated/accounts/index.js";
import { JOB_STATES, LEASE_STATES } from "../generated/catalogue.js";
import { findJobPda, findLeasePda } from "../generated/pdas/index.js";

export type JobState = (typeof JOB_STATES)[number];
export type LeaseState = (typeof LEASE_STATES)[number];

/** Finds a buyer's job by its id; `undefined` where there is none, or where it is closed already. */
export async function findJob(
  connection: Connection,
  { buyer, id }: { readonly buyer: Address; readonly id: bigint },
): Promise<Account<Job> | undefined> {
  const [address] = await findJobPda({ buyer, id });
  return readJob(connection, address);
}

/** Reads a job by its address; `undefined` where there is none, or where it is closed already. */
export async function readJob(connection: Connection, address: Address): Promise<Account<Job> | undefined> {
  try {
    const account = await fetchMaybeJob(connection.rpc, address, { commitment: connection.commitment });
    return account.exists ? account : undefined;
  } catch (error) {
    throw refusal(error);
  }
}

/** The job's live leases; an ended lease has no account. */
export async function findLeases(connection: Connection, job: Account<Job>): Promise<Account<Lease>[]> {
  const { openedSlot, leasesOpened } = job.data;
  const numbers = Array.from({ length: leasesOpened }, (_, number) => number);
  try {
    const addresses = await Promise.all(
      numbers.map(async (number) => (await findLeasePda({ job: job.address, openedSlot, number }))[0]),
    );
    const accounts = await fetchInBatches(connection, addresses);
    return accounts.filter((account) => account.exists);
  } catch (error) {
    throw refusal(error);
  }
}

/** Accounts that one request may ask for. */
const BATCH = 100;

async function fetchInBatches(connection: Connection, addresses: readonly Address[]) {
  const starts = Array.from({ length: Math.ceil(addresses.length / BATCH) }, (_, batch) => batch * BATCH);
  const config = { commitment: connection.commitment };
  const batches = starts.map((start) =>
    fetchAllMaybeLease(connection.rpc, addresses.slice(start, start + BATCH), config),
  );
  return (await Promise.all(batches)).flat();
}

/** The name of a job's state. */
export function jobState(job: Pick<Job, "state">): JobState | undefined {
  return JOB_STATES[job.state];
}

/** The name of a lease's state. */
export function leaseState(lease: Pick<Lease, "state">): LeaseState | undefined {
  return LEASE_STATES[lease.state];
}
