//! From a job file to an open job, one step after the other: nothing is paid before everything that
//! can be checked has been.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use millrace_client::accounts::ConfigAccount;
use millrace_client::instructions::{self, NewJob};
use millrace_client::{
    Asset, Client, Error as ClientError, Goal, Instruction, Keypair, Outcome, Sender, address as addresses,
};
use millrace_link::objects::ObjectClient;
use millrace_protocol::{Address, Diagnostic, MicroUsdc, money};
use millrace_seal::{DataKey, Identity, InputKey, Secrets};
use millrace_spec::{JobFile, JobSpec};
use serde::Serialize;
use tempfile::TempDir;
use thiserror::Error;

use crate::clock;
use crate::context::{address, signing_key};
use crate::errors::Failure;
use crate::market::Market;
use crate::sealing::{self, Handover};
use crate::transfer;

mod fitting;
mod prepaid;

pub use prepaid::require_balance;

/// Rent of the job's account and vault, which comes back when the job is closed, and fees.
const LAMPORTS: u64 = 10_000_000;
/// How long the orchestrator may take to notice a new job.
const KNOWN: Duration = Duration::from_secs(30);

/// Why a job is not sent.
#[derive(Debug, Error)]
pub enum Error {
    #[error("`{}` cannot be read", path.display())]
    FileUnreadable { path: PathBuf, source: std::io::Error },
    #[error("the orchestrator works for program {theirs}, this command for {ours}")]
    OtherProgram { ours: Address, theirs: Address },
    #[error("the orchestrator signs as {theirs}, the network's scheduler is {ours}")]
    OtherScheduler { ours: Address, theirs: Address },
    #[error("the prepaid balance of {owner} holds {available}, and {needed} are needed")]
    BalanceTooSmall { owner: Address, available: MicroUsdc, needed: MicroUsdc },
    #[error("the delegate may put {per_job} into one job and {left} into all further ones, and {needed} are needed")]
    AllowanceTooSmall { per_job: MicroUsdc, left: MicroUsdc, needed: MicroUsdc },
    #[error("the job's rigs wait for secrets, and a schedule brings none")]
    SecretsUnattended,
    #[error("the job file's deposit was {begun} when the run was begun, and is {now} now")]
    DepositChanged { begun: MicroUsdc, now: MicroUsdc },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::FileUnreadable { .. } => "job-file-unreadable",
            Self::OtherProgram { .. } | Self::OtherScheduler { .. } => "orchestrator-of-another-network",
            Self::BalanceTooSmall { .. } => "balance-too-small",
            Self::AllowanceTooSmall { .. } => "allowance-exceeded",
            Self::SecretsUnattended => "schedule-with-secrets",
            Self::DepositChanged { .. } => "schedule-deposit-changed",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::FileUnreadable { .. } => "check the path; examples/render/job.toml is a whole job file".to_owned(),
            Self::OtherProgram { .. } | Self::OtherScheduler { .. } => {
                "`--rpc-url` and `--orchestrator-url` must belong to the same network".to_owned()
            }
            Self::BalanceTooSmall { .. } => {
                "its owner puts more into it with `millrace balance deposit <USDC>`".to_owned()
            }
            Self::AllowanceTooSmall { .. } => {
                "the balance's owner raises it with `millrace delegate allow <DELEGATE>`; or open a smaller job"
                    .to_owned()
            }
            Self::DepositChanged { .. } => {
                "nothing was opened for this time; the next run is as the file is now".to_owned()
            }
            Self::SecretsUnattended => {
                "open each run with `millrace job submit --follow`, which stays to bring them; or let the job do \
                 without secrets, a registry login and encrypted inputs"
                    .to_owned()
            }
        }
    }
}

/// What a job costs at most.
#[derive(Clone, Debug, Serialize)]
pub struct Quote {
    pub name: String,
    pub tasks: u32,
    pub spec_hash: String,
    /// The most one lease can cost.
    pub worst_case_per_lease: MicroUsdc,
    pub concurrent_leases: u16,
    /// Goes into escrow now; what is not used comes back.
    pub deposit: MicroUsdc,
    /// The network's part of the deposit, should all of it be used.
    pub maximum_fee: MicroUsdc,
    /// Nodes that meet the requirements at the maximum price, busy or not.
    pub nodes_fitting: usize,
    pub nodes_total: usize,
}

