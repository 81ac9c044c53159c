use crate::voucher::Voucher;
use crate::{
    Address, Earnings, Error, Job, Lease, LeaseOutcome, LeaseState, MicroUsdc, Node, Seconds, Stake, UnixSeconds, money,
};

/// How far an attestor's clock may run ahead of the chain's.
pub const CLOCK_SLACK: Seconds = Seconds(5);

/// What redeeming a voucher moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// From the job's vault to the provider's earnings vault, fee included.
    pub payment: MicroUsdc,
    /// The network's part of `payment`.
    pub fee: MicroUsdc,
    /// Set by a final voucher: the lease has ended.
    pub ended: Option<LeaseOutcome>,
}

/// Redeems a voucher whose signature has been checked: pays what it attests beyond the last one,
/// and ends the lease if it is final. `lease_address` and `program` are where the lease lives.
///
/// A voucher is good as long as the lease is live, also past a deadline nobody has cranked:
/// work done is money owed. After a cancel, seconds past it are attested but not paid.
///
/// # Errors
/// [`Error::VoucherForeign`], [`Error::VoucherStale`], [`Error::VoucherFallsBack`],
/// [`Error::VoucherAheadOfClock`], [`Error::VoucherBeyondLease`], [`Error::Overflow`].
#[allow(clippy::too_many_arguments, reason = "each is an account of its own on chain")]
pub fn settle(
    job: &mut Job,
    lease: &mut Lease,
    node: &mut Node,
    stake: &mut Stake,
    earnings: &mut Earnings,
    voucher: &Voucher,
    (program, lease_address): (Address, Address),
    now: UnixSeconds,
) -> Result<Settlement, Error> {
    if voucher.program != program || voucher.lease != lease_address {
        return Err(Error::VoucherForeign);
    }
    if voucher.sequence <= lease.sequence {
        return Err(Error::VoucherStale);
    }
    if voucher.metered < lease.metered || voucher.downtime < lease.downtime {
        return Err(Error::VoucherFallsBack);
    }
    let elapsed = now.since(lease.opened_at).plus(CLOCK_SLACK)?;
    if voucher.metered.plus(voucher.downtime)? > elapsed {
        return Err(Error::VoucherAheadOfClock);
    }
    if voucher.metered > lease.maximum {
        return Err(Error::VoucherBeyondLease);
    }
    let owed_seconds = if job.cancelled_at == UnixSeconds::ZERO {
        voucher.metered
    } else {
        voucher.metered.min(job.cancelled_at.since(lease.opened_at))
    };
    // A payment made before the cancel stands, even where the clock slack had it run ahead.
    let owed = money::cost(lease.price, lease.units, owed_seconds)?.max(lease.paid);
    let owed_fee = money::share(owed, lease.fee)?;
    let payment = owed.minus(lease.paid)?;
    let fee = owed_fee.minus(lease.fees)?;
    let net = payment.minus(fee)?;
    let ended = voucher.is_final.then(|| LeaseOutcome::from(voucher.exit_class));

    let (mut new_job, mut new_lease, mut new_node, mut new_stake) = (*job, *lease, *node, *stake);
    new_lease.reserved = lease.reserved.minus(payment).map_err(|_| Error::InvariantBroken)?;
    new_lease.paid = owed;
    new_lease.fees = owed_fee;
    new_lease.state = LeaseState::Running;
    new_lease.sequence = voucher.sequence;
    new_lease.metered = voucher.metered;
    new_lease.downtime = voucher.downtime;
    new_lease.checkpoint_by = now.after(lease.checkpoint_interval)?;
    new_job.reserved = job.reserved.minus(payment).map_err(|_| Error::InvariantBroken)?;
    new_job.paid = job.paid.plus(net)?;
    new_job.fees = job.fees.plus(fee)?;
    let new_earnings = Earnings { owner: earnings.owner.plus(net)?, fees: earnings.fees.plus(fee)? };
    if let Some(outcome) = ended {
        new_job.reserved = new_job.reserved.minus(new_lease.reserved).map_err(|_| Error::InvariantBroken)?;
        new_lease.reserved = MicroUsdc::ZERO;
        new_node.give_back(lease.units)?;
        new_stake.release(lease.bond, MicroUsdc::ZERO)?;
        new_job.end_lease(outcome, now)?;
    }
    (*job, *lease, *node, *stake, *earnings) = (new_job, new_lease, new_node, new_stake, new_earnings);
    Ok(Settlement { payment, fee, ended })
}
