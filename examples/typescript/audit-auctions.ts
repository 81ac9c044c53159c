// Shows who bid for the leases of a job and who won, once all of it is found right: signatures, the root on chain, the
// order of the bids, the leases. For anybody; no wallet is needed.
//
//   npm run example audit-auctions JOB
import { address } from "@solana/kit";
import { formatUsdc } from "@millrace/client";
import { auditAuctions, ranked } from "@millrace/client/auctions";
import { argument, network, orchestratorUrl } from "./environment.js";

const job = address(argument(0, "the job's address"));
const { auctions, notes } = await auditAuctions(network(), orchestratorUrl(), { job });
for (const { book, steps } of auctions) {
  console.log(`auction ${book.auction}, the best first:`);
  for (const { node, total } of ranked(book)) {
    const { price } = book.bids.find((bid) => bid.node === node)!;
    const fates = steps.filter((step) => step.node === node);
    const fate = fates.map((step) => ("lease" in step ? `${step.step} lease ${step.lease}` : step.step)).join(", ");
    console.log(`  ${node} at ${formatUsdc(price)}, weighed as ${formatUsdc(total)}: ${fate || "not needed"}`);
  }
}
for (const note of notes) console.log(`note: ${note.note} in auction ${note.auction}`);
console.log(`${auctions.length} auctions, and all of them as they should be`);
