use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use millrace_protocol::Address;
use millrace_scheduler::{Core, JobEntry, JobView};
use millrace_spec::Sha256;

/// Jobs by what requests name them by: to look at all of them costs more than a request may.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct JobIndex {
    /// Each with the slot it was opened in, so the first one comes first.
    by_spec: HashMap<Sha256, BTreeSet<(u64, Address)>>,
    by_buyer: HashMap<Address, BTreeSet<Address>>,
    /// What each job is found by.
    names: HashMap<Address, Names>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Names {
    spec: Sha256,
    buyer: Address,
    opened_slot: u64,
}

impl JobIndex {
    /// Of all jobs that are known.
    pub fn of(core: &Core) -> Self {
        let mut index = Self::default();
        core.jobs().for_each(|(job, entry)| index.note(job, &entry.view));
        index
    }

    pub fn note(&mut self, job: Address, view: &JobView) {
        let names = Names { spec: view.spec_hash, buyer: view.buyer, opened_slot: view.opened_slot };
        if self.names.get(&job) == Some(&names) {
            return;
        }
        // The address may have had another job before.
        self.forget(job);
        self.by_spec.entry(names.spec).or_default().insert((names.opened_slot, job));
        self.by_buyer.entry(names.buyer).or_default().insert(job);
        self.names.insert(job, names);
    }

    /// The job is known no longer.
    pub fn forget(&mut self, job: Address) {
        let Some(Names { spec, buyer, opened_slot }) = self.names.remove(&job) else { return };
        remove(&mut self.by_spec, spec, (opened_slot, job));
        remove(&mut self.by_buyer, buyer, job);
    }

    /// The job that was the first with a spec.
    pub fn first_with<'a>(&self, core: &'a Core, spec: Sha256) -> Option<&'a JobEntry> {
        self.by_spec.get(&spec)?.iter().find_map(|(_, job)| core.job(*job))
    }

    /// In no particular order.
    pub fn of_buyer<'a>(&self, core: &'a Core, buyer: Address) -> impl Iterator<Item = (Address, &'a JobEntry)> {
        let jobs = self.by_buyer.get(&buyer).into_iter().flatten();
        jobs.filter_map(|job| core.job(*job).map(|entry| (*job, entry)))
    }
}

fn remove<N: Eq + Hash, J: Ord>(jobs: &mut HashMap<N, BTreeSet<J>>, name: N, job: J) {
    if let Entry::Occupied(mut named) = jobs.entry(name) {
        named.get_mut().remove(&job);
        if named.get().is_empty() {
            named.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use millrace_scheduler::Event;

    use super::super::sample::{self, BUYER, NOW};
    use super::*;

    const SPEC: Sha256 = Sha256([9; 32]);
    const OTHER_SPEC: Sha256 = Sha256([0; 32]);

    fn view(opened_slot: u64, spec: Sha256) -> JobView {
        sample::view(opened_slot, spec, sample::terms())
    }

    fn core(jobs: &[(u8, JobView)]) -> Core {
        let mut core = Core::restore(sample::settings(), NOW, []);
        for (job, view) in jobs {
            core.on_event(NOW, Event::JobSeen { job: Address([*job; 32]), view: *view });
        }
        core
    }

    fn of_buyer(index: &JobIndex, core: &Core, buyer: Address) -> Vec<Address> {
        index.of_buyer(core, buyer).map(|(job, _)| job).collect()
    }

    #[test]
    fn a_specs_first_job_and_a_buyers_jobs_are_found() {
        let other = Address([2; 32]);
        let of_other = JobView { buyer: other, ..view(20, SPEC) };
        let core = core(&[(3, of_other), (4, view(10, SPEC)), (5, view(5, OTHER_SPEC))]);
        let index = JobIndex::of(&core);
        assert_eq!(index.first_with(&core, SPEC).unwrap().view.buyer, BUYER);
        assert!(index.first_with(&core, Sha256([1; 32])).is_none());
        assert_eq!(of_buyer(&index, &core, BUYER), [Address([4; 32]), Address([5; 32])]);
        assert_eq!(of_buyer(&index, &core, other), [Address([3; 32])]);
    }

    #[test]
    fn a_job_that_is_known_no_longer_is_not_found_and_not_kept() {
        let mut core = core(&[(3, view(20, SPEC)), (4, view(10, SPEC))]);
        let mut index = JobIndex::of(&core);
        // Another job at the address of the first one, with another spec.
        let (job, view) = (Address([4; 32]), view(30, OTHER_SPEC));
        core.on_event(NOW, Event::JobSeen { job, view });
        index.note(job, &view);
        assert_eq!(index.first_with(&core, SPEC).unwrap().view.opened_slot, 20);
        assert_eq!(index, JobIndex::of(&core));
        index.forget(Address([3; 32]));
        assert!(index.first_with(&core, SPEC).is_none());
        assert_eq!(of_buyer(&index, &core, BUYER), [job]);
        index.forget(job);
        assert_eq!(index, JobIndex::default());
    }
}
