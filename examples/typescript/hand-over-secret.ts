// Seals a file to the rig that has a lease of your job, and has the orchestrator bring it there; the job's spec names it
// in `sealed.files`. Nobody between you and the rig can read it, and no other rig can either.
//
//   npm run example hand-over-secret JOB LEASE FILE
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { address } from "@solana/kit";
import { handOver, sealForLease } from "@millrace/client/seal";
import { argument, network, orchestratorUrl, wallet } from "./environment.js";

const [connection, opener] = [network(), await wallet()];
const job = address(argument(0, "the job's address"));
const lease = address(argument(1, "the lease's address"));
const file = argument(2, "the file that only the rig is to read");
const secrets = { files: { [basename(file)]: await readFile(file) } };
const envelope = await sealForLease(connection, { opener, job, lease, secrets });
await handOver(orchestratorUrl(), { opener, job, lease, envelope });
console.log(`${basename(file)} is with the rig`);
