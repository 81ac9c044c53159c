use millrace_protocol::Address;
use millrace_protocol::voucher::ExitClass;

use crate::state::check::{CheckState, Lapse};
use crate::{Action, Core, LeaseEntry, Notice, Now, Stage};

/// What becomes of a check whose time is over.
enum End {
    Lapses(Lapse),
    /// The first lease left without a report that could be disputed: what it made of a drawn task does not count.
    Redo,
}

impl Core {
    /// Ends the checks that lead to nothing any more. None is dropped without a word: what was not compared says why,
    /// and what nobody could dispute is made again.
    pub(in crate::decide) fn end_checks(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.is_spot_checked()) else { return };
        let over = entry.outcome.is_some();
        let mut ends = Vec::new();
        for number in entry.tasks.unchecked() {
            let end = match self.first_lease(entry, number) {
                _ if over => Some(End::Lapses(Lapse::JobOver)),
                Some(first) => self.end_of_check(now, first),
                None => Some(End::Redo),
            };
            ends.extend(end.map(|end| (number, end)));
        }
        for (number, end) in ends {
            match end {
                End::Lapses(reason) => {
                    self.stop_check(job, number);
                    self.lapse(job, number, reason);
                }
                End::Redo => self.redo_tasks(job, &[number]),
            }
        }
    }

    fn end_of_check(&self, now: Now, first: &LeaseEntry) -> Option<End> {
        if first.stage == Stage::Over {
            let reported = |class: ExitClass| class != ExitClass::NodeFault;
            let disputable = first.final_voucher().is_some_and(|voucher| reported(voucher.exit_class));
            return Some(if disputable { End::Lapses(Lapse::Settled) } else { End::Redo });
        }
        self.check_by(first).filter(|until| now.chain >= *until).map(|_| End::Lapses(Lapse::WindowOver))
    }

    pub(crate) fn lapse(&mut self, job: Address, number: u32, reason: Lapse) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        entry.tasks.change_check(number, |check| check.state = CheckState::Lapsed(reason));
        self.touch_task(job, number);
        self.push(Action::Notice(Notice::CheckLapsed { job, task: number, reason }));
    }
}
