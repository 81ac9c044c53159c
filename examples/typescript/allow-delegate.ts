// Lets a key, say of a CI runner, open jobs from your prepaid balance for a day: at most 1 USDC each and 5 in
// all. It can do nothing else.
//
//   npm run example allow-delegate ADDRESS
import { address } from "@solana/kit";
import { allow, parseUsdc } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

const delegate = address(argument(0, "the delegate's address"));
const expiresAt = BigInt(Math.floor(Date.now() / 1_000)) + 86_400n;
const caps = { perJob: parseUsdc("1"), total: parseUsdc("5"), expiresAt };
await allow(network(), { owner: await wallet(), delegate, ...caps });
console.log(`${delegate} may open jobs until ${new Date(Number(expiresAt) * 1_000).toISOString()}`);
