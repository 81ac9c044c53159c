// Pays into your prepaid balance, which is opened first where you have none. Jobs opened from it are refunded
// into it.
//
//   npm run example fill-balance USDC
import { depositBalance, findBalance, formatUsdc, openBalance, parseUsdc } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

const [connection, owner] = [network(), await wallet()];
const amount = parseUsdc(argument(0, "how much, in USDC"));
if (!(await findBalance(connection, owner.address))) await openBalance(connection, { owner });
await depositBalance(connection, { payer: owner, amount });
const balance = (await findBalance(connection, owner.address))!.data.balance;
console.log(`the balance is ${formatUsdc(balance)}`);
