// Finds a job of yours by the id it was opened with, and shows its money and its live leases.
//
//   npm run example find-job ID
import { findJob, findLeases, formatUsdc, jobState, leaseState } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

const connection = network();
const buyer = (await wallet()).address;
const job = await findJob(connection, {
  buyer,
  id: BigInt(argument(0, "the job's id")),
});
if (job) {
  const { terms, paid, fees } = job.data;
  console.log(
    `${job.address} is ${jobState(job.data)}: ${formatUsdc(paid + fees)} of ${formatUsdc(terms.deposit)} used`,
  );
  for (const lease of await findLeases(connection, job)) {
    console.log(`  lease ${lease.data.number} is ${leaseState(lease.data)}, ${lease.data.meteredSeconds} s attested`);
  }
} else {
  console.log("there is no such job: it was never opened, or is closed and refunded");
}
