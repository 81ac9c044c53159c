// Opens a job: one task of ten minutes at most, on one GPU for at most 2.50 USDC an hour.
// Prints the job's address and id. What is not used comes back by itself.
import { formatUsdc, jobTerms, openJob, parseUsdc, specHash, type JobSpec } from "@millrace/client";
import { network, wallet } from "./environment.js";

const terms = jobTerms({
  gpuModels: ["rtx-4090", "l40s"],
  acceptSimulated: true,
  maximumPrice: parseUsdc("2.50"),
  leaseSeconds: 600n,
});
const spec: JobSpec = {
  name: "hello",
  image: "millrace/probe:1",
  command: ["sh", "-c", "echo hello from task {task1}"],
  env: {},
  inputs: {},
  limits: {
    cpuMilli: 500,
    diskMib: 64,
    memoryMib: 64,
    pids: 256,
    taskSeconds: 60n,
  },
  network: false,
  taskRetries: 2,
  tasks: 1,
  terms,
};

const opened = await openJob(network(), {
  buyer: await wallet(),
  specHash: await specHash(spec),
  terms,
});
console.log(`${opened.address} is open as id ${opened.id}, with a deposit of ${formatUsdc(terms.deposit)}`);
