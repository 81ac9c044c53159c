use millrace_protocol::{Address, UnixSeconds};
use solana_sdk_ids::sysvar;

use crate::{Client, Error};

/// Offset of `unix_timestamp` in the Clock sysvar: behind slot, epoch start, epoch, leader epoch.
const TIMESTAMP_AT: usize = 32;

impl Client {
    /// The chain's own time, by which every deadline counts.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::AnswerMalformed`].
    pub async fn chain_clock(&self) -> Result<UnixSeconds, Error> {
        let data = self.account_data(Address(sysvar::clock::ID.to_bytes())).await?;
        let seconds = data.as_deref().and_then(timestamp).and_then(|seconds| u64::try_from(seconds).ok());
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
