use millrace_client::accounts::JobAccount;
use millrace_link::objects::ObjectClient;
use millrace_spec::{JobSpec, Sha256};
use std::sync::Arc;

use crate::args::UnlockJob;
use crate::commands::submit_job::Finished;
use crate::context::{Context, signing_key};
use crate::errors::Failure;
use crate::{follow, submission};

/// Stays with a job that was submitted before, and brings each of its rigs what the job needs of its buyer.
///
/// # Errors
/// A file that is not the job's, a job that is another buyer's, and the job's own failure.
pub async fn run(context: &Context<'_>, args: UnlockJob) -> Result<(), Failure> {
    let wallet = context.keypair()?;
    let (market, client) = (context.market(&wallet), context.client());
    let account: JobAccount = client.fetch(args.job).await?;
    let objects = ObjectClient::new(market.base(), Arc::new(signing_key(&wallet)));
    let spec = objects.get_bytes(Sha256(account.spec_hash), JobSpec::LONGEST).await?;
    let spec = JobSpec::from_canonical(&spec)?;
    let mut handover = submission::handover(&args.file, &spec, signing_key(&wallet), client).await?;
    let status = follow::follow(context.output, &market, args.job, handover.as_mut()).await?;
    if let Some(failure) = follow::failure_of(&status) {
        return Err(failure);
    }
    context.output.report(&Finished { status: &status, transaction: None, downloads: false });
    Ok(())
}
