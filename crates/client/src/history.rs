//! Money read back from the chain: the transactions of a job or a node, the events in them, and their sum.

mod earnings;
mod event;
mod node;
mod statement;

use std::str::FromStr;
use std::sync::Arc;

use anchor_lang::event::EVENT_IX_TAG_LE;
use anchor_lang::prelude::Pubkey;
use futures_util::{StreamExt, TryStreamExt, stream};
use millrace_protocol::{Address, UnixSeconds};
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client::rpc_client::GetConfirmedSignaturesForAddress2Config;
use solana_rpc_client_api::config::RpcTransactionConfig;
use solana_signature::Signature;
use solana_transaction_status_client_types::{
    EncodedConfirmedTransactionWithStatusMeta, UiInnerInstructions, UiInstruction, UiLoadedAddresses,
    UiParsedInstruction, UiTransactionEncoding, UiTransactionStatusMeta,
};

use crate::address::pubkey;
use crate::client::RpcResult;
use crate::{Client, Error};

pub use earnings::{Earnings, LeaseEarnings, Takings};
pub use event::JobEvent;
pub use node::{NodeEntry, NodeHistory};
pub use statement::{NodeShare, Posting, Statement};

/// The most signatures one request returns.
const PAGE: usize = 1_000;
/// How many transactions are asked for at the same time.
const AT_ONCE: usize = 8;

/// One event of a job and the transaction that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub signature: Signature,
    pub slot: u64,
    pub time: Option<UnixSeconds>,
    pub event: JobEvent,
}

/// Everything that happened to a job, oldest first, from its opening on. Of an id that was used
/// again, the latest job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobHistory {
    pub job: Address,
    pub entries: Vec<Entry>,
}

impl JobHistory {
    /// The same, where it begins with the job's opening: for whoever takes what is not in it for what did not happen.
    ///
    /// # Errors
    /// [`Error::HistoryIncomplete`]: the endpoint keeps less, or knows nothing of the job.
    pub fn from_opening(self) -> Result<Self, Error> {
        match self.entries.first() {
            Some(Entry { event: JobEvent::Opened { .. }, .. }) => Ok(self),
            _ => Err(Error::HistoryIncomplete { job: self.job }),
        }
    }
}

impl Client {
    /// Reads a job's history; also of a job that is closed. Reaches as far back as the endpoint
    /// keeps transactions; empty for a job it knows nothing of.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Rejected`], [`Error::TransactionIncomplete`].
    pub async fn job_history(&self, job: Address) -> Result<JobHistory, Error> {
        let signatures = self.signatures_of(job).await?;
        let read = stream::iter(signatures).map(|signature| self.entries_of(signature, job)).buffered(AT_ONCE);
        let mut entries = read.try_collect::<Vec<_>>().await?.concat();
        let opened = entries.iter().rposition(|entry| matches!(entry.event, JobEvent::Opened { .. }));
        entries.drain(..opened.unwrap_or(0));
        Ok(JobHistory { job, entries })
    }

    /// A job's events in one transaction.
    async fn entries_of(&self, signature: Signature, job: Address) -> Result<Vec<Entry>, Error> {
        let (found, events) = self.events_in(signature).await?;
        let of_job = events.into_iter().filter(|(of, _)| *of == job);
        Ok(of_job.map(|(_, event)| Entry { signature, slot: found.slot, time: found.time, event }).collect())
    }

    /// Every event in one transaction, with the job it is about.
    async fn events_in(&self, signature: Signature) -> Result<(Landed, Vec<(Address, JobEvent)>), Error> {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(CommitmentConfig::confirmed()),
            max_supported_transaction_version: Some(0),
        };
        let found = self.ask(|rpc| async move { rpc.get_transaction_with_config(&signature, config).await }).await?;
        let time = found.block_time.and_then(|time| u64::try_from(time).ok()).map(UnixSeconds);
        let events = events_of(&found).ok_or(Error::TransactionIncomplete { signature })?;
        Ok((Landed { slot: found.slot, time }, events))
    }

    /// The successful transactions that name an account, oldest first: of several endpoints' lists the
    /// longest, because some keep less than others.
    async fn signatures_of(&self, account: Address) -> Result<Vec<Signature>, Error> {
        let list = |rpc: Arc<RpcClient>| async move { list_signatures(&rpc, account).await };
        let answers = self.ask_each(list, |found| !found.is_empty()).await;
        match answers.into_iter().filter_map(|(_, answer)| answer.ok()).max_by_key(Vec::len) {
            Some(longest) => Ok(longest),
            None => self.ask(list).await,
        }
    }
}

/// Where a transaction is on the chain.
struct Landed {
    slot: u64,
    time: Option<UnixSeconds>,
}

async fn list_signatures(rpc: &RpcClient, account: Address) -> RpcResult<Vec<Signature>> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let config = GetConfirmedSignaturesForAddress2Config {
            before,
            until: None,
            limit: Some(PAGE),
            commitment: Some(CommitmentConfig::confirmed()),
        };
        let page = rpc.get_signatures_for_address_with_config(&pubkey(account), config).await?;
        before = page.last().and_then(|last| Signature::from_str(&last.signature).ok());
        let n_found = page.len();
        let succeeded = page.into_iter().filter(|one| one.err.is_none());
        all.extend(succeeded.filter_map(|one| Signature::from_str(&one.signature).ok()));
        if n_found < PAGE || before.is_none() {
            all.reverse();
            return Ok(all);
        }
    }
}

/// Events in a transaction, each with its job: calls of the program to itself. None where the calls are not told.
fn events_of(found: &EncodedConfirmedTransactionWithStatusMeta) -> Option<Vec<(Address, JobEvent)>> {
    let meta = found.transaction.meta.as_ref()?;
    let keys = keys_of(found, meta)?;
    let inner: Option<Vec<UiInnerInstructions>> = meta.inner_instructions.clone().into();
    let calls = inner?.into_iter().flat_map(|group| group.instructions).filter_map(|inner| call(inner, &keys));
    let own = calls.filter(|(program, _)| *program == millrace::ID);
    Some(own.filter_map(|(_, data)| JobEvent::decode(data.strip_prefix(EVENT_IX_TAG_LE)?)).collect())
}

/// Its own, then those out of lookup tables: the program may be called by way of one.
fn keys_of(found: &EncodedConfirmedTransactionWithStatusMeta, meta: &UiTransactionStatusMeta) -> Option<Vec<Pubkey>> {
    let transaction = found.transaction.transaction.decode()?;
    let looked_up: Option<UiLoadedAddresses> = meta.loaded_addresses.clone().into();
    let looked_up = looked_up.map(|found| [found.writable, found.readonly].concat()).unwrap_or_default();
    let mut keys = transaction.message.static_account_keys().to_vec();
    for key in looked_up {
        keys.push(key.parse().ok()?);
    }
    Some(keys)
}

fn call(instruction: UiInstruction, keys: &[Pubkey]) -> Option<(Pubkey, Vec<u8>)> {
    let (program, data) = match instruction {
        UiInstruction::Compiled(compiled) => (*keys.get(usize::from(compiled.program_id_index))?, compiled.data),
        UiInstruction::Parsed(UiParsedInstruction::PartiallyDecoded(decoded)) => {
            (decoded.program_id.parse().ok()?, decoded.data)
        }
        // Only well-known programs are parsed, and ours is not.
        UiInstruction::Parsed(UiParsedInstruction::Parsed(_)) => return None,
    };
    Some((program, bs58::decode(data).into_vec().ok()?))
}

#[cfg(test)]
mod tests;
