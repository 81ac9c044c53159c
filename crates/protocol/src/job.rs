use crate::{
    Error, GpuUnits, LeaseOutcome, MicroUsdc, Node, Payment, PricePerGpuHour, Seconds, ServiceLevel, UnixSeconds,
    Verification, gpu, money, region,
};

/// The longest lease and the longest wait for one: 30 days.
const LONGEST: u64 = 30 * 86_400;
/// The shortest lease: shorter ones cost more in transactions than in compute.
const SHORTEST_LEASE: u64 = 10;
/// The longest window for disputes: 7 days.
const LONGEST_DISPUTE_WINDOW: u64 = 7 * 86_400;

/// What a node must offer: the part of a job's requirements that the chain itself enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Requirements {
    /// Bit per [`gpu::CLASSES`]; 0 accepts every class, also none.
    pub gpu_classes: u64,
    /// Least memory of one GPU in MiB; 0 accepts any.
    pub vram_mib: u32,
    /// GPUs per lease.
    pub units: GpuUnits,
    /// Bit per [`region::REGIONS`]; 0 accepts every region.
    pub regions: u32,
    /// Nodes whose GPUs are simulated are taken only where this is set.
    pub accept_simulated: bool,
}

impl Requirements {
    /// # Errors
    /// [`Error::RequirementsUnmet`] when the node is not what the job asks for.
    pub fn check(&self, node: &Node) -> Result<(), Error> {
        let hardware = &node.hardware;
        let class =
            self.gpu_classes == 0 || gpu::bit(hardware.gpu_class).is_some_and(|bit| self.gpu_classes & bit != 0);
        let place = self.regions == 0 || region::bit(hardware.region).is_some_and(|bit| self.regions & bit != 0);
        let real = self.accept_simulated || !hardware.simulated;
        let size = hardware.units() >= self.units && hardware.vram_mib >= self.vram_mib;
        if class && place && real && size { Ok(()) } else { Err(Error::RequirementsUnmet) }
    }
}

/// What a buyer asks for when opening a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobTerms {
    pub requirements: Requirements,
    pub maximum_price: PricePerGpuHour,
    /// Leases at the same time, one node each.
    pub concurrent_leases: u16,
    /// Longest lease.
    pub lease_seconds: Seconds,
    /// How long the job waits for a lease, at first and after each failed one.
    pub start_window: Seconds,
    /// How many attempts may fail before the job ends: leases that fail by their node's fault or time out,
    /// or whole rounds of a quorum.
    pub retries: u16,
    pub deposit: MicroUsdc,
    /// Takes leases at a node's spot price, which the scheduler may end with notice.
    pub spot: bool,
    pub service_level: ServiceLevel,
    pub payment: Payment,
    pub verification: Verification,
    /// From a lease's final voucher until it settles as reported; 0 settles at once.
    pub dispute_window: Seconds,
}

impl JobTerms {
    /// The most one lease can cost.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn worst_case(&self) -> Result<MicroUsdc, Error> {
        money::cost(self.maximum_price, self.requirements.units, self.lease_seconds)
    }

    /// # Errors
    /// [`Error::TermsInvalid`], [`Error::DepositTooSmall`], [`Error::Overflow`].
    pub fn check(&self) -> Result<(), Error> {
        let all_classes = (1u64 << gpu::CLASSES.len()) - 1;
        let all_regions = (1u32 << region::REGIONS.len()) - 1;
        let valid = self.requirements.units > GpuUnits::ZERO
            && self.requirements.gpu_classes & !all_classes == 0
            && self.requirements.regions & !all_regions == 0
            && self.concurrent_leases > 0
            && (SHORTEST_LEASE..=LONGEST).contains(&self.lease_seconds.0)
            && (1..=LONGEST).contains(&self.start_window.0)
            && self.dispute_window.0 <= LONGEST_DISPUTE_WINDOW
            && self.verification_fits();
        if !valid {
            return Err(Error::TermsInvalid);
        }
        self.verification.check()?;
        if self.deposit == MicroUsdc::ZERO || self.deposit < self.least_deposit()? {
            return Err(Error::DepositTooSmall);
        }
        Ok(())
    }

    /// One lease's worst case, or that of every member of a quorum: a round that cannot fill would have
    /// its first members work for nothing.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn least_deposit(&self) -> Result<MicroUsdc, Error> {
        let leases = match self.verification {
            Verification::Quorum { size, .. } => u64::from(size),
            Verification::Attested | Verification::SpotCheck { .. } | Verification::AttestedHardware { .. } => 1,
        };
        self.worst_case()?.0.checked_mul(leases).map(MicroUsdc).ok_or(Error::Overflow)
    }

    /// A quorum compares results before anything is paid, on as many nodes as it has members, and a spot
    /// check needs a window in which a mismatch can be disputed.
    fn verification_fits(&self) -> bool {
        match self.verification {
            Verification::Quorum { size, .. } => {
                self.payment == Payment::OnResult && self.concurrent_leases == u16::from(size)
            }
            Verification::SpotCheck { .. } => self.dispute_window > Seconds::ZERO,
            Verification::Attested | Verification::AttestedHardware { .. } => true,
        }
    }

    /// What the chain itself enforces of a node for this job.
    ///
    /// # Errors
    /// [`Error::RequirementsUnmet`].
    pub fn check_node(&self, node: &Node, now: UnixSeconds) -> Result<(), Error> {
        self.requirements.check(node)?;
        let attested = match self.verification {
            Verification::AttestedHardware { class } => node.attestation.shows(class, now),
            Verification::Attested | Verification::SpotCheck { .. } | Verification::Quorum { .. } => true,
        };
        if attested && node.service_level >= self.service_level { Ok(()) } else { Err(Error::RequirementsUnmet) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum JobState {
    /// Waits for a lease until its start deadline.
    #[default]
    Open = 0,
    /// Has leases that are live or not settled yet.
    Active = 1,
    /// Cancelled while leases are live; seconds up to the cancel are owed.
    Cancelling = 2,
    /// Over; what is left goes back to the funder.
    Done = 3,
    /// No lease came in time; the whole deposit goes back to the funder.
    Expired = 4,
}

impl TryFrom<u8> for JobState {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        [Self::Open, Self::Active, Self::Cancelling, Self::Done, Self::Expired]
            .into_iter()
            .find(|state| *state as u8 == value)
            .ok_or(Error::InvariantBroken)
    }
}

/// A job's life and its escrow's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Job {
    /// What the buyer asked for; `terms.deposit` is all that was ever paid in by the funder.
    pub terms: JobTerms,
    pub state: JobState,
    /// Held for live leases.
    pub reserved: MicroUsdc,
    /// Went to providers, fees not included.
    pub paid: MicroUsdc,
    /// Went to the network.
    pub fees: MicroUsdc,
    /// Came in from bonds of nodes that failed the job.
    pub compensation: MicroUsdc,
    /// Bonds of challengers whose disputes are open.
    pub dispute_bonds: MicroUsdc,
    pub live_leases: u16,
    /// Leases that have ended and are not settled yet: their window is open, or they are disputed.
    pub reported_leases: u16,
    /// Whether the lease that ended last left nothing to do.
    pub completed: bool,
    /// Number of the next lease.
    pub leases_opened: u32,
    pub attempts_failed: u16,
    /// When an open job may be expired by anyone.
    pub start_deadline: UnixSeconds,
    /// Zero until cancelled.
    pub cancelled_at: UnixSeconds,
    /// Copied from the parameters when the job was opened.
    pub settle_grace: Seconds,
}

