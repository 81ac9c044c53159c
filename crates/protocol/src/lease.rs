use crate::voucher::ExitClass;
use crate::{BasisPoints, Error, GpuUnits, Job, MicroUsdc, Payment, PricePerGpuHour, Seconds, UnixSeconds, money};

/// A lease that is not settled; a settled one has no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum LeaseState {
    /// Agreed on, nothing attested yet.
    #[default]
    Assigned = 0,
    /// At least one voucher was redeemed.
    Running = 1,
    /// Its final voucher was redeemed; the units are free again, the bond is not.
    Reported = 2,
    /// The report is disputed.
    Disputed = 3,
}

impl LeaseState {
    /// Whether the lease occupies its node and may be metered.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Assigned | Self::Running)
    }
}

impl TryFrom<u8> for LeaseState {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Assigned),
            1 => Ok(Self::Running),
            2 => Ok(Self::Reported),
            3 => Ok(Self::Disputed),
            _ => Err(Error::InvariantBroken),
        }
    }
}

/// How a lease ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum LeaseOutcome {
    #[default]
    Completed = 0,
    Failed = 1,
    Released = 2,
    NodeFault = 3,
    /// No voucher before the start timeout.
    Abandoned = 4,
    /// Silent past its checkpoint.
    Lost = 5,
    /// Past its end, or a cancel, and its grace; settled at the last redeemed voucher.
    TimedOut = 6,
    /// A spot lease whose notice is over.
    Preempted = 7,
    /// The node held the lease to the limit and no voucher came.
    AttestorGone = 8,
    /// Outvoted in a quorum, or a dispute lost.
    WrongResult = 9,
    /// Part of a quorum in which no result had enough votes.
    NoQuorum = 10,
}

impl LeaseOutcome {
    pub const ALL: [Self; 11] = [
        Self::Completed,
        Self::Failed,
        Self::Released,
        Self::NodeFault,
        Self::Abandoned,
        Self::Lost,
        Self::TimedOut,
        Self::Preempted,
        Self::AttestorGone,
        Self::WrongResult,
        Self::NoQuorum,
    ];

    /// Whether the job has one attempt less.
    pub fn counts_as_failed_attempt(self) -> bool {
        matches!(
            self,
            Self::NodeFault | Self::Abandoned | Self::Lost | Self::TimedOut | Self::WrongResult | Self::NoQuorum
        )
    }

    /// Whether nothing of the job is left to do after it.
    pub fn finishes_job(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    /// Whether it speaks against the provider.
    pub fn is_providers_fault(self) -> bool {
        matches!(self, Self::NodeFault | Self::Abandoned | Self::Lost | Self::WrongResult)
    }

    /// Whether time attested before it is owed, where nothing was reported. A member of a quorum that
    /// withholds its result must not be paid for the time it took; one that was sent away must, or a buyer
    /// who has seen a result would cancel instead of paying.
    fn pays_without_report(self, job: &Job) -> bool {
        let counted = job.terms.verification.is_quorum();
        match self {
            Self::Lost => !counted,
            Self::TimedOut => !counted || job.is_cancelled(),
            Self::WrongResult | Self::NoQuorum => false,
            _ => true,
        }
    }
}

impl TryFrom<u8> for LeaseOutcome {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|outcome| *outcome as u8 == value).ok_or(Error::InvariantBroken)
    }
}

impl From<ExitClass> for LeaseOutcome {
    fn from(class: ExitClass) -> Self {
        match class {
            ExitClass::Completed => Self::Completed,
            ExitClass::Failed => Self::Failed,
            ExitClass::Released => Self::Released,
            ExitClass::NodeFault => Self::NodeFault,
        }
    }
}

/// Metered time on one node for one job. Carries the parameters it was opened under, so that a
/// later change of them cannot reprice work under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Lease {
    pub state: LeaseState,
    pub price: PricePerGpuHour,
    pub units: GpuUnits,
    pub opened_at: UnixSeconds,
    /// Most seconds it can be paid for.
    pub maximum: Seconds,
    /// Still held of the job's deposit for this lease.
    pub reserved: MicroUsdc,
    /// Paid so far, fees included.
    pub paid: MicroUsdc,
    /// The network's part of `paid`.
    pub fees: MicroUsdc,
    pub bond: MicroUsdc,
    /// Last redeemed voucher's.
    pub sequence: u64,
    pub metered: Seconds,
    pub downtime: Seconds,
    pub start_by: UnixSeconds,
    /// Whether the node has taken its one extension of the start.
    pub start_extended: bool,
    /// Whether the first voucher came at `start_by` or later.
    pub started_late: bool,
    /// When the last voucher was redeemed; zero until the first one.
    pub attested_at: UnixSeconds,
    /// Zero until the first voucher.
    pub checkpoint_by: UnixSeconds,
    pub ends_by: UnixSeconds,
    /// When a spot lease ends after notice; zero without one.
    pub preempted_at: UnixSeconds,
    /// What the final voucher said; counts once the lease is reported.
    pub reported: LeaseOutcome,
    /// Until when a reported lease may be disputed; zero before.
    pub disputable_until: UnixSeconds,
    pub fee: BasisPoints,
    pub abandon_penalty: BasisPoints,
    pub lost_penalty: BasisPoints,
    pub start_timeout: Seconds,
    pub checkpoint_interval: Seconds,
    pub hold_limit: Seconds,
    pub settle_grace: Seconds,
}

