use std::sync::Arc;
use std::time::Duration;

use millrace_protocol::{Address, Diagnostic, JobTerms};
use millrace_scheduler::{Action, Cause, Event, JobEntry, Workload};
use millrace_spec::{JobSpec, Sha256};

use super::{Driver, Input};
use crate::objects::{self, Objects};

/// Until a spec is looked for again that was here once.
const AGAIN: Duration = Duration::from_secs(10);

/// A job's spec, read and as its canonical bytes.
pub(crate) struct Spec {
    pub spec: JobSpec,
    pub bytes: Vec<u8>,
}

/// Why a spec cannot be had.
pub(crate) struct Problem {
    pub cause: Cause,
    /// Trying again cannot help.
    pub permanent: bool,
}

pub(super) async fn read(objects: &Objects, hash: Sha256) -> Result<Spec, Problem> {
    let bytes = objects.get_bytes(hash, JobSpec::LONGEST).await.map_err(|error| Problem {
        permanent: matches!(error, objects::Error::TooLarge { .. }),
        cause: cause(&error),
    })?;
    let spec = JobSpec::from_canonical(&bytes).map_err(|error| Problem { permanent: true, cause: cause(&error) })?;
    Ok(Spec { spec, bytes: bytes.into() })
}

/// What people are told of an error.
pub(crate) fn cause(error: &dyn Diagnostic) -> Cause {
    let sources = std::iter::successors(error.source(), |error| error.source());
    let message = sources.fold(error.to_string(), |message, source| {
        let source = source.to_string();
        // Some errors repeat their source.
        if message.ends_with(&source) { message } else { format!("{message}: {source}") }
    });
    Cause { code: error.code().to_owned(), message, hint: error.hint() }
}

/// Whether the terms on chain are those of the spec, or what the buyer has made of them since: more money,
/// longer leases, a longer wait.
fn is_extension_of(asked: &JobTerms, on_chain: &JobTerms) -> bool {
    let JobTerms { deposit, lease_seconds, start_window, .. } = *asked;
    let grown =
        on_chain.deposit >= deposit && on_chain.lease_seconds >= lease_seconds && on_chain.start_window >= start_window;
    grown && JobTerms { deposit, lease_seconds, start_window, ..*on_chain } == *asked
}

impl Driver {
    pub(super) fn read_spec(&mut self, job: Address, hash: Sha256, after: Duration) {
        let (objects, inbox) = (self.objects.clone(), self.inbox.clone());
        self.beside.spawn(async move {
            tokio::time::sleep(after).await;
            let result = read(&objects, hash).await.map(Box::new);
            inbox.send(Input::SpecRead { job, hash, result }).await;
        });
    }

    /// Of a job that was known before a restart: workers get its spec with each task, so it is looked for again until it
    /// is here, or can never be had.
    pub(super) fn miss_spec(&mut self, job: Address, hash: Sha256, problem: &Problem) {
        let (code, cause, permanent) = (&problem.cause.code, &problem.cause.message, problem.permanent);
        tracing::error!(%job, code, cause, permanent, "the spec of an open job cannot be read");
        if !permanent {
            self.read_spec(job, hash, AGAIN);
        }
    }

