use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_client::accounts::{JobAccount, LeaseAccount, NodeAccount};
use millrace_client::keys::address_of;
use millrace_client::{Error, Instruction, Keypair, Pubkey, Signer, instructions};
use millrace_link::grpc;
use millrace_protocol::quorum::Quorum;
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::{
    Address, BasisPoints, GpuUnits, Hardware, HardwareAttestation, Job, JobState, JobTerms, Lease, LeaseOutcome,
    LeaseState, MicroUsdc, Node, NodeStatus, Payment, PricePerGpuHour, Requirements, Seconds, ServiceLevel,
    UnixSeconds, Verification,
};
use millrace_spec::{JobSpec, Limits};
use millrace_worker::{Deed, Due, Looked};

pub const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);

/// A node with one simulated GPU.
pub fn node(key: &Keypair, address: Address) -> NodeAccount {
    let hardware = Hardware {
        gpu_class: 8,
        gpu_count: 1,
        vram_mib: 24_576,
        cpu_cores: 8,
        memory_mib: 8_192,
        disk_mib: 100_000,
        region: 4,
        country: *b"DE",
        simulated: true,
    };
    NodeAccount {
        address,
        provider: Address([2; 32]),
        index: 0,
        node_key: address_of(key),
        node: Node {
            hardware,
            price: PRICE,
            spot_price: PricePerGpuHour::ZERO,
            service_level: ServiceLevel::None,
            attestation: HardwareAttestation::default(),
            leased: GpuUnits(0),
            status: NodeStatus::Active,
        },
        driver: 0,
        cuda: 0,
        capabilities: 0,
        attestor: None,
        attestation_digest: [0; 32],
        attestation_score: 0,
        rent_payer: Address([2; 32]),
        added_at: UnixSeconds(1),
    }
}

/// A job of three shell scripts on the probe image.
pub fn spec(script: &str) -> JobSpec {
    JobSpec {
        after: None,
        checkpoint: None,
        command: ["sh", "-c", script].map(String::from).to_vec(),
        egress: Vec::new(),
        env: BTreeMap::from([("GREETING".into(), "hello".into())]),
        finish_on_notice: false,
        image: "millrace/probe:1".into(),
        inputs: BTreeMap::new(),
        limits: Limits { cpu_milli: 1_000, disk_mib: 16, memory_mib: 64, pids: 32, task_seconds: 60 },
        name: "probe".into(),
        network: false,
        outputs: None,
        placement: None,
        retry: None,
        runtime: None,
        sealed: None,
        shape: None,
        task_retries: 0,
        tasks: 3,
        terms: JobTerms {
            requirements: Requirements {
                gpu_classes: 0,
                vram_mib: 0,
                units: GpuUnits(1),
                regions: 0,
                accept_simulated: true,
            },
            maximum_price: PRICE,
            concurrent_leases: 1,
            lease_seconds: Seconds(600),
            start_window: Seconds(60),
            retries: 0,
            deposit: MicroUsdc(1_000_000),
            spot: false,
            service_level: ServiceLevel::None,
            payment: Payment::Streaming,
            verification: Verification::Attested,
            dispute_window: Seconds::ZERO,
        },
    }
}

/// The job on chain that a spec belongs to. `number` tells its leases apart.
pub fn job(spec: &JobSpec, number: u32) -> JobAccount {
    JobAccount {
        address: Address([3; 32]),
        buyer: Address([4; 32]),
        id: 1,
        funder: Address([4; 32]),
        prepaid: false,
        rent_payer: Address([4; 32]),
        attestor: None,
        quorum_round: 0,
        quorum_open: false,
        mint: Address([5; 32]),
        spec_hash: spec.hash().0,
        opened_slot: 7,
        opened_at: UnixSeconds(1),
        job: Job {
            terms: spec.terms,
            state: JobState::Open,
            reserved: MicroUsdc(0),
            paid: MicroUsdc(0),
            fees: MicroUsdc(0),
            compensation: MicroUsdc(0),
            dispute_bonds: MicroUsdc(0),
            live_leases: 0,
            reported_leases: 0,
            completed: false,
            leases_opened: number,
            attempts_failed: 0,
            start_deadline: UnixSeconds(u64::MAX),
            cancelled_at: UnixSeconds(0),
            settle_grace: Seconds(600),
        },
    }
}

