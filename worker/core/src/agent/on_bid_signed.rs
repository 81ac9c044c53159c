use millrace_protocol::UnixSeconds;
use millrace_spec::SignedBid;

use crate::{Action, Agent, Record};

impl Agent {
    /// The bid may leave the rig once it is remembered: an offer at it has to be known again after a restart.
    pub(super) fn on_bid_signed(&mut self, signed: SignedBid, now: UnixSeconds, actions: &mut Vec<Action>) {
        actions.push(Action::Journal(Record::BidSigned { signed, made_at: now, lease: None }));
        self.bids.note(signed, now, None);
    }
}
