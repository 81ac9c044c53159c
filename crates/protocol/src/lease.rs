use crate::voucher::ExitClass;
use crate::{BasisPoints, Error, GpuUnits, Job, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds};

/// A live lease; an ended one has no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum LeaseState {
    /// Agreed on, nothing attested yet.
    #[default]
    Assigned = 0,
    /// At least one voucher was redeemed.
    Running = 1,
}

impl TryFrom<u8> for LeaseState {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Assigned),
            1 => Ok(Self::Running),
            _ => Err(Error::InvariantBroken),
        }
    }
}

/// How a lease ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum LeaseOutcome {
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
}

impl LeaseOutcome {
    /// Whether the job has one attempt less.
    pub fn counts_as_failed_attempt(self) -> bool {
        matches!(self, Self::NodeFault | Self::Abandoned | Self::Lost | Self::TimedOut)
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
    /// Zero until the first voucher.
    pub checkpoint_by: UnixSeconds,
    pub ends_by: UnixSeconds,
    pub fee: BasisPoints,
    pub abandon_penalty: BasisPoints,
    pub lost_penalty: BasisPoints,
    pub checkpoint_interval: Seconds,
    pub settle_grace: Seconds,
}

impl Lease {
    /// When anyone may end the lease, and how it then ends: the earliest deadline decides, so that
    /// the outcome does not depend on when somebody comes by.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn deadline(&self, job: &Job) -> Result<(UnixSeconds, LeaseOutcome), Error> {
        let silence = match self.state {
            LeaseState::Assigned => (self.start_by, LeaseOutcome::Abandoned),
            LeaseState::Running => (self.checkpoint_by, LeaseOutcome::Lost),
        };
        let mut earliest = silence;
        let end = self.ends_by.after(self.settle_grace)?;
        if end < earliest.0 {
            earliest = (end, LeaseOutcome::TimedOut);
        }
        if job.cancelled_at != UnixSeconds::ZERO {
            let cancel = job.cancelled_at.after(job.settle_grace)?;
            if cancel < earliest.0 {
                earliest = (cancel, LeaseOutcome::TimedOut);
            }
        }
        Ok(earliest)
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when the ledger and the meter contradict each other.
    pub fn invariant(&self) -> Result<(), Error> {
        let sane = self.fees <= self.paid
            && self.metered <= self.maximum
            && self.units > GpuUnits::ZERO
            && (self.state == LeaseState::Running) == (self.sequence > 0)
            && (self.state == LeaseState::Running || self.paid == MicroUsdc::ZERO);
        if sane { Ok(()) } else { Err(Error::InvariantBroken) }
    }
}
