use std::collections::BTreeMap;

use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use anchor_lang::{InstructionData, ToAccountMetas};
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{JobClosed, LeaseSettled, VoucherSettled};
use millrace_testkit::program::state;
use millrace_testkit::protocol::transitions::{self, LeaseOffer};
use millrace_testkit::protocol::voucher::{ExitClass, Voucher};
use millrace_testkit::protocol::{
    Address, Error, GpuUnits, JobTerms, MicroUsdc, PricePerGpuHour, Requirements, Seconds, UnixSeconds,
};
use millrace_testkit::{
    Call, Environment, JobHandle, LeaseHandle, NodeHandle, Receipt, Wallet, attestation, hardware, parameters, terms,
    usdc,
};

/// Something somebody tries. Indices are taken modulo what there is; three of four go to what is
/// still there, the fourth to what may be long gone.
#[derive(Clone, Debug)]
pub enum Step {
    OpenJob {
        buyer: usize,
        id: u64,
        units: u16,
        lease_seconds: u64,
        leases: u64,
        retries: u16,
    },
    /// For `part` sixteenths of what the job allows.
    OpenLease {
        job: usize,
        node: usize,
        part: u64,
    },
    /// For `eighths` of the time since the lease was opened; nine are more than have passed.
    Settle {
        lease: usize,
        eighths: u64,
        sequences: u64,
        is_final: bool,
        class: ExitClass,
    },
    /// Any voucher that was ever redeemed, on its own lease.
    Replay {
        voucher: usize,
    },
    /// The same on another lease.
    Divert {
        voucher: usize,
        lease: usize,
    },
    Cancel {
        job: usize,
    },
    ExpireJob {
        job: usize,
    },
    ExpireLease {
        lease: usize,
    },
    Close {
        job: usize,
    },
    AddStake {
        provider: usize,
        amount: u64,
    },
    Wait(u64),
}

/// A small market, and books of its own about all money that moved, kept from events alone.
pub struct Market {
    chain: Environment,
    nodes: Vec<NodeHandle>,
    buyers: Vec<Wallet>,
    jobs: Vec<JobHandle>,
    leases: Vec<LeaseHandle>,
    redeemed: Vec<(LeaseHandle, Voucher)>,
    supply: u128,
    /// Per provider: into the earnings vault.
    earned: BTreeMap<Pubkey, u64>,
    /// Per provider: into the stake vault, and out of it as penalties.
    staked: BTreeMap<Pubkey, (u64, u64)>,
}

