// Sends what is left of a job that is over back to its funder. Anyone may; a job that nobody took in time is
// expired first. The network's own orchestrator does the same: this is for when it is gone.
//
//   npm run example collect-refund ADDRESS
import { address } from "@solana/kit";
import { closeJob, expireJob, formatUsdc, jobState, readJob } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

const [connection, payer] = [network(), await wallet()];
const job = address(argument(0, "the job's address"));
const found = await readJob(connection, job);
if (found && jobState(found.data) === "open") await expireJob(connection, { payer, job });
const { refund } = await closeJob(connection, { payer, job });
console.log(`${formatUsdc(refund)} went back to the funder`);
