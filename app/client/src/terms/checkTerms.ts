import { MillraceError } from "../errors/MillraceError.js";
import { GPU_MODELS, PAYMENTS, REGIONS, SERVICE_LEVELS } from "../generated/catalogue.js";
import type { JobTerms } from "../generated/types/index.js";
import { worstCase } from "./jobTerms.js";
import { verificationOf, type Verification } from "./verification.js";

const U16 = 0xffff;
const U32 = 0xffff_ffff;
const U64 = 2n ** 64n - 1n;
const DAY = 86_400n;
const LONGEST = 30n * DAY;
const LONGEST_DISPUTE_WINDOW = 7n * DAY;
const SHORTEST_LEASE = 10n;
const WHOLE = 10_000;
const MOST_MEMBERS = 7;

/** The rules of `open_job`, before anything is paid. Throws `terms-invalid`, `deposit-too-small`, `overflow`. */
export function checkTerms(terms: JobTerms): void {
  const verification = verificationOf(terms);
  const valid =
    within(terms.units, 1, U16) &&
    within(terms.vramMib, 0, U32) &&
    within(terms.concurrentLeases, 1, U16) &&
    within(terms.retries, 0, U16) &&
    within(terms.regions, 0, 2 ** REGIONS.length - 1) &&
    within(terms.serviceLevel, 0, SERVICE_LEVELS.length - 1) &&
    within(terms.payment, 0, PAYMENTS.length - 1) &&
    between(terms.gpuClasses, 0n, (1n << BigInt(GPU_MODELS.length)) - 1n) &&
    between(terms.maximumPrice, 0n, U64) &&
    between(terms.leaseSeconds, SHORTEST_LEASE, LONGEST) &&
    between(terms.startWindow, 1n, LONGEST) &&
    between(terms.disputeWindow, 0n, LONGEST_DISPUTE_WINDOW) &&
    verification !== undefined &&
    fits(verification, terms);
  if (!valid) throw new MillraceError("terms-invalid");
  if (terms.deposit > U64) throw new MillraceError("overflow");
  const members = verification.policy === "quorum" ? BigInt(verification.size) : 1n;
  // A round that cannot fill would have its first members work for nothing.
  const least = worstCase(terms) * members;
  if (least > U64) throw new MillraceError("overflow");
  if (terms.deposit <= 0n || terms.deposit < least) throw new MillraceError("deposit-too-small");
}

function fits(verification: Verification, terms: JobTerms): boolean {
  switch (verification.policy) {
    case "attested":
    case "attested-hardware":
      return true;
    case "spot-check":
      return within(verification.shareBps, 1, WHOLE) && terms.disputeWindow > 0n;
    case "quorum": {
      const { needed, size } = verification;
      const majority = within(size, 2, MOST_MEMBERS) && within(needed, 2, size) && 2 * needed > size;
      return majority && PAYMENTS[terms.payment] === "on-result" && terms.concurrentLeases === size;
    }
  }
}

function within(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function between(value: bigint, least: bigint, most: bigint): boolean {
  return value >= least && value <= most;
}
