import { type Account, type Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import { refusal } from "../errors/refusal.js";
import { fetchMaybeJob, JOB_DISCRIMINATOR, type Job } from "../generated/accounts/index.js";
import { JOB_STATES } from "../generated/catalogue.js";
import { findJobPda } from "../generated/pdas/index.js";
import { genuine } from "../genuine.js";

export type JobState = (typeof JOB_STATES)[number];

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
    return genuine(account, JOB_DISCRIMINATOR);
  } catch (error) {
    throw refusal(error);
  }
}

/** The name of a job's state. */
export function jobState(job: Pick<Job, "state">): JobState | undefined {
  return JOB_STATES[job.state];
}
