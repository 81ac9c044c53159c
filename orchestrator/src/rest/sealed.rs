use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use millrace_link::rest::LARGEST_ENVELOPE;
use millrace_protocol::Address;
use tokio::sync::oneshot;

use super::jobs::{of_owner, parse};
use super::{Authorized, Context, Refusal};
use crate::driver::{Input, Taken};

/// How long a worker may take to open an envelope: it reads the job on chain first.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long an envelope may be on its way here.
const ARRIVAL: Duration = Duration::from_secs(60);

/// Carries what the job's buyer has sealed to the worker of one of its leases, and says what that made of it.
pub(super) async fn put(
    State(context): State<Arc<Context>>,
    Path((job, lease)): Path<(String, String)>,
    Authorized(key): Authorized,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let lease = parse(&lease)?;
    let job: Address = of_owner(&context, &job, key, |_, job, _| job).await?;
    let too_large = |_| {
        let (cause, hint) = ("the envelope is larger than 1 MiB", "put what is large into encrypted inputs");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "envelope-too-large", cause, hint)
    };
    let too_slow = |_| {
        let (cause, hint) = ("the envelope did not arrive within a minute", "bring it again");
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "envelope-too-slow", cause, hint)
    };
    let arriving = tokio::time::timeout(ARRIVAL, to_bytes(body, LARGEST_ENVELOPE));
    let envelope = arriving.await.map_err(too_slow)?.map_err(too_large)?.to_vec();
    let (taken, answered) = oneshot::channel();
    if !context.inbox.send(Input::Sealed { job, lease, envelope, taken }).await {
        return Err(Refusal::stopping());
    }
    match tokio::time::timeout(PATIENCE, answered).await {
        Ok(Ok(Taken::Kept)) => Ok(StatusCode::NO_CONTENT),
        Ok(Ok(Taken::Refused(refusal))) => {
            let hint = "seal it again, for this lease, with the wallet that opened the job";
            Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &refusal.code, refusal.cause, hint))
        }
        Ok(Ok(Taken::NoSuchLease)) => {
            let cause = format!("the job has no live lease {lease}");
            let hint = "`millrace job show` lists the job's leases";
            Err(Refusal::new(StatusCode::NOT_FOUND, "lease-unknown", cause, hint))
        }
        Ok(Ok(Taken::UnderWay)) => {
            let cause = "another envelope is on its way to the lease's rig, or the rig does not read what it is sent";
            let hint = "wait for the answer to the other one, then bring this again";
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "envelope-under-way", cause, hint))
        }
        // Its stream has ended meanwhile, or it does not answer.
        Ok(Ok(Taken::Away) | Err(_)) | Err(_) => {
            let cause = "the lease's rig is not connected now";
            let hint = "bring it again in a moment; the job's task waits for it";
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "worker-away", cause, hint))
        }
    }
}