impl Lease {
    /// The most the lease can cost.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn worst_case(&self) -> Result<MicroUsdc, Error> {
        money::cost(self.price, self.units, self.maximum)
    }

    /// What the attested time costs so far, fees included. After a cancel, or past a preemption, further
    /// seconds are attested but not owed; a payment made before stands, even where the clock slack had it
    /// run ahead. What was owed when the lease was reported stays owed: no later cancel lowers it.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn owed(&self, job: &Job) -> Result<MicroUsdc, Error> {
        if !self.state.is_live() {
            return self.paid.plus(self.reserved);
        }
        let mut seconds = self.metered;
        if job.is_cancelled() {
            seconds = seconds.min(job.cancelled_at.since(self.opened_at));
        }
        if self.preempted_at > UnixSeconds::ZERO {
            seconds = seconds.min(self.preempted_at.since(self.opened_at));
        }
        Ok(money::cost(self.price, self.units, seconds)?.max(self.paid))
    }

    /// What is owed in the end when the lease ends by a deadline.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn owed_without_report(&self, outcome: LeaseOutcome, job: &Job) -> Result<MicroUsdc, Error> {
        if outcome.pays_without_report(job) { self.owed(job) } else { Ok(self.paid) }
    }

    /// Whether the job's side ended the lease before its term: by a cancel of the job or a notice.
    pub fn was_sent_away(&self, job: &Job) -> bool {
        job.is_cancelled() || self.preempted_at > UnixSeconds::ZERO
    }

    /// The latest moment to which `ends_by` can still move without the buyer: with the node's extension of
    /// its start. A quorum waits until then for the member's commitment.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn latest_end(&self) -> Result<UnixSeconds, Error> {
        let extendable = self.state == LeaseState::Assigned && !self.start_extended;
        if extendable { self.ends_by.after(self.start_timeout) } else { Ok(self.ends_by) }
    }

    /// What is to be moved now for the time attested: everything owed, or nothing before the result.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn due(&self, job: &Job) -> Result<MicroUsdc, Error> {
        match job.terms.payment {
            Payment::Streaming => self.owed(job),
            Payment::OnResult => Ok(self.paid),
        }
    }

    /// The last moment up to which the node may hold the lease.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn hold_ends(&self) -> Result<UnixSeconds, Error> {
        self.attested_at.after(self.hold_limit)
    }

    /// When anyone may end a live lease, and how it then ends: the earliest deadline decides, so that
    /// the outcome does not depend on when somebody comes by. No act of anybody moves a deadline that has
    /// passed, but for a voucher: work done is money owed.
    ///
    /// A node that was sent away before it had to start has not abandoned anything. A running one that was
    /// sent away holds the lease ([`crate::transitions::hold_lease`]) where its final voucher does not come.
    ///
    /// # Errors
    /// [`Error::LeaseNotLive`], [`Error::Overflow`].
    pub fn deadline(&self, job: &Job) -> Result<(UnixSeconds, LeaseOutcome), Error> {
        let cancelled_early = job.is_cancelled() && job.cancelled_at < self.start_by;
        let preempted_early = self.preempted_at > UnixSeconds::ZERO && self.preempted_at < self.start_by;
        let mut earliest = match self.state {
            LeaseState::Assigned if cancelled_early || preempted_early => {
                (self.ends_by.after(self.settle_grace)?, LeaseOutcome::TimedOut)
            }
            LeaseState::Assigned => (self.start_by, LeaseOutcome::Abandoned),
            LeaseState::Running if self.checkpoint_by >= self.hold_ends()? => {
                (self.checkpoint_by, LeaseOutcome::AttestorGone)
            }
            LeaseState::Running => (self.checkpoint_by, LeaseOutcome::Lost),
            LeaseState::Reported | LeaseState::Disputed => return Err(Error::LeaseNotLive),
        };
        let mut or = |at: UnixSeconds, outcome| {
            if at < earliest.0 {
                earliest = (at, outcome);
            }
        };
        or(self.ends_by.after(self.settle_grace)?, LeaseOutcome::TimedOut);
        if job.is_cancelled() {
            or(job.cancelled_at.after(job.settle_grace)?, LeaseOutcome::TimedOut);
        }
        if self.preempted_at > UnixSeconds::ZERO {
            or(self.preempted_at.after(self.settle_grace)?, LeaseOutcome::Preempted);
        }
        Ok(earliest)
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when the ledger and the meter contradict each other.
    pub fn invariant(&self) -> Result<(), Error> {
        let held = self.paid.plus(self.reserved)?;
        let started = self.state != LeaseState::Assigned;
        let reported = !self.state.is_live();
        let sane = self.fees <= self.paid
            && self.metered <= self.maximum
            && self.units > GpuUnits::ZERO
            && started == (self.sequence > 0)
            && started == (self.attested_at > UnixSeconds::ZERO)
            && (started || self.paid == MicroUsdc::ZERO)
            && reported == (self.disputable_until > UnixSeconds::ZERO)
            && held <= self.worst_case()?;
        if sane { Ok(()) } else { Err(Error::InvariantBroken) }
    }
}

#[cfg(test)]
mod tests;
