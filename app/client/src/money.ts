import { MillraceError } from "./errors/MillraceError.js";

const MICRO = 1_000_000n;
const MAXIMUM = 2n ** 64n - 1n;
const SECONDS_PER_HOUR = 3_600n;
const WHOLE = 10_000n;

/** Reads `"2.50"` as 2 500 000 micro-USDC. At most six decimals, no sign, no unit. Throws `amount-malformed`. */
export function parseUsdc(text: string): bigint {
  const parts = /^(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  const amount = parts ? BigInt(parts[1]!) * MICRO + BigInt((parts[2] ?? "").padEnd(6, "0")) : MAXIMUM + 1n;
  if (amount > MAXIMUM) throw new MillraceError("amount-malformed", { message: `\`${text}\` is not an amount` });
  return amount;
}

/** Writes micro-USDC as `12.345678 USDC`: always six decimals, so that columns align and nothing is rounded. */
export function formatUsdc(amount: bigint): string {
  return `${amount / MICRO}.${(amount % MICRO).toString().padStart(6, "0")} USDC`;
}

/**
 * What `seconds` on `units` GPUs cost: `floor(price · units · seconds / 3600)` micro-USDC, where `price` is
 * micro-USDC per GPU and hour. Throws `overflow` when that does not fit 64 bits.
 */
export function cost(price: bigint, units: number, seconds: bigint): bigint {
  const amount = (price * BigInt(units) * seconds) / SECONDS_PER_HOUR;
  if (amount > MAXIMUM) throw new MillraceError("overflow");
  return amount;
}

/** `floor(amount · basisPoints / 10 000)`. Throws `parameter-out-of-bounds` for a share over the whole. */
export function share(amount: bigint, basisPoints: number): bigint {
  if (BigInt(basisPoints) > WHOLE) throw new MillraceError("parameter-out-of-bounds");
  return (amount * BigInt(basisPoints)) / WHOLE;
}
