import assert from "node:assert/strict";
import { test } from "node:test";
import type { Decoder } from "@solana/kit";
import * as program from "@millrace/client/program";
import { fromHex, vectors } from "./vectors.js";

type Written = string | readonly Written[] | { readonly [field: string]: Written };

interface Case {
  readonly kind: string;
  readonly data: string;
  readonly fields: { readonly [field: string]: Written };
}

/** What was decoded, in the spelling of the vectors; a flag is set by a 1. */
function written(value: unknown, expected: Written): unknown {
  if (typeof value === "boolean") return value === (expected === "1") ? expected : String(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value) || value instanceof Uint8Array) {
    return Array.from(value, (item, index) => written(item, (expected as readonly Written[])[index]!));
  }
  const fields = Object.entries(value).map(([name, field]) => {
    const spelled = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return [spelled, written(field, (expected as Record<string, Written>)[spelled]!)] as const;
  });
  return Object.fromEntries(fields);
}

test("every account's bytes are read field by field as Rust does", async () => {
  const decoders = new Map<string, Decoder<{ discriminator: unknown }>>();
  for (const name of Object.values(program.MillraceAccount).filter((value) => typeof value === "string")) {
    const get = program[`get${name}Decoder` as "getJobDecoder"] as () => Decoder<{ discriminator: unknown }>;
    decoders.set(name.toLowerCase(), get());
  }
  const unseen = new Set(decoders.keys());
  for (const { kind, data, fields } of await vectors<Case[]>("accounts")) {
    const decoder = decoders.get(kind);
    // The IDL names accounts only once an instruction uses them.
    if (!decoder) continue;
    const { discriminator: _, ...decoded } = decoder.decode(fromHex(data));
    assert.deepEqual(written(decoded, fields), fields, kind);
    unseen.delete(kind);
  }
  assert.deepEqual([...unseen], [], "no vector has these");
});
