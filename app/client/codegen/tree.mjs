// The program as Codama sees it: the IDL, and what an IDL cannot say.
import { readFile } from "node:fs/promises";
import { rootNodeFromAnchor } from "@codama/nodes-from-anchor";
import { updateDefinedTypesVisitor, visit } from "@codama/visitors";
import { accountsVisitor, bumpsVisitor, seedsVisitor, withoutSeeds } from "./addresses.mjs";
import { withFlatArguments } from "./arguments.mjs";
import { layoutVisitor } from "./layout.mjs";

export async function programTree(idlPath) {
  const idl = JSON.parse(await readFile(idlPath, "utf8"));
  const root = rootNodeFromAnchor(withFlatArguments(withoutSeeds(idl)));
  const visitors = [
    layoutVisitor(),
    // TypeScript has a `Parameters` of its own, which the generated code uses.
    updateDefinedTypesVisitor({ parameters: { name: "networkParameters" } }),
    seedsVisitor(root.program),
    await accountsVisitor(root.program),
    bumpsVisitor(),
  ];
  return visitors.reduce((tree, visitor) => visit(tree, visitor), root);
}
