// Opens a job from somebody's prepaid balance, as the delegate whose wallet runs this.
//
//   npm run example open-job-as-delegate OWNERS_ADDRESS
import { address } from "@solana/kit";
import { findAllowance, formatUsdc, jobTerms, openJobPrepaid, parseUsdc } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

const [connection, delegate] = [network(), await wallet()];
const owner = address(argument(0, "the owner's address"));
const terms = jobTerms({ acceptSimulated: true, maximumPrice: parseUsdc("1.00"), leaseSeconds: 60n });
// SHA-256 of the job's canonical spec: see open-job.ts.
const specHash = new Uint8Array(32);
const opened = await openJobPrepaid(connection, { authority: delegate, owner, specHash, terms });
const { total, spent } = (await findAllowance(connection, { owner, delegate: delegate.address }))!.data;
console.log(`${opened.address} is open, ${formatUsdc(total - spent)} of the allowance are left`);
