//! One round of a quorum: several providers run the same work, commit to their results before anyone
//! shows one, and the majority is believed.
//!
//! Each lease of such a job joins the round in the transaction that opens it, and leaves it in the one that
//! settles it live; one outside of a round could never be settled. Members are for the scheduler to choose:
//! a buyer who awarded the places could fill them with its own rigs and outvote the one that worked.

use crate::{Address, Error, LeaseOutcome, Seconds, UnixSeconds};

/// The most leases one round can compare.
pub const MEMBERS: usize = 7;

/// First bytes of what is hashed into a commitment.
pub const DOMAIN: &[u8] = b"millrace result commitment v1";

/// Length of a commitment's preimage in bytes.
pub const PREIMAGE: usize = DOMAIN.len() + 32 + 32 + 32;

/// What a node hashes with SHA-256 to commit to `root`. The lease is part of it, so that nobody can
/// commit to a copy of somebody else's commitment; the salt keeps a root from being guessed.
pub fn commitment_preimage(lease: Address, root: [u8; 32], salt: [u8; 32]) -> [u8; PREIMAGE] {
    let mut bytes = [0; PREIMAGE];
    let mut rest = bytes.as_mut_slice();
    for part in [DOMAIN, &lease.0, &root, &salt] {
        let (head, tail) = rest.split_at_mut(part.len());
        head.copy_from_slice(part);
        rest = tail;
    }
    bytes
}

/// How far a member has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum MemberState {
    /// Has a lease and has not committed.
    #[default]
    Leased = 0,
    Committed = 1,
    Revealed = 2,
    /// Its lease ended without a result: no vote.
    Gone = 3,
    /// Its lease is settled by the count.
    Settled = 4,
}

impl TryFrom<u8> for MemberState {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Leased),
            1 => Ok(Self::Committed),
            2 => Ok(Self::Revealed),
            3 => Ok(Self::Gone),
            4 => Ok(Self::Settled),
            _ => Err(Error::InvariantBroken),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Member {
    pub state: MemberState,
    pub lease: Address,
    pub provider: Address,
    /// The commitment, and once revealed the result root.
    pub hash: [u8; 32],
}

/// What the count said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum Verdict {
    #[default]
    Open = 0,
    /// `Quorum::winner` had enough votes.
    Decided = 1,
    /// No result had.
    Failed = 2,
}

impl TryFrom<u8> for Verdict {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Open),
            1 => Ok(Self::Decided),
            2 => Ok(Self::Failed),
            _ => Err(Error::InvariantBroken),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quorum {
    pub needed: u8,
    pub size: u8,
    /// Places taken, from the first.
    pub joined: u8,
    pub members: [Member; MEMBERS],
    /// The latest moment at which a member's lease can still end well; zero before the first joins.
    pub commit_by: UnixSeconds,
    /// Zero until everyone who can has committed.
    pub reveal_by: UnixSeconds,
    pub reveal_window: Seconds,
    pub verdict: Verdict,
    pub winner: [u8; 32],
}

impl Quorum {
    pub fn new(needed: u8, size: u8, reveal_window: Seconds) -> Self {
        Self {
            needed,
            size,
            joined: 0,
            members: [Member::default(); MEMBERS],
            commit_by: UnixSeconds::ZERO,
            reveal_by: UnixSeconds::ZERO,
            reveal_window,
            verdict: Verdict::Open,
            winner: [0; 32],
        }
    }

    /// Those who have joined.
    pub fn joined(&self) -> &[Member] {
        &self.members[..usize::from(self.joined).min(MEMBERS)]
    }

    fn member_mut(&mut self, lease: Address) -> Result<&mut Member, Error> {
        let joined = usize::from(self.joined).min(MEMBERS);
        self.members[..joined].iter_mut().find(|member| member.lease == lease).ok_or(Error::NotAMember)
    }

    fn is_full(&self) -> bool {
        self.joined >= self.size
    }

