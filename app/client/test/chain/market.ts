// A network with one provider, one rig and one buyer, made through the generated instructions alone.
import {
  generateKeyPairSigner,
  type Account,
  type Address,
  type Instruction,
  type KeyPairSigner,
  type ProgramDerivedAddress,
  type Signature,
  type TransactionSigner,
} from "@solana/kit";
import {
  EXIT_CLASSES,
  jobTerms,
  openJob,
  readJob,
  send,
  signatureCheck,
  signVoucher,
  tokenAccount,
  usdcBalance,
  type Connection,
  type Job,
  type JobTerms,
  type Lease,
  type OpenedJob,
} from "@millrace/client";
import {
  fetchLease,
  findLeasePda,
  findNodePda,
  findProviderPda,
  getAddNodeInstruction,
  getAddStakeInstructionAsync,
  getExpireLeaseInstructionAsync,
  getInitializeInstructionAsync,
  getOpenLeaseInstruction,
  getRegisterProviderInstructionAsync,
  getSettleInstructionAsync,
} from "@millrace/client/program";
import { Localnet } from "./localnet.js";

/** 1000 micro-USDC per second. */
export const PRICE = 3_600_000n;
export const DEPOSIT = 1_500_000n;
/** What the buyer starts with. */
export const PURSE = 10_000_000n;
export const LEASE_SECONDS = 600n;

/** Extractable, so that examples can read it from a file. */
const key = () => generateKeyPairSigner(true);

/** A display name as the program takes it: 32 bytes, padded with zeros. */
function padded(name: string): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set(new TextEncoder().encode(name));
  return bytes;
}

export class Market {
  private constructor(
    readonly localnet: Localnet,
    readonly scheduler: KeyPairSigner,
    readonly buyer: KeyPairSigner,
    readonly owner: KeyPairSigner,
    readonly nodeKey: KeyPairSigner,
    readonly arbiter: KeyPairSigner,
    readonly provider: Address,
    readonly node: ProgramDerivedAddress,
  ) {}

  static async found(): Promise<Market> {
    const [scheduler, buyer, owner] = [await key(), await key(), await key()];
    const [nodeKey, arbiter] = [await key(), await key()];
    const purses = new Map([
      [scheduler.address, 1],
      [buyer.address, 10],
      [owner.address, 1_000],
    ]);
    const localnet = await Localnet.start(purses);
    const [provider] = await findProviderPda({ owner: owner.address });
    const node = await findNodePda({ provider, index: 0 });
    const market = new Market(localnet, scheduler, buyer, owner, nodeKey, arbiter, provider, node);
    try {
      await market.initialize();
      await market.offerRig();
    } catch (error) {
      await localnet.stop();
      throw error;
    }
    return market;
  }

  get connection(): Connection {
    return this.localnet.connection;
  }

  private async initialize(): Promise<void> {
    const { admin, mint } = this.localnet;
    const initialize = await getInitializeInstructionAsync({
      admin,
      mint,
      treasury: await tokenAccount(this.owner.address, mint),
      scheduler: this.scheduler.address,
      arbiter: this.arbiter.address,
      parameters: {
        minimumBond: [1_000_000n, 1_000_000n, 1_000_000n, 1_000_000n],
        minimumDisputeBond: 1_000_000n,
        startTimeout: 300n,
        checkpointInterval: 900n,
        holdLimit: 21_600n,
        settleGrace: 600n,
        preemptionNotice: 60n,
        decideWindow: 604_800n,
        revealWindow: 600n,
        unbonding: 1_209_600n,
        payoutDelay: 172_800n,
        minimumReputationBps: [0, 0, 0, 0],
        delistFloorBps: 0,
        feeBps: 500,
        bondHours: 24,
        abandonPenaltyBps: 1_000,
        lostPenaltyBps: 2_500,
        disputeBondBps: 1_000,
      },
    });
    await this.send(admin, initialize);
  }

