//! What follows from what is known. Runs after every event, over the whole open state, and asks
//! for nothing that is under way already.

mod cranks;
mod disputes;
mod ending;
mod handout;
mod jobs;
mod placement;
mod settlement;
mod silence;
mod specs;
mod vouchers;

pub(crate) use placement::{SHORTEST_LEASE, affordable};

use crate::{Core, Now};

impl Core {
    pub(crate) fn decide(&mut self, now: Now) {
        self.take_from_the_silent(now);
        for job in self.jobs_by_age() {
            if !self.serves(job) {
                continue;
            }
            self.fetch_spec(now, job);
            self.redo_disputed(job);
            self.conclude(job);
            self.end_leases(now, job);
            self.hand_out(now, job);
            self.place(now, job);
        }
        self.finalize_unreported(now);
        self.settle_and_expire(now);
        self.crank_jobs(now);
    }
}
