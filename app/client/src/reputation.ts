/** Good and bad weight of a provider's settled leases, in micro-USDC of fees. */
export interface Reputation {
  readonly good: bigint;
  readonly bad: bigint;
  /** Unix seconds up to when the weights have faded; within an hour of the last record. */
  readonly updatedAt: bigint;
}

/** Seconds after which weights fade once more. */
export const FADING = 3_600n;
/** Hours after which a past lease counts half. */
const HALF_LIFE = 720n;
/** What every provider has in its favour before its first lease, in micro-USDC. */
const PRIOR = 1_000_000n;
const WHOLE = 10_000n;
/** What is left after 1, 2, 4 … 512 hours, of 2^64; the protocol's own table, in which each entry is rounded down. */
const LEFT_AFTER = [
  0xffc0f045a9052511n,
  0xff81f01410b8776fn,
  0xff041e3bceadf8c4n,
  0xfe09344c1b2f1d70n,
  0xfc16441bbdfa6965n,
  0xf83bd80664e86678n,
  0xf0b40089acbf941an,
  0xe251ff92e5826d24n,
  0xc814e18317557ec1n,
  0x9c60a210d798ed8fn,
];

/** What is left of a weight after so many hours, in micro-USDC. */
export function faded(weight: bigint, hours: bigint): bigint {
  const rest = hours % HALF_LIFE;
  const factors = LEFT_AFTER.filter((_, digit) => (rest >> BigInt(digit)) & 1n);
  // Beyond 63 halvings nothing of 64 bits is left, and a shift by billions would take all memory.
  const halvings = hours / HALF_LIFE;
  return halvings > 63n ? 0n : factors.reduce((left, factor) => (left * factor) >> 64n, weight >> halvings);
}

/** A provider's reputation at a moment in Unix seconds, in basis points; a newcomer's is 10 000. */
export function reputationScore({ good, bad, updatedAt }: Reputation, now: bigint): number {
  const hours = now > updatedAt ? (now - updatedAt) / FADING : 0n;
  const favour = faded(good, hours) + PRIOR;
  return Number((favour * WHOLE) / (favour + faded(bad, hours)));
}
