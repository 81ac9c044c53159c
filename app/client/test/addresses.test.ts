import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "@solana/kit";
import * as program from "@millrace/client/program";
import { vectors } from "./vectors.js";

interface Addresses {
  readonly program: string;
  readonly cases: readonly {
    readonly kind: string;
    readonly inputs: Readonly<Record<string, string | number>>;
    readonly address: string;
    readonly bump: number;
  }[];
}

type Find = (seeds: Record<string, Address | number | bigint>) => Promise<readonly [Address, number]>;

/** 64-bit numbers stand as text in vectors, and so do addresses. */
function seed(value: string | number): Address | number | bigint {
  return typeof value === "string" && /^\d+$/.test(value) ? BigInt(value) : (value as Address | number);
}

test("addresses and bumps of every kind of account are Rust's", async () => {
  const golden = await vectors<Addresses>("addresses");
  assert.equal(program.MILLRACE_PROGRAM_ADDRESS, golden.program);
  const finders = new Map(Object.entries(program).filter(([name]) => /^find\w+Pda$/.test(name)));
  const unseen = new Set(finders.keys());
  for (const { kind, inputs, address, bump } of golden.cases) {
    const name = `find${kind[0]!.toUpperCase()}${kind.slice(1)}Pda`;
    const find = finders.get(name) as Find | undefined;
    assert.ok(find, `there is no ${name}`);
    const seeds = Object.fromEntries(Object.entries(inputs).map(([input, value]) => [input, seed(value)]));
    assert.deepEqual(await find(seeds), [address, bump], `${kind} ${JSON.stringify(inputs)}`);
    unseen.delete(name);
  }
  assert.deepEqual([...unseen], [], "no vector has these");
});
