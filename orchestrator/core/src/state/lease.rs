mod books;
mod extension;

use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Address, Dispute, UnixSeconds};
use millrace_spec::Sha256;
use serde::{Deserialize, Serialize};

use crate::event::HeldTask;
use crate::state::job::Crank;
use crate::state::tasks::Tasks;
use crate::{LeaseView, Meter};
pub(crate) use extension::Extension;

/// How far a lease is, in the scheduler's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    Working,
    /// The worker was told to end it and has not reported yet. Nothing is metered any more.
    Ending {
        class: ExitClass,
        since: u64,
    },
    /// The final voucher is issued, not yet redeemed.
    Final,
    /// The final voucher is redeemed, and its report may be disputed. Occupies its node no more.
    Reported,
    /// Its account is gone.
    Over,
}

/// A lease and its meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseEntry {
    pub address: Address,
    pub view: LeaseView,
    pub stage: Stage,
    pub meter: Meter,
    /// The latest issued.
    pub voucher: Option<Voucher>,
    /// Base58 signatures of its settlements, in order.
    pub settlements: Vec<String>,
    /// The worker fell silent and its tasks were taken away.
    pub(crate) silenced: bool,
    /// What its meter said, in milliseconds, when its present task was handed out.
    pub(crate) handed_out_at: u64,
    /// What its containers are made from, by the word of its worker.
    pub image: Option<Sha256>,
    /// What it was at work on when it fell silent. Not kept on disk: after a restart every worker says what
    /// it holds.
    pub(crate) taken: Vec<HeldTask>,
    /// When it was last heard of before this scheduler itself saw it fall silent, in milliseconds since
    /// 1970. Not kept on disk: what the worker did while nobody watched is not held against it.
    pub(crate) silent_since: Option<u64>,
    /// Not kept on disk: the chain is read anew after a restart.
    pub(crate) dispute: Option<Dispute>,
    pub(crate) crank: Crank,
    /// Not kept on disk: one that has landed shows on the chain.
    pub(crate) extension: Extension,
    /// The round that it is a member of, by its number within the job.
    pub round: Option<u32>,
    /// A member's own copies of the job's tasks.
    pub(crate) own_tasks: Option<Box<Tasks>>,
}

impl LeaseEntry {
    pub(crate) fn new(address: Address, view: LeaseView) -> Self {
        Self {
            address,
            view,
            stage: Stage::Working,
            meter: Meter::default(),
            voucher: None,
            settlements: Vec::new(),
            silenced: false,
            handed_out_at: 0,
            image: None,
            taken: Vec::new(),
            silent_since: None,
            dispute: None,
            crank: Crank::default(),
            extension: Extension::default(),
            round: None,
            own_tasks: None,
        }
    }

    /// What it does of the job's tasks as a member of a round; none for other leases, whose tasks are the job's.
    pub fn own_tasks(&self) -> Option<&Tasks> {
        self.own_tasks.as_deref()
    }

    /// Whether its account may still exist.
    pub fn on_chain(&self) -> bool {
        self.stage != Stage::Over
    }

    /// The latest voucher, unless the chain knows it or a later one.
    pub fn unredeemed(&self) -> Option<&Voucher> {
        self.voucher.as_ref().filter(|voucher| voucher.sequence > self.view.lease.sequence)
    }

    /// The one that ended it, once issued.
    pub fn final_voucher(&self) -> Option<&Voucher> {
        self.voucher.as_ref().filter(|voucher| voucher.is_final)
    }

    /// Whether its worker may be given tasks.
    pub fn is_working(&self) -> bool {
        self.stage == Stage::Working
    }

    /// Milliseconds at which nothing was heard of it for longer than `patience`, should its worker name it no more;
    /// none while it is not metered.
    pub(crate) fn unheard_from(&self, patience: u64) -> Option<u64> {
        let heard = self.meter.heard.filter(|_| self.is_working())?;
        Some(heard.saturating_add(patience).saturating_add(1))
    }

    /// Milliseconds until it has run as long as it may: by its meter, or by the chain's clock, whichever is sooner.
    pub(crate) fn millis_left(&self, now: crate::Now) -> u64 {
        let lease = &self.view.lease;
        let metered = lease.maximum.0.saturating_mul(1_000).saturating_sub(self.meter.millis);
        metered.min(lease.ends_by.since(now.chain).0.saturating_mul(1_000))
    }

    pub fn is_final(&self) -> bool {
        matches!(self.stage, Stage::Final | Stage::Reported | Stage::Over)
    }

    /// Whether it occupies its node.
    pub fn is_live(&self) -> bool {
        self.on_chain() && self.stage != Stage::Reported
    }

    /// Whether it ends by a notice, now or later.
    pub(crate) fn has_notice(&self) -> bool {
        self.view.lease.preempted_at > UnixSeconds::ZERO
    }

    /// Whether its notice is over.
    pub(crate) fn is_preempted(&self, chain: UnixSeconds) -> bool {
        self.has_notice() && chain >= self.view.lease.preempted_at
    }
}
