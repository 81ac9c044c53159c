import { fetchEncodedAccounts, type Account, type Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import { refusal } from "../errors/refusal.js";
import {
  decodeLease,
  fetchMaybeLease,
  LEASE_DISCRIMINATOR,
  type Job,
  type Lease,
} from "../generated/accounts/index.js";
import { LEASE_STATES } from "../generated/catalogue.js";
import { findLeasePda } from "../generated/pdas/index.js";
import { MILLRACE_PROGRAM_ADDRESS } from "../generated/programs/index.js";
import { genuine } from "../genuine.js";

export type LeaseState = (typeof LEASE_STATES)[number];

/** Reads a lease by its address; `undefined` where there is none, or where it is settled already. */
export async function readLease(connection: Connection, address: Address): Promise<Account<Lease> | undefined> {
  try {
    const account = await fetchMaybeLease(connection.rpc, address, { commitment: connection.commitment });
    return genuine(account, LEASE_DISCRIMINATOR);
  } catch (error) {
    throw refusal(error);
  }
}

/** The job's leases that are not settled; a settled lease has no account. */
export async function findLeases(connection: Connection, job: Account<Job>): Promise<Account<Lease>[]> {
  const { openedSlot, leasesOpened } = job.data;
  const numbers = Array.from({ length: leasesOpened }, (_, number) => number);
  try {
    const addresses = await Promise.all(
      numbers.map(async (number) => (await findLeasePda({ job: job.address, openedSlot, number }))[0]),
    );
    const accounts = await fetchInBatches(connection, addresses);
    // Anyone may send lamports to the address of a settled lease: that makes an account there, which is none of the program's.
    const own = accounts.filter((account) => account.exists && account.programAddress === MILLRACE_PROGRAM_ADDRESS);
    return own.flatMap((account) => genuine(decodeLease(account), LEASE_DISCRIMINATOR) ?? []);
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
    fetchEncodedAccounts(connection.rpc, addresses.slice(start, start + BATCH), config),
  );
  return (await Promise.all(batches)).flat();
}

/** The name of a lease's state. */
export function leaseState(lease: Pick<Lease, "state">): LeaseState | undefined {
  return LEASE_STATES[lease.state];
}
