use crate::transitions::{LeaseOffer, Movements, expire_lease, open_dispute, open_job, open_lease, settle};
use crate::voucher::{ExitClass, Voucher};
use crate::{
    Address, Dispute, Error, GpuUnits, Hardware, HardwareAttestation, Job, JobTerms, Lease, MicroUsdc, Node,
    NodeStatus, Parameters, Payment, PricePerGpuHour, Provider, Requirements, Seconds, ServiceLevel, UnixSeconds,
    Verification,
};

pub const START: UnixSeconds = UnixSeconds(1_800_000_000);
pub const PROGRAM: Address = Address([1; 32]);
pub const LEASE: Address = Address([2; 32]);
/// 1 000 micro-USDC a second.
pub const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);
/// 24 hours at [`PRICE`].
pub const BOND: MicroUsdc = MicroUsdc(86_400_000);
const STAKE: MicroUsdc = MicroUsdc(1_000_000_000);

/// So many seconds after [`START`], when the job of a [`World`] was opened.
pub fn at(seconds: u64) -> UnixSeconds {
    UnixSeconds(START.0 + seconds)
}

/// Two leases at a time, of 1 000 seconds each, settled by their final vouchers.
pub fn terms() -> JobTerms {
    JobTerms {
        requirements: Requirements {
            gpu_classes: 1 << 8,
            vram_mib: 8_192,
            units: GpuUnits(1),
            regions: 1 << 4,
            accept_simulated: false,
        },
        maximum_price: PRICE,
        concurrent_leases: 2,
        lease_seconds: Seconds(1_000),
        start_window: Seconds(600),
        retries: 1,
        deposit: MicroUsdc(2_000_000_000),
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    }
}

/// Paid on result, with an hour for disputes.
pub fn disputable() -> JobTerms {
    JobTerms { payment: Payment::OnResult, dispute_window: Seconds(3_600), ..terms() }
}

pub fn spot() -> JobTerms {
    JobTerms { spot: true, ..terms() }
}

/// Two of three.
pub fn counted() -> JobTerms {
    JobTerms {
        payment: Payment::OnResult,
        verification: Verification::Quorum { needed: 2, size: 3 },
        concurrent_leases: 3,
        retries: 0,
        ..terms()
    }
}

pub fn node() -> Node {
    Node {
        hardware: Hardware {
            gpu_class: 8,
            gpu_count: 3,
            vram_mib: 24_576,
            cpu_cores: 8,
            memory_mib: 32_768,
            disk_mib: 100_000,
            region: 4,
            country: *b"DE",
            simulated: false,
        },
        price: PRICE,
        spot_price: PRICE,
        service_level: ServiceLevel::Gold,
        attestation: HardwareAttestation::default(),
        leased: GpuUnits(0),
        status: NodeStatus::Active,
    }
}

/// One job, one node of one provider, and the tokens that lie in their vaults.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    pub job: Job,
    pub node: Node,
    pub provider: Provider,
    pub parameters: Parameters,
    job_vault: MicroUsdc,
    stake_vault: MicroUsdc,
    earnings_vault: MicroUsdc,
}

impl World {
    pub fn new() -> Self {
        Self::with(terms())
    }

    pub fn with(terms: JobTerms) -> Self {
        let parameters = Parameters::default();
        let mut provider = Provider::default();
        provider.stake.add(STAKE).unwrap();
        Self {
            job: open_job(terms, &parameters, START).unwrap(),
            node: node(),
            provider,
            parameters,
            job_vault: terms.deposit,
            stake_vault: STAKE,
            earnings_vault: MicroUsdc::ZERO,
        }
    }

    pub fn lease_at(&mut self, now: UnixSeconds) -> Result<Lease, Error> {
        let offer = LeaseOffer { price: PRICE, negotiated: false, maximum: Seconds(1_000) };
        self.lease_for(offer, now)
    }

    pub fn lease_for(&mut self, offer: LeaseOffer, now: UnixSeconds) -> Result<Lease, Error> {
        let before = self.clone();
        let opened = open_lease(&mut self.job, &mut self.node, &mut self.provider, offer, &self.parameters, now);
        match &opened {
            Ok(lease) => lease.invariant().unwrap(),
            Err(_) => assert_eq!(*self, before, "a refusal changed something"),
        }
        self.check();
        opened
    }

