use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use millrace_agent::TaskKey;
use tokio::fs::OpenOptions;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::LIMIT;
use crate::container::{Engine, Error};

/// From one attempt to the next when the engine breaks the stream off.
const PAUSE: Duration = Duration::from_secs(1);
const TRUNCATED: &[u8] = b"\n[millrace: the rest of the log is left out]\n";

/// Copies a container's output to a file until it ends, going on where the file ends; calls
/// `grown` after each write. The engine's log begins with the container, so the length of the
/// file is the offset to go on from.
pub(crate) async fn spool(engine: &dyn Engine, key: TaskKey, path: &Path, grown: impl Fn()) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path).await?;
    loop {
        let mut written = file.seek(std::io::SeekFrom::End(0)).await?;
        let mut skip = written;
        let mut stream = engine.logs(key);
        let ended = loop {
            if written >= LIMIT {
                return Ok(());
            }
            match stream.next().await {
                None | Some(Err(Error::NotFound)) => break true,
                Some(Err(_)) => break false,
                Some(Ok(bytes)) => {
                    let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
                    skip -= skipped as u64;
                    let fresh = &bytes[skipped..];
                    if fresh.is_empty() {
                        continue;
                    }
                    let room = usize::try_from(LIMIT - written).unwrap_or(usize::MAX);
                    file.write_all(&fresh[..fresh.len().min(room)]).await?;
                    written += fresh.len() as u64;
                    if written >= LIMIT {
                        file.write_all(TRUNCATED).await?;
                    }
                    file.flush().await?;
                    grown();
                }
            }
        };
        if ended {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
