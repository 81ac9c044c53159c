//! What the chain holds: the pure market of `millrace_model`, and the addresses under which the network
//! knows its parts.

mod rounds;

use std::collections::{BTreeMap, BTreeSet};

use millrace_model::{Account as Vault, Action, Funding, Market, Refusal};
use millrace_protocol::quorum::Quorum;
use millrace_protocol::transitions::{JobExtension, LeaseOffer};
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{
    Address, Dispute, HardwareAttestation, JobState, JobTerms, LeaseState, Parameters, Provider, Ruling, Seconds,
    UnixSeconds,
};
use millrace_scheduler::{JobView, LeaseView, NodeView};
use millrace_spec::{Sha256, Version};

use crate::name;
use crate::sabotage::Sabotage;

/// An account as a reader finds it.
#[derive(Clone, Debug, PartialEq)]
pub enum Account {
    Config(Box<Parameters>),
    Provider(Provider),
    Node(NodeView),
    Job(JobView),
    Lease(LeaseView),
    Dispute { lease: Address, dispute: Dispute },
    Round { job: Address, round: u32, quorum: Box<Quorum> },
}

/// What a transaction asks of the program.
#[derive(Clone, Debug, PartialEq)]
pub enum Instruction {
    OpenJob {
        job: Address,
        buyer: usize,
        terms: Box<JobTerms>,
        spec_hash: Sha256,
    },
    ExtendJob {
        job: Address,
        extension: JobExtension,
    },
    CancelJob {
        job: Address,
    },
    ExpireJob {
        job: Address,
    },
    CloseJob {
        job: Address,
    },
    OpenLease {
        job: Address,
        opened_slot: u64,
        number: u32,
        node: Address,
        offer: LeaseOffer,
    },
    /// `signed` is whether the signature is the attestor's.
    Settle {
        voucher: Box<Voucher>,
        signed: bool,
    },
    ExtendLease {
        lease: Address,
        more: Seconds,
    },
    HoldLease {
        lease: Address,
    },
    ExtendStart {
        lease: Address,
    },
    ExpireLease {
        lease: Address,
    },
    AcceptLease {
        lease: Address,
    },
    FinalizeLease {
        lease: Address,
    },
    OpenDispute {
        lease: Address,
    },
    ResolveDispute {
        lease: Address,
        ruling: Ruling,
    },
    ExpireDispute {
        lease: Address,
    },
    NoticePreemption {
        lease: Address,
    },
    /// Only the commitment is on the chain.
    CommitResult {
        lease: Address,
        root: Sha256,
        salt: [u8; 32],
    },
    RevealResult {
        lease: Address,
        root: Sha256,
        salt: [u8; 32],
    },
    TallyQuorum {
        job: Address,
    },
    SettleMember {
        lease: Address,
    },
    CloseQuorum {
        job: Address,
    },
    SetDraining {
        provider: usize,
        draining: bool,
    },
    AttestNode {
        node: Address,
        attestation: HardwareAttestation,
    },
}

/// Why a transaction failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Refused(Refusal),
    /// An account it names is not there, or there already.
    Account,
    /// The voucher is not the attestor's.
    Forged,
}

#[derive(Clone, Copy, Debug)]
pub struct JobAt {
    pub index: usize,
    pub buyer: usize,
    opened_slot: u64,
    opened_at: UnixSeconds,
    spec_hash: Sha256,
}

#[derive(Clone, Copy, Debug)]
pub struct LeaseAt {
    pub index: usize,
    pub job: Address,
    pub node: Address,
    number: u32,
}

/// One state of the chain.
#[derive(Clone)]
pub struct Ledger {
    pub market: Market,
    pub jobs: BTreeMap<Address, JobAt>,
    pub leases: BTreeMap<Address, LeaseAt>,
    disputes: BTreeMap<Address, usize>,
    /// Of every lease there ever was, by its position in the market.
    names: BTreeMap<usize, Address>,
    /// What members of rounds have said, by the lease's position.
    said: BTreeMap<usize, rounds::Said>,
    /// Results of each round, by the round's position.
    roots: BTreeMap<usize, Vec<Sha256>>,
    /// Leases that lost their bond in a count, by position.
    pub wrong: BTreeSet<usize>,
    /// Transactions that are in.
    pub landed: BTreeSet<u64>,
    /// All tokens there are.
    supply: u128,
    sabotage: Option<Sabotage>,
}

