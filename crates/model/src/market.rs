use millrace_protocol::gpu::TIERS;
use millrace_protocol::quorum::Quorum;
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{
    Address, Allowance, BasisPoints, Buyer, Dispute, GpuUnits, Hardware, HardwareAttestation, Job, Lease, MicroUsdc,
    Node, NodeStatus, Parameters, PricePerGpuHour, Provider, Reputation, Seconds, ServiceLevel, UnixSeconds,
};

use crate::{Account, Vaults};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProviderEntry {
    pub rules: Provider,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeEntry {
    pub provider: usize,
    pub rules: Node,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BuyerEntry {
    pub rules: Buyer,
    pub allowance: Allowance,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JobEntry {
    pub buyer: usize,
    pub funder: Account,
    pub rules: Job,
    /// The round that takes the job's leases, until it is closed.
    pub round: Option<usize>,
    pub rounds: u32,
    /// What closing it returned.
    pub refund: Option<MicroUsdc>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeaseEntry {
    pub job: usize,
    pub node: usize,
    pub round: Option<usize>,
    pub rules: Lease,
    pub settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundEntry {
    pub job: usize,
    /// Counts the rounds of its job.
    pub number: u32,
    pub rules: Quorum,
    pub closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DisputeEntry {
    pub lease: usize,
    pub challenger: Account,
    pub rules: Dispute,
    pub over: bool,
}

/// Everything there is. Lists only grow: what is gone stays, marked, so that it can still be tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Market {
    pub now: UnixSeconds,
    pub parameters: Parameters,
    pub providers: Vec<ProviderEntry>,
    pub nodes: Vec<NodeEntry>,
    pub buyers: Vec<BuyerEntry>,
    pub jobs: Vec<JobEntry>,
    pub leases: Vec<LeaseEntry>,
    pub rounds: Vec<RoundEntry>,
    pub disputes: Vec<DisputeEntry>,
    /// Every voucher that was redeemed, by its lease.
    pub redeemed: Vec<(usize, Voucher)>,
    pub vaults: Vaults,
}

pub(crate) const PROGRAM: Address = Address([0xee; 32]);

/// Parameters under which as much as possible happens in a short walk: every wait within a few hours, and
/// reputations that matter.
pub fn quick() -> Parameters {
    Parameters {
        minimum_reputation: [BasisPoints(5_000); TIERS],
        delist_floor: BasisPoints(8_000),
        hold_limit: Seconds(1_500),
        decide_window: Seconds(3_600),
        reveal_window: Seconds(600),
        unbonding: Seconds(7_200),
        payout_delay: Seconds(3_600),
        ..Parameters::default()
    }
}

/// The address of a lease, or of a provider in a round; the lists' numbers are all that tells them apart.
pub(crate) fn address(number: usize) -> Address {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Address(bytes)
}

impl Market {
    /// Four providers with two nodes each, at even and at odd prices, one of them poor, and three buyers.
    pub fn new(parameters: Parameters, now: UnixSeconds) -> Self {
        let mut market = Self {
            now,
            parameters,
            providers: Vec::new(),
            nodes: Vec::new(),
            buyers: Vec::new(),
            jobs: Vec::new(),
            leases: Vec::new(),
            rounds: Vec::new(),
            disputes: Vec::new(),
            redeemed: Vec::new(),
            vaults: Vaults::default(),
        };
        for (stake, price) in [(2_000, 3_600_000), (2_000, 1_234_567), (900, 3_599_999), (8, 300_000)] {
            market.add_provider(MicroUsdc(stake * 1_000_000), PricePerGpuHour(price));
        }
        for buyer in 0..3 {
            market.buyers.push(BuyerEntry { rules: Buyer::default(), allowance: Allowance::default() });
            market.vaults.mint(Account::Wallet(buyer), MicroUsdc(1_000_000_000_000));
            market.vaults.mint(Account::Funder(buyer), MicroUsdc(1_000_000_000_000));
        }
        market
    }

    fn add_provider(&mut self, stake: MicroUsdc, price: PricePerGpuHour) {
        let provider = self.providers.len();
        let reputation = Reputation { updated_at: self.now, ..Reputation::default() };
        let mut rules = Provider { nodes: 2, reputation, ..Provider::default() };
        rules.stake.add(stake).expect("a stake of a few thousand USDC");
        self.vaults.mint(Account::Stake(provider), stake);
        self.vaults.mint(Account::Owner(provider), MicroUsdc(1_000_000_000_000));
        self.providers.push(ProviderEntry { rules });
        for price in [price, PricePerGpuHour(price.0 / 3)] {
            let rules = Node {
                hardware: HARDWARE,
                price,
                spot_price: PricePerGpuHour(price.0 / 2),
                service_level: ServiceLevel::Gold,
                attestation: HardwareAttestation::default(),
                leased: GpuUnits(0),
                status: NodeStatus::Active,
            };
            self.nodes.push(NodeEntry { provider, rules });
        }
    }

    pub fn provider_of(&self, lease: usize) -> usize {
        self.nodes[self.leases[lease].node].provider
    }

    /// Leases of a job that are not settled.
    pub fn unsettled(&self, job: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.leases.len()).filter(move |lease| self.leases[*lease].job == job && !self.leases[*lease].settled)
    }

    pub(crate) fn advance(&mut self, by: Seconds) {
        self.now = UnixSeconds(self.now.0 + by.0);
    }
}

/// What every node has.
pub const HARDWARE: Hardware = Hardware {
    gpu_class: 8,
    gpu_count: 3,
    vram_mib: 24_576,
    cpu_cores: 16,
    memory_mib: 65_536,
    disk_mib: 1_000_000,
    region: 4,
    country: *b"DE",
    simulated: false,
};
