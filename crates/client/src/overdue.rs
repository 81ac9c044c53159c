//! What is due of a job, which anyone may bring to the chain: nobody's money waits for one who has gone.

use millrace_protocol::quorum::{MemberState, Verdict};
use millrace_protocol::{Address, JobState, LeaseOutcome, LeaseState, UnixSeconds};

use crate::accounts::{DisputeAccount, JobAccount, LeaseAccount, QuorumAccount};
use crate::{Client, Error, Instruction, address, instructions};

#[cfg(test)]
mod tests;

/// A job with all that hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affairs {
    pub job: JobAccount,
    /// Those that are not settled.
    pub leases: Vec<LeaseAccount>,
    pub disputes: Vec<DisputeAccount>,
    /// The round that is open, where results are counted.
    pub round: Option<QuorumAccount>,
    /// The chain's time when the job was read.
    pub clock: UnixSeconds,
}

/// What anyone may do for a job. Each costs the fee of its transaction, and pays whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// End a lease that is past its deadline: what was redeemed is paid.
    ExpireLease { lease: &'a LeaseAccount, outcome: LeaseOutcome },
    /// Settle a lease as reported, its window for disputes being over.
    FinalizeLease { lease: &'a LeaseAccount },
    /// Settle a lease as reported, of which the arbiter has not ruled in time.
    ExpireDispute { lease: &'a LeaseAccount, dispute: &'a DisputeAccount },
    /// Count the results of a round.
    TallyRound { round: &'a QuorumAccount },
    /// Settle a lease by the count of its round.
    SettleMember { lease: &'a LeaseAccount, round: &'a QuorumAccount },
    /// Close a round that is through: the rent goes back.
    CloseRound { round: &'a QuorumAccount },
    /// End a job that no node took in time.
    ExpireJob,
    /// Close a job that is over: the rest of its escrow goes back.
    CloseJob,
}

impl Step<'_> {
    /// The instruction's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ExpireLease { .. } => "expire_lease",
            Self::FinalizeLease { .. } => "finalize_lease",
            Self::ExpireDispute { .. } => "expire_dispute",
            Self::TallyRound { .. } => "tally_quorum",
            Self::SettleMember { .. } => "settle_member",
            Self::CloseRound { .. } => "close_quorum",
            Self::ExpireJob => "expire_job",
            Self::CloseJob => "close_job",
        }
    }

    /// The lease that it ends, if it ends one.
    pub fn lease(&self) -> Option<&LeaseAccount> {
        match self {
            Self::ExpireLease { lease, .. }
            | Self::FinalizeLease { lease }
            | Self::ExpireDispute { lease, .. }
            | Self::SettleMember { lease, .. } => Some(lease),
            Self::TallyRound { .. } | Self::CloseRound { .. } | Self::ExpireJob | Self::CloseJob => None,
        }
    }

    /// Signers: `payer`, who also pays for an account of its owner's where a bond or a rest of an escrow goes to one that
    /// was closed.
    pub fn instructions(&self, payer: Address, job: &JobAccount) -> Vec<Instruction> {
        match self {
            Self::ExpireLease { lease, .. } => instructions::expire_lease(job, lease),
            Self::FinalizeLease { lease } => instructions::finalize_lease(lease),
            Self::ExpireDispute { lease, dispute } => instructions::expire_dispute(payer, job, lease, dispute),
            Self::TallyRound { round } => instructions::tally_quorum(round.address),
            Self::SettleMember { lease, round } => instructions::settle_member(lease, round.address),
            Self::CloseRound { round } => instructions::close_quorum(round),
            Self::ExpireJob => instructions::expire_job(job.address),
            Self::CloseJob => instructions::close_job(payer, job),
        }
    }
}

impl Affairs {
    /// Reads a job and what hangs on it; `None` for one that is closed, or never was. What changes while it is read
    /// makes a step that is refused, never a wrong one.
    ///
    /// # Errors
    /// Those of [`Client::find`] and [`Client::chain_clock`].
    pub async fn read(client: &Client, job: Address) -> Result<Option<Self>, Error> {
        let (job, clock) = client.find_with_clock::<JobAccount>(job).await?;
        let Some(job) = job else { return Ok(None) };
        let leases = client.leases_of(&job).await?;
        Self::with(client, job, leases, clock).await.map(Some)
    }

