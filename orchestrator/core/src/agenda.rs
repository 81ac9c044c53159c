//! What time alone changes. Each job has the moments at which it, or a lease of it, is to be looked at again
//! though nothing happened; a tick looks at those whose moment has come, and at nobody else.

use std::collections::BTreeSet;
use std::ops::Bound;

use millrace_protocol::{Address, UnixSeconds};

use crate::Now;

/// Each tick looks at one of so many parts of all jobs all the same. Nothing should be found then: it bounds
/// what a moment that was forgotten costs.
const PARTS: usize = 64;

/// The next moments of a job, by the two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// In milliseconds since 1970.
    pub millis: u64,
    pub chain: UnixSeconds,
}

impl Due {
    pub const NEVER: Self = Self { millis: u64::MAX, chain: UnixSeconds(u64::MAX) };

    /// Also at these milliseconds, unless they are past: whatever was due then has been done, or waits for an
    /// event.
    pub fn at_millis(self, now: Now, at: u64) -> Self {
        if at > now.millis { Self { millis: self.millis.min(at), ..self } } else { self }
    }

    /// Also at this second of the chain's, unless it is past.
    pub fn at_chain(self, now: Now, at: UnixSeconds) -> Self {
        if at > now.chain { Self { chain: self.chain.min(at), ..self } } else { self }
    }
}

/// Every job's next moments, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    millis: BTreeSet<(u64, Address)>,
    chain: BTreeSet<(UnixSeconds, Address)>,
    /// The last job that was looked at all the same.
    last: Option<Address>,
}

impl Agenda {
    /// The job's next moments are others than before.
    pub fn change(&mut self, job: Address, before: Due, after: Due) {
        if before.millis != after.millis {
            self.millis.remove(&(before.millis, job));
            if after.millis != Due::NEVER.millis {
                self.millis.insert((after.millis, job));
            }
        }
        if before.chain != after.chain {
            self.chain.remove(&(before.chain, job));
            if after.chain != Due::NEVER.chain {
                self.chain.insert((after.chain, job));
            }
        }
    }

    /// Jobs whose moment has come. They stay until they are given another one.
    pub fn due(&self, now: Now) -> BTreeSet<Address> {
        let by_millis = self.millis.iter().take_while(|(at, _)| *at <= now.millis).map(|(_, job)| *job);
        let by_chain = self.chain.iter().take_while(|(at, _)| *at <= now.chain).map(|(_, job)| *job);
        by_millis.chain(by_chain).collect()
    }

    /// Those of all jobs whose turn it is.
    pub fn next_part(&mut self, jobs: &BTreeSet<Address>) -> Vec<Address> {
        let after = (self.last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let part: Vec<_> = jobs.range(after).take(jobs.len() / PARTS + 1).copied().collect();
        self.last = part.last().copied();
        part
    }
}
