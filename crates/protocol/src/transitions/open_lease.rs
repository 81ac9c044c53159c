use crate::gpu::Tier;
use crate::{
    Error, Job, JobState, Lease, LeaseOutcome, LeaseState, MicroUsdc, Node, Parameters, PricePerGpuHour, Provider,
    Seconds, UnixSeconds, money,
};

/// What the node and the job's side agree on when both sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseOffer {
    pub price: PricePerGpuHour,
    /// The price is a bid in an auction or the buyer's own award, not the one posted for everybody.
    pub negotiated: bool,
    /// Most seconds the lease can be paid for; at most the job's own limit.
    pub maximum: Seconds,
}

/// Reserves the lease's worst case out of the deposit, takes the units from the node and locks the bond.
/// No money moves. A lease of a job that counts results joins its round in the same transaction
/// ([`crate::quorum::Quorum::join`]).
///
/// # Errors
/// [`Error::JobNotOpen`], [`Error::StartDeadlinePassed`], [`Error::TooManyLeases`],
/// [`Error::AttemptsExhausted`], [`Error::PriceNotAgreed`], [`Error::RequirementsUnmet`],
/// [`Error::LeaseLengthInvalid`], [`Error::DepositExhausted`], [`Error::NodeNotActive`],
/// [`Error::NodeFull`], [`Error::StakeTooSmall`], [`Error::ProviderNotActive`],
/// [`Error::ReputationTooLow`], [`Error::Overflow`].
pub fn open_lease(
    job: &mut Job,
    node: &mut Node,
    provider: &mut Provider,
    offer: LeaseOffer,
    parameters: &Parameters,
    now: UnixSeconds,
) -> Result<Lease, Error> {
    let terms = &job.terms;
    match job.state {
        JobState::Open if now >= job.start_deadline => return Err(Error::StartDeadlinePassed),
        JobState::Open | JobState::Active => {}
        JobState::Cancelling | JobState::Done | JobState::Expired => return Err(Error::JobNotOpen),
    }
    if job.live_leases >= terms.concurrent_leases {
        return Err(Error::TooManyLeases);
    }
    if job.attempts_failed > terms.retries {
        return Err(Error::AttemptsExhausted);
    }
    let agreed = match node.posted_price(terms.spot) {
        Some(posted) => offer.negotiated || offer.price == posted,
        None => false,
    };
    if !agreed || offer.price > terms.maximum_price {
        return Err(Error::PriceNotAgreed);
    }
    terms.check_node(node, now)?;
    let tier = Tier::of(node.hardware.gpu_class) as usize;
    provider.check_may_lease(parameters.minimum_reputation[tier], now)?;
    if offer.maximum == Seconds::ZERO || offer.maximum > terms.lease_seconds {
        return Err(Error::LeaseLengthInvalid);
    }
    let units = terms.requirements.units;
    let reserve = money::cost(offer.price, units, offer.maximum)?;
    if reserve > job.available()? {
        return Err(Error::DepositExhausted);
    }
    let bond_seconds = Seconds(u64::from(parameters.bond_hours) * 3_600);
    let bond = money::cost(offer.price, units, bond_seconds)?.max(parameters.minimum_bond[tier]);
    let start_by = now.after(parameters.start_timeout)?;
    let ends_by = start_by.after(offer.maximum)?;
    let leases_opened = job.leases_opened.checked_add(1).ok_or(Error::Overflow)?;
    let reserved = job.reserved.plus(reserve)?;

    let live_leases = job.live_leases.checked_add(1).ok_or(Error::Overflow)?;

    let (mut taken, mut locked) = (*node, provider.stake);
    taken.take(units)?;
    locked.lock(bond)?;
    (*node, provider.stake) = (taken, locked);
    job.reserved = reserved;
    job.live_leases = live_leases;
    job.leases_opened = leases_opened;
    job.state = JobState::Active;
    Ok(Lease {
        state: LeaseState::Assigned,
        price: offer.price,
        units,
        opened_at: now,
        maximum: offer.maximum,
        reserved: reserve,
        paid: MicroUsdc::ZERO,
        fees: MicroUsdc::ZERO,
        bond,
        sequence: 0,
        metered: Seconds::ZERO,
        downtime: Seconds::ZERO,
        start_by,
        start_extended: false,
        started_late: false,
        attested_at: UnixSeconds::ZERO,
        checkpoint_by: UnixSeconds::ZERO,
        ends_by,
        preempted_at: UnixSeconds::ZERO,
        reported: LeaseOutcome::default(),
        disputable_until: UnixSeconds::ZERO,
        fee: parameters.fee,
        abandon_penalty: parameters.abandon_penalty,
        lost_penalty: parameters.lost_penalty,
        start_timeout: parameters.start_timeout,
        checkpoint_interval: parameters.checkpoint_interval,
        hold_limit: parameters.hold_limit,
        settle_grace: parameters.settle_grace,
    })
}