impl Job {
    /// What further leases may reserve.
    ///
    /// # Errors
    /// [`Error::InvariantBroken`].
    pub fn available(&self) -> Result<MicroUsdc, Error> {
        let spoken_for = self.reserved.plus(self.paid)?.plus(self.fees)?;
        self.terms.deposit.minus(spoken_for).map_err(|_| Error::InvariantBroken)
    }

    /// What the job's vault must hold until the job is closed, and what closing refunds.
    ///
    /// # Errors
    /// [`Error::InvariantBroken`].
    pub fn vault_balance(&self) -> Result<MicroUsdc, Error> {
        let into = self.terms.deposit.plus(self.compensation)?.plus(self.dispute_bonds)?;
        let out = self.paid.plus(self.fees)?;
        into.minus(out).map_err(|_| Error::InvariantBroken)
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when the ledger and the state contradict each other.
    pub fn invariant(&self) -> Result<(), Error> {
        self.available()?;
        self.vault_balance()?;
        let unsettled = self.unsettled_leases();
        let matches = match self.state {
            JobState::Open | JobState::Done | JobState::Expired => unsettled == 0,
            JobState::Active | JobState::Cancelling => unsettled > 0,
        };
        let counted = unsettled <= self.leases_opened;
        let idle_holds_nothing =
            unsettled > 0 || (self.reserved == MicroUsdc::ZERO && self.dispute_bonds == MicroUsdc::ZERO);
        if matches && counted && idle_holds_nothing { Ok(()) } else { Err(Error::InvariantBroken) }
    }

    /// Leases that are live or reported.
    pub fn unsettled_leases(&self) -> u32 {
        u32::from(self.live_leases) + u32::from(self.reported_leases)
    }

    /// Whether seconds up to a cancel are all that is still owed.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled_at != UnixSeconds::ZERO
    }

    /// Books a lease that has ended and waits for its settlement.
    pub(crate) fn report_lease(&mut self, outcome: LeaseOutcome) -> Result<(), Error> {
        self.live_leases = self.live_leases.checked_sub(1).ok_or(Error::InvariantBroken)?;
        self.reported_leases = self.reported_leases.checked_add(1).ok_or(Error::Overflow)?;
        if !self.terms.verification.is_quorum() {
            self.completed = outcome.finishes_job();
        }
        Ok(())
    }

    /// Books the settlement of one lease that was `live` until now, or reported before. Its reserve has
    /// been returned already.
    pub(crate) fn settle_lease(&mut self, outcome: LeaseOutcome, live: bool, now: UnixSeconds) -> Result<(), Error> {
        let count = if live { &mut self.live_leases } else { &mut self.reported_leases };
        *count = count.checked_sub(1).ok_or(Error::InvariantBroken)?;
        let quorum = self.terms.verification.is_quorum();
        if quorum {
            // One winner is enough; losers take nothing back.
            self.completed |= outcome.finishes_job();
        } else if live || outcome == LeaseOutcome::WrongResult {
            self.completed = outcome.finishes_job();
        }
        // A round is one attempt, however many members it had; its last one tells how it went.
        let attempt_over = !quorum || (self.unsettled_leases() == 0 && !self.completed);
        if attempt_over && outcome.counts_as_failed_attempt() {
            self.attempts_failed = self.attempts_failed.saturating_add(1);
        }
        if self.unsettled_leases() > 0 {
            return Ok(());
        }
        let exhausted = self.attempts_failed > self.terms.retries || self.available()? == MicroUsdc::ZERO;
        self.state = if self.state == JobState::Cancelling || self.completed || exhausted {
            JobState::Done
        } else {
            self.start_deadline = now.after(self.terms.start_window)?;
            JobState::Open
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests;
