// How accounts lie in memory, which an Anchor IDL says only in part. Accounts are read in place: every gap
// is a field of its own, and a yes or no is a byte.
import { booleanTypeNode, isNode, numberTypeNode, postOffsetTypeNode, structTypeNode } from "@codama/nodes";
import { bottomUpTransformerVisitor } from "@codama/visitors";

const GAP = /^(padding|spare)/;
const FLAGS = new Set([
  "acceptSimulated",
  "completed",
  "paused",
  "prepaid",
  "quorumOpen",
  "simulated",
  "spot",
  "startExtended",
  "startedLate",
]);

/** Takes gaps out of every type, and turns flags into booleans. The bytes stay the same. */
export function layoutVisitor() {
  const struct = (node) => structTypeNode(node.fields.map(flag).reduce(withoutGaps, []));
  return bottomUpTransformerVisitor([{ select: "[structTypeNode]", transform: struct }]);
}

function flag(field) {
  if (!FLAGS.has(field.name) || !isNode(field.type, "numberTypeNode")) return field;
  return { ...field, type: booleanTypeNode(numberTypeNode("u8")) };
}

function withoutGaps(fields, field) {
  if (!GAP.test(field.name)) return [...fields, field];
  const before = fields.at(-1);
  return [...fields.slice(0, -1), { ...before, type: postOffsetTypeNode(before.type, bytes(field), "padded") }];
}

function bytes({ name, type }) {
  if (isNode(type, "numberTypeNode") && type.format === "u8") return 1;
  if (isNode(type, "fixedSizeTypeNode")) return type.size;
  throw new Error(`${name} is no gap of bytes`);
}
