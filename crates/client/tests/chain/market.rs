//! A network with one provider, one rig and one buyer, made through the SDK alone.

use std::sync::Arc;

use millrace_client::accounts::{JobAccount, LeaseAccount, NodeAccount};
use millrace_client::instructions::{self, Foundation, NewJob, NewNode, Software};
use millrace_client::keys::address_of;
use millrace_client::{Client, Endpoints, Keypair, Receipt, Sender, SignedVoucher, address, cosign};
use millrace_localnet::{Localnet, Options, SlotMode};
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{
    Address, GpuUnits, Hardware, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, UnixSeconds, Verification,
};

/// 1000 micro-USDC per second.
pub const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);
pub const DEPOSIT: MicroUsdc = MicroUsdc(1_500_000);
pub const PURSE: MicroUsdc = MicroUsdc(10_000_000);
pub const LEASE: Seconds = Seconds(600);
const SOL: u64 = 1_000_000_000;

pub struct Market {
    pub localnet: Localnet,
    pub client: Client,
    pub mint: Address,
    pub scheduler: Arc<Keypair>,
    pub owner: Arc<Keypair>,
    pub node_key: Keypair,
    pub buyer: Arc<Keypair>,
    pub node: Address,
}

impl Market {
    pub async fn found() -> Self {
        Self::found_with(SlotMode::Transaction).await
    }

    pub async fn found_with(slot: SlotMode) -> Self {
        let options = Options { slot, ..Options::default() };
        let localnet = Localnet::start(options).await.unwrap();
        let client = Client::new(Endpoints::new(localnet.rpc_url(), localnet.ws_url()));
        let mint = localnet.usdc_mint();
        let admin = Arc::new(Keypair::try_from(Localnet::admin_key().as_slice()).unwrap());
        let [scheduler, owner, buyer] = std::array::from_fn(|_| Arc::new(Keypair::new()));
        for key in [&scheduler, &owner, &buyer] {
            localnet.faucet_sol(&address_of(key), 10 * SOL).await.unwrap();
        }
        localnet.faucet(&address_of(&owner), MicroUsdc(200_000_000)).await.unwrap();
        localnet.faucet(&address_of(&buyer), PURSE).await.unwrap();
        let treasury = localnet.faucet(&address_of(&admin), MicroUsdc(1)).await.unwrap();

        let foundation = Foundation {
            admin: address_of(&admin),
            scheduler: address_of(&scheduler),
            arbiter: address_of(&scheduler),
            treasury,
            mint,
            parameters: Parameters::default(),
        };
        Sender::new(client.clone(), admin).send(&instructions::initialize(foundation), &[]).await.unwrap();
        let node_key = Keypair::new();
        let market = Self {
            node: address::node(address::provider(address_of(&owner)), 0),
            localnet,
            client,
            mint,
            scheduler,
            owner,
            node_key,
            buyer,
        };
        market.offer_rig().await;
        market
    }

    async fn offer_rig(&self) {
        let owner = address_of(&self.owner);
        let sender = self.sender(&self.owner);
        sender.send(&instructions::register_provider(owner, self.mint, "Mill on the Rhine"), &[]).await.unwrap();
        let node = NewNode {
            owner,
            index: 0,
            node_key: address_of(&self.node_key),
            hardware: hardware(),
            software: Software::default(),
            price: PRICE,
            spot_price: PricePerGpuHour(0),
            service_level: ServiceLevel::None,
        };
        // One transaction is enough for both.
        let stake = instructions::add_stake(owner, self.mint, MicroUsdc(100_000_000));
        sender.send(&[stake, instructions::add_node(node)].concat(), &[&self.node_key]).await.unwrap();
    }

    pub fn sender(&self, payer: &Arc<Keypair>) -> Sender {
        Sender::new(self.client.clone(), payer.clone())
    }

    pub fn new_job(&self, id: u64) -> NewJob {
        let buyer = address_of(&self.buyer);
        NewJob { buyer, funder: buyer, mint: self.mint, id, spec_hash: [7; 32], terms: terms(), attestor: None }
    }

    pub async fn open_job(&self, id: u64) -> JobAccount {
        let receipt = self.sender(&self.buyer).send(&instructions::open_job(self.new_job(id)), &[]).await;
        receipt.unwrap();
        self.client.fetch(address::job(address_of(&self.buyer), id)).await.unwrap()
    }

    /// The scheduler proposes, the rig looks at it and signs, the scheduler submits.
    pub async fn open_lease(&self, job: Address) -> LeaseAccount {
        let job: JobAccount = self.client.fetch(job).await.unwrap();
        let node: NodeAccount = self.client.fetch(self.node).await.unwrap();
        let offer = LeaseOffer { price: PRICE, negotiated: false, maximum: LEASE };
        let sender = self.sender(&self.scheduler);
        let scheduler = address_of(&self.scheduler);
        let lease = instructions::open_lease(scheduler, scheduler, &job, &node, offer, [0; 32]);
        let prepared = sender.prepare(&lease, &[]).await.unwrap();
        let cosigned = cosign::cosign(&prepared.transaction, self.node, &self.node_key).unwrap();
        assert_eq!(cosigned.lease.offer, offer);
        sender.submit_signed(&cosigned.transaction, prepared.last_valid_block_height).await.unwrap();
        self.client.fetch(cosigned.lease.lease).await.unwrap()
    }

    pub fn voucher(&self, lease: &LeaseAccount, sequence: u64, metered: u64, end: Option<ExitClass>) -> SignedVoucher {
        let voucher = Voucher {
            program: address::program(),
            lease: lease.address,
            sequence,
            metered: Seconds(metered),
            downtime: Seconds::ZERO,
            is_final: end.is_some(),
            exit_class: end.unwrap_or_default(),
            result_root: [end.is_some().into(); 32],
        };
        SignedVoucher::sign(voucher, &self.scheduler)
    }

    /// Anyone may: here the buyer pays for it.
    pub async fn settle(
        &self,
        lease: &LeaseAccount,
        voucher: &SignedVoucher,
    ) -> Result<Receipt, millrace_client::Error> {
        let job: JobAccount = self.client.fetch(lease.job).await?;
        self.sender(&self.buyer).send(&instructions::settle(&job, lease, voucher), &[]).await
    }

    pub async fn close_job(&self, job: Address) -> Receipt {
        let job: JobAccount = self.client.fetch(job).await.unwrap();
        let close = instructions::close_job(address_of(&self.scheduler), &job);
        self.sender(&self.scheduler).send(&close, &[]).await.unwrap()
    }

    pub async fn pass(&self, seconds: u64) {
        let now = self.client.chain_clock().await.unwrap();
        self.localnet.travel_to(UnixSeconds(now.0 + seconds)).await.unwrap();
    }

    pub async fn buyers_money(&self) -> MicroUsdc {
        self.client.usdc_balance(address_of(&self.buyer), self.mint).await.unwrap()
    }
}

/// The node's posted price, for as long as the job allows.
pub fn offer() -> LeaseOffer {
    LeaseOffer { price: PRICE, maximum: LEASE, negotiated: false }
}

fn hardware() -> Hardware {
    Hardware {
        gpu_class: 8,
        gpu_count: 2,
        vram_mib: 24_576,
        cpu_cores: 8,
        memory_mib: 32_768,
        disk_mib: 100_000,
        region: 0,
        country: *b"DE",
        simulated: true,
    }
}

pub fn terms() -> JobTerms {
    let requirements =
        Requirements { gpu_classes: 0, vram_mib: 8_192, units: GpuUnits(1), regions: 0, accept_simulated: true };
    JobTerms {
        requirements,
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