/// A job that is open and paid for.
#[derive(Clone, Debug)]
pub struct Opened {
    pub job: Address,
    /// That opened it; none where it was open already.
    pub transaction: Option<String>,
}

/// A job file with its inputs hashed, and encrypted where it says so.
pub struct Prepared {
    pub file: JobFile,
    pub spec: JobSpec,
    /// What each lease's rig needs of the buyer.
    pub secrets: Secrets,
    /// Where inputs lie that are uploaded, by path under `/inputs`.
    uploads: BTreeMap<String, PathBuf>,
    /// Holds encrypted ones.
    _encrypted: Option<TempDir>,
}

/// Reads, validates, encrypts and hashes; talks to nobody. The wallet is asked for only where the file says that
/// something is encrypted.
///
/// # Errors
/// A file that cannot be read or is no job file, an input or a secret that cannot be read.
pub async fn prepare(path: &Path, wallet: impl FnOnce() -> Result<Arc<Keypair>, Failure>) -> Result<Prepared, Failure> {
    let (mut file, folder) = read(path).await?;
    let mut encrypted = None;
    let inputs = if file.encrypts() {
        let wallet = wallet()?;
        let wallet = signing_key(wallet.as_ref());
        let salt = sealing::fresh_salt(&wallet);
        file.seal(salt, &Identity::of_key(&wallet).recipient().to_string());
        if file.encrypts_inputs() {
            let into = tempfile::tempdir().map_err(|source| {
                let path = std::env::temp_dir();
                sealing::Error::Unencrypted { path, source: source.into() }
            })?;
            let key = DataKey::derive(&wallet, salt);
            let inputs = sealing::encrypted_inputs(&file, &folder, into.path(), key).await?;
            encrypted = Some(into);
            inputs
        } else {
            sealing::plain_inputs(&file, &folder).await?
        }
    } else {
        sealing::plain_inputs(&file, &folder).await?
    };
    let spec = file.resolve(&inputs.objects)?;
    let secrets = sealing::read_secrets(&file, &folder, inputs.key)?;
    Ok(Prepared { file, spec, secrets, uploads: inputs.paths, _encrypted: encrypted })
}

/// What the rigs of a job need that was submitted before with this file; `None` where they need nothing.
///
/// # Errors
/// A file that is not the job's, an input or a secret that cannot be read.
pub async fn handover(
    path: &Path,
    spec: &JobSpec,
    wallet: SigningKey,
    client: Client,
) -> Result<Option<Handover>, Failure> {
    let Some(sealed) = spec.sealed.as_ref().filter(|sealed| sealed.is_awaited()) else { return Ok(None) };
    let (file, folder) = read(path).await?;
    let registry = file.registry.as_ref().map(|registry| &registry.host);
    let same_files = file.secrets.keys().eq(&sealed.files);
    let differs = [
        (!same_files, "secrets"),
        (registry != sealed.registry.as_ref(), "registries"),
        (!file.inputs.keys().eq(spec.inputs.keys()) || file.encrypts_inputs() != sealed.inputs.is_some(), "inputs"),
    ];
    if let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) {
        return Err(sealing::Error::OtherFile { what }.into());
    }
    let inputs = match sealed.inputs {
        None => None,
        Some(salt) => {
            let plain = transfer::hash_inputs(&file, &folder).await?;
            Some(InputKey { key: DataKey::derive(&wallet, salt), plain })
        }
    };
    let secrets = sealing::read_secrets(&file, &folder, inputs)?;
    Ok(Some(Handover::new(secrets, spec.placement.clone().unwrap_or_default(), wallet, client)))
}

async fn read(path: &Path) -> Result<(JobFile, PathBuf), Failure> {
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|source| Error::FileUnreadable { path: path.to_owned(), source })?;
    Ok((JobFile::parse(&text)?, path.parent().unwrap_or(Path::new("")).to_owned()))
}