/// A chain that has one job, and its lease where a test has opened it.
pub struct OneJob {
    pub job: JobAccount,
    pub scheduler: Address,
    pub lease: Mutex<Option<LeaseAccount>>,
    pub clock: Mutex<UnixSeconds>,
    /// What has become of the job since it was opened.
    pub rules: Mutex<Option<Job>>,
    /// In which the lease's result is counted.
    pub round: Mutex<Option<Quorum>>,
    /// What the worker did about the lease.
    pub deeds: Mutex<Vec<Deed>>,
    /// Whether none of it is taken.
    pub refuses: Mutex<bool>,
    /// As which the rig is registered; none where no endpoint answers who is.
    pub node: Mutex<Option<NodeAccount>>,
}

impl OneJob {
    pub fn new(job: JobAccount, scheduler: Address) -> Self {
        let (lease, clock) = (Mutex::default(), Mutex::new(UnixSeconds(1)));
        let (deeds, round, rules) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { job, scheduler, lease, clock, rules, round, deeds, refuses: Mutex::default(), node: Mutex::default() }
    }
}

impl millrace_worker::Chain for OneJob {
    fn node(&self) -> BoxFuture<'_, Result<Option<NodeAccount>, Error>> {
        let node = self.node.lock().unwrap().clone();
        async {
            node.map(Some)
                .ok_or_else(|| Error::AnswerMalformed { endpoint: "an endpoint".to_owned(), answer: "list of nodes" })
        }
        .boxed()
    }

    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>> {
        assert_eq!(address, self.job.address, "the worker asks for another job");
        let job = self.rules.lock().unwrap().unwrap_or(self.job.job);
        async move { Ok(JobAccount { job, ..self.job.clone() }) }.boxed()
    }

    fn scheduler(&self) -> BoxFuture<'_, Result<Address, Error>> {
        async { Ok(self.scheduler) }.boxed()
    }

    fn lease(&self, address: Address) -> BoxFuture<'_, Result<(Option<LeaseAccount>, UnixSeconds), Error>> {
        assert_eq!(address, self.job.next_lease(), "the worker asks for another lease");
        async { Ok((self.lease.lock().unwrap().clone(), *self.clock.lock().unwrap())) }.boxed()
    }

    fn round(&self, address: Address) -> BoxFuture<'_, Result<(Option<Quorum>, UnixSeconds), Error>> {
        assert_eq!(address, self.job.next_lease(), "the worker asks for another lease's round");
        async { Ok((*self.round.lock().unwrap(), *self.clock.lock().unwrap())) }.boxed()
    }

    /// Its scheduler leaves nothing lying.
    fn bring_in(
        &self,
        node: Address,
        before: Vec<Due>,
        _vouchers: HashMap<Address, u64>,
    ) -> BoxFuture<'_, Result<Looked, Error>> {
        assert!(self.node.lock().unwrap().as_ref().is_none_or(|own| own.address == node) && before.is_empty());
        async { Ok(Looked::default()) }.boxed()
    }

    fn act(&self, lease: LeaseAccount, deed: Deed) -> BoxFuture<'_, Result<(), Error>> {
        assert_eq!(lease.address, self.job.next_lease(), "the worker acts for another lease");
        async move {
            self.deeds.lock().unwrap().push(deed);
            if *self.refuses.lock().unwrap() { Err(Error::TransactionMalformed) } else { Ok(()) }
        }
        .boxed()
    }
}

