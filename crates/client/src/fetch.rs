//! Reading accounts: one, many, or all of a kind.

use std::mem::offset_of;

use anchor_lang::Discriminator;
use anchor_lang::prelude::Pubkey;
use anchor_lang::system_program;
use millrace_protocol::Address;
use solana_account::Account as ChainAccount;
use solana_account_decoder_client_types::{UiAccount, UiAccountEncoding};
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client_api::client_error::{Error as RpcError, ErrorKind};
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use solana_rpc_client_api::filter::{Memcmp, RpcFilterType};
use solana_rpc_client_api::request::RpcError as Answer;
use solana_rpc_client_api::response::{Response, RpcResponseContext};

use crate::accounts::{Account, AccountKind, AnyAccount, ConfigAccount, DecodeError, JobAccount, LeaseAccount};
use crate::address::{address, pubkey};
use crate::{Client, Error};

/// The most addresses one `getMultipleAccounts` takes.
const BATCH: usize = 100;

impl Client {
    /// The network's configuration.
    ///
    /// # Errors
    /// [`Error::AccountMissing`] where no network was founded; those of [`Self::find`].
    pub async fn config(&self) -> Result<ConfigAccount, Error> {
        self.fetch(crate::address::config()).await
    }

    /// Reads one account.
    ///
    /// # Errors
    /// [`Error::AccountMissing`]; those of [`Self::find`].
    pub async fn fetch<A: Account>(&self, address: Address) -> Result<A, Error> {
        self.find(address).await?.ok_or(Error::AccountMissing { kind: A::KIND, address })
    }

    /// Reads one account that may not exist.
    ///
    /// # Errors
    /// [`Error::AccountUnreadable`], [`Error::Unreachable`].
    pub async fn find<A: Account>(&self, address: Address) -> Result<Option<A>, Error> {
        Ok(self.find_many(&[address]).await?.pop().flatten())
    }

    /// Reads one account that may not exist, and tells the slot it was read at: an endpoint that is
    /// behind says of an account that it does not know yet what it says of one that is gone.
    ///
    /// # Errors
    /// Those of [`Self::find`].
    pub async fn find_with_slot<A: Account>(&self, address: Address) -> Result<(u64, Option<A>), Error> {
        let (slot, found) = self.chain_accounts(&[address]).await?;
        Ok((slot, decoded(address, found.into_iter().next().flatten())?))
    }

    /// Reads one account of whichever kind, that may not exist.
    ///
    /// # Errors
    /// Those of [`Self::find`].
    pub async fn find_any(&self, address: Address) -> Result<Option<AnyAccount>, Error> {
        let found = self.chain_accounts(&[address]).await?.1.pop().flatten();
        read(address, found, AnyAccount::decode)
    }

    /// Reads many accounts of a kind, in the order asked for.
    ///
    /// # Errors
    /// Those of [`Self::find`].
    pub async fn find_many<A: Account>(&self, addresses: &[Address]) -> Result<Vec<Option<A>>, Error> {
        let (_, found) = self.chain_accounts(addresses).await?;
        addresses.iter().zip(found).map(|(address, account)| decoded(*address, account)).collect()
    }

    /// Reads all accounts of a kind. Costly for an endpoint: for reconciliation, never for one job.
    /// What does not decode is left out with a warning, so that one account written by a later
    /// version stops nobody.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Rejected`].
    pub async fn fetch_all<A: Account>(&self) -> Result<Vec<A>, Error> {
        let (_, accounts) = self.program_accounts(vec![of_kind(A::KIND)]).await?;
        Ok(readable(&accounts))
    }

    /// A job's leases that are not settled, by number.
    ///
    /// # Errors
    /// Those of [`Self::find`].
    pub async fn leases_of(&self, job: &JobAccount) -> Result<Vec<LeaseAccount>, Error> {
        let numbers = 0..job.job.leases_opened;
        let addresses: Vec<Address> =
            numbers.map(|number| crate::address::lease(job.address, job.opened_slot, number)).collect();
        Ok(self.find_many(&addresses).await?.into_iter().flatten().collect())
    }

    /// A node's leases that are not settled, in no order. What does not decode is left out with a warning.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Rejected`].
    pub async fn leases_on(&self, node: Address) -> Result<Vec<LeaseAccount>, Error> {
        let at = millrace::state::Lease::DISCRIMINATOR.len() + offset_of!(millrace::state::Lease, node);
        let of_node = RpcFilterType::Memcmp(Memcmp::new_base58_encoded(at, &node.0));
        let (_, accounts) = self.program_accounts(vec![of_kind(AccountKind::Lease), of_node]).await?;
        Ok(readable(&accounts))
    }