impl Ledger {
    pub fn new(market: Market, sabotage: Option<Sabotage>) -> Self {
        let supply = market.vaults.supply();
        Self {
            market,
            jobs: BTreeMap::new(),
            leases: BTreeMap::new(),
            disputes: BTreeMap::new(),
            names: BTreeMap::new(),
            said: BTreeMap::new(),
            roots: BTreeMap::new(),
            wrong: BTreeSet::new(),
            landed: BTreeSet::new(),
            supply,
            sabotage,
        }
    }

    /// Carries an instruction out, or changes nothing. Returns the accounts that changed.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn apply(&mut self, slot: u64, clock: UnixSeconds, what: &Instruction) -> Result<Vec<Address>, Failure> {
        self.market.now = clock;
        match what {
            Instruction::OpenJob { job, buyer, terms, spec_hash } => {
                if self.jobs.contains_key(job) {
                    return Err(Failure::Account);
                }
                let index = self.market.jobs.len();
                self.act(Action::OpenJob { buyer: *buyer, funding: Funding::Wallet, terms: **terms })?;
                let opened = JobAt { index, buyer: *buyer, opened_slot: slot, opened_at: clock, spec_hash: *spec_hash };
                self.jobs.insert(*job, opened);
                Ok(vec![*job])
            }
            Instruction::ExtendJob { job, extension } => {
                self.on_job(*job, |job| Action::ExtendJob { job, extension: *extension })
            }
            Instruction::CancelJob { job } => self.on_job(*job, |job| Action::CancelJob { job }),
            Instruction::ExpireJob { job } => self.on_job(*job, |job| Action::ExpireJob { job }),
            Instruction::CloseJob { job } => {
                let changed = self.on_job(*job, |job| Action::CloseJob { job })?;
                if let Some(at) = self.jobs.remove(job)
                    && self.sabotage == Some(Sabotage::RefundVanishes)
                {
                    let refund = self.market.jobs[at.index].refund.unwrap_or_default();
                    self.market.vaults.transfer(Vault::Wallet(at.buyer), Vault::Treasury, refund);
                }
                Ok(changed)
            }
            Instruction::OpenLease { job, opened_slot, number, node, offer } => {
                let at = *self.jobs.get(job).ok_or(Failure::Account)?;
                if at.opened_slot != *opened_slot || self.market.jobs[at.index].rules.leases_opened != *number {
                    return Err(Failure::Account);
                }
                let index = self.market.leases.len();
                self.act(Action::OpenLease { job: at.index, node: name::number(*node), offer: *offer })?;
                let lease = name::lease(*job, *opened_slot, *number);
                self.leases.insert(lease, LeaseAt { index, job: *job, node: *node, number: *number });
                self.names.insert(index, lease);
                Ok(self.around(lease))
            }
            Instruction::Settle { voucher, signed } => {
                let believed = *signed || self.sabotage == Some(Sabotage::ForgeriesLand);
                if !believed || voucher.program != name::PROGRAM {
                    return Err(Failure::Forged);
                }
                let mut voucher = **voucher;
                if self.sabotage == Some(Sabotage::OneSecondTooMuch) && voucher.is_final {
                    voucher.metered.0 += 1;
                }
                self.on_lease(voucher.lease, |lease| Action::Settle {
                    lease,
                    of: lease,
                    sequence: voucher.sequence,
                    metered: voucher.metered,
                    downtime: voucher.downtime,
                    is_final: voucher.is_final,
                    class: voucher.exit_class,
                })
            }
            Instruction::ExtendLease { lease, more } => {
                self.on_lease(*lease, |lease| Action::ExtendLease { lease, more: *more })
            }
            Instruction::HoldLease { lease } => self.on_lease(*lease, |lease| Action::HoldLease { lease }),
            Instruction::ExtendStart { lease } => self.on_lease(*lease, |lease| Action::ExtendStart { lease }),
            Instruction::ExpireLease { lease } => self.on_lease(*lease, |lease| Action::ExpireLease { lease }),
            Instruction::AcceptLease { lease } => self.on_lease(*lease, |lease| Action::AcceptLease { lease }),
            Instruction::FinalizeLease { lease } => self.on_lease(*lease, |lease| Action::FinalizeLease { lease }),
            Instruction::NoticePreemption { lease } => {
                self.on_lease(*lease, |lease| Action::NoticePreemption { lease })
            }
            Instruction::OpenDispute { lease } => {
                let dispute = self.market.disputes.len();
                let mut changed = self.on_lease(*lease, |lease| Action::OpenDispute { lease })?;
                self.disputes.insert(*lease, dispute);
                changed.push(name::dispute(*lease));
                Ok(changed)
            }
            Instruction::ResolveDispute { lease, ruling } => {
                let dispute = *self.disputes.get(lease).ok_or(Failure::Account)?;
                self.on_lease(*lease, |_| Action::ResolveDispute { dispute, ruling: *ruling })
            }
            Instruction::ExpireDispute { lease } => {
                let dispute = *self.disputes.get(lease).ok_or(Failure::Account)?;
                self.on_lease(*lease, |_| Action::ExpireDispute { dispute })
            }
            Instruction::CommitResult { lease, root, salt } => self.commit_result(*lease, *root, *salt),
            Instruction::RevealResult { lease, root, salt } => self.reveal_result(*lease, *root, *salt),
            Instruction::TallyQuorum { job } => self.on_round(*job, |round| Action::Tally { round }),
            Instruction::SettleMember { lease } => self.settle_member(*lease),
            Instruction::CloseQuorum { job } => self.on_round(*job, |round| Action::CloseQuorum { round }),
            Instruction::SetDraining { provider, draining } => {
                self.act(Action::SetDraining { provider: *provider, draining: *draining })?;
                Ok(vec![name::provider(*provider)])
            }
            Instruction::AttestNode { node, attestation } => {
                self.act(Action::Attest { node: name::number(*node), attestation: *attestation })?;
                Ok(vec![*node])
            }
        }
    }

    fn act(&mut self, action: Action) -> Result<(), Failure> {
        self.market.act(action).map(|_| ()).map_err(Failure::Refused)
    }

    fn on_job(&mut self, job: Address, action: impl FnOnce(usize) -> Action) -> Result<Vec<Address>, Failure> {
        let index = self.jobs.get(&job).ok_or(Failure::Account)?.index;
        self.act(action(index))?;
        Ok(vec![job])
    }

    fn on_lease(&mut self, lease: Address, action: impl FnOnce(usize) -> Action) -> Result<Vec<Address>, Failure> {
        let index = self.leases.get(&lease).ok_or(Failure::Account)?.index;
        self.act(action(index))?;
        let mut changed = self.around(lease);
        if self.market.leases[index].settled {
            self.leases.remove(&lease);
            if self.disputes.remove(&lease).is_some() {
                changed.push(name::dispute(lease));
            }
        }
        Ok(changed)
    }

    /// What a transaction on a lease changes, in the order in which it is read back.
    pub fn around(&self, lease: Address) -> Vec<Address> {
        let Some(at) = self.leases.get(&lease) else { return vec![lease] };
        let provider = name::provider(self.market.nodes[name::number(at.node)].provider);
        let around = [at.node, provider, lease].into_iter().chain(self.round_address(at.job));
        around.chain([at.job]).collect()
    }

    /// The number of the job's open round, or of the next one.
    fn next_round(&self, job: usize) -> u32 {
        let job = &self.market.jobs[job];
        job.rounds - u32::from(job.round.is_some())
    }

    pub fn read(&self, address: Address) -> Option<Account> {
        let number = name::number(address);
        Some(match address.0[0] {
            b'P' => Account::Provider(self.market.providers.get(number)?.rules),
            b'N' => {
                let entry = self.market.nodes.get(number)?;
                let (provider, key) = (name::provider(entry.provider), address);
                let (driver, cuda) = (Version::NONE, Version::NONE);
                Account::Node(NodeView { provider, key, node: entry.rules, driver, cuda })
            }
            b'J' => {
                let at = self.jobs.get(&address)?;
                let buyer = name::buyer(at.buyer);
                Account::Job(JobView {
                    buyer,
                    funder: buyer,
                    delegate: None,
                    attestor: None,
                    id: number as u64,
                    opened_slot: at.opened_slot,
                    opened_at: at.opened_at,
                    spec_hash: at.spec_hash,
                    quorum_round: self.next_round(at.index),
                    quorum_open: self.market.jobs[at.index].round.is_some(),
                    job: self.market.jobs[at.index].rules,
                })
            }
            b'L' => {
                let at = self.leases.get(&address)?;
                Account::Lease(LeaseView {
                    job: at.job,
                    node: at.node,
                    provider: name::provider(self.market.nodes[name::number(at.node)].provider),
                    number: at.number,
                    attestor: name::SCHEDULER,
                    lease: self.market.leases[at.index].rules,
                })
            }
            b'D' => {
                let lease = Address({
                    let mut bytes = address.0;
                    bytes[0] = b'L';
                    bytes
                });
                Account::Dispute { lease, dispute: self.market.disputes[*self.disputes.get(&lease)?].rules }
            }
            b'Q' => self.read_round(address)?,
            _ if address == name::CONFIG => Account::Config(Box::new(self.market.parameters)),
            _ => return None,
        })
    }

    /// Every account there is, in the order in which readers are told of them.
    pub fn addresses(&self) -> Vec<Address> {
        let providers = (0..self.market.providers.len()).map(name::provider);
        let nodes = (0..self.market.nodes.len()).map(name::node);
        let disputes = self.disputes.keys().map(|lease| name::dispute(*lease));
        let rest = self.leases.keys().copied().chain(disputes).chain(self.rounds()).chain(self.jobs.keys().copied());
        [name::CONFIG].into_iter().chain(providers).chain(nodes).chain(rest).collect()
    }

    /// Reported leases whose buyer may still speak.
    pub fn reported(&self) -> Vec<Address> {
        let reported = |at: &LeaseAt| self.market.leases[at.index].rules.state == LeaseState::Reported;
        self.leases.iter().filter(|(_, at)| reported(at)).map(|(lease, _)| *lease).collect()
    }

    pub fn disputed(&self) -> Vec<Address> {
        self.disputes.keys().copied().collect()
    }

    pub fn live(&self) -> Vec<Address> {
        let live = |at: &LeaseAt| self.market.leases[at.index].rules.state.is_live();
        self.leases.iter().filter(|(_, at)| live(at)).map(|(lease, _)| *lease).collect()
    }

    /// Since when the account waits for a crank that anyone may send, where it does.
    pub fn due_since(&self, address: Address) -> Option<UnixSeconds> {
        if let Some(at) = self.leases.get(&address) {
            let lease = &self.market.leases[at.index].rules;
            return match lease.state {
                LeaseState::Assigned | LeaseState::Running => {
                    lease.deadline(&self.market.jobs[self.jobs.get(&at.job)?.index].rules).ok().map(|(at, _)| at)
                }
                LeaseState::Reported if self.market.leases[at.index].round.is_some() => {
                    Self::round_due_since(&self.market, at.index)
                }
                LeaseState::Reported => Some(lease.disputable_until),
                LeaseState::Disputed => {
                    self.disputes.get(&address).map(|dispute| self.market.disputes[*dispute].rules.decide_by)
                }
            };
        }
        let at = self.jobs.get(&address)?;
        let job = &self.market.jobs[at.index].rules;
        (job.state == JobState::Open).then_some(job.start_deadline)
    }

    /// Whether the job is over, settled and not closed.
    pub fn is_to_be_closed(&self, job: Address) -> bool {
        self.jobs.get(&job).is_some_and(|at| {
            let job = &self.market.jobs[at.index].rules;
            matches!(job.state, JobState::Done | JobState::Expired) && job.unsettled_leases() == 0
        })
    }

    /// That no rule of money is broken.
    ///
    /// # Panics
    /// When one is.
    pub fn check(&self) {
        self.market.check();
        assert_eq!(self.market.vaults.supply(), self.supply, "tokens appeared or vanished");
        for at in self.jobs.values() {
            let vault = self.market.vaults.balance(Vault::Job(at.index));
            assert_eq!(self.market.jobs[at.index].rules.vault_balance(), Ok(vault), "the vault of an open job");
        }
    }
}
