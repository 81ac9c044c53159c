//! When a job that repeats runs next, whether it may, and what it has cost. Pure but for [`journal`]: time is an
//! argument.

use croner::Cron;
use croner::parser::{CronParser, Seconds as SecondsField, Year};
use millrace_protocol::{Address, MicroUsdc, Seconds, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::clock;

pub mod journal;

/// A run that begins later than this after its time was missed: the machine slept, or nobody was there.
const LATE: Seconds = Seconds(60);

/// What to do when it is time and the last run is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Overlap {
    /// Leave this run out
    Skip,
    /// Let them run beside each other
    Allow,
}

/// What to do about times at which nobody was there to open the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Missed {
    /// Leave them out
    Skip,
    /// Run once for all of them together
    Once,
}

/// A cron pattern of five fields, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Cron);

/// What repeats, and how long.
#[derive(Clone, Debug)]
pub struct Plan {
    pub pattern: Pattern,
    pub overlap: Overlap,
    pub missed: Missed,
    /// What all runs together may cost.
    pub budget: MicroUsdc,
    /// How many runs there may be; none for as many as the budget allows.
    pub runs: Option<u64>,
}

/// What has been decided and spent so far.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Journal {
    /// Nothing up to this moment is decided again.
    pub decided: UnixSeconds,
    /// Runs that were begun.
    pub begun: u64,
    /// By runs that are closed, fees included.
    pub spent: MicroUsdc,
    /// Runs whose money is not back yet.
    pub under_way: Vec<Run>,
}

/// One run: a job of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The time it is for.
    pub at: UnixSeconds,
    /// The job's number, by which a second try opens no second job.
    pub id: u64,
    pub job: Address,
    pub deposit: MicroUsdc,
    /// Whether the chain is known to have the job.
    pub opened: bool,
    /// Whether its work is done; its money may still be on the way.
    pub over: bool,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this moment.
    Wait(UnixSeconds),
    /// The run for this time.
    Run(UnixSeconds),
    /// No run for this time.
    Skip(UnixSeconds, Reason),
    /// As many runs as there may be were begun, and their money is back.
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The last run is not over.
    Overlap,
    /// Nobody was there at its time.
    Missed,
    /// Deposits under way leave too little of the budget for now.
    Budget,
}

/// Whether the budget covers one more deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Funds {
    Enough,
    /// Not before deposits under way have come back.
    NotNow,
    /// Not even if all of them come back in full.
    Never,
}

impl Pattern {
    /// # Errors
    /// A text that is no cron pattern of five fields, or one that names no day there is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(SecondsField::Disallowed).year(Year::Disallowed).build();
        let wrong =
            |why: String| format!("{why}; write minute, hour, day, month and weekday in UTC, like `30 4 * * 1-5`");
        let pattern = parser.parse(text).map(Self).map_err(|error| wrong(error.to_string()))?;
        match pattern.next(UnixSeconds::ZERO) {
            Some(_) => Ok(pattern),
            None => Err(wrong(format!("`{text}` names no day there is"))),
        }
    }

    /// The first time after `at`.
    fn next(&self, at: UnixSeconds) -> Option<UnixSeconds> {
        self.0.find_next_occurrence(&clock::date(at)?, false).ok().and_then(clock::seconds)
    }

    /// The last time up to `at`.
    fn last(&self, at: UnixSeconds) -> Option<UnixSeconds> {
        self.0.find_previous_occurrence(&clock::date(at)?, true).ok().and_then(clock::seconds)
    }
}

