import { HARDWARE_CLASSES, VERIFICATIONS } from "../generated/catalogue.js";
import type { JobTerms } from "../generated/types/index.js";

/** How a job's results are believed. */
export type Verification =
  /** The attestor's word, and a window for disputes. */
  | { readonly policy: "attested" }
  /** The network runs so many basis points of the tasks again elsewhere, and disputes a difference. */
  | { readonly policy: "spot-check"; readonly shareBps: number }
  /** `size` leases on different providers; `needed` equal results win. */
  | { readonly policy: "quorum"; readonly needed: number; readonly size: number }
  /** Only nodes whose hardware was shown to be at least of this class. */
  | { readonly policy: "attested-hardware"; readonly hardware: Exclude<(typeof HARDWARE_CLASSES)[number], "claimed"> };

type Fields = Pick<JobTerms, "verification" | "spotCheckBps" | "quorumNeeded" | "quorumSize" | "hardwareClass">;

/** As the terms on chain have it. */
export function verificationFields(verification: Verification): Fields {
  return {
    verification: VERIFICATIONS.indexOf(verification.policy),
    spotCheckBps: verification.policy === "spot-check" ? verification.shareBps : 0,
    quorumNeeded: verification.policy === "quorum" ? verification.needed : 0,
    quorumSize: verification.policy === "quorum" ? verification.size : 0,
    hardwareClass: verification.policy === "attested-hardware" ? HARDWARE_CLASSES.indexOf(verification.hardware) : 0,
  };
}

/** The policy in a job's terms; `undefined` for a number that this package does not know. */
export function verificationOf(terms: Fields): Verification | undefined {
  const policy = VERIFICATIONS[terms.verification];
  switch (policy) {
    case "spot-check":
      return { policy, shareBps: terms.spotCheckBps };
    case "quorum":
      return { policy, needed: terms.quorumNeeded, size: terms.quorumSize };
    case "attested-hardware": {
      const hardware = HARDWARE_CLASSES[terms.hardwareClass];
      return hardware === undefined || hardware === "claimed" ? undefined : { policy, hardware };
    }
    case "attested":
      return { policy };
    case undefined:
      return undefined;
  }
}
