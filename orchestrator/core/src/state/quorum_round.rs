use millrace_protocol::quorum::{Member, MemberState, Quorum, Verdict};
use millrace_protocol::{Address, UnixSeconds};

use crate::state::job::Crank;

/// A round of a job whose results are counted, as last read. Not kept on disk: the chain is read anew after a
/// restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuorumRound {
    /// Within the job.
    pub number: u32,
    pub quorum: Quorum,
    pub(crate) crank: Crank,
}

impl QuorumRound {
    pub(crate) fn new(number: u32, quorum: Quorum) -> Self {
        Self { number, quorum, crank: Crank::default() }
    }

    pub fn member(&self, lease: Address) -> Option<&Member> {
        self.quorum.joined().iter().find(|member| member.lease == lease)
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
