// Opens a job that somebody else's wallet pays for: the buyer may cancel it, the funder gets the refund.
//
//   npm run example fund-job FUNDERS_KEYPAIR_FILE
import { formatUsdc, jobTerms, openJob, parseUsdc } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

const [buyer, funder] = [await wallet(), await wallet(argument(0, "the file of the funder's wallet"))];
const terms = jobTerms({
  acceptSimulated: true,
  maximumPrice: parseUsdc("1.00"),
  leaseSeconds: 60n,
});
// SHA-256 of the job's canonical spec: see open-job.ts.
const specHash = new Uint8Array(32);
const opened = await openJob(network(), { buyer, funder, specHash, terms });
console.log(`${opened.address} is open, ${funder.address} paid ${formatUsdc(terms.deposit)}`);
