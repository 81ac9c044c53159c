import { MillraceError } from "./errors/MillraceError.js";
import { GPU_MODELS, REGIONS } from "./generated/catalogue.js";
import type { JobTerms } from "./generated/types/index.js";
import { cost } from "./money.js";

export type GpuModel = (typeof GPU_MODELS)[number];
export type Region = (typeof REGIONS)[number];

/** What a buyer asks for. Money in micro-USDC, time in seconds. */
export interface Wishes {
  /** Any of these; every model, also none, when left out. */
  readonly gpuModels?: readonly GpuModel[];
  /** Least memory of one GPU in MiB. */
  readonly vramMib?: number;
  /** GPUs per lease; 1 when left out. */
  readonly gpus?: number;
  /** Any of these; every region when left out. */
  readonly regions?: readonly Region[];
  /** Whether nodes with simulated GPUs will do. */
  readonly acceptSimulated?: boolean;
  /** Per GPU and hour. */
  readonly maximumPrice: bigint;
  /** Nodes at the same time; 1 when left out. */
  readonly concurrentLeases?: number;
  /** Longest lease: 10 seconds to 30 days. */
  readonly leaseSeconds: bigint;
  /** How long the job waits for a node, at first and after each failed one; 15 minutes when left out. */
  readonly startWindow?: bigint;
  /** How many leases may fail by their node's fault before the job ends; 2 when left out. */
  readonly retries?: number;
  /** The worst case of all concurrent leases when left out. */
  readonly deposit?: bigint;
}

/** The most one lease can cost, in micro-USDC. Throws `overflow`. */
export function worstCase(terms: Pick<JobTerms, "maximumPrice" | "units" | "leaseSeconds">): bigint {
  return cost(terms.maximumPrice, terms.units, terms.leaseSeconds);
}

/**
 * The terms of a job, checked as the program checks them. Throws `terms-invalid`, `deposit-too-small`,
 * `overflow`.
 */
export function jobTerms(wishes: Wishes): JobTerms {
  const terms = {
    gpuClasses: mask(GPU_MODELS, wishes.gpuModels ?? []),
    vramMib: wishes.vramMib ?? 0,
    units: wishes.gpus ?? 1,
    regions: Number(mask(REGIONS, wishes.regions ?? [])),
    acceptSimulated: wishes.acceptSimulated ?? false,
    maximumPrice: wishes.maximumPrice,
    concurrentLeases: wishes.concurrentLeases ?? 1,
    leaseSeconds: wishes.leaseSeconds,
    startWindow: wishes.startWindow ?? 900n,
    retries: wishes.retries ?? 2,
  };
  const all = worstCase(terms) * BigInt(terms.concurrentLeases);
  const complete = { ...terms, deposit: wishes.deposit ?? all };
  checkTerms(complete);
  return complete;
}

const LONGEST = 30n * 86_400n;
const SHORTEST_LEASE = 10n;

/** The rules of `open_job`, before anything is paid. Throws `terms-invalid`, `deposit-too-small`, `overflow`. */
export function checkTerms(terms: JobTerms): void {
  const valid =
    within(terms.units, 1, 0xffff) &&
    within(terms.vramMib, 0, 0xffff_ffff) &&
    within(terms.concurrentLeases, 1, 0xffff) &&
    within(terms.retries, 0, 0xffff) &&
    terms.gpuClasses >= 0n &&
    terms.gpuClasses < 1n << BigInt(GPU_MODELS.length) &&
    within(terms.regions, 0, 2 ** REGIONS.length - 1) &&
    terms.maximumPrice >= 0n &&
    terms.leaseSeconds >= SHORTEST_LEASE &&
    terms.leaseSeconds <= LONGEST &&
    terms.startWindow >= 1n &&
    terms.startWindow <= LONGEST;
  if (!valid) throw new MillraceError("terms-invalid");
  if (terms.deposit >= 1n << 64n) throw new MillraceError("overflow");
  if (terms.deposit <= 0n || terms.deposit < worstCase(terms)) throw new MillraceError("deposit-too-small");
}

function within(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function mask(all: readonly string[], wanted: readonly string[]): bigint {
  return wanted.reduce((bits, name) => {
    const index = all.indexOf(name);
    if (index < 0) throw new MillraceError("terms-invalid", { message: `there is no \`${name}\`` });
    return bits | (1n << BigInt(index));
  }, 0n);
}