impl Plan {
    /// What follows at `now`. Times before the journal began, and those it has decided about, are past.
    pub fn next(&self, journal: &Journal, now: UnixSeconds) -> Step {
        if self.runs.is_some_and(|runs| journal.begun >= runs) {
            let poll = UnixSeconds(now.0.saturating_add(LATE.0));
            return if journal.under_way.is_empty() { Step::Finished } else { Step::Wait(poll) };
        }
        let due = self.pattern.last(now).filter(|at| *at > journal.decided);
        let Some(at) = due else {
            return Step::Wait(self.pattern.next(now).unwrap_or(UnixSeconds(u64::MAX)));
        };
        if now.since(at) > LATE && self.missed == Missed::Skip {
            return Step::Skip(at, Reason::Missed);
        }
        if self.overlap == Overlap::Skip && journal.under_way.iter().any(|run| !run.over) {
            return Step::Skip(at, Reason::Overlap);
        }
        Step::Run(at)
    }

    /// Whether one more deposit fits what may be spent: deposits under way count in full until they are back.
    pub fn funds(&self, journal: &Journal, deposit: MicroUsdc) -> Funds {
        let within = |committed: MicroUsdc| committed.plus(deposit).is_ok_and(|total| total <= self.budget);
        let under_way = journal.under_way.iter().try_fold(journal.spent, |sum, run| sum.plus(run.deposit));
        match under_way {
            Ok(committed) if within(committed) => Funds::Enough,
            _ if within(journal.spent) => Funds::NotNow,
            _ => Funds::Never,
        }
    }
}

impl Journal {
    /// A schedule that begins now: what was before is nobody's.
    pub fn begin(now: UnixSeconds) -> Self {
        Self { decided: now, ..Self::default() }
    }

    /// The run is about to be opened.
    pub fn begin_run(&mut self, run: Run) {
        self.decided = run.at;
        self.begun += 1;
        self.under_way.push(run);
    }

    /// The run could not be opened: it cost nothing and counts for nothing.
    pub fn give_up(&mut self, id: u64) {
        let before = self.under_way.len();
        self.under_way.retain(|run| run.id != id);
        self.begun -= (before - self.under_way.len()) as u64;
    }

