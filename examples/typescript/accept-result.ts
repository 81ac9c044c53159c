// Accepts what a lease reported, so that its node is paid at once and not when the window is over.
//
//   npm run example accept-result LEASE
import { address } from "@solana/kit";
import { acceptLease } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

const lease = address(argument(0, "the lease's address"));
console.log(`accepted in ${await acceptLease(network(), { buyer: await wallet(), lease })}`);