impl Prepared {
    /// What it costs at most, and how many nodes could take it.
    ///
    /// # Errors
    /// An orchestrator that cannot be reached or belongs to another network.
    pub async fn quote(&self, network: &ConfigAccount, market: &Market) -> Result<Quote, Failure> {
        let theirs = market.network().await?;
        let ours = addresses::program();
        if theirs.program != ours {
            return Err(Error::OtherProgram { ours, theirs: theirs.program }.into());
        }
        if theirs.scheduler != network.scheduler {
            return Err(Error::OtherScheduler { ours: network.scheduler, theirs: theirs.scheduler }.into());
        }
        let terms = &self.spec.terms;
        let (nodes, now) = (market.nodes().await?, clock::now());
        Ok(Quote {
            name: self.spec.name.clone(),
            tasks: self.spec.tasks,
            spec_hash: self.spec.hash().to_string(),
            worst_case_per_lease: terms.worst_case()?,
            concurrent_leases: terms.concurrent_leases,
            deposit: terms.deposit,
            maximum_fee: money::share(terms.deposit, network.parameters.fee)?,
            nodes_fitting: nodes.iter().filter(|node| fitting::could_run(&self.spec, node, now)).count(),
            nodes_total: nodes.len(),
        })
    }

    /// Checks the wallet, uploads, pays. `id` names no other job of the buyer: one that is open under it with the
    /// same spec and terms is this one, and is not paid for again.
    ///
    /// # Errors
    /// A wallet without enough USDC or SOL, an orchestrator or RPC endpoint that cannot be reached,
    /// a refusal by the chain. Where the job may be open nevertheless, the failure names it.
    pub async fn open(
        &self,
        client: &Client,
        network: &ConfigAccount,
        market: &Market,
        wallet: &Arc<Keypair>,
        id: u64,
    ) -> Result<Opened, Failure> {
        let buyer = address(wallet);
        client.require_usdc(buyer, network.mint, self.spec.terms.deposit).await?;
        self.upload(client, market, wallet).await?;
        let job = NewJob {
            buyer,
            funder: buyer,
            mint: network.mint,
            id,
            spec_hash: self.spec.hash().0,
            terms: self.spec.terms,
            attestor: self.file.attestor(),
        };
        let address = addresses::job(buyer, job.id);
        let opened = pay(client, wallet, address, &Goal::job_opened(job), &instructions::open_job(job)).await?;
        known(market, address).await;
        Ok(opened)
    }

    /// Checks that the wallet has SOL, and brings inputs and spec to the orchestrator.
    async fn upload(&self, client: &Client, market: &Market, wallet: &Arc<Keypair>) -> Result<(), Failure> {
        let owner = address(wallet);
        let available = client.lamports(owner).await?;
        if available < LAMPORTS {
            let (available, needed) = (Some(available), Some(LAMPORTS));
            return Err(ClientError::InsufficientFunds { owner, asset: Asset::Sol, available, needed }.into());
        }
        let objects = ObjectClient::new(market.base(), Arc::new(signing_key(wallet)));
        transfer::upload(&objects, self.uploads.values(), &self.spec).await
    }

    /// What brings the job's rigs what they need of the buyer; `None` where they need nothing.
    pub fn handover(&self, wallet: &Keypair, client: &Client) -> Option<Handover> {
        self.spec.sealed.as_ref().filter(|sealed| sealed.is_awaited())?;
        let placement = self.spec.placement.clone().unwrap_or_default();
        Some(Handover::new(self.secrets.clone(), placement, signing_key(wallet), client.clone()))
    }
}

/// Sends what opens a job, unless it is open already.
async fn pay(
    client: &Client,
    wallet: &Arc<Keypair>,
    job: Address,
    goal: &Goal,
    opening: &[Instruction],
) -> Result<Opened, Failure> {
    let sender = Sender::new(client.clone(), wallet.clone());
    match sender.send_once(goal, opening, &[]).await {
        Ok(Outcome::Landed(receipt)) => Ok(Opened { job, transaction: Some(receipt.signature.to_string()) }),
        Ok(Outcome::AlreadyThere) => Ok(Opened { job, transaction: None }),
        // It may still land, or has, and nobody could tell.
        Err(error) if error.is_transient() && !matches!(error, ClientError::Expired { .. }) => {
            Err(Failure::from(error).about(job))
        }
        Err(error) => Err(error.into()),
    }
}

/// Waits until the orchestrator has seen the job on chain, so that the next command finds it. The job
/// is open and paid for by now: an orchestrator that is slow, or away, makes it no failure.
async fn known(market: &Market, job: Address) {
    let look = async {
        while market.job(job).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let _ = tokio::time::timeout(KNOWN, look).await;
}

/// A number that names no other job of the buyer: the time in nanoseconds.
pub fn fresh_id() -> u64 {
    u64::try_from(clock::nanoseconds()).unwrap_or(u64::MAX)
}