    fn count(&self, state: MemberState) -> usize {
        self.joined().iter().filter(|member| member.state == state).count()
    }

    /// A lease takes a place, or that of a member that has gone; `ends_by` is when its last voucher can
    /// come ([`crate::Lease::latest_end`]).
    ///
    /// # Errors
    /// [`Error::QuorumFull`], [`Error::QuorumCommitted`] once members have begun to reveal or the time to
    /// commit is over, [`Error::ProviderTwice`].
    pub fn join(
        &mut self,
        lease: Address,
        provider: Address,
        ends_by: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<(), Error> {
        let left = self.joined().iter().position(|member| member.state == MemberState::Gone);
        let place = if self.is_full() { left.ok_or(Error::QuorumFull)? } else { usize::from(self.joined) };
        let begun = self.joined > 0 && now >= self.commit_by;
        if begun || self.reveal_by > UnixSeconds::ZERO || self.verdict != Verdict::Open {
            return Err(Error::QuorumCommitted);
        }
        if self.joined().iter().any(|member| member.provider == provider) {
            return Err(Error::ProviderTwice);
        }
        let member = Member { state: MemberState::Leased, lease, provider, hash: [0; 32] };
        *self.members.get_mut(place).ok_or(Error::QuorumFull)? = member;
        if !self.is_full() {
            self.joined += 1;
        }
        self.commit_by = self.commit_by.max(ends_by);
        Ok(())
    }

    /// # Errors
    /// [`Error::NotAMember`], [`Error::CommittedAlready`], [`Error::DeadlinePassed`].
    pub fn commit(&mut self, lease: Address, commitment: [u8; 32], now: UnixSeconds) -> Result<(), Error> {
        let late = now >= self.commit_by;
        let reveal_by = now.after(self.reveal_window)?;
        let member = self.member_mut(lease)?;
        match member.state {
            MemberState::Leased if late => return Err(Error::DeadlinePassed),
            MemberState::Leased => {}
            MemberState::Committed | MemberState::Revealed => return Err(Error::CommittedAlready),
            MemberState::Gone | MemberState::Settled => return Err(Error::NotAMember),
        }
        member.state = MemberState::Committed;
        member.hash = commitment;
        self.begin_reveal_once_all_committed(reveal_by);
        Ok(())
    }

    /// A full round in which nobody is left to commit need not wait for its deadline, unless so many have
    /// gone that only a replacement can still decide it.
    fn begin_reveal_once_all_committed(&mut self, reveal_by: UnixSeconds) {
        let all = self.is_full() && self.count(MemberState::Leased) == 0;
        let decidable = self.count(MemberState::Committed) >= usize::from(self.needed);
        if all && decidable && self.reveal_by == UnixSeconds::ZERO {
            self.reveal_by = reveal_by;
        }
    }

    /// When those who have not revealed are out.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn reveal_deadline(&self) -> Result<UnixSeconds, Error> {
        if self.reveal_by > UnixSeconds::ZERO { Ok(self.reveal_by) } else { self.commit_by.after(self.reveal_window) }
    }

    /// Shows a root; `hash` is SHA-256 of its [`commitment_preimage`].
    ///
    /// # Errors
    /// [`Error::NotAMember`], [`Error::NothingCommitted`], [`Error::DeadlineNotPassed`] while others may
    /// still commit, [`Error::DeadlinePassed`], [`Error::CommitmentMismatch`].
    pub fn reveal(&mut self, lease: Address, root: [u8; 32], hash: [u8; 32], now: UnixSeconds) -> Result<(), Error> {
        let deadline = self.reveal_deadline()?;
        let early = self.reveal_by == UnixSeconds::ZERO && now < self.commit_by;
        let member = self.member_mut(lease)?;
        if member.state != MemberState::Committed {
            return Err(Error::NothingCommitted);
        }
        if early {
            return Err(Error::DeadlineNotPassed);
        }
        if now >= deadline {
            return Err(Error::DeadlinePassed);
        }
        if member.hash != hash {
            return Err(Error::CommitmentMismatch);
        }
        member.state = MemberState::Revealed;
        member.hash = root;
        Ok(())
    }

