// Gives a job more money and longer leases while it waits or runs.
//
//   npm run example extend-job ADDRESS USDC
import { address } from "@solana/kit";
import { extendJob, formatUsdc, parseUsdc, readJob } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

const connection = network();
const job = address(argument(0, "the job's address"));
const deposit = parseUsdc(argument(1, "how much more, in USDC"));
await extendJob(connection, { buyer: await wallet(), job, deposit, leaseSeconds: 600n });
const terms = (await readJob(connection, job))!.data.terms;
console.log(`the deposit is ${formatUsdc(terms.deposit)} now, and a lease may last ${terms.leaseSeconds} s`);
