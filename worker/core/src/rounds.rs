use millrace_protocol::{Seconds, UnixSeconds};

use crate::task::later;
use crate::{Saved, Setback};

/// What is brought away of a task while its container runs, round by round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// What it keeps for its next attempt.
    Checkpoint,
    /// What is finished of its outputs, for the buyer to see before the end.
    Outputs,
}

/// The rounds of one kind: what they have brought away, and when the next one is due.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Rounds {
    pub saved: Option<Saved>,
    /// Why the last one brought nothing away.
    setback: Option<Setback>,
    /// None before the container runs, and where there are none.
    due: Option<UnixSeconds>,
    /// Of the last one that was begun.
    number: u32,
    under_way: bool,
}

/// What has changed since the orchestrator was told last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    pub saved: Option<Saved>,
    pub setback: Option<Option<Setback>>,
}

impl Rounds {
    pub fn with(saved: Option<Saved>) -> Self {
        Self { saved, ..Self::default() }
    }

    /// The container runs, since now as far as rounds go.
    pub fn begin(&mut self, every: Option<Seconds>, now: UnixSeconds) {
        self.due = every.map(|every| later(now, every));
    }

    pub fn is_due(&self, now: UnixSeconds) -> bool {
        self.due.is_some_and(|due| now >= due)
    }

    /// The number of the round that begins now; none where one that takes longer than from one to the next is left to
    /// it.
    pub fn next(&mut self, every: Seconds, now: UnixSeconds) -> Option<u32> {
        self.due = Some(later(now, every));
        (!self.under_way).then(|| self.last())
    }

    /// The number of a round that takes the place of the one under way.
    pub fn last(&mut self) -> u32 {
        self.number += 1;
        self.under_way = true;
        self.number
    }

    pub fn is_last(&self, number: u32) -> bool {
        number == self.number
    }

    /// A round is over. One that found nothing to bring away went well.
    pub fn over(&mut self, number: u32, result: Result<Option<Saved>, Setback>) -> Changed {
        if self.is_last(number) {
            self.under_way = false;
        }
        let (saved, setback) = match result {
            Ok(saved) => (saved.filter(|saved| self.saved != Some(*saved)), None),
            Err(setback) => (None, Some(setback)),
        };
        self.saved = saved.or(self.saved);
        Changed { saved, setback: self.set_back(setback) }
    }

    /// What there is to tell, if it is anything new.
    pub fn set_back(&mut self, setback: Option<Setback>) -> Option<Option<Setback>> {
        let is_new = self.setback != setback;
        self.setback.clone_from(&setback);
        is_new.then_some(setback)
    }

    pub fn setback(&self) -> Option<&Setback> {
        self.setback.as_ref()
    }
}