    /// A member's lease was settled while it was live, by a deadline or a voucher without a result; it has
    /// no vote any more.
    ///
    /// # Errors
    /// [`Error::NotAMember`].
    pub fn leave(&mut self, lease: Address, now: UnixSeconds) -> Result<(), Error> {
        let reveal_by = now.after(self.reveal_window)?;
        let member = self.member_mut(lease)?;
        if matches!(member.state, MemberState::Gone | MemberState::Settled) {
            return Err(Error::NotAMember);
        }
        member.state = MemberState::Gone;
        // Past the time to commit, the time to reveal runs already.
        let too_late = self.verdict != Verdict::Open || now >= self.commit_by;
        if !too_late {
            self.begin_reveal_once_all_committed(reveal_by);
        }
        Ok(())
    }

    /// Anyone's count, once everybody who can has revealed, or the time is over.
    ///
    /// # Errors
    /// [`Error::QuorumCounted`], [`Error::DeadlineNotPassed`].
    pub fn tally(&mut self, now: UnixSeconds) -> Result<Verdict, Error> {
        if self.verdict != Verdict::Open {
            return Err(Error::QuorumCounted);
        }
        let everyone = self.reveal_by > UnixSeconds::ZERO && self.count(MemberState::Committed) == 0;
        let over = self.joined > 0 && now >= self.reveal_deadline()?;
        if !everyone && !over {
            return Err(Error::DeadlineNotPassed);
        }
        let votes = |root: &[u8; 32]| {
            let equal = |member: &&Member| member.state == MemberState::Revealed && member.hash == *root;
            self.joined().iter().filter(equal).count()
        };
        let revealed = self.joined().iter().filter(|member| member.state == MemberState::Revealed);
        let winner = revealed.map(|member| member.hash).find(|root| votes(root) >= usize::from(self.needed));
        self.verdict = if winner.is_some() { Verdict::Decided } else { Verdict::Failed };
        self.winner = winner.unwrap_or_default();
        Ok(self.verdict)
    }

    /// How a member's lease is to be settled, once counted; the member is then through. Who has not
    /// revealed is wrong, whatever the others said.
    ///
    /// # Errors
    /// [`Error::NotAMember`], [`Error::QuorumUndecided`].
    pub fn judge(&mut self, lease: Address) -> Result<LeaseOutcome, Error> {
        let (verdict, winner) = (self.verdict, self.winner);
        let member = self.member_mut(lease)?;
        if matches!(member.state, MemberState::Gone | MemberState::Settled) {
            return Err(Error::NotAMember);
        }
        let outcome = match verdict {
            Verdict::Open => return Err(Error::QuorumUndecided),
            _ if member.state != MemberState::Revealed => LeaseOutcome::WrongResult,
            Verdict::Decided if member.hash == winner => LeaseOutcome::Completed,
            Verdict::Decided => LeaseOutcome::WrongResult,
            Verdict::Failed => LeaseOutcome::NoQuorum,
        };
        member.state = MemberState::Settled;
        Ok(outcome)
    }

    /// Whether every member's lease is settled, so that the round's account can be closed.
    pub fn is_over(&self) -> bool {
        self.joined().iter().all(|member| matches!(member.state, MemberState::Gone | MemberState::Settled))
    }

    /// # Errors
    /// [`Error::InvariantBroken`].
    pub fn invariant(&self) -> Result<(), Error> {
        let size = usize::from(self.size) <= MEMBERS && self.joined <= self.size && self.needed <= self.size;
        let counted = self.verdict == Verdict::Open || self.joined > 0;
        if size && counted { Ok(()) } else { Err(Error::InvariantBroken) }
    }
}

#[cfg(test)]
mod tests;