    /// Every account of the program that passes the filters, with the slot they were read at.
    pub(crate) async fn program_accounts(
        &self,
        filters: Vec<RpcFilterType>,
    ) -> Result<(u64, Vec<(Address, Vec<u8>)>), Error> {
        // Nobody who is behind is to answer, and the accounts are as new as this slot, or newer.
        let (slot, ()) = self.read_newest(|rpc| async move { Ok(at_slot(rpc.get_slot().await?, ())) }).await?;
        let mut config = RpcProgramAccountsConfig { filters: Some(filters), ..program_config() };
        config.account_config.min_context_slot = Some(slot);
        self.ask_at(slot, |rpc| {
            let config = config.clone();
            async move {
                let accounts = rpc.get_program_ui_accounts_with_config(&millrace::ID, config).await?;
                let decoded = accounts.into_iter().map(|(key, account)| Some((address(key), account.data.decode()?)));
                Ok((slot, decoded.collect::<Option<_>>().ok_or_else(|| unreadable("accounts"))?))
            }
        })
        .await
    }

    /// The raw bytes of any account.
    pub(crate) async fn account_data(&self, address: Address) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.chain_accounts(&[address]).await?.1.pop().flatten().map(|account| account.data))
    }

    /// Any accounts, in the order asked for, and the slot they were read at, the earliest of all requests.
    pub(crate) async fn chain_accounts(
        &self,
        addresses: &[Address],
    ) -> Result<(u64, Vec<Option<ChainAccount>>), Error> {
        let mut slot = u64::MAX;
        let mut all = Vec::with_capacity(addresses.len());
        for batch in addresses.chunks(BATCH) {
            let keys: Vec<Pubkey> = batch.iter().copied().map(pubkey).collect();
            let (seen, found) = self
                .read_newest(|rpc| {
                    let keys = keys.clone();
                    async move {
                        let found = rpc.get_multiple_ui_accounts_with_config(&keys, account_config()).await?;
                        let accounts = decode_all(found.value, keys.len()).ok_or_else(|| unreadable("accounts"))?;
                        Ok(at_slot(found.context.slot, accounts))
                    }
                })
                .await?;
            slot = slot.min(seen);
            all.extend(found);
        }
        Ok((slot, all))
    }
}

fn of_kind(kind: AccountKind) -> RpcFilterType {
    RpcFilterType::Memcmp(Memcmp::new_base58_encoded(0, kind.discriminator()))
}

fn readable<A: Account>(accounts: &[(Address, Vec<u8>)]) -> Vec<A> {
    let decode = |(address, data): &(Address, Vec<u8>)| {
        A::decode(*address, data).inspect_err(|error| tracing::warn!(%address, %error, "an account is left out")).ok()
    };
    accounts.iter().filter_map(decode).collect()
}

/// `None` unless there is an answer to each question, and each can be read: what is missing in an answer
/// must not pass for an account that is gone.
fn decode_all(found: Vec<Option<UiAccount>>, n_wanted: usize) -> Option<Vec<Option<ChainAccount>>> {
    let decode = |account: Option<UiAccount>| match account {
        Some(account) => account.decode().map(Some),
        None => Some(None),
    };
    let accounts: Vec<_> = found.into_iter().map(decode).collect::<Option<_>>()?;
    (accounts.len() == n_wanted).then_some(accounts)
}

fn at_slot<T>(slot: u64, value: T) -> Response<T> {
    Response { context: RpcResponseContext::new(slot), value }
}

fn unreadable(what: &str) -> RpcError {
    ErrorKind::RpcError(Answer::ParseError(what.to_owned())).into()
}

/// What an account holds, where there is one.
pub(crate) fn decoded<A: Account>(address: Address, account: Option<ChainAccount>) -> Result<Option<A>, Error> {
    read(address, account, A::decode)
}

fn read<T>(
    address: Address,
    account: Option<ChainAccount>,
    decode: impl FnOnce(Address, &[u8]) -> Result<T, DecodeError>,
) -> Result<Option<T>, Error> {
    let Some(account) = account.filter(|account| !is_bare(account)) else { return Ok(None) };
    let read =
        if account.owner == millrace::ID { decode(address, &account.data) } else { Err(DecodeError::ForeignOwner) };
    read.map(Some).map_err(|source| Error::AccountUnreadable { address, source })
}

/// Whether it has nothing but lamports, which anyone may send to any address: also to one whose account is gone, or is
/// yet to be made.
fn is_bare(account: &ChainAccount) -> bool {
    account.owner == system_program::ID && account.data.is_empty()
}

pub(crate) fn account_config() -> RpcAccountInfoConfig {
    RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64),
        commitment: Some(CommitmentConfig::confirmed()),
        ..RpcAccountInfoConfig::default()
    }
}

pub(crate) fn program_config() -> RpcProgramAccountsConfig {
    RpcProgramAccountsConfig { account_config: account_config(), ..RpcProgramAccountsConfig::default() }
}

/// An account of any kind as it came over the wire; `None` for bytes that are none of ours.
pub(crate) fn any(address: Address, data: &[u8]) -> Option<AnyAccount> {
    AnyAccount::decode(address, data)
        .inspect_err(|error| tracing::warn!(%address, %error, "an account is left out"))
        .ok()
}
