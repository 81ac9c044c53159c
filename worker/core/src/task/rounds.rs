use millrace_protocol::{Seconds, UnixSeconds};

use super::{Outcome, Phase, Task, later};
use crate::{Action, Record, Report, Saved, Setback};

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
    /// What the last one did not bring away, and why.
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
    pub fn over(&mut self, number: u32, saved: Option<Saved>, setback: Option<Setback>) -> Changed {
        if self.is_last(number) {
            self.under_way = false;
        }
        let saved = saved.filter(|saved| self.saved != Some(*saved));
        self.saved = saved.or(self.saved);
        // Whoever hears that something was brought away takes all of it to be well.
        let again = setback.clone().filter(|_| saved.is_some()).map(Some);
        Changed { saved, setback: self.set_back(setback).or(again) }
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

impl Task {
    fn rounds(&mut self, round: Round) -> &mut Rounds {
        match round {
            Round::Checkpoint => &mut self.checkpoints,
            Round::Outputs => &mut self.early_outputs,
        }
    }

    /// From one round to the next; none where there are none.
    fn every(&self, round: Round) -> Option<Seconds> {
        match round {
            Round::Checkpoint => self.assignment.checkpoint.map(|checkpoint| checkpoint.every),
            Round::Outputs => self.assignment.outputs_every,
        }
    }

    /// Its container runs, since now as far as rounds go.
    pub(crate) fn begin_rounds(&mut self, now: UnixSeconds) {
        for round in [Round::Checkpoint, Round::Outputs] {
            let every = self.every(round);
            self.rounds(round).begin(every, now);
        }
    }

    pub(super) fn bring_away_if_due(&mut self, round: Round, now: UnixSeconds, actions: &mut Vec<Action>) {
        let Some(every) = self.every(round).filter(|_| self.rounds(round).is_due(now)) else { return };
        match self.rounds(round).next(every, now) {
            Some(number) => actions.push(Action::BringAway { round, assignment: self.assignment.clone(), number }),
            None => self.set_back(round, Some(Setback::slow(round)), actions),
        }
    }

    pub(super) fn on_round_over(
        &mut self,
        round: Round,
        number: u32,
        saved: Option<Saved>,
        setback: Option<Setback>,
        actions: &mut Vec<Action>,
    ) {
        let key = self.key();
        let changed = self.rounds(round).over(number, saved, setback);
        if let Some(saved) = changed.saved {
            if round == Round::Checkpoint {
                actions.push(Action::Journal(Record::CheckpointSaved { key, saved }));
            }
            actions.push(Action::Report(Report::BroughtAway(key, round, saved)));
        }
        actions.extend(changed.setback.map(|setback| Action::Report(Report::SetBack(key, round, setback))));
        if let Phase::Saving { failure, .. } = &self.phase
            && round == Round::Checkpoint
            && self.checkpoints.is_last(number)
        {
            let outcome = Outcome::Failed(failure.clone());
            self.clean(outcome, actions);
        }
    }

    pub(super) fn set_back(&mut self, round: Round, setback: Option<Setback>, actions: &mut Vec<Action>) {
        let key = self.key();
        let told = self.rounds(round).set_back(setback);
        actions.extend(told.map(|setback| Action::Report(Report::SetBack(key, round, setback))));
    }

    /// What the orchestrator should have heard of its rounds.
    pub(crate) fn round_reports(&self) -> Vec<Report> {
        let key = self.key();
        let both = [(Round::Checkpoint, &self.checkpoints), (Round::Outputs, &self.early_outputs)];
        let reports = both.into_iter().flat_map(|(round, rounds)| {
            let saved = rounds.saved.map(|saved| Report::BroughtAway(key, round, saved));
            let setback = rounds.setback().map(|setback| Report::SetBack(key, round, Some(setback.clone())));
            saved.into_iter().chain(setback)
        });
        reports.collect()
    }
}
