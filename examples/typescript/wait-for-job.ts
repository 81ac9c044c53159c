// Waits until a job is over, and says how it ended.
//
//   npm run example wait-for-job ADDRESS
import { address } from "@solana/kit";
import { formatUsdc, jobState, waitForJob } from "@millrace/client";
import { argument, network } from "./environment.js";

const job = address(argument(0, "the job's address"));
const over = await waitForJob(network(), job, ["done", "expired", "closed"], {
  seconds: 3_600,
});
console.log(over ? `${jobState(over.data)}, ${formatUsdc(over.data.paid + over.data.fees)} used` : "closed");
