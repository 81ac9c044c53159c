use std::sync::Arc;

use millrace_protocol::{Address, Diagnostic};
use millrace_scheduler::{Action, Cause, Event, Workload};
use millrace_spec::{JobSpec, Sha256};

use super::{Driver, Input};
use crate::objects::{self, Objects};

/// The longest spec in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

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
    let bytes = objects.get_bytes(hash, LONGEST).await.map_err(|error| Problem {
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

impl Driver {
    pub(super) fn fetch_spec(&mut self, job: Address, hash: Sha256) {
        let (objects, inbox) = (self.objects.clone(), self.inbox.clone());
        self.beside.spawn(async move {
            let result = read(&objects, hash).await.map(Box::new);
            inbox.send(Input::SpecRead { job, result }).await;
        });
    }

    pub(super) fn on_spec_read(&mut self, job: Address, result: Result<Box<Spec>, Problem>, actions: &mut Vec<Action>) {
        let terms = self.core.job(job).map(|entry| entry.view.job.terms);
        let event = match result {
            // What the buyer pays for on chain is what counts; a spec that says otherwise is no spec of it.
            Ok(spec) if terms.is_some_and(|terms| terms != spec.spec.terms) => Event::SpecFailed {
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
            Err(problem) => Event::SpecFailed { job, cause: problem.cause, permanent: problem.permanent },
        };
        self.feed(event, actions);
    }
}
