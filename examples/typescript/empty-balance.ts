// Takes everything out of your prepaid balance.
import { findBalance, formatUsdc, withdrawBalance } from "@millrace/client";
import { network, wallet } from "./environment.js";

const [connection, owner] = [network(), await wallet()];
const balance = (await findBalance(connection, owner.address))?.data.balance ?? 0n;
if (balance > 0n) await withdrawBalance(connection, { owner, amount: balance });
console.log(`${formatUsdc(balance)} are back in the wallet`);
