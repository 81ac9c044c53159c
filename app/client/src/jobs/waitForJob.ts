import type { Account, Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import type { Job } from "../generated/accounts/index.js";
import { waitForAccount, type Patience } from "../waitForAccount.js";
import { jobState, readJob, type JobState } from "./findJob.js";

/**
 * Waits until a job is in one of these states. `"closed"` is a job whose account is gone, and then the answer
 * is `undefined`. Throws `wait-over`.
 */
export async function waitForJob(
  connection: Connection,
  job: Address,
  states: readonly (JobState | "closed")[],
  patience: Patience = {},
): Promise<Account<Job> | undefined> {
  const look = async () => {
    const found = await readJob(connection, job);
    const state = found ? jobState(found.data) : "closed";
    return state !== undefined && states.includes(state) ? { found } : undefined;
  };
  return (await waitForAccount(connection, job, look, patience)).found;
}
