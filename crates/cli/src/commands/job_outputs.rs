use std::path::PathBuf;
use std::sync::Arc;

use millrace_link::objects::ObjectClient;
use millrace_link::rest::TaskOutputs;
use millrace_protocol::Address;
use serde::Serialize;
use serde_json::Value;

use crate::args::OutputsOf;
use crate::context::{Context, signing_key};
use crate::errors::Failure;
use crate::market::Market;
use crate::output::{self, Report, Style};
use crate::transfer::Destination;
use crate::{sealing, transfer, views};

#[derive(Serialize)]
struct Downloaded {
    job: Address,
    into: PathBuf,
    /// Whether they are no results.
    early: bool,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    task: u32,
    path: PathBuf,
    size: u64,
    sha256: String,
}

impl Report for Downloaded {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        if self.files.is_empty() {
            let what = if self.early { "no early outputs" } else { "no outputs yet" };
            return what.to_owned();
        }
        let n_files = views::counted(self.files.len(), "file");
        let bytes: u64 = self.files.iter().map(|file| file.size).sum();
        let what = format!("{n_files} ({bytes} bytes) in {}, every hash right", self.into.display());
        if self.early {
            return format!(
                "{what}\nnot final: their tasks are not done, and only what is there at the end is the result"
            );
        }
        style.good(&what)
    }

    fn next(&self) -> Vec<String> {
        if self.early || !self.files.is_empty() {
            return Vec::new();
        }
        let job = self.job;
        vec![format!("millrace job outputs {job} --early  (what was finished of tasks that are not done)")]
    }
}

/// Downloads a job's outputs, or what is finished of those that are not there yet.
///
/// # Errors
/// A job that does not exist or is another buyer's, a folder that cannot be written, an orchestrator
/// that cannot be reached.
pub async fn run(context: &Context<'_>, args: OutputsOf) -> Result<(), Failure> {
    let key = context.keypair()?;
    let market = context.market(&key);
    let (tasks, into) = if args.early {
        (early(&market, args.job).await?, args.into.join("early"))
    } else {
        (market.outputs(args.job).await?, args.into)
    };
    let objects = ObjectClient::new(market.base(), Arc::new(signing_key(&key)));
    let destinations = transfer::download(&objects, &tasks, &into).await?;
    let mut files = Vec::with_capacity(destinations.len());
    for Destination { task, object, path } in destinations {
        let (path, object) = sealing::open_output(&path, &signing_key(&key))?.unwrap_or((path, object));
        files.push(File { task, path, size: object.size, sha256: object.sha256.to_string() });
    }
    context.output.report(&Downloaded { job: args.job, into, early: args.early, files });
    Ok(())
}

async fn early(market: &Market, job: Address) -> Result<Vec<TaskOutputs>, Failure> {
    let mut found = Vec::new();
    for task in market.job(job).await?.tasks.iter().filter(|task| task.early_outputs.is_some()) {
        found.extend(market.early_outputs(job, task.index).await?.map(|early| early.task));
    }
    Ok(found)
}
