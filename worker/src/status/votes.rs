use millrace_agent::Agent;
use millrace_protocol::{Address, UnixSeconds};
use serde::{Deserialize, Serialize};

/// A result that is counted with others' and not shown yet. Its lease may be gone from the rig, its bond is at stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteStatus {
    pub lease: Address,
    /// `None` where an older worker has written it down.
    pub job: Option<Address>,
    /// Whether it is committed to; `None` before the chain was read.
    pub committed: Option<bool>,
    /// Until when it can be committed to, or shown, at the latest, by the chain's clock; `None` before the chain was
    /// read.
    pub until: Option<UnixSeconds>,
}

impl VoteStatus {
    /// Whether the rig has still to do something for it at `at`.
    pub fn is_due(&self, at: UnixSeconds) -> bool {
        self.until.is_none_or(|until| at < until)
    }
}

/// Every vote, by lease.
pub(crate) fn of(agent: &Agent) -> Vec<VoteStatus> {
    let votes = agent.votes().map(|(lease, vote)| {
        let standing = vote.standing();
        VoteStatus {
            lease,
            job: vote.job,
            committed: standing.map(|standing| standing.committed),
            until: standing.map(|standing| standing.until),
        }
    });
    votes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vote_is_due_until_it_can_be_shown_no_more_and_where_nobody_knows() {
        let vote = |until| VoteStatus { lease: Address([1; 32]), job: None, committed: Some(true), until };
        for (until, due) in [(None, true), (Some(UnixSeconds(11)), true), (Some(UnixSeconds(10)), false)] {
            assert_eq!(vote(until).is_due(UnixSeconds(10)), due, "{until:?}");
        }
    }
}