impl Market {
    /// Two providers with two nodes each, at even and at odd prices; one has little stake.
    pub fn new() -> Self {
        let mut chain = Environment::with(parameters());
        let mut nodes = Vec::new();
        let mut staked = BTreeMap::new();
        for (stake, price) in [(usdc(30), 1_234_567), (usdc(8), 3_599_999)] {
            let node = chain.rig(stake);
            let odd = chain.do_add_node(&node.provider, hardware(), PricePerGpuHour(price));
            let purse = usdc(1_000);
            chain.put_tokens(node.provider.owner.tokens, node.provider.owner.address(), chain.mint, purse);
            staked.insert(node.provider.address, (stake.0, 0));
            nodes.extend([node, odd]);
        }
        let buyers = (0..3).map(|_| chain.wallet(usdc(1_000_000))).collect();
        let supply = chain.ledger().supply();
        Self {
            chain,
            nodes,
            buyers,
            jobs: Vec::new(),
            leases: Vec::new(),
            redeemed: Vec::new(),
            supply,
            earned: BTreeMap::new(),
            staked,
        }
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::OpenJob { buyer, id, units, lease_seconds, leases, retries } => {
                self.open_job(
                    buyer,
                    id,
                    JobTerms {
                        requirements: Requirements { units: GpuUnits(units), ..terms().requirements },
                        lease_seconds: Seconds(lease_seconds),
                        // Sometimes a micro-USDC short of one more lease.
                        deposit: MicroUsdc(leases * (u64::from(units) * lease_seconds * 1_000) + leases - 1),
                        concurrent_leases: 2,
                        start_window: Seconds(1_800),
                        retries,
                        ..terms()
                    },
                );
            }
            Step::OpenLease { job, node, part } => self.open_lease(job, node, part),
            Step::Settle { lease, eighths, sequences, is_final, class } => {
                self.settle_share(lease, eighths, sequences, is_final, class);
            }
            Step::Replay { voucher } => {
                if let Some((lease, voucher)) = pick(&self.redeemed, voucher) {
                    self.settle(&lease, voucher);
                }
            }
            Step::Divert { voucher, lease } => {
                if let (Some((_, voucher)), Some(lease)) = (pick(&self.redeemed, voucher), pick(&self.leases, lease)) {
                    self.settle(&lease, voucher);
                }
            }
            Step::Cancel { job } => self.on_job(job, Environment::cancel_job, transitions::cancel_job),
            Step::ExpireJob { job } => self.on_job(job, Environment::expire_job, transitions::expire_job),
            Step::ExpireLease { lease } => {
                if let Some(lease) = self.pick_lease(lease) {
                    self.expire_lease(&lease);
                }
            }
            Step::Close { job } => {
                if let Some(job) = self.pick_job(job) {
                    self.close(&job);
                }
            }
            Step::AddStake { provider, amount } => self.add_stake(provider * 2, amount),
            Step::Wait(seconds) => self.chain.advance(Seconds(seconds)),
        }
    }

    /// Rules 1 and 2: every vault against its ledger, and both against what the events told.
    pub fn check(&self) {
        let ledger = self.chain.ledger();
        ledger.check();
        assert_eq!(ledger.supply(), self.supply, "tokens appeared or vanished");
        for node in &self.nodes {
            let provider = &node.provider;
            let earned = self.earned.get(&provider.address).copied().unwrap_or_default();
            assert_eq!(ledger.tokens[&provider.earnings_vault].0, earned, "earnings against events");
            let (paid_in, penalties) = self.staked[&provider.address];
            assert_eq!(ledger.tokens[&provider.stake_vault].0, paid_in - penalties, "stake against events");
        }
    }

    /// Rule 3: only cranks from here on, and every escrow and every bond comes out.
    pub fn everything_comes_out_without_anybodys_signature(&mut self) {
        self.chain.advance(Seconds(100_000));
        for lease in self.leases.clone() {
            self.expire_lease(&lease);
        }
        self.chain.advance(Seconds(100_000));
        // Indices divisible by four count among all jobs.
        for index in (0..self.jobs.len()).map(|index| 4 * index) {
            self.on_job(index, Environment::expire_job, transitions::expire_job);
        }
        for job in self.jobs.clone() {
            self.close(&job);
        }
        self.check();
        let ledger = self.chain.ledger();
        assert!(ledger.jobs.is_empty() && ledger.leases.is_empty(), "something is stuck: {ledger:?}");
        assert!(ledger.providers.values().all(|provider| provider.stake_locked == 0));
    }

    /// Sends a call and holds its fate against the one `predicted`.
    fn send<A: ToAccountMetas, D: InstructionData>(
        &mut self,
        call: &Call<A, D>,
        own: Option<&JobHandle>,
        predicted: Result<(), u32>,
    ) -> Option<Receipt> {
        let before = self.chain.everything();
        let result = self.chain.send(call);
        match (result, predicted) {
            (Ok(receipt), Ok(())) => {
                let after = self.chain.everything();
                for other in self.jobs.iter().filter(|job| own.is_none_or(|own| own.address != job.address)) {
                    assert!(before.get(&other.vault) == after.get(&other.vault), "moved another job's money");
                    assert!(before.get(&other.address) == after.get(&other.address), "wrote another job");
                }
                Some(receipt)
            }
            (Err(refusal), Err(code)) => {
                assert_eq!(refusal.custom_code(), Some(code), "{refusal:?}");
                assert!(before == self.chain.everything(), "a refused instruction changed an account");
                None
            }
            (Ok(_), Err(code)) => {
                panic!("the rules refuse with {:?}, the chain does not", MarketError::from_code(code))
            }
            (Err(refusal), Ok(())) => panic!("the rules allow it, the chain does not: {refusal:?}"),
        }
    }

    fn open_job(&mut self, buyer: usize, id: u64, terms: JobTerms) {
        let buyer = &self.buyers[buyer];
        let job = Environment::job_of(buyer, buyer, id);
        let rules = transitions::open_job(terms, &parameters(), self.chain.now());
        let predicted = if self.chain.exists(&job.address) { Err(0) } else { rules.map(drop).map_err(code) };
        let call = self.chain.open_job(&job, id, terms);
        if self.send(&call, Some(&job), predicted).is_some() {
            assert_eq!(self.chain.job(&job.address).rules().unwrap(), rules.unwrap());
            self.jobs.retain(|known| known.address != job.address);
            self.jobs.push(job);
        }
    }

    fn open_lease(&mut self, job: usize, node: usize, part: u64) {
        let Some(job) = self.pick_job(job).filter(|job| self.chain.exists(&job.address)) else { return };
        let node = self.nodes[node].clone();
        let mut call = self.chain.open_lease(&job, &node);
        call.data.args.maximum_seconds = call.data.args.maximum_seconds * part / 16;
        let offer = LeaseOffer {
            price: PricePerGpuHour(call.data.args.price),
            maximum: Seconds(call.data.args.maximum_seconds),
            negotiated: false,
        };
        let (mut rules, mut rig) = (self.job_rules(&job), self.chain.node(&node.address).rules().unwrap());
        let mut provider = self.provider_rules(&node);
        let now = self.chain.now();
        let lease = transitions::open_lease(&mut rules, &mut rig, &mut provider, offer, &parameters(), now);
        if self.send(&call, Some(&job), lease.map(drop).map_err(code)).is_some() {
            let address = call.accounts.lease;
            assert_eq!(self.chain.lease(&address).rules().unwrap(), lease.unwrap());
            assert_eq!(self.job_rules(&job), rules);
            self.leases.push(LeaseHandle { address, job, node });
        }
    }

    fn settle_share(&mut self, lease: usize, eighths: u64, sequences: u64, is_final: bool, exit_class: ExitClass) {
        let Some(lease) = self.pick_lease(lease) else { return };
        let state: Option<state::Lease> = self.chain.read(&lease.address);
        let (opened, sequence) = state.map_or((0, 0), |state| (state.opened_at, state.sequence));
        let metered = Seconds(self.chain.now().since(UnixSeconds(opened)).0 * eighths / 8);
        let voucher = Voucher { is_final, exit_class, ..attestation(lease.address, sequence + sequences, metered) };
        if self.settle(&lease, voucher) {
            // Rule 5, at once and not only by chance.
            self.settle(&lease, voucher);
        }
    }

    fn settle(&mut self, lease: &LeaseHandle, voucher: Voucher) -> bool {
        let call = self.chain.settle(lease, &voucher);
        let Some(state) = self.chain.read::<state::Lease>(&lease.address) else {
            self.send(&call, Some(&lease.job), Err(ErrorCode::AccountOwnedByWrongProgram.into()));
            return false;
        };
        let (mut job, mut rules) = (self.job_rules(&lease.job), state.rules().unwrap());
        let mut node = self.chain.node(&lease.node.address).rules().unwrap();
        let mut provider = self.provider_rules(&lease.node);
        let program = Address(millrace_testkit::program::ID.to_bytes());
        let place = (program, Address(lease.address.to_bytes()));
        let now = self.chain.now();
        let settlement = transitions::settle(&mut job, &mut rules, &mut node, &mut provider, &voucher, place, now);
        let Some(receipt) = self.send(&call, Some(&lease.job), settlement.map(drop).map_err(code)) else {
            return false;
        };
        let settlement = settlement.unwrap();
        let event: VoucherSettled = receipt.event();
        assert_eq!((event.payment, event.fee), (settlement.payment.0, settlement.fee.0));
        assert_eq!(event.before.job_vault - event.after.job_vault, event.payment);
        assert_eq!(event.after.earnings_vault - event.before.earnings_vault, event.payment);
        *self.earned.entry(event.provider).or_default() += event.payment;
        assert_eq!(self.job_rules(&lease.job), job);
        assert_eq!(self.chain.exists(&lease.address), settlement.ended.is_none());
        if settlement.ended.is_none() {
            assert_eq!(self.chain.lease(&lease.address).rules(), Ok(rules));
        }
        assert_eq!(self.provider_rules(&lease.node), provider);
        self.redeemed.push((lease.clone(), voucher));
        true
    }

    fn expire_lease(&mut self, lease: &LeaseHandle) {
        let call = self.chain.expire_lease(lease);
        let Some(state) = self.chain.read::<state::Lease>(&lease.address) else {
            self.send(&call, Some(&lease.job), Err(ErrorCode::AccountOwnedByWrongProgram.into()));
            return;
        };
        let (mut job, mut rules) = (self.job_rules(&lease.job), state.rules().unwrap());
        let mut node = self.chain.node(&lease.node.address).rules().unwrap();
        let mut provider = self.provider_rules(&lease.node);
        let now = self.chain.now();
        let expiry = transitions::expire_lease(&mut job, &mut rules, &mut node, &mut provider, now);
        let Some(receipt) = self.send(&call, Some(&lease.job), expiry.map(drop).map_err(code)) else { return };
        let event: LeaseSettled = receipt.event();
        assert_eq!(event.compensation, expiry.unwrap().compensation.0);
        assert_eq!(event.before.stake_vault - event.after.stake_vault, event.compensation);
        assert_eq!(event.after.job_vault - event.before.job_vault, event.compensation);
        self.staked.get_mut(&event.provider).unwrap().1 += event.compensation;
        assert_eq!((self.job_rules(&lease.job), self.provider_rules(&lease.node)), (job, provider));
    }

    fn close(&mut self, job: &JobHandle) {
        let call = self.chain.close_job(job);
        let Some(state) = self.chain.read::<state::Job>(&job.address) else {
            self.send(&call, Some(job), Err(ErrorCode::AccountOwnedByWrongProgram.into()));
            return;
        };
        let refund = transitions::close_job(&state.rules().unwrap());
        let Some(receipt) = self.send(&call, Some(job), refund.map(drop).map_err(code)) else { return };
        let event: JobClosed = receipt.event();
        // Rule 1 for a job's whole life: what came in went out.
        assert_eq!(event.deposit + event.compensation, event.paid + event.fees + event.refund);
        assert_eq!(event.refund_account_after - event.refund_account_before, event.refund);
        assert_eq!((event.refund, event.surplus), (refund.unwrap().0, 0));
    }

    fn add_stake(&mut self, node: usize, amount: u64) {
        let provider = self.nodes[node].provider.clone();
        let mut stake = self.chain.provider(&provider.address).rules().unwrap().stake;
        let predicted = stake.add(MicroUsdc(amount)).map_err(code);
        let call = self.chain.add_stake(&provider, MicroUsdc(amount));
        if self.send(&call, None, predicted).is_some() {
            self.staked.get_mut(&provider.address).unwrap().0 += amount;
        }
    }

    fn on_job<A: ToAccountMetas, D: InstructionData>(
        &mut self,
        job: usize,
        build: impl Fn(&Environment, &JobHandle) -> Call<A, D>,
        rule: impl Fn(&mut millrace_testkit::protocol::Job, UnixSeconds) -> Result<(), Error>,
    ) {
        let Some(job) = self.pick_job(job) else { return };
        let call = build(&self.chain, &job);
        let Some(state) = self.chain.read::<state::Job>(&job.address) else {
            self.send(&call, Some(&job), Err(ErrorCode::AccountOwnedByWrongProgram.into()));
            return;
        };
        let mut rules = state.rules().unwrap();
        let predicted = rule(&mut rules, self.chain.now()).map_err(code);
        if self.send(&call, Some(&job), predicted).is_some() {
            assert_eq!(self.job_rules(&job), rules);
        }
    }

    fn pick_job(&self, index: usize) -> Option<JobHandle> {
        if index.is_multiple_of(4) {
            return pick(&self.jobs, index / 4);
        }
        let live: Vec<_> = self.jobs.iter().filter(|job| self.chain.exists(&job.address)).collect();
        pick(&live, index / 4).cloned()
    }

    fn pick_lease(&self, index: usize) -> Option<LeaseHandle> {
        if index.is_multiple_of(4) {
            return pick(&self.leases, index / 4);
        }
        let live: Vec<_> = self.leases.iter().filter(|lease| self.chain.exists(&lease.address)).collect();
        pick(&live, index / 4).cloned()
    }

    fn job_rules(&self, job: &JobHandle) -> millrace_testkit::protocol::Job {
        self.chain.job(&job.address).rules().unwrap()
    }

    fn provider_rules(&self, node: &NodeHandle) -> millrace_testkit::protocol::Provider {
        self.chain.provider(&node.provider.address).rules().unwrap()
    }
}

fn code(error: Error) -> u32 {
    MarketError::from(error).into()
}

fn pick<T: Clone>(all: &[T], index: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[index % all.len()].clone())
}