    pub(super) fn on_spec_read(
        &mut self,
        (job, hash): (Address, Sha256),
        result: Result<Box<Spec>, Problem>,
        actions: &mut Vec<Action>,
    ) {
        // It may be closed meanwhile, and its address another job's.
        let is_asked = |entry: &&JobEntry| entry.on_chain && entry.view.spec_hash == hash;
        let Some(entry) = self.core.job(job).filter(is_asked) else { return };
        let terms = entry.view.job.terms;
        let event = match result {
            // What the buyer pays for on chain is what counts; a spec that says otherwise is no spec of it.
            Ok(spec) if !is_extension_of(&spec.spec.terms, &terms) => Event::SpecFailed {
                job,
                cause: Cause {
                    code: "spec-terms-differ".to_owned(),
                    message: "the terms in the job's spec are not those on chain".to_owned(),
                    hint: "submit the job again with `millrace job submit`".to_owned(),
                },
                permanent: true,
            },
            Ok(spec) => {
                let workload = Workload::from(&spec.spec);
                self.specs.insert(job, Arc::new(*spec));
                Event::SpecFetched { job, workload }
            }
            Err(problem) if entry.workload().is_some() => return self.miss_spec(job, hash, &problem),
            Err(problem) => Event::SpecFailed { job, cause: problem.cause, permanent: problem.permanent },
        };
        self.feed(event, actions);
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{MicroUsdc, Payment, Seconds};
    use millrace_spec::Limits;

    use super::super::sample;
    use super::*;

    const JOB: Address = Address([1; 32]);
    const FIRST: Sha256 = Sha256([2; 32]);
    const SECOND: Sha256 = Sha256([3; 32]);

    fn named(name: &str) -> Box<Spec> {
        let spec = JobSpec {
            after: None,
            checkpoint: None,
            command: Vec::new(),
            egress: Vec::new(),
            env: Default::default(),
            finish_on_notice: false,
            image: "image".to_owned(),
            inputs: Default::default(),
            limits: Limits { cpu_milli: 10, disk_mib: 1, memory_mib: 8, pids: 16, task_seconds: 60 },
            name: name.to_owned(),
            network: false,
            outputs: None,
            placement: None,
            retry: None,
            runtime: None,
            sealed: None,
            shape: None,
            task_retries: 1,
            tasks: 2,
            terms: sample::terms(),
        };
        Spec { spec, bytes: Vec::new() }.into()
    }

    fn problem(permanent: bool) -> Problem {
        let cause = Cause { code: "object-too-large".to_owned(), message: String::new(), hint: String::new() };
        Problem { cause, permanent }
    }

    /// A job was opened at the address.
    fn open(driver: &mut Driver, opened_slot: u64, hash: Sha256) -> Vec<Action> {
        let mut actions = Vec::new();
        let view = sample::view(opened_slot, hash, sample::terms());
        driver.take(Input::Event(Event::JobSeen { job: JOB, view }), &mut actions);
        actions
    }

    fn hear(driver: &mut Driver, hash: Sha256, result: Result<Box<Spec>, Problem>) -> Vec<Action> {
        let mut actions = Vec::new();
        driver.take(Input::SpecRead { job: JOB, hash, result }, &mut actions);
        actions
    }

    #[tokio::test]
    async fn what_was_read_for_a_job_is_nothing_to_the_next_one_at_its_address() {
        let (mut driver, _folder) = sample::driver(Vec::new()).await;
        open(&mut driver, 1, FIRST);
        open(&mut driver, 2, SECOND);
        assert!(hear(&mut driver, FIRST, Ok(named("first"))).is_empty());
        assert!(hear(&mut driver, FIRST, Err(problem(true))).is_empty());
        let entry = driver.core.job(JOB).unwrap();
        assert!(driver.specs.is_empty() && entry.workload().is_none() && entry.outcome.is_none());
        hear(&mut driver, SECOND, Ok(named("second")));
        assert_eq!(driver.core.job(JOB).unwrap().name(), "second");
        assert_eq!(driver.specs[&JOB].spec.name, "second");
    }

    #[tokio::test]
    async fn a_spec_that_cannot_be_had_ends_a_job_that_needs_it_and_no_other() {
        let (mut driver, _folder) = sample::driver(Vec::new()).await;
        open(&mut driver, 1, FIRST);
        hear(&mut driver, FIRST, Ok(named("first")));
        hear(&mut driver, FIRST, Err(problem(true)));
        assert!(driver.core.job(JOB).unwrap().outcome.is_none(), "it was here once");
        open(&mut driver, 2, SECOND);
        hear(&mut driver, SECOND, Err(problem(false)));
        assert!(driver.core.job(JOB).unwrap().outcome.is_none(), "it may come");
        hear(&mut driver, SECOND, Err(problem(true)));
        assert!(driver.core.job(JOB).unwrap().outcome.is_some());
    }

    #[tokio::test]
    async fn a_spec_is_kept_until_its_job_is_gone_or_another_one_is_at_the_address() {
        let (mut driver, _folder) = sample::driver(Vec::new()).await;
        let mut actions = open(&mut driver, 1, FIRST);
        actions.extend(hear(&mut driver, FIRST, Ok(named("first"))));
        driver.carry_out(actions).await.unwrap();
        assert!(driver.specs.contains_key(&JOB));
        let actions = open(&mut driver, 2, SECOND);
        driver.carry_out(actions).await.unwrap();
        assert!(driver.specs.is_empty());
        let mut actions = hear(&mut driver, SECOND, Ok(named("second")));
        driver.carry_out(std::mem::take(&mut actions)).await.unwrap();
        assert!(driver.specs.contains_key(&JOB));
        // Nobody has told of an account.
        driver.take(Input::Reconciled, &mut actions);
        driver.carry_out(actions).await.unwrap();
        assert!(driver.specs.is_empty());
        // What was asked for before comes late.
        hear(&mut driver, SECOND, Ok(named("second")));
        assert!(driver.specs.is_empty());
    }

    #[test]
    fn an_extended_job_is_still_the_one_of_its_spec() {
        let asked = sample::terms();
        assert!(is_extension_of(&asked, &asked));
        for extended in [
            JobTerms { deposit: MicroUsdc(6_000_000), ..asked },
            JobTerms { lease_seconds: Seconds(900), ..asked },
            JobTerms { start_window: Seconds(601), ..asked },
        ] {
            assert!(is_extension_of(&asked, &extended), "{extended:?}");
            assert!(!is_extension_of(&extended, &asked), "{extended:?}");
        }
        for other in [JobTerms { retries: 3, ..asked }, JobTerms { payment: Payment::OnResult, ..asked }] {
            assert!(!is_extension_of(&asked, &other), "{other:?}");
        }
    }
}
