use std::sync::Arc;
use std::time::Duration;

use millrace_protocol::{Address, Diagnostic, JobTerms};
use millrace_scheduler::{Action, Cause, Event, Workload};
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
    pub(super) fn fetch_spec(&mut self, job: Address, hash: Sha256) {
        let (objects, inbox) = (self.objects.clone(), self.inbox.clone());
        self.beside.spawn(async move {
            let result = read(&objects, hash).await.map(Box::new);
            inbox.send(Input::SpecRead { job, result }).await;
        });
    }

    /// Of a job that was known before a restart: workers get its spec with each task, so it is looked for again until it
    /// is here, or can never be had.
    pub(super) fn miss_spec(&mut self, job: Address, hash: Sha256, problem: &Problem) {
        let (code, cause, permanent) = (&problem.cause.code, &problem.cause.message, problem.permanent);
        tracing::error!(%job, code, cause, permanent, "the spec of an open job cannot be read");
        if permanent {
            return;
        }
        let (objects, inbox) = (self.objects.clone(), self.inbox.clone());
        self.beside.spawn(async move {
            tokio::time::sleep(AGAIN).await;
            let result = read(&objects, hash).await.map(Box::new);
            inbox.send(Input::SpecRead { job, result }).await;
        });
    }

    pub(super) fn on_spec_read(&mut self, job: Address, result: Result<Box<Spec>, Problem>, actions: &mut Vec<Action>) {
        let terms = self.core.job(job).map(|entry| entry.view.job.terms);
        let event = match result {
            // What the buyer pays for on chain is what counts; a spec that says otherwise is no spec of it.
            Ok(spec) if terms.is_some_and(|terms| !is_extension_of(&spec.spec.terms, &terms)) => Event::SpecFailed {
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
            Err(problem) if let Some(hash) = self.known_spec(job) => return self.miss_spec(job, hash, &problem),
            Err(problem) => Event::SpecFailed { job, cause: problem.cause, permanent: problem.permanent },
        };
        self.feed(event, actions);
    }

    /// Of a job on chain whose spec the scheduler has read once.
    fn known_spec(&self, job: Address) -> Option<Sha256> {
        let entry = self.core.job(job).filter(|entry| entry.on_chain && entry.workload().is_some())?;
        Some(entry.view.spec_hash)
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{
        GpuUnits, MicroUsdc, Payment, PricePerGpuHour, Requirements, Seconds, ServiceLevel, Verification,
    };

    use super::*;

    #[test]
    fn an_extended_job_is_still_the_one_of_its_spec() {
        let requirements =
            Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
        let asked = JobTerms {
            requirements,
            maximum_price: PricePerGpuHour(1_000_000),
            concurrent_leases: 1,
            lease_seconds: Seconds(600),
            start_window: Seconds(60),
            retries: 2,
            deposit: MicroUsdc(1_000_000),
            spot: false,
            service_level: ServiceLevel::None,
            payment: Payment::Streaming,
            verification: Verification::Attested,
            dispute_window: Seconds::ZERO,
        };
        assert!(is_extension_of(&asked, &asked));
        for extended in [
            JobTerms { deposit: MicroUsdc(2_000_000), ..asked },
            JobTerms { lease_seconds: Seconds(900), ..asked },
            JobTerms { start_window: Seconds(61), ..asked },
        ] {
            assert!(is_extension_of(&asked, &extended), "{extended:?}");
            assert!(!is_extension_of(&extended, &asked), "{extended:?}");
        }
        for other in [JobTerms { retries: 3, ..asked }, JobTerms { payment: Payment::OnResult, ..asked }] {
            assert!(!is_extension_of(&asked, &other), "{other:?}");
        }
    }
}
