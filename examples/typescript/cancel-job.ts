// Cancels a job. Seconds up to now stay owed; nothing new starts.
//
//   npm run example cancel-job ADDRESS
import { address } from "@solana/kit";
import { cancelJob, isMillraceError } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

try {
  const job = address(argument(0, "the job's address"));
  console.log(`cancelled in ${await cancelJob(network(), { buyer: await wallet(), job })}`);
} catch (error) {
  if (!isMillraceError(error, "job-not-cancellable", "account-missing")) throw error;
  console.log(`${error.message}: ${error.hint}`);
}
