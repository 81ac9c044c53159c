import assert from "node:assert/strict";
import { test } from "node:test";
import { GPU_MODELS, jobTerms, REGIONS, verificationOf, worstCase, type GpuModel, type Region } from "@millrace/client";

const least = { maximumPrice: 2_500_000n, leaseSeconds: 1_800n };

test("what is left out has the defaults of a job file", () => {
  assert.deepEqual(jobTerms(least), {
    gpuClasses: 0n,
    vramMib: 0,
    units: 1,
    regions: 0,
    acceptSimulated: false,
    maximumPrice: 2_500_000n,
    concurrentLeases: 1,
    leaseSeconds: 1_800n,
    startWindow: 900n,
    retries: 2,
    deposit: 1_250_000n,
    disputeWindow: 0n,
    spot: false,
    serviceLevel: 0,
    payment: 0,
    verification: 0,
    spotCheckBps: 0,
    quorumNeeded: 0,
    quorumSize: 0,
    hardwareClass: 0,
  });
  assert.equal(jobTerms({ ...least, concurrentLeases: 3, gpus: 2 }).deposit, 7_500_000n);
});

test("models and regions are bits by their place in the protocol's tables", () => {
  const { gpuClasses, regions } = jobTerms({
    ...least,
    gpuModels: ["rtx-4090", "l40s"],
    regions: ["europe-central", "south-america"],
  });
  assert.equal(gpuClasses, (1n << 8n) | (1n << 20n));
  assert.equal(regions, (1 << 4) | (1 << 13));
  assert.equal(jobTerms({ ...least, gpuModels: GPU_MODELS }).gpuClasses, (1n << BigInt(GPU_MODELS.length)) - 1n);
  assert.equal(jobTerms({ ...least, regions: REGIONS }).regions, 2 ** REGIONS.length - 1);
  const unknown = { code: "terms-invalid", message: "there is no `rtx-9999`" };
  assert.throws(() => jobTerms({ ...least, gpuModels: ["rtx-9999" as GpuModel] }), unknown);
  assert.throws(() => jobTerms({ ...least, regions: ["moon" as Region] }), { code: "terms-invalid" });
});

test("verification decides payment, window and leases where they are left out", () => {
  const quorum = jobTerms({ ...least, verification: { policy: "quorum", needed: 2, size: 3 } });
  assert.deepEqual([quorum.payment, quorum.disputeWindow, quorum.concurrentLeases], [1, 0n, 3]);
  assert.equal(quorum.deposit, 3n * worstCase(quorum));
  assert.deepEqual(verificationOf(quorum), { policy: "quorum", needed: 2, size: 3 });
  const spotCheck = jobTerms({ ...least, verification: { policy: "spot-check", shareBps: 500 } });
  assert.deepEqual([spotCheck.payment, spotCheck.disputeWindow], [0, 3_600n]);
  assert.equal(spotCheck.deposit, 2n * worstCase(spotCheck));
  const long = jobTerms({ ...least, leaseSeconds: 7_200n, verification: { policy: "spot-check", shareBps: 10_000 } });
  assert.equal(long.disputeWindow, 8_100n);
  assert.deepEqual(verificationOf(spotCheck), { policy: "spot-check", shareBps: 500 });
  assert.equal(jobTerms({ ...least, payment: "on-result" }).disputeWindow, 3_600n);
  const enclave = jobTerms({ ...least, verification: { policy: "attested-hardware", hardware: "enclave" } });
  assert.deepEqual(verificationOf(enclave), { policy: "attested-hardware", hardware: "enclave" });
  assert.equal(verificationOf({ ...enclave, hardwareClass: 0 }), undefined);
  assert.equal(verificationOf({ ...enclave, verification: 4 }), undefined);
});
