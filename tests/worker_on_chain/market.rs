//! A network with a buyer and as many rigs as a test wants, each of a provider of its own.

use std::sync::Arc;

use millrace_client::accounts::{JobAccount, LeaseAccount, NodeAccount, ProviderAccount, QuorumAccount};
use millrace_client::instructions::{self, Foundation, NewJob, NewNode, Software};
use millrace_client::keys::address_of;
use millrace_client::{Client, Endpoints, Error, Instruction, Keypair, Sender, SignedVoucher, address, cosign};
use millrace_localnet::{Localnet, Options, SlotMode};
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{
    Address, GpuUnits, Hardware, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, UnixSeconds, Verification,
};
use millrace_worker::{Chain, Deed, Rpc};

/// 1000 micro-USDC per second.
const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);
pub const DEPOSIT: MicroUsdc = MicroUsdc(1_500_000);
pub const PURSE: MicroUsdc = MicroUsdc(10_000_000);
const STAKE: MicroUsdc = MicroUsdc(100_000_000);
const TREASURY: MicroUsdc = MicroUsdc(1);
pub const LEASE: Seconds = Seconds(600);
/// In lamports.
pub const SOL: u64 = 1_000_000_000;
/// Lamports for each signature in a transaction; a redemption has the node's and, in the voucher, the attestor's.
pub const SIGNATURE: u64 = 5_000;
/// Lamports of an account without data: Solana wants a payer of fees to keep them, and the faucet gives no fewer.
pub const KEPT: u64 = 890_880;

pub struct Market {
    pub localnet: Localnet,
    pub client: Client,
    pub scheduler: Arc<Keypair>,
    pub buyer: Arc<Keypair>,
    pub rigs: Vec<Rig>,
    mint: Address,
    treasury: Address,
}

/// A provider's only rig.
pub struct Rig {
    pub owner: Arc<Keypair>,
    /// Of the node.
    pub key: Keypair,
    /// The chain, as the rig's worker sees it and acts on it.
    pub chain: Rpc,
    pub provider: Address,
    node: Address,
}

/// Who has how much. Those of the rigs are in the rigs' order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    pub buyer: MicroUsdc,
    /// In the job's vault.
    pub vault: MicroUsdc,
    pub treasury: MicroUsdc,
    pub owners: Vec<MicroUsdc>,
    pub stakes: Vec<MicroUsdc>,
    pub earnings: Vec<MicroUsdc>,
}

impl Money {
    fn sum(&self) -> u64 {
        let all = [&self.owners, &self.stakes, &self.earnings].into_iter().flatten();
        all.chain([&self.buyer, &self.vault, &self.treasury]).map(|amount| amount.0).sum()
    }
}

/// Everything that a deed for a lease could change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub job: JobAccount,
    pub lease: Option<LeaseAccount>,
    pub round: Option<QuorumAccount>,
    pub node: NodeAccount,
    pub provider: ProviderAccount,
    pub money: Money,
    /// Lamports of the node's key.
    pub lamports: u64,
    /// Lamports of the scheduler, the buyer and the rig's owner.
    pub lamports_of_others: [u64; 3],
}

impl Market {
    /// The node keys of its rigs have so many lamports.
    pub async fn found(lamports: &[u64]) -> Self {
        let options = Options { slot: SlotMode::Transaction, ..Options::default() };
        let localnet = Localnet::start(options).await.unwrap();
        let client = Client::new(Endpoints::new(localnet.rpc_url(), localnet.ws_url()));
        let mint = localnet.usdc_mint();
        let admin = Arc::new(Keypair::try_from(Localnet::admin_key().as_slice()).unwrap());
        let [scheduler, buyer] = std::array::from_fn(|_| Arc::new(Keypair::new()));
        for key in [&scheduler, &buyer] {
            localnet.faucet_sol(&address_of(key), 10 * SOL).await.unwrap();
        }
        localnet.faucet(&address_of(&buyer), PURSE).await.unwrap();
        let treasury = localnet.faucet(&address_of(&admin), TREASURY).await.unwrap();
        let foundation = Foundation {
            admin: address_of(&admin),
            scheduler: address_of(&scheduler),
            arbiter: address_of(&admin),
            treasury,
            mint,
            parameters: Parameters::default(),
        };
        Sender::new(client.clone(), admin).send(&instructions::initialize(foundation), &[]).await.unwrap();
        let mut market = Self { localnet, client, scheduler, buyer, rigs: Vec::new(), mint, treasury };
        for amount in lamports {
            let rig = market.add_rig(*amount).await;
            market.rigs.push(rig);
        }
        market
    }

