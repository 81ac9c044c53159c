use millrace_protocol::Address;
use millrace_protocol::quorum::Quorum;

use crate::state::quorum_round::QuorumRound;
use crate::{Core, Now};

impl Core {
    pub(crate) fn on_quorum_seen(&mut self, now: Now, job: Address, number: u32, quorum: Quorum) {
        // Its job is read later, and the round again with it; or it is forgotten.
        if !self.jobs.contains_key(&job) {
            return;
        }
        let mut seen = QuorumRound::new(now, number, quorum);
        if let Some(known) = self.rounds.get(&job) {
            let older = number < known.number || number == known.number && seen.is_older_than(known);
            if older {
                return;
            }
            if number == known.number {
                seen.follow(known);
            }
        }
        self.rounds.insert(job, seen);
        for lease in quorum.joined().iter().map(|member| member.lease) {
            if let Some(entry) = self.leases.get_mut(&lease).filter(|entry| entry.round != Some(number)) {
                entry.round = Some(number);
                self.touch_lease(lease);
            }
        }
    }
}
