// Written by `npm run generate`. Do not edit.

/** By the number that stands in accounts and events. */
export const EXIT_CLASSES = [
  "completed",
  "failed",
  "released",
  "node-fault"
] as const;

/** By the number that stands in accounts and events. */
export const GPU_MODELS = [
  "none",
  "rtx-3060",
  "rtx-3070",
  "rtx-3080",
  "rtx-3090",
  "rtx-4060",
  "rtx-4070",
  "rtx-4080",
  "rtx-4090",
  "rtx-5070",
  "rtx-5080",
  "rtx-5090",
  "a10",
  "a40",
  "a4000",
  "a5000",
  "a6000",
  "rtx-6000-ada",
  "l4",
  "l40",
  "l40s",
  "t4",
  "v100",
  "a100-40gb",
  "a100-80gb",
  "h100-pcie",
  "h100-sxm",
  "h200",
  "b200",
  "gh200",
  "mi210",
  "mi250",
  "mi300x",
  "other"
] as const;

/** By the number that stands in accounts and events. */
export const HARDWARE_CLASSES = [
  "claimed",
  "challenged",
  "enclave"
] as const;

/** By the number that stands in accounts and events. */
export const JOB_STATES = [
  "open",
  "active",
  "cancelling",
  "done",
  "expired"
] as const;

/** By the number that stands in accounts and events. */
export const LEASE_OUTCOMES = [
  "completed",
  "failed",
  "released",
  "node-fault",
  "abandoned",
  "lost",
  "timed-out",
  "preempted",
  "attestor-gone",
  "wrong-result",
  "no-quorum"
] as const;

/** By the number that stands in accounts and events. */
export const LEASE_STATES = [
  "assigned",
  "running",
  "reported",
  "disputed"
] as const;

/** In bytes. */
export const LONGEST_SPEC = 4194304 as const;

/** By the number that stands in accounts and events. */
export const NODE_STATES = [
  "active",
  "draining"
] as const;

/** By the number that stands in accounts and events. */
export const PAYMENTS = [
  "streaming",
  "on-result"
] as const;

/** By the number that stands in accounts and events. */
export const PROVIDER_STATES = [
  "active",
  "draining",
  "delisted"
] as const;

/** By the number that stands in accounts and events. */
export const REGIONS = [
  "africa",
  "asia-east",
  "asia-south",
  "asia-southeast",
  "europe-central",
  "europe-north",
  "europe-south",
  "europe-west",
  "middle-east",
  "north-america-central",
  "north-america-east",
  "north-america-west",
  "oceania",
  "south-america"
] as const;

/** By the number that stands in accounts and events. */
export const RULINGS = [
  "provider-right",
  "buyer-right",
  "split"
] as const;

/** By the number that stands in accounts and events. */
export const SERVICE_LEVELS = [
  "none",
  "silver",
  "gold"
] as const;

/** By the number that stands in accounts and events. */
export const VERIFICATIONS = [
  "attested",
  "spot-check",
  "quorum",
  "attested-hardware"
] as const;