  private async offerRig(): Promise<void> {
    const { owner, nodeKey, node, provider } = this;
    const { mint } = this.localnet;
    const ownerTokens = await tokenAccount(owner.address, mint);
    await this.send(
      owner,
      await getRegisterProviderInstructionAsync({ owner, mint, displayName: padded("Mill on the Rhine") }),
    );
    const hardware = {
      gpuClass: 8,
      gpuCount: 8,
      vramMib: 24_576,
      cpuCores: 8,
      memoryMib: 32_768,
      diskMib: 100_000,
      region: 0,
      country: new TextEncoder().encode("DE"),
      simulated: true,
    };
    const offer = {
      hardware,
      driver: 550,
      cuda: 124,
      capabilities: 0,
      price: PRICE,
      spotPrice: PRICE,
      serviceLevel: 0,
    };
    await this.send(
      owner,
      await getAddStakeInstructionAsync({ owner, provider, ownerTokens, amount: 900_000_000n }),
      getAddNodeInstruction({ owner, provider, nodeKey, node, ...offer }),
    );
  }

  async send(payer: TransactionSigner, ...instructions: Instruction[]): Promise<Signature> {
    return send(this.connection, { payer, instructions });
  }

  async openJob(changes: Partial<JobTerms> = {}, attestor?: Address): Promise<OpenedJob> {
    return openJob(this.connection, {
      ...(attestor && { attestor }),
      buyer: this.buyer,
      specHash: new Uint8Array(32).fill(7),
      terms: { ...terms(), ...changes },
    });
  }

  async job(address: Address): Promise<Account<Job>> {
    const found = await readJob(this.connection, address);
    if (!found) throw new Error(`there is no job at ${address}`);
    return found;
  }

  /** Scheduler, or buyer, and rig sign one transaction: both agree on node and price. */
  async openLease(
    job: Address,
    authority = this.scheduler,
    { price = PRICE, bidBookRoot = new Uint8Array(32) } = {},
  ): Promise<Account<Lease>> {
    const { openedSlot, leasesOpened: number } = (await this.job(job)).data;
    const lease = await findLeasePda({ job, openedSlot, number });
    const { nodeKey, node, provider } = this;
    const offer = { price, maximumSeconds: LEASE_SECONDS, bidBookRoot };
    const accounts = { authority, rentPayer: authority, nodeKey, job, node: node[0], provider, lease };
    await this.send(authority, getOpenLeaseInstruction({ ...accounts, ...offer }));
    return fetchLease(this.connection.rpc, lease[0], { commitment: this.connection.commitment });
  }

  /** Anyone may: here the buyer pays for it. */
  async settle(
    lease: Account<Lease>,
    { sequence, seconds, end }: { sequence: bigint; seconds: bigint; end?: (typeof EXIT_CLASSES)[number] },
    attestor = this.scheduler,
  ): Promise<Signature> {
    const voucher = {
      lease: lease.address,
      sequence,
      meteredSeconds: seconds,
      downtimeSeconds: 0n,
      isFinal: end !== undefined,
      exitClass: end ? EXIT_CLASSES.indexOf(end) : 0,
      resultRoot: new Uint8Array(32).fill(end ? 1 : 0),
    };
    const signed = await signVoucher(voucher, attestor.address, attestor.keyPair.privateKey);
    const { job, node, provider, rentPayer } = lease.data;
    const settle = await getSettleInstructionAsync({ job, lease: lease.address, node, provider, rentPayer });
    return this.send(this.buyer, signatureCheck(signed), settle);
  }

  async expireLease(lease: Account<Lease>): Promise<Signature> {
    const { job, node, provider, rentPayer } = lease.data;
    const expire = await getExpireLeaseInstructionAsync({ job, lease: lease.address, node, provider, rentPayer });
    return this.send(this.buyer, expire);
  }

  async buyersMoney(): Promise<bigint> {
    return usdcBalance(this.connection, this.buyer.address, this.localnet.mint);
  }
}

export function terms(): JobTerms {
  return jobTerms({
    vramMib: 8_192,
    acceptSimulated: true,
    maximumPrice: PRICE,
    concurrentLeases: 2,
    leaseSeconds: LEASE_SECONDS,
    startWindow: 3_600n,
    deposit: DEPOSIT,
  });
}