    /// A lease, opened at [`START`], whose first voucher was redeemed for every second up to `seconds`.
    pub fn running_at(&mut self, seconds: u64) -> Lease {
        let mut lease = self.lease_at(START).unwrap();
        self.settle(&mut lease, &voucher(1, seconds), at(seconds)).unwrap();
        lease
    }

    /// A lease, opened at [`START`], that ran for every second up to its report as completed.
    pub fn reported_at(&mut self, seconds: u64) -> Lease {
        let mut lease = self.lease_at(START).unwrap();
        self.settle(&mut lease, &last(1, seconds, ExitClass::Completed), at(seconds)).unwrap();
        lease
    }

    pub fn settle(&mut self, lease: &mut Lease, voucher: &Voucher, now: UnixSeconds) -> Result<Movements, Error> {
        self.act(lease, |world, lease| {
            let place = (PROGRAM, LEASE);
            settle(&mut world.job, lease, &mut world.node, &mut world.provider, voucher, place, now)
        })
    }

    pub fn expire(&mut self, lease: &mut Lease, now: UnixSeconds) -> Result<Movements, Error> {
        self.act(lease, |world, lease| expire_lease(&mut world.job, lease, &mut world.node, &mut world.provider, now))
    }

    pub fn dispute(&mut self, lease: &mut Lease, now: UnixSeconds) -> Result<Dispute, Error> {
        let before = (self.clone(), *lease);
        let opened = open_dispute(&mut self.job, lease, &self.parameters, now);
        match opened {
            Ok(dispute) => self.job_vault = self.job_vault.plus(dispute.bond).unwrap(),
            Err(_) => assert_eq!((self.clone(), *lease), before, "a refusal changed something"),
        }
        self.check();
        opened
    }

    /// Runs a transition that moves money on one lease, moves it, and holds the vaults against the ledgers.
    pub fn act(
        &mut self,
        lease: &mut Lease,
        transition: impl FnOnce(&mut Self, &mut Lease) -> Result<Movements, Error>,
    ) -> Result<Movements, Error> {
        let before = (self.clone(), *lease);
        let moved = transition(self, lease);
        match &moved {
            Ok(movements) => self.carry_out(movements),
            Err(_) => assert_eq!((self.clone(), *lease), before, "a refusal changed something"),
        }
        if moved.is_ok_and(|movements| movements.settled) {
            assert_eq!(lease.reserved, MicroUsdc::ZERO, "a settled lease holds nothing back");
        } else {
            lease.invariant().unwrap();
        }
        self.check();
        moved
    }

    /// Runs a transition that only changes one lease, in its favour or not at all.
    pub fn change(
        &mut self,
        lease: &mut Lease,
        transition: impl FnOnce(&mut Job, &mut Lease) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let changed = self.act(lease, |world, lease| transition(&mut world.job, lease).map(|()| Movements::default()));
        changed.map(drop)
    }

    fn carry_out(&mut self, movements: &Movements) {
        let from_job = [movements.payment, movements.challenger_refund, movements.challenger_forfeit];
        self.job_vault = self.job_vault.plus(movements.compensation).unwrap();
        self.job_vault = from_job.iter().fold(self.job_vault, |vault, part| vault.minus(*part).unwrap());
        let from_stake = movements.compensation.plus(movements.forfeit).unwrap();
        self.stake_vault = self.stake_vault.minus(from_stake).unwrap();
        let earned = [movements.payment, movements.forfeit, movements.challenger_forfeit];
        self.earnings_vault = earned.iter().fold(self.earnings_vault, |vault, part| vault.plus(*part).unwrap());
        assert!(movements.fee <= movements.payment);
    }

    fn check(&self) {
        self.job.invariant().unwrap();
        self.node.invariant().unwrap();
        self.provider.invariant().unwrap();
        assert_eq!(self.job.vault_balance(), Ok(self.job_vault), "the job's vault against its ledger");
        assert_eq!(self.provider.stake.total, self.stake_vault, "the stake vault against its ledger");
        assert_eq!(self.provider.earnings.total(), Ok(self.earnings_vault), "the earnings vault against its ledger");
    }
}

pub fn voucher(sequence: u64, metered: u64) -> Voucher {
    Voucher {
        program: PROGRAM,
        lease: LEASE,
        sequence,
        metered: Seconds(metered),
        downtime: Seconds(0),
        is_final: false,
        exit_class: ExitClass::Completed,
        result_root: [0; 32],
    }
}

pub fn last(sequence: u64, metered: u64, exit_class: ExitClass) -> Voucher {
    Voucher { is_final: true, exit_class, ..voucher(sequence, metered) }
}
