use millrace_protocol::{Address, UnixSeconds};
use solana_sdk_ids::sysvar;

use crate::accounts::Account;
use crate::fetch::decoded;
use crate::{Client, Error};

/// Offset of `unix_timestamp` in the Clock sysvar: behind slot, epoch start, epoch, leader epoch.
const TIMESTAMP_AT: usize = 32;
const CLOCK: Address = Address(sysvar::clock::ID.to_bytes());

impl Client {
    /// The chain's own time, by which every deadline counts.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::AnswerMalformed`].
    pub async fn chain_clock(&self) -> Result<UnixSeconds, Error> {
        self.clock_of(self.account_data(CLOCK).await?.as_deref())
    }

    /// One account that may not exist, and the chain's time in the same answer: how old an answer is that knows no such
    /// account.
    ///
    /// # Errors
    /// Those of [`Self::find`] and [`Self::chain_clock`].
    pub async fn find_with_clock<A: Account>(&self, address: Address) -> Result<(Option<A>, UnixSeconds), Error> {
        let (_, found) = self.chain_accounts(&[address, CLOCK]).await?;
        let mut found = found.into_iter();
        let (account, clock) = (found.next().flatten(), found.next().flatten());
        Ok((decoded(address, account)?, self.clock_of(clock.as_ref().map(|clock| clock.data.as_slice()))?))
    }

    fn clock_of(&self, data: Option<&[u8]>) -> Result<UnixSeconds, Error> {
        let seconds = data.and_then(timestamp).and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map(UnixSeconds).ok_or_else(|| Error::AnswerMalformed {
            endpoint: self.endpoints().rpc.first().cloned().unwrap_or_default(),
            answer: "clock",
        })
    }
}

fn timestamp(data: &[u8]) -> Option<i64> {
    let bytes = data.get(TIMESTAMP_AT..TIMESTAMP_AT + 8)?;
    Some(i64::from_le_bytes(bytes.try_into().ok()?))
}