    async fn add_rig(&self, lamports: u64) -> Rig {
        let (owner, key) = (Arc::new(Keypair::new()), Keypair::new());
        let address = address_of(&owner);
        self.localnet.faucet_sol(&address, 10 * SOL).await.unwrap();
        self.localnet.faucet(&address, STAKE).await.unwrap();
        if lamports > 0 {
            self.localnet.faucet_sol(&address_of(&key), lamports).await.unwrap();
        }
        let node = NewNode {
            owner: address,
            index: 0,
            node_key: address_of(&key),
            hardware: hardware(),
            software: Software::default(),
            price: PRICE,
            spot_price: PricePerGpuHour(0),
            service_level: ServiceLevel::None,
        };
        let stake = instructions::add_stake(address, self.mint, STAKE);
        let sender = Sender::new(self.client.clone(), owner.clone());
        sender.send(&instructions::register_provider(address, self.mint, "Mill"), &[]).await.unwrap();
        sender.send(&[stake, instructions::add_node(node)].concat(), &[&key]).await.unwrap();
        let provider = address::provider(address);
        // As a worker does.
        let client = Client::new(Endpoints { rpc: vec![self.localnet.rpc_url()], ws: vec![] });
        Rig { owner, chain: Rpc::new(client, &key), key, node: address::node(provider, 0), provider }
    }

    /// A job of the buyer's, and a lease of it on each rig.
    pub async fn lease_all(&self, terms: JobTerms) -> Vec<LeaseAccount> {
        let buyer = address_of(&self.buyer);
        let (funder, mint, spec_hash) = (buyer, self.mint, [7; 32]);
        let job = NewJob { buyer, funder, mint, id: 1, spec_hash, terms, attestor: None };
        self.send(&self.buyer, &instructions::open_job(job)).await;
        let mut leases = Vec::new();
        for rig in &self.rigs {
            leases.push(self.open_lease(rig, address::job(buyer, 1)).await);
        }
        leases
    }

    /// A job of the buyer's, and its lease on the only rig.
    pub async fn lease(&self) -> LeaseAccount {
        let [lease] = self.lease_all(terms()).await.try_into().unwrap();
        lease
    }

    async fn open_lease(&self, rig: &Rig, job: Address) -> LeaseAccount {
        let job: JobAccount = self.client.fetch(job).await.unwrap();
        let node: NodeAccount = self.client.fetch(rig.node).await.unwrap();
        let scheduler = address_of(&self.scheduler);
        let is_counted = job.job.terms.verification.is_quorum();
        let mut wanted =
            if is_counted && !job.quorum_open { instructions::open_quorum(scheduler, &job) } else { Vec::new() };
        let job = JobAccount { quorum_open: is_counted, ..job };
        let offer = LeaseOffer { price: PRICE, negotiated: false, maximum: LEASE };
        wanted.extend(instructions::open_lease(scheduler, scheduler, &job, &node, offer, [0; 32]));
        let sender = Sender::new(self.client.clone(), self.scheduler.clone());
        let prepared = sender.prepare(&wanted, &[]).await.unwrap();
        let cosigned = cosign::cosign(&prepared.transaction, rig.node, &rig.key).unwrap();
        sender.submit_signed(&cosigned.transaction, prepared.last_valid_block_height).await.unwrap();
        self.client.fetch(cosigned.lease.lease).await.unwrap()
    }

    /// What is not for the node to do.
    pub async fn send(&self, payer: &Arc<Keypair>, instructions: &[Instruction]) {
        Sender::new(self.client.clone(), payer.clone()).send(instructions, &[]).await.unwrap();
    }

    /// The rig's owner takes its earnings out, and the network its fees.
    pub async fn pay_out(&self, rig: &Rig) {
        let provider: ProviderAccount = self.client.fetch(rig.provider).await.unwrap();
        let now = self.client.chain_clock().await.unwrap();
        let withdrawal = instructions::withdraw_earnings(address_of(&rig.owner), &provider, self.mint, now);
        self.send(&rig.owner, &withdrawal).await;
        self.send(&self.buyer, &instructions::sweep_fees(rig.provider, self.treasury)).await;
    }

    pub fn voucher(&self, lease: &LeaseAccount, sequence: u64, metered: u64, end: Option<ExitClass>) -> SignedVoucher {
        SignedVoucher::sign(voucher(lease, sequence, metered, end), &self.scheduler)
    }