/// The job's lease, opened at `at` with the protocol's usual times.
pub fn lease(job: &JobAccount, node: &NodeAccount, attestor: Address, at: u64) -> LeaseAccount {
    LeaseAccount {
        address: job.next_lease(),
        job: job.address,
        number: 0,
        node: node.address,
        provider: node.provider,
        attestor,
        result_root: [0; 32],
        bid_book_root: [0; 32],
        rent_payer: attestor,
        lease: Lease {
            state: LeaseState::Assigned,
            price: PRICE,
            units: GpuUnits(1),
            opened_at: UnixSeconds(at),
            maximum: Seconds(600),
            reserved: MicroUsdc(600_000),
            paid: MicroUsdc(0),
            fees: MicroUsdc(0),
            bond: MicroUsdc(86_400_000),
            sequence: 0,
            metered: Seconds(0),
            downtime: Seconds(0),
            start_by: UnixSeconds(at + 300),
            start_extended: false,
            started_late: false,
            attested_at: UnixSeconds(0),
            checkpoint_by: UnixSeconds(0),
            ends_by: UnixSeconds(at + 900),
            preempted_at: UnixSeconds(0),
            reported: LeaseOutcome::Completed,
            disputable_until: UnixSeconds(0),
            fee: BasisPoints(500),
            abandon_penalty: BasisPoints(1_000),
            lost_penalty: BasisPoints(2_500),
            start_timeout: Seconds(300),
            checkpoint_interval: Seconds(900),
            hold_limit: Seconds(21_600),
            settle_grace: Seconds(600),
        },
    }
}

/// An offer as a scheduler makes it: everything signed but the node's half.
pub fn offer(
    scheduler: &Keypair,
    job: &JobAccount,
    node: &NodeAccount,
    spec: &JobSpec,
    price: PricePerGpuHour,
) -> grpc::Offer {
    let terms = LeaseOffer { price, negotiated: false, maximum: spec.terms.lease_seconds };
    let authority = address_of(scheduler);
    let instructions = instructions::open_lease(authority, authority, job, node, terms, [0; 32]);
    grpc::Offer {
        lease: job.next_lease().0.to_vec(),
        job: job.address.0.to_vec(),
        transaction: half_signed(scheduler, &instructions),
        spec: spec.canonical_bytes(),
    }
}

/// More time for the job's lease, as a scheduler proposes it.
pub fn extension(scheduler: &Keypair, job: &JobAccount, node: &NodeAccount, more: Seconds) -> grpc::Extension {
    let authority = address_of(scheduler);
    let lease = lease(job, node, authority, 1);
    let transaction = half_signed(scheduler, &instructions::extend_lease(authority, node, &lease, more));
    grpc::Extension { lease: lease.address.0.to_vec(), transaction }
}

/// A legacy transaction, written out: signatures, header, keys, blockhash, instructions.
fn half_signed(payer: &Keypair, instructions: &[Instruction]) -> Vec<u8> {
    // Rank: writable signers, read-only signers, writable, read-only; the payer before all.
    let mut ranks: BTreeMap<Pubkey, (bool, bool)> = BTreeMap::new();
    for instruction in instructions {
        ranks.entry(instruction.program_id).or_default();
        for meta in &instruction.accounts {
            let rank = ranks.entry(meta.pubkey).or_default();
            rank.0 |= meta.is_signer;
            rank.1 |= meta.is_writable;
        }
    }
    ranks.insert(payer.pubkey(), (true, true));
    let mut keys: Vec<Pubkey> = ranks.keys().copied().collect();
    keys.sort_by_key(|key| (*key != payer.pubkey(), !ranks[key].0, !ranks[key].1));
    let count = |signer: bool, writable: bool| ranks.values().filter(|rank| **rank == (signer, writable)).count();
    let signers = count(true, true) + count(true, false);
    let byte = |number: usize| u8::try_from(number).unwrap();
    let place = |key: &Pubkey| byte(keys.iter().position(|known| known == key).unwrap());

    let mut message = vec![byte(signers), byte(count(true, false)), byte(count(false, false)), byte(keys.len())];
    keys.iter().for_each(|key| message.extend(key.to_bytes()));
    message.extend([7; 32]);
    message.push(byte(instructions.len()));
    for instruction in instructions {
        message.push(place(&instruction.program_id));
        message.push(byte(instruction.accounts.len()));
        instruction.accounts.iter().for_each(|meta| message.push(place(&meta.pubkey)));
        message.push(byte(instruction.data.len()));
        message.extend(&instruction.data);
    }
    let mut transaction = vec![byte(signers)];
    transaction.extend(<[u8; 64]>::from(payer.sign_message(&message)));
    transaction.extend(vec![0; 64 * (signers - 1)]);
    transaction.extend(message);
    transaction
}
