use std::collections::btree_map::Entry;

use millrace_protocol::quorum::{MemberState, Quorum, Verdict, commitment_preimage};
use millrace_protocol::{Address, Seconds, UnixSeconds};
use millrace_spec::{Sha256, sha256};

use crate::{Action, Agent, Record};

/// Between two looks at a round: others may commit at any moment, and with the last of them the time to show results
/// begins.
const LOOK_AGAIN: Seconds = Seconds(15);

/// A result that is counted with others': committed to, and shown when all have committed. It outlives its lease on
/// the rig, because the bond is at stake until it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// `None` where it is from the journal of an older worker.
    pub job: Option<Address>,
    pub root: Sha256,
    pub(crate) salt: [u8; 32],
    /// By then the chain had its lease.
    pub(crate) prepared_at: UnixSeconds,
    /// Not kept on disk: the chain remembers.
    pub(crate) look_at: UnixSeconds,
    pub(crate) standing: Option<VoteStanding>,
}

/// How far a counted result is, as the chain was read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoteStanding {
    /// Whether it is committed to; if not, nothing but the pay is lost.
    pub committed: bool,
    /// Until when it can be committed to, or shown, at the latest, by the chain's clock. It can be sooner as soon as
    /// all have committed.
    pub until: UnixSeconds,
}

impl Vote {
    pub(crate) fn new(job: Option<Address>, root: Sha256, salt: [u8; 32], prepared_at: UnixSeconds) -> Self {
        Self { job, root, salt, prepared_at, look_at: UnixSeconds::ZERO, standing: None }
    }

    /// `None` before the chain was read.
    pub fn standing(&self) -> Option<VoteStanding> {
        self.standing
    }
}

impl VoteStanding {
    fn of(round: &Quorum, member: MemberState) -> Self {
        match member {
            MemberState::Leased => Self { committed: false, until: round.commit_by },
            _ => Self { committed: true, until: round.reveal_deadline().unwrap_or(UnixSeconds::MAX) },
        }
    }
}

impl Agent {
    /// What the rig has to commit to, or to show, by lease.
    pub fn votes(&self) -> impl Iterator<Item = (Address, &Vote)> {
        self.votes.iter().map(|(lease, vote)| (*lease, vote))
    }

    /// The lease's result is counted: what it is must be on disk before it is committed to.
    pub(crate) fn prepare_vote(
        &mut self,
        lease: Address,
        (root, salt): (Sha256, [u8; 32]),
        now: UnixSeconds,
        actions: &mut Vec<Action>,
    ) {
        if let Entry::Vacant(place) = self.votes.entry(lease) {
            let known = self.leases.get(&lease);
            let job = known.map(|lease| lease.terms.job);
            // By the chain's clock where that is known: the rig's may be set wrong.
            let at = known.and_then(|lease| lease.upkeep.seen_at()).unwrap_or(now);
            place.insert(Vote::new(job, root, salt, at));
            actions.push(Action::Journal(Record::VotePrepared { lease, job, root, salt, at }));
        }
    }

    /// Has rounds looked up in which there may be something to do.
    pub(crate) fn look_at_rounds(&mut self, now: UnixSeconds, actions: &mut Vec<Action>) {
        for (lease, vote) in &mut self.votes {
            if now >= vote.look_at {
                vote.look_at = now.after(LOOK_AGAIN).unwrap_or(UnixSeconds::MAX);
                actions.push(Action::ReadRound(*lease));
            }
        }
    }

    /// The round as the chain has it at `clock`, the chain's own time; none once the lease is settled.
    pub(crate) fn on_round_read(
        &mut self,
        lease: Address,
        round: Option<&Quorum>,
        clock: UnixSeconds,
        actions: &mut Vec<Action>,
    ) {
        let Some(vote) = self.votes.get(&lease).copied() else { return };
        let (root, salt) = (vote.root, vote.salt);
        let commitment = sha256(&commitment_preimage(lease, root.0, salt)).0;
        let member = round.and_then(|round| round.joined().iter().find(|member| member.lease == lease));
        let Some((mut round, member)) = round.copied().zip(member) else {
            // An endpoint that is behind does not know it yet, and what is forgotten here can never be shown.
            if clock >= vote.prepared_at {
                self.vote_is_over(lease, actions);
            }
            return;
        };
        if let Some(vote) = self.votes.get_mut(&lease) {
            vote.standing = Some(VoteStanding::of(&round, member.state));
        }
        let is_over = matches!(member.state, MemberState::Revealed | MemberState::Gone | MemberState::Settled);
        if is_over || round.verdict != Verdict::Open {
            self.vote_is_over(lease, actions);
        } else if round.reveal(lease, root.0, commitment, clock).is_ok() {
            // Not a moment before the chain takes it: whoever still may commit must not read it.
            actions.push(Action::RevealResult { lease, root, salt });
        } else if round.commit(lease, commitment, clock).is_ok() {
            actions.push(Action::CommitResult { lease, root, salt });
        }
    }

    fn vote_is_over(&mut self, lease: Address, actions: &mut Vec<Action>) {
        self.votes.remove(&lease);
        actions.push(Action::Journal(Record::VoteOver { lease }));
    }
}