    pub async fn pass(&self, seconds: u64) {
        let now = self.client.chain_clock().await.unwrap();
        self.localnet.travel_to(UnixSeconds(now.0 + seconds)).await.unwrap();
    }

    /// The rig that has the lease.
    pub fn rig_of(&self, lease: &LeaseAccount) -> &Rig {
        self.rigs.iter().find(|rig| rig.node == lease.node).unwrap()
    }

    /// The node's deed, with the lease as it is now, as the worker reads it first.
    pub async fn act(&self, lease: &LeaseAccount, deed: Deed) -> Result<(), Error> {
        let chain = &self.rig_of(lease).chain;
        let (found, _) = chain.lease(lease.address).await.unwrap();
        chain.act(found.unwrap(), deed).await
    }

    /// The deed is refused, and nothing on the chain is other than before.
    pub async fn refuses(&self, lease: &LeaseAccount, deed: Deed) -> Error {
        let before = self.standing(lease).await;
        let error = self.act(lease, deed).await.unwrap_err();
        assert_eq!(self.standing(lease).await, before, "{error}");
        error
    }

    pub async fn standing(&self, lease: &LeaseAccount) -> Standing {
        let rig = self.rig_of(lease);
        let job: JobAccount = self.client.fetch(lease.job).await.unwrap();
        let mut lamports = [0; 3];
        for (amount, key) in lamports.iter_mut().zip([&self.scheduler, &self.buyer, &rig.owner]) {
            *amount = self.client.lamports(address_of(key)).await.unwrap();
        }
        Standing {
            lease: self.client.find(lease.address).await.unwrap(),
            round: self.client.find(job.round()).await.unwrap(),
            node: self.client.fetch(rig.node).await.unwrap(),
            provider: self.client.fetch(rig.provider).await.unwrap(),
            money: self.money(job.address).await,
            lamports: self.client.lamports(address_of(&rig.key)).await.unwrap(),
            lamports_of_others: lamports,
            job,
        }
    }

    /// Where every micro-USDC is that was ever made: none is lost, and none is with anybody else.
    pub async fn money(&self, job: Address) -> Money {
        let mut money = Money {
            buyer: self.client.usdc_balance(address_of(&self.buyer), self.mint).await.unwrap(),
            vault: self.client.token_balance(address::job_vault(job)).await.unwrap(),
            treasury: self.client.token_balance(self.treasury).await.unwrap(),
            owners: Vec::new(),
            stakes: Vec::new(),
            earnings: Vec::new(),
        };
        for rig in &self.rigs {
            let provider: ProviderAccount = self.client.fetch(rig.provider).await.unwrap();
            let (stake, earnings) = (address::stake_vault(rig.provider), address::earnings_vault(rig.provider));
            money.owners.push(self.client.usdc_balance(provider.owner, self.mint).await.unwrap());
            money.stakes.push(self.client.token_balance(stake).await.unwrap());
            money.earnings.push(self.client.token_balance(earnings).await.unwrap());
            assert_eq!(
                money.earnings.last(),
                provider.provider.earnings.total().as_ref().ok(),
                "the vault and its book"
            );
        }
        assert_eq!(money.sum(), PURSE.0 + TREASURY.0 + STAKE.0 * self.rigs.len() as u64, "{money:?}");
        money
    }
}

/// What an attestor may sign.
pub fn voucher(lease: &LeaseAccount, sequence: u64, metered: u64, end: Option<ExitClass>) -> Voucher {
    Voucher {
        program: address::program(),
        lease: lease.address,
        sequence,
        metered: Seconds(metered),
        downtime: Seconds::ZERO,
        is_final: end.is_some(),
        exit_class: end.unwrap_or_default(),
        result_root: [end.is_some().into(); 32],
    }
}

pub fn redeem(voucher: SignedVoucher) -> Deed {
    Deed::Redeem(Box::new(voucher))
}

fn hardware() -> Hardware {
    Hardware {
        gpu_class: 8,
        gpu_count: 1,
        vram_mib: 24_576,
        cpu_cores: 8,
        memory_mib: 32_768,
        disk_mib: 100_000,
        region: 0,
        country: *b"DE",
        simulated: true,
    }
}

/// Paid by the second.
pub fn terms() -> JobTerms {
    JobTerms {
        requirements: Requirements {
            gpu_classes: 0,
            vram_mib: 8_192,
            units: GpuUnits(1),
            regions: 0,
            accept_simulated: true,
        },
        maximum_price: PRICE,
        concurrent_leases: 2,
        lease_seconds: LEASE,
        start_window: Seconds(3_600),
        retries: 2,
        deposit: DEPOSIT,
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    }
}
