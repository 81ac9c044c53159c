import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalSpec, specHash, type JobSpec } from "@millrace/client";
import { toHex, vectors } from "./vectors.js";

type Loose = string | boolean | readonly Loose[] | { readonly [name: string]: Loose };

interface Case {
  readonly name: string;
  readonly spec: Readonly<Record<string, Loose>>;
  readonly canonical: string;
  readonly hash: string;
}

/** The vector's field names in JavaScript's spelling, its terms in one object, its numbers as `wide` says. */
function spec(loose: Case["spec"]): JobSpec {
  const { requirements, ...terms } = camel(loose["terms"]!, WIDE_TERMS) as Record<string, unknown>;
  return {
    ...(camel(loose, new Set()) as JobSpec),
    env: loose["env"] as Record<string, string>,
    inputs: Object.fromEntries(
      Object.entries(loose["inputs"] as Record<string, { sha256: string; size: string }>)
        // Any order of keys must do.
        .reverse()
        .map(([path, { sha256, size }]) => [path, { sha256, size: BigInt(size) }]),
    ),
    command: loose["command"] as string[],
    name: loose["name"] as string,
    limits: camel(loose["limits"]!, new Set(["taskSeconds"])) as JobSpec["limits"],
    terms: { ...terms, ...(requirements as object) } as JobSpec["terms"],
  };
}

const WIDE_TERMS = new Set(["gpuClasses", "maximumPrice", "leaseSeconds", "startWindow", "deposit"]);

function camel(value: Loose, wide: ReadonlySet<string>, name = ""): unknown {
  if (typeof value === "string") {
    if (!/^\d+$/.test(value)) return value;
    return wide.has(name) ? BigInt(value) : Number(value);
  }
  if (typeof value !== "object" || Array.isArray(value)) return value;
  const fields = Object.entries(value as Record<string, Loose>).map(([field, inner]) => {
    const spelled = field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return [spelled, camel(inner, wide, spelled)] as const;
  });
  return Object.fromEntries(fields);
}

test("canonical specs and their hashes are Rust's", async () => {
  for (const { name, spec: loose, canonical, hash } of await vectors<Case[]>("specs")) {
    assert.equal(new TextDecoder().decode(Uint8Array.from(canonicalSpec(spec(loose)))), canonical, name);
    assert.equal(toHex(await specHash(spec(loose))), hash, name);
  }
});
