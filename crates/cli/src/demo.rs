//! The demonstration: one render job on a whole network on this machine, from the escrow to the
//! last micro-USDC.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_link::objects::ObjectClient;
use millrace_link::rest::{JobStatus, TaskOutputs};
use millrace_localnet::SlotMode;
use millrace_protocol::{Address, Diagnostic, MicroUsdc, Parameters, Seconds};
use thiserror::Error;

use crate::context::signing_key;
use crate::errors::Failure;
use crate::output::Output;
use crate::stage::rig::Rig;
use crate::stage::{self, Stage};
use crate::submission::{self, Prepared};
use crate::views::money::{self, Account};
use crate::{follow, transfer, views};

mod cast;
pub mod contact_sheet;
pub mod containers;
pub mod frames;
mod report;

pub use cast::CAST;
pub use report::{Performance, Share};

/// What every frame must measure.
const FRAME: (u32, u32) = (320, 240);
/// Longest silence of a lease on chain: short, so that the demo also shows payments under way.
const CHECKPOINT: Seconds = Seconds(60);
const HEARTBEAT: Duration = Duration::from_secs(1);
const BUDGET: MicroUsdc = MicroUsdc(25_000_000);

/// What only the demo can fail with.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the money does not add up: {} in, {} out", account.paid_in, account.paid_out)]
    SumWrong { account: Box<Account> },
    #[error("this program's own file cannot be found")]
    BinaryUnknown(#[source] std::io::Error),
    #[error("`{}` exists already", dir.display())]
    DirExists { dir: PathBuf },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::SumWrong { .. } => "demo-sum-wrong",
            Self::BinaryUnknown(_) => "binary-unknown",
            Self::DirExists { .. } => "demo-dir-exists",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::SumWrong { .. } => "this is a defect: report it with the folder's logs",
            Self::BinaryUnknown(_) => "run `millrace` from a path that still exists",
            Self::DirExists { .. } => "each demo needs a fresh folder: name another, or none",
        }
        .to_owned()
    }
}

/// Sets the stage in `dir`: chain, orchestrator, three providers with a rig each.
///
/// # Errors
/// Whatever keeps one of them from coming up.
pub async fn set(output: &dyn Output, dir: &Path, engine: &containers::Engine) -> Result<Stage, Failure> {
    let binary = std::env::current_exe().map_err(Error::BinaryUnknown)?;
    let parameters = Parameters { checkpoint_interval: CHECKPOINT, settle_grace: CHECKPOINT, ..Parameters::default() };
    let options = stage::Options {
        dir: dir.to_owned(),
        binary,
        parameters,
        heartbeat: HEARTBEAT,
        slot: SlotMode::Clock(SlotMode::CLUSTER),
        budget: BUDGET,
    };
    let mut stage = Stage::raise(options).await?;
    output.note(&format!("chain         Solana network in this process, {}", stage.localnet.rpc_url()));
    if let Err(failure) = populate(output, &mut stage, engine).await {
        stage.strike().await?;
        return Err(failure);
    }
    Ok(stage)
}

async fn populate(output: &dyn Output, stage: &mut Stage, engine: &containers::Engine) -> Result<(), Failure> {
    for rig in CAST {
        stage.add_rig(rig).await?;
    }
    engine.clean_up_after(&stage.nodes());
    stage.start_orchestrator().await?;
    output.note(&format!("orchestrator  {}", stage.http_url()));
    for (index, rig) in CAST.iter().enumerate() {
        stage.start_worker(index).await?;
        output.note(&format!("worker {}      {}", index + 1, introduction(rig)));
    }
    stage.connected(CAST.len() as u32).await
}

fn introduction(rig: &Rig) -> String {
    let hardware = views::node::hardware(&rig.hardware());
    format!("{:<15} {:<22} {}, stake {}", rig.provider_name, hardware, rig.price, rig.stake)
}

/// Sends the job, follows it, fetches and checks the frames, reads the money back from the chain.
///
/// # Errors
/// A job that fails, a frame that is none, money that does not add up.
pub async fn perform(output: &dyn Output, stage: &Stage, job: &Prepared, dir: &Path) -> Result<Performance, Failure> {
    let started = Instant::now();
    let market = stage.market();
    let network = stage.client.config().await?;
    let quote = job.quote(&network, &market).await?;
    output.note(&format!("\njob           `{}`, {} tasks, deposit {}", quote.name, quote.tasks, quote.deposit));
    let opened = job.open(&stage.client, &network, &market, &stage.buyer, submission::fresh_id()).await?;
    let address = opened.job;
    let status = follow::follow(output, &market, address, None).await?;
    if let Some(failure) = follow::failure_of(&status) {
        return Err(failure);
    }
    let outputs = market.outputs(address).await?;
    let folder = dir.join("frames");
    let objects = ObjectClient::new(market.base(), Arc::new(signing_key(&stage.buyer)));
    let mut files = transfer::download(&objects, &outputs, &folder).await?;
    files.sort_by(|a, b| (a.task, &a.path).cmp(&(b.task, &b.path)));
    let paths: Vec<_> = files.into_iter().map(|file| file.path).collect();
    let pictures = frames::verify(&paths, quote.tasks as usize, FRAME)?;
    let contact_sheet = dir.join("contact-sheet.png");
    contact_sheet::write(&contact_sheet::compose(&pictures), &contact_sheet)?;

    let statement = stage.client.job_history(address).await?.statement();
    let account = money::account(&statement, &|node| provider_name(stage, node));
    if !account.exact {
        return Err(Error::SumWrong { account: Box::new(account) }.into());
    }
    Ok(Performance {
        job: address,
        n_frames: pictures.len(),
        frame_size: FRAME,
        frames: folder,
        contact_sheet,
        shares: shares(&status, &outputs),
        account,
        seconds: started.elapsed().as_secs(),
        dir: dir.to_owned(),
    })
}

fn provider_name(stage: &Stage, node: Address) -> String {
    let actor = stage.actors.iter().find(|actor| actor.node == node);
    actor.map_or_else(|| views::short(node), |actor| actor.rig.provider_name.to_owned())
}

/// Who rendered what, by name.
fn shares(status: &JobStatus, outputs: &[TaskOutputs]) -> Vec<Share> {
    let mut shares: BTreeMap<&str, Share> = BTreeMap::new();
    for lease in &status.leases {
        let share = shares.entry(&lease.provider_name).or_insert_with(|| Share {
            provider: lease.provider_name.clone(),
            node: lease.node,
            hardware: views::node::hardware(&lease.hardware),
            frames: Vec::new(),
            metered: Seconds::ZERO,
        });
        share.metered = Seconds(share.metered.0 + lease.metered.0);
    }
    for task in outputs {
        if let Some(share) = shares.values_mut().find(|share| Some(share.node) == task.node) {
            share.frames.push(task.index + 1);
        }
    }
    shares.into_values().collect()
}

/// Reads the job file before anything is started: a typo should not cost half a minute.
///
/// # Errors
/// Those of [`submission::prepare`]; a file that asks for a wallet, because the demo makes its own.
pub async fn read_job(path: &Path) -> Result<Prepared, Failure> {
    submission::prepare(path, || Err(millrace_spec::Error::NotSealed.into())).await
}