    /// The same with these leases of it alone, where a job may have had thousands.
    ///
    /// # Errors
    /// Those of [`Affairs::read`].
    pub async fn read_for(client: &Client, job: Address, leases: Vec<LeaseAccount>) -> Result<Option<Self>, Error> {
        match client.find_with_clock::<JobAccount>(job).await? {
            (Some(job), clock) => Self::with(client, job, leases, clock).await.map(Some),
            (None, _) => Ok(None),
        }
    }

    async fn with(
        client: &Client,
        job: JobAccount,
        leases: Vec<LeaseAccount>,
        clock: UnixSeconds,
    ) -> Result<Self, Error> {
        let disputed = leases.iter().filter(|lease| lease.lease.state == LeaseState::Disputed);
        let disputes: Vec<Address> = disputed.map(|lease| address::dispute(lease.address)).collect();
        let disputes = client.find_many(&disputes).await?.into_iter().flatten().collect();
        let round = match job.open_quorum() {
            Some(round) => client.find(round).await?,
            None => None,
        };
        Ok(Self { job, leases, disputes, round, clock })
    }

    /// What can be done now. Once it is, there may be more.
    pub fn due(&self) -> Vec<Step<'_>> {
        self.steps().into_iter().filter(|(from, _)| *from <= self.clock).map(|(_, step)| step).collect()
    }

    /// What can be done next by anyone if nobody else does anything before, and from when on.
    pub fn next(&self) -> Option<(UnixSeconds, Step<'_>)> {
        self.steps().into_iter().filter(|(from, _)| *from > self.clock).min_by_key(|(from, _)| *from)
    }

    /// Everything that waits for nothing but time, and from when on it can be done.
    fn steps(&self) -> Vec<(UnixSeconds, Step<'_>)> {
        let leases = self.leases.iter().filter_map(|lease| self.step_of(lease));
        leases.chain(self.step_of_round()).chain(self.step_of_job()).collect()
    }

    fn step_of<'a>(&'a self, lease: &'a LeaseAccount) -> Option<(UnixSeconds, Step<'a>)> {
        match lease.lease.state {
            LeaseState::Assigned | LeaseState::Running => {
                let (deadline, outcome) = lease.lease.deadline(&self.job.job).ok()?;
                Some((deadline, Step::ExpireLease { lease, outcome }))
            }
            LeaseState::Reported if self.job.job.terms.verification.is_quorum() => {
                let round = self.round.as_ref().filter(|round| round.quorum.verdict != Verdict::Open)?;
                let mut members = round.quorum.joined().iter();
                let waits = members.any(|member| {
                    member.lease == lease.address && !matches!(member.state, MemberState::Gone | MemberState::Settled)
                });
                waits.then_some((UnixSeconds::ZERO, Step::SettleMember { lease, round }))
            }
            LeaseState::Reported => Some((lease.lease.disputable_until, Step::FinalizeLease { lease })),
            LeaseState::Disputed => {
                let dispute = self.disputes.iter().find(|dispute| dispute.lease == lease.address)?;
                Some((dispute.dispute.decide_by, Step::ExpireDispute { lease, dispute }))
            }
        }
    }

    fn step_of_round(&self) -> Option<(UnixSeconds, Step<'_>)> {
        let round = self.round.as_ref()?;
        let quorum = &round.quorum;
        if quorum.is_over() {
            return Some((UnixSeconds::ZERO, Step::CloseRound { round }));
        }
        let deadline = quorum.reveal_deadline().ok()?;
        match { *quorum }.tally(self.clock) {
            Ok(_) => Some((UnixSeconds::ZERO, Step::TallyRound { round })),
            Err(millrace_protocol::Error::DeadlineNotPassed) => Some((deadline, Step::TallyRound { round })),
            Err(_) => None,
        }
    }

    fn step_of_job(&self) -> Option<(UnixSeconds, Step<'_>)> {
        match self.job.job.state {
            JobState::Open => Some((self.job.job.start_deadline, Step::ExpireJob)),
            // The round's account goes by the job's.
            JobState::Done | JobState::Expired if self.round.is_none() => Some((UnixSeconds::ZERO, Step::CloseJob)),
            JobState::Active | JobState::Cancelling | JobState::Done | JobState::Expired => None,
        }
    }
}
