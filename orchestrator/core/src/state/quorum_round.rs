use millrace_protocol::quorum::{MEMBERS, Member, MemberState, Quorum, Verdict};
use millrace_protocol::{Address, LeaseOutcome, UnixSeconds};

use crate::Now;
use crate::state::job::Crank;

/// A round of a job whose results are counted, as last read. Not kept on disk: the chain is read anew after a
/// restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuorumRound {
    /// Within the job.
    pub number: u32,
    pub quorum: Quorum,
    pub(crate) crank: Crank,
    /// How its members were judged when they were read between the count and their settlement, which takes from an
    /// account whether they had shown their results; by their places.
    judged: [Option<LeaseOutcome>; MEMBERS],
    /// When it was last read, in milliseconds since 1970, and since when it has been without a long break.
    read_at: u64,
    read_since: u64,
}

/// Milliseconds between two readings after which nobody knows whether the chain could be reached in between. Rounds
/// are read at least every 30 seconds.
const LONGEST_BREAK: u64 = 90_000;

impl QuorumRound {
    pub(crate) fn new(now: Now, number: u32, quorum: Quorum) -> Self {
        let judged = [None; MEMBERS];
        Self { number, quorum, crank: Crank::default(), judged, read_at: now.millis, read_since: now.millis }
    }

    /// Takes over what was known of the round before this reading.
    pub(crate) fn follow(&mut self, known: &Self) {
        self.crank = known.crank;
        // Nobody takes a place over once there is a count.
        for ((judged, before), member) in self.judged.iter_mut().zip(known.judged).zip(known.quorum.joined()) {
            *judged = before.or_else(|| { known.quorum }.judge(member.lease).ok());
        }
        if self.read_at.saturating_sub(known.read_at) <= LONGEST_BREAK {
            self.read_since = known.read_since;
        }
    }

    /// Milliseconds after `since` for which it is known what its members have committed to.
    pub(crate) fn read_for(&self, since: u64) -> u64 {
        self.read_at.saturating_sub(since.max(self.read_since))
    }

    pub fn member(&self, lease: Address) -> Option<&Member> {
        self.quorum.joined().iter().find(|member| member.lease == lease)
    }

    /// How the count makes the lease end, also where that has settled it since; none where nobody has read it between.
    pub(crate) fn judgement_of(&self, lease: Address) -> Option<LeaseOutcome> {
        let place = self.quorum.joined().iter().position(|member| member.lease == lease)?;
        { self.quorum }.judge(lease).ok().or(self.judged[place])
    }

    /// Members that are as far as this.
    pub fn count(&self, state: MemberState) -> usize {
        self.quorum.joined().iter().filter(|member| member.state == state).count()
    }

    /// Whether the lease has committed to a result.
    pub(crate) fn has_committed(&self, lease: Address) -> bool {
        let committed = |member: &Member| matches!(member.state, MemberState::Committed | MemberState::Revealed);
        self.member(lease).is_some_and(committed)
    }

    /// Whether the count has yet to settle the lease.
    pub(crate) fn has_judged(&self, lease: Address) -> bool {
        let unsettled = |member: &Member| !matches!(member.state, MemberState::Gone | MemberState::Settled);
        self.quorum.verdict != Verdict::Open && self.member(lease).is_some_and(unsettled)
    }

    /// Whether this was read before `other`, of the same round. Places are taken, times set and a verdict found once;
    /// a member only goes forward, but for its place, which another lease may take over.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        let (this, that) = (&self.quorum, &other.quorum);
        let went_back = |member: &Member| {
            other.member(member.lease).is_some_and(|other| (member.state as u8) < (other.state as u8))
        };
        this.joined < that.joined
            || this.commit_by < that.commit_by
            || this.reveal_by < that.reveal_by
            || (this.verdict as u8) < (that.verdict as u8)
            || this.joined().iter().any(went_back)
    }

    /// The moments at which somebody may do what nobody may before.
    pub(crate) fn moments(&self) -> [UnixSeconds; 2] {
        [self.quorum.commit_by, self.quorum.reveal_deadline().unwrap_or(self.quorum.reveal_by)]
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Seconds;

    use super::*;

    const NOW: Now = Now { millis: 1_000, chain: UnixSeconds(1) };

    fn read(states: [MemberState; 2]) -> QuorumRound {
        let mut quorum = Quorum::new(2, 2, Seconds(60));
        (quorum.joined, quorum.verdict) = (2, Verdict::Failed);
        for (place, state) in states.into_iter().enumerate() {
            quorum.members[place] = Member { state, lease: Address([place as u8; 32]), ..Member::default() };
        }
        QuorumRound::new(NOW, 0, quorum)
    }

    #[test]
    fn how_a_member_was_judged_outlives_its_settlement() {
        let judgements = |round: &QuorumRound| [0, 1].map(|number| round.judgement_of(Address([number; 32])));
        let counted = read([MemberState::Revealed, MemberState::Committed]);
        let expected = [Some(LeaseOutcome::NoQuorum), Some(LeaseOutcome::WrongResult)];
        assert_eq!(judgements(&counted), expected);
        let mut before = counted;
        for states in
            [[MemberState::Settled, MemberState::Committed], [MemberState::Settled; 2], [MemberState::Settled; 2]]
        {
            let mut next = read(states);
            next.follow(&before);
            assert_eq!(judgements(&next), expected, "{states:?}");
            before = next;
        }
        assert_eq!(judgements(&read([MemberState::Settled; 2])), [None, None], "nobody has read it in time");
        assert_eq!(counted.judgement_of(Address([7; 32])), None);
    }
}
