use std::collections::{BTreeSet, HashMap};

use millrace_protocol::Address;
use millrace_scheduler::{Core, JobEntry, JobView};
use millrace_spec::Sha256;

/// Jobs by what requests name them by: to look at all of them costs more than a request may.
#[derive(Default)]
pub(crate) struct JobIndex {
    /// Each with the slot it was opened in, so the first one comes first. The address may have had another job since.
    by_spec: HashMap<Sha256, BTreeSet<(u64, Address)>>,
    by_buyer: HashMap<Address, BTreeSet<Address>>,
}

impl JobIndex {
    /// Of all jobs that are known.
    pub fn of(core: &Core) -> Self {
        let mut index = Self::default();
        core.jobs().for_each(|(job, entry)| index.note(job, &entry.view));
        index
    }

    pub fn note(&mut self, job: Address, view: &JobView) {
        self.by_spec.entry(view.spec_hash).or_default().insert((view.opened_slot, job));
        self.by_buyer.entry(view.buyer).or_default().insert(job);
    }

    /// Jobs that are known no longer.
    pub fn forget(&mut self, core: &Core) {
        self.by_spec.retain(|spec, jobs| {
            jobs.retain(|opened| with_spec(core, *spec, *opened).is_some());
            !jobs.is_empty()
        });
        self.by_buyer.retain(|_, jobs| {
            jobs.retain(|job| core.job(*job).is_some());
            !jobs.is_empty()
        });
    }

    /// The job that was the first with a spec.
    pub fn first_with<'a>(&self, core: &'a Core, spec: Sha256) -> Option<&'a JobEntry> {
        self.by_spec.get(&spec)?.iter().find_map(|opened| with_spec(core, spec, *opened))
    }

    /// In no particular order.
    pub fn of_buyer<'a>(&self, core: &'a Core, buyer: Address) -> impl Iterator<Item = (Address, &'a JobEntry)> {
        let jobs = self.by_buyer.get(&buyer).into_iter().flatten();
        jobs.filter_map(|job| core.job(*job).map(|entry| (*job, entry)))
    }
}

fn with_spec(core: &Core, spec: Sha256, (slot, job): (u64, Address)) -> Option<&JobEntry> {
    core.job(job).filter(|entry| (entry.view.opened_slot, entry.view.spec_hash) == (slot, spec))
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{
        GpuUnits, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour, Requirements, Seconds, ServiceLevel,
        UnixSeconds, Verification, transitions,
    };
    use millrace_scheduler::{DrawSecret, Event, Now, Settings, Weights};

    use super::*;

    const NOW: Now = Now { millis: 1_000, chain: UnixSeconds(1_000) };
    const SPEC: Sha256 = Sha256([9; 32]);
    const BUYER: Address = Address([1; 32]);

    fn view(opened_slot: u64, buyer: Address, spec_hash: Sha256) -> JobView {
        let requirements =
            Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
        let terms = JobTerms {
            requirements,
            maximum_price: PricePerGpuHour(1_000_000),
            concurrent_leases: 1,
            lease_seconds: Seconds(600),
            start_window: Seconds(600),
            retries: 2,
            deposit: MicroUsdc(5_000_000),
            spot: false,
            service_level: ServiceLevel::None,
            payment: Payment::Streaming,
            verification: Verification::Attested,
            dispute_window: Seconds::ZERO,
        };
        let job = transitions::open_job(terms, &Parameters::default(), NOW.chain).unwrap();
        JobView {
            buyer,
            funder: buyer,
            delegate: None,
            attestor: None,
            id: 1,
            opened_slot,
            opened_at: NOW.chain,
            spec_hash,
            quorum_round: 0,
            quorum_open: false,
            job,
        }
    }

    fn core(jobs: &[(u8, JobView)]) -> Core {
        let settings = Settings {
            program: Address([7; 32]),
            attestor: Address([8; 32]),
            heartbeat_millis: 1_000,
            weights: Weights::default(),
            draw_secret: DrawSecret([5; 32]),
            keep_jobs: Seconds(3_600),
        };
        let mut core = Core::restore(settings, NOW, []);
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
        let core =
            core(&[(3, view(20, other, SPEC)), (4, view(10, BUYER, SPEC)), (5, view(5, BUYER, Sha256([0; 32])))]);
        let index = JobIndex::of(&core);
        assert_eq!(index.first_with(&core, SPEC).unwrap().view.buyer, BUYER);
        assert!(index.first_with(&core, Sha256([1; 32])).is_none());
        assert_eq!(of_buyer(&index, &core, BUYER), [Address([4; 32]), Address([5; 32])]);
        assert_eq!(of_buyer(&index, &core, other), [Address([3; 32])]);
    }

    #[test]
    fn a_job_that_is_known_no_longer_is_not_found_and_not_kept() {
        let all = core(&[(3, view(20, BUYER, SPEC)), (4, view(10, BUYER, SPEC))]);
        let mut index = JobIndex::of(&all);
        // Another job at the address of the first one, with another spec.
        let later = core(&[(3, view(20, BUYER, SPEC)), (4, view(30, BUYER, Sha256([0; 32])))]);
        assert_eq!(index.first_with(&later, SPEC).unwrap().view.opened_slot, 20);
        index.forget(&later);
        assert_eq!(index.by_spec[&SPEC].len(), 1);
        let none = core(&[]);
        assert!(index.first_with(&none, SPEC).is_none() && of_buyer(&index, &none, BUYER).is_empty());
        index.forget(&none);
        assert!(index.by_spec.is_empty() && index.by_buyer.is_empty());
    }
}
