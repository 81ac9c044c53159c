import assert from "node:assert/strict";
import { test } from "node:test";
import { cost, formatUsdc, isMillraceError, parseUsdc, share } from "@millrace/client";
import { vectors } from "./vectors.js";

type Outcome = { readonly amount: string } | { readonly refused: string };

interface Money {
  readonly costs: readonly { price: string; units: number; seconds: string; is: Outcome }[];
  readonly shares: readonly { amount: string; basisPoints: number; is: Outcome }[];
  readonly written: readonly { amount: string; text: string }[];
}

function outcome(compute: () => bigint): Outcome {
  try {
    return { amount: compute().toString() };
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return { refused: error.code };
  }
}

test("costs, fees and how money is written are Rust's", async () => {
  const golden = await vectors<Money>("money");
  for (const { price, units, seconds, is } of golden.costs) {
    const found = outcome(() => cost(BigInt(price), units, BigInt(seconds)));
    assert.deepEqual(found, is, `${price} · ${units} · ${seconds}`);
  }
  for (const { amount, basisPoints, is } of golden.shares) {
    const found = outcome(() => share(BigInt(amount), basisPoints));
    assert.deepEqual(found, is, `${amount} · ${basisPoints}`);
  }
  for (const { amount, text } of golden.written) assert.equal(formatUsdc(BigInt(amount)), text);
});

test("amounts are read as people write them, and nothing ambiguous is", () => {
  assert.equal(parseUsdc("2.50"), 2_500_000n);
  assert.equal(parseUsdc("0.000001"), 1n);
  assert.equal(parseUsdc("12"), 12_000_000n);
  assert.equal(parseUsdc("18446744073709.551615"), 2n ** 64n - 1n);
  for (const text of ["", ".5", "1.", "1,5", "-1", "+1", "1e6", " 1", "1 USDC", "0.0000001", "18446744073709.551616"]) {
    assert.throws(() => parseUsdc(text), { code: "amount-malformed", message: `\`${text}\` is not an amount` });
  }
});