    /// The run's account is closed, with this much of its deposit paid.
    pub fn close(&mut self, id: u64, paid: MicroUsdc) {
        self.under_way.retain(|run| run.id != id);
        self.spent = self.spent.plus(paid).unwrap_or(MicroUsdc(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 2026-11-23, 00:00 UTC.
    const MONDAY: u64 = 1_795_392_000;
    const HOUR: u64 = 3_600;

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds(MONDAY + seconds)
    }

    fn plan(pattern: &str) -> Plan {
        let pattern = Pattern::parse(pattern).unwrap();
        Plan { pattern, overlap: Overlap::Skip, missed: Missed::Once, budget: MicroUsdc(1_000), runs: None }
    }

    fn run(at: UnixSeconds) -> Run {
        let (job, deposit) = (Address([1; 32]), MicroUsdc(400));
        Run { at, id: at.0, job, deposit, opened: true, over: false }
    }

    #[test]
    fn times_are_utc_and_each_comes_once() {
        let plan = plan("30 4 * * 1-5");
        let mut journal = Journal::begin(at(0));
        let first = at(4 * HOUR + 1_800);
        assert_eq!(plan.next(&journal, at(0)), Step::Wait(first));
        assert_eq!(plan.next(&journal, UnixSeconds(first.0 - 1)), Step::Wait(first));
        assert_eq!(plan.next(&journal, first), Step::Run(first));
        journal.decided = first;
        assert_eq!(plan.next(&journal, first), Step::Wait(UnixSeconds(first.0 + 24 * HOUR)));
        // Over the weekend.
        journal.decided = UnixSeconds(first.0 + 4 * 24 * HOUR);
        assert_eq!(plan.next(&journal, journal.decided), Step::Wait(UnixSeconds(first.0 + 7 * 24 * HOUR)));
    }

    #[test]
    fn what_was_before_the_schedule_began_is_nobodys() {
        let plan = plan("0 * * * *");
        let journal = Journal::begin(at(10));
        assert_eq!(plan.next(&journal, at(11)), Step::Wait(at(HOUR)));
    }

    #[test]
    fn missed_times_are_one_run_or_none() {
        let mut plan = plan("0 * * * *");
        let journal = Journal::begin(at(10));
        let now = at(5 * HOUR + 61);
        assert_eq!(plan.next(&journal, now), Step::Run(at(5 * HOUR)));
        plan.missed = Missed::Skip;
        assert_eq!(plan.next(&journal, now), Step::Skip(at(5 * HOUR), Reason::Missed));
        assert_eq!(plan.next(&journal, at(5 * HOUR + 60)), Step::Run(at(5 * HOUR)), "a minute late is on time");
    }

    #[test]
    fn a_run_that_is_not_over_keeps_the_next_one_from_beginning_unless_they_may_overlap() {
        let mut plan = plan("* * * * *");
        let mut journal = Journal::begin(at(0));
        journal.begin_run(run(at(60)));
        assert_eq!(plan.next(&journal, at(120)), Step::Skip(at(120), Reason::Overlap));
        journal.under_way[0].over = true;
        assert_eq!(plan.next(&journal, at(120)), Step::Run(at(120)));
        journal.under_way[0].over = false;
        plan.overlap = Overlap::Allow;
        assert_eq!(plan.next(&journal, at(120)), Step::Run(at(120)));
    }

    #[test]
    fn deposits_count_in_full_until_they_are_back_and_the_budget_is_never_passed() {
        let plan = plan("* * * * *");
        let mut journal = Journal::begin(at(0));
        let deposit = MicroUsdc(400);
        for (id, funds) in [(1, Funds::Enough), (2, Funds::Enough), (3, Funds::NotNow)] {
            assert_eq!(plan.funds(&journal, deposit), funds);
            if funds == Funds::Enough {
                journal.begin_run(Run { id, ..run(at(id * 60)) });
            }
        }
        journal.close(1, MicroUsdc(150));
        assert_eq!(plan.funds(&journal, deposit), Funds::Enough);
        assert_eq!(plan.funds(&journal, MicroUsdc(451)), Funds::NotNow);
        journal.close(2, MicroUsdc(400));
        assert_eq!((journal.spent, journal.under_way.len()), (MicroUsdc(550), 0));
        assert_eq!(plan.funds(&journal, MicroUsdc(450)), Funds::Enough);
        assert_eq!(plan.funds(&journal, MicroUsdc(451)), Funds::Never);
        assert_eq!(plan.funds(&journal, MicroUsdc(u64::MAX)), Funds::Never);
    }

    #[test]
    fn so_many_runs_and_no_more() {
        let plan = Plan { runs: Some(1), ..plan("* * * * *") };
        let mut journal = Journal::begin(at(0));
        assert_eq!(plan.next(&journal, at(60)), Step::Run(at(60)));
        journal.begin_run(run(at(60)));
        assert!(matches!(plan.next(&journal, at(180)), Step::Wait(_)), "its money is not back");
        journal.close(at(60).0, MicroUsdc(1));
        assert_eq!(plan.next(&journal, at(180)), Step::Finished);
    }

    #[test]
    fn a_run_that_could_not_be_opened_counts_for_nothing_and_is_not_tried_twice() {
        let plan = Plan { runs: Some(1), ..plan("* * * * *") };
        let mut journal = Journal::begin(at(0));
        journal.begin_run(run(at(60)));
        journal.give_up(at(60).0);
        assert_eq!((journal.begun, journal.spent, journal.under_way.len()), (0, MicroUsdc::ZERO, 0));
        assert_eq!(plan.next(&journal, at(61)), Step::Wait(at(120)));
    }

    #[test]
    fn what_is_no_pattern_says_how_one_is_written() {
        for wrong in ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "every day"] {
            let error = Pattern::parse(wrong).unwrap_err();
            assert!(error.contains("30 4 * * 1-5"), "{wrong}: {error}");
        }
        for right in ["0 0 29 2 *", "@daily"] {
            assert!(Pattern::parse(right).is_ok(), "{right}");
        }
    }
}
