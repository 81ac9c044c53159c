// The program as Codama sees it: the IDL, and what an IDL cannot say.
import { readFile } from "node:fs/promises";
import {
  constantPdaSeedNodeFromString,
  numberTypeNode,
  programIdValueNode,
  publicKeyTypeNode,
  publicKeyValueNode,
  variablePdaSeedNode,
} from "@codama/nodes";
import { rootNodeFromAnchor } from "@codama/nodes-from-anchor";
import {
  addPdasVisitor,
  setInstructionAccountDefaultValuesVisitor,
  updateDefinedTypesVisitor,
  visit,
} from "@codama/visitors";
import { address, getProgramDerivedAddress } from "@solana/kit";

const key = (name) => variablePdaSeedNode(name, publicKeyTypeNode());
const number = (name, format) => variablePdaSeedNode(name, numberTypeNode(format));
const word = (text) => constantPdaSeedNodeFromString("utf8", text);

/** Seeds that the IDL leaves out, because they are numbers among arguments or in other accounts. */
const PDAS = [
  { name: "eventAuthority", seeds: [word("__event_authority")] },
  { name: "job", seeds: [word("job"), key("buyer"), number("id", "u64")] },
  { name: "lease", seeds: [word("lease"), key("job"), number("openedSlot", "u64"), number("number", "u32")] },
  { name: "node", seeds: [word("node"), key("provider"), number("index", "u32")] },
];

/** Reads an Anchor IDL. Every instruction's event accounts get their values: they never differ. */
export async function programTree(idlPath) {
  const idl = JSON.parse(await readFile(idlPath, "utf8"));
  const root = rootNodeFromAnchor(idl);
  const [eventAuthority] = await getProgramDerivedAddress({
    programAddress: address(idl.address),
    seeds: ["__event_authority"],
  });
  const missing = PDAS.filter(({ name }) => !root.program.pdas.some((pda) => pda.name === name));
  return [
    addPdasVisitor({ [root.program.name]: missing }),
    // TypeScript has a `Parameters` of its own, which the generated code uses.
    updateDefinedTypesVisitor({ parameters: { name: "networkParameters" } }),
    setInstructionAccountDefaultValuesVisitor([
      { account: "eventAuthority", defaultValue: publicKeyValueNode(eventAuthority) },
      { account: "program", defaultValue: programIdValueNode() },
    ]),
  ].reduce((tree, visitor) => visit(tree, visitor), root);
}
