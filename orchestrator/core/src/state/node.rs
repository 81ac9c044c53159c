use crate::NodeView;
use crate::backoff::Backoff;

/// A node of the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    pub view: NodeView,
}

/// The worker of a node, as last heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Worker {
    pub session: u64,
    pub connected: bool,
    /// In milliseconds since 1970.
    pub last_heard: u64,
    /// How often it was lost lately, and when last.
    pub(crate) losses: Losses,
}

impl Worker {
    /// Whether nothing was heard for longer than `patience` milliseconds.
    pub fn silent(&self, now: u64, patience: u64) -> bool {
        now >= self.silent_from(patience)
    }

    /// Milliseconds at which it is silent, should it say no more.
    pub(crate) fn silent_from(&self, patience: u64) -> u64 {
        self.last_heard.saturating_add(patience).saturating_add(1)
    }

    /// Whether it can be given something to do.
    pub fn live(&self, now: u64, patience: u64) -> bool {
        self.connected && !self.silent(now, patience)
    }

    /// Milliseconds until which it gets no new lease for having come and gone too often.
    pub fn quarantined_until(&self) -> u64 {
        self.losses.quarantined_until()
    }
}

/// Milliseconds after which an earlier loss no longer counts.
const FORGIVEN_AFTER: u64 = 600_000;
/// Losses in a row, none of them forgiven, that put a worker into quarantine.
const TOO_MANY: u32 = 4;
/// How long it gets nothing; each further loss doubles it.
const QUARANTINE: Backoff = Backoff { first: 120_000, longest: 3_600_000 };

/// A worker that flaps: it is there often enough to be given work, and never long enough to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Losses {
    count: u32,
    last: u64,
    lost: bool,
}

impl Losses {
    /// The worker is lost at `now` milliseconds; however often that is noticed, it counts once.
    pub(crate) fn lose(&mut self, now: u64) {
        if std::mem::replace(&mut self.lost, true) {
            return;
        }
        let forgiven = now.saturating_sub(self.last.max(self.quarantined_until())) > FORGIVEN_AFTER;
        self.count = if forgiven { 1 } else { self.count.saturating_add(1) };
        self.last = now;
    }

    /// The worker is there again.
    pub(crate) fn find(&mut self) {
        self.lost = false;
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    fn quarantined_until(&self) -> u64 {
        match self.count.checked_sub(TOO_MANY) {
            None => 0,
            Some(more) => self.last.saturating_add(QUARANTINE.after(more)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn lose(losses: &mut Losses, times: u32, at: u64) {
        for _ in 0..times {
            losses.lose(at);
            losses.find();
        }
    }

    #[test]
    fn a_worker_lost_too_often_is_quarantined_longer_each_time() {
        let mut losses = Losses::default();
        lose(&mut losses, TOO_MANY - 1, START);
        assert_eq!(losses.quarantined_until(), 0);
        lose(&mut losses, 1, START + 3);
        assert_eq!(losses.quarantined_until(), START + 3 + QUARANTINE.first);
        lose(&mut losses, 1, START + 4);
        assert_eq!(losses.quarantined_until(), START + 4 + 2 * QUARANTINE.first);
        lose(&mut losses, 100, START + 5);
        assert_eq!(losses.quarantined_until(), START + 5 + QUARANTINE.longest);
    }

    #[test]
    fn a_loss_is_forgiven_after_a_while() {
        let mut losses = Losses::default();
        lose(&mut losses, TOO_MANY - 1, START);
        lose(&mut losses, 1, START + FORGIVEN_AFTER + 1);
        assert_eq!(losses.quarantined_until(), 0);
        let mut losses = Losses::default();
        lose(&mut losses, TOO_MANY - 1, START);
        lose(&mut losses, 1, START + FORGIVEN_AFTER);
        assert!(losses.quarantined_until() > 0);
    }

    #[test]
    fn one_loss_noticed_twice_counts_once() {
        let mut losses = Losses::default();
        (0..10).for_each(|_| losses.lose(START));
        assert_eq!(losses.quarantined_until(), 0);
    }
}
