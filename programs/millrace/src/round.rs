//! Which quorum account an instruction must come with: the round that the job has open, or none.

use anchor_lang::prelude::*;
use millrace_protocol::{Address, UnixSeconds};

use crate::state::{Job, Quorum};
use crate::MarketError;

/// The round of `job`, where its results are counted; `None` for every other job.
///
/// # Errors
/// [`MarketError::WrongQuorum`] for a missing account, one too many, another job's or another round's.
pub fn of<'a, 'info>(
    job: &AccountLoader<'info, Job>,
    quorum: Option<&'a AccountLoader<'info, Quorum>>,
) -> Result<Option<&'a AccountLoader<'info, Quorum>>> {
    let counted = job.load()?.quorum_open != 0;
    require!(counted == quorum.is_some(), MarketError::WrongQuorum);
    if let Some(quorum) = quorum {
        check(job, quorum)?;
    }
    Ok(quorum)
}

/// # Errors
/// [`MarketError::WrongQuorum`] unless `quorum` is the round that `job` has open.
pub fn check<'info>(job: &AccountLoader<'info, Job>, quorum: &AccountLoader<'info, Quorum>) -> Result<()> {
    let (owner, round) = (job.load()?, quorum.load()?);
    let open = owner.quorum_open != 0 && round.job == job.key() && round.round == owner.quorum_round;
    require!(open, MarketError::WrongQuorum);
    Ok(())
}

/// A lease that was settled while it was live has no vote in its round.
///
/// # Errors
/// Those of [`of`] and of [`millrace_protocol::quorum::Quorum::leave`].
pub fn leave<'info>(
    job: &AccountLoader<'info, Job>,
    quorum: Option<&AccountLoader<'info, Quorum>>,
    lease: Pubkey,
    now: UnixSeconds,
) -> Result<()> {
    let Some(quorum) = of(job, quorum)? else { return Ok(()) };
    let mut rules = quorum.load()?.rules()?;
    rules.leave(Address(lease.to_bytes()), now).map_err(MarketError::from)?;
    quorum.load_mut()?.update(&rules)
}
