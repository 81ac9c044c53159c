//! From a job file to an open job, one step after the other: nothing is paid before everything that
//! can be checked has been.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millrace_client::accounts::ConfigAccount;
use millrace_client::instructions::{self, NewJob};
use millrace_client::{Asset, Client, Error as ClientError, Keypair, Sender, address as addresses};
use millrace_link::objects::ObjectClient;
use millrace_protocol::{Address, Diagnostic, GpuUnits, MicroUsdc, Node, NodeStatus, money};
use millrace_spec::{JobFile, JobSpec};
use serde::Serialize;
use thiserror::Error;

use crate::context::{address, signing_key};
use crate::errors::Failure;
use crate::market::{self, Market};
use crate::transfer;

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
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::FileUnreadable { .. } => "job-file-unreadable",
            Self::OtherProgram { .. } | Self::OtherScheduler { .. } => "orchestrator-of-another-network",
            Self::BalanceTooSmall { .. } => "balance-too-small",
            Self::AllowanceTooSmall { .. } => "allowance-exceeded",
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

/// A job file with its inputs hashed.
pub struct Prepared {
    pub file: JobFile,
    pub spec: JobSpec,
    folder: PathBuf,
}

/// Reads, validates and hashes; talks to nobody.
///
/// # Errors
/// A file that cannot be read or is no job file, an input that cannot be read.
pub async fn prepare(path: &Path) -> Result<Prepared, Failure> {
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|source| Error::FileUnreadable { path: path.to_owned(), source })?;
    let file = JobFile::parse(&text)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let objects = transfer::hash_inputs(&file, &folder).await?;
    let spec = file.resolve(&objects)?;
    Ok(Prepared { file, spec, folder })
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
        let (nodes, now) = (market.nodes().await?, market::now());
        let fits = |node: &&millrace_link::rest::Node| {
            let idle = Node {
                hardware: node.hardware,
                price: node.price,
                spot_price: node.spot_price,
                service_level: node.service_level,
                attestation: node.attestation,
                leased: GpuUnits::ZERO,
                status: NodeStatus::Active,
            };
            let price = idle.posted_price(terms.spot);
            price.is_some_and(|price| price <= terms.maximum_price) && terms.check_node(&idle, now).is_ok()
        };
        Ok(Quote {
            name: self.spec.name.clone(),
            tasks: self.spec.tasks,
            spec_hash: self.spec.hash().to_string(),
            worst_case_per_lease: terms.worst_case()?,
            concurrent_leases: terms.concurrent_leases,
            deposit: terms.deposit,
            maximum_fee: money::share(terms.deposit, network.parameters.fee)?,
            nodes_fitting: nodes.iter().filter(fits).count(),
            nodes_total: nodes.len(),
        })
    }

    /// Checks the wallet, uploads, pays. `id` names no other job of the buyer. Returns the job's address and the transaction's signature.
    ///
    /// # Errors
    /// A wallet without enough USDC or SOL, an orchestrator or RPC endpoint that cannot be reached,
    /// a refusal by the chain.
    pub async fn open(
        &self,
        client: &Client,
        network: &ConfigAccount,
        market: &Market,
        wallet: &Arc<Keypair>,
        id: u64,
    ) -> Result<(Address, String), Failure> {
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
        let sender = Sender::new(client.clone(), wallet.clone());
        let receipt = sender.send(&instructions::open_job(job), &[]).await?;
        let address = addresses::job(buyer, job.id);
        known(market, address).await;
        Ok((address, receipt.signature.to_string()))
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
        transfer::upload(&objects, &self.file, &self.folder, &self.spec).await
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
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
