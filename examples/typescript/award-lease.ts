// Awards a lease of your job to a node directly, at the node's posted price: no scheduler is needed. The node's
// key signs too, so this is for a rig whose key you hold, or that signs what you send it.
//
//   npm run example award-lease JOB NODE NODE_KEYPAIR_FILE
import { address } from "@solana/kit";
import { readJob, send } from "@millrace/client";
import { fetchNode, findLeasePda, getOpenLeaseInstruction } from "@millrace/client/program";
import { argument, network, wallet } from "./environment.js";

const [connection, buyer] = [network(), await wallet()];
const job = (await readJob(connection, address(argument(0, "the job's address"))))!;
const node = await fetchNode(connection.rpc, address(argument(1, "the node's address")), connection);
const nodeKey = await wallet(argument(2, "the file of the node's key"));
const { openedSlot, leasesOpened: number, terms } = job.data;
const lease = await findLeasePda({ job: job.address, openedSlot, number });
const award = getOpenLeaseInstruction({
  authority: buyer,
  rentPayer: buyer,
  nodeKey,
  job: job.address,
  node: node.address,
  provider: node.data.provider,
  lease,
  price: node.data.price,
  maximumSeconds: terms.leaseSeconds,
  bidBookRoot: new Uint8Array(32),
});
await send(connection, { payer: buyer, instructions: [award] });
console.log(`${lease[0]} is open`);
