use std::path::PathBuf;
use std::sync::Arc;

use millrace_link::objects::ObjectClient;
use serde::Serialize;
use serde_json::Value;

use crate::args::OutputsOf;
use crate::context::{Context, signing_key};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::transfer::Destination;
use crate::{sealing, transfer, views};

#[derive(Serialize)]
struct Downloaded {
    into: PathBuf,
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
            return "no outputs yet".to_owned();
        }
        let n_files = views::counted(self.files.len(), "file");
        let bytes: u64 = self.files.iter().map(|file| file.size).sum();
        style.good(&format!("{n_files} ({bytes} bytes) in {}, every hash right", self.into.display()))
    }

    fn next(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Downloads a job's outputs.
///
/// # Errors
/// A job that does not exist or is another buyer's, a folder that cannot be written, an orchestrator
/// that cannot be reached.
pub async fn run(context: &Context<'_>, args: OutputsOf) -> Result<(), Failure> {
    let key = context.keypair()?;
    let market = context.market(&key);
    let tasks = market.outputs(args.job).await?;
    let objects = ObjectClient::new(market.base(), Arc::new(signing_key(&key)));
    let destinations = transfer::download(&objects, &tasks, &args.into).await?;
    let mut files = Vec::with_capacity(destinations.len());
    for Destination { task, object, path } in destinations {
        let (path, object) = sealing::open_output(&path, &signing_key(&key))?.unwrap_or((path, object));
        files.push(File { task, path, size: object.size, sha256: object.sha256.to_string() });
    }
    context.output.report(&Downloaded { into: args.into, files });
    Ok(())
}
