// Decrypts an output of a job whose outputs are encrypted to your wallet: `sealed.outputs` of its spec is
// `recipientOf(wallet)`. FILE.age becomes FILE, whole or not at all.
//
//   npm run example open-output FILE.age
import { readFile, writeFile } from "node:fs/promises";
import { decrypt, identityOf } from "@millrace/client/seal";
import { argument, secretOf } from "./environment.js";

const sealed = argument(0, "the encrypted file");
const plain = sealed.replace(/\.age$/, "");
if (plain === sealed) throw new Error("pass a file whose name ends in .age");
const bytes = await decrypt(identityOf(await secretOf()), await readFile(sealed));
// Never over a file that is there.
await writeFile(plain, bytes, { flag: "wx" });
console.log(`${plain} has ${bytes.length} bytes`);
