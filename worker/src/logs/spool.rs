use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use millrace_agent::TaskKey;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio_stream::StreamExt;

use super::LIMIT;
use crate::container::{Engine, Error};

/// From one attempt to the next when the engine breaks the stream off.
const PAUSE: Duration = Duration::from_secs(1);
/// Pieces that are written at once: the engine makes one of each line, and a write costs as much as a
/// thousand of them.
const PIECES: usize = 8_192;
/// How long to wait for so many.
const GATHERING: Duration = Duration::from_millis(20);
const TRUNCATED: &[u8] = b"\n[millrace: the rest of the log is left out]\n";

/// Copies a container's output to a file until it ends, going on where the file ends; calls
/// `grown` after each write. The engine's log begins with the container, so the length of the
/// file is the offset to go on from.
pub(crate) async fn spool(engine: &dyn Engine, key: TaskKey, path: &Path, grown: impl Fn()) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path).await?;
    loop {
        let mut grew = false;
        let mut written = file.seek(std::io::SeekFrom::End(0)).await?;
        let mut skip = written;
        let mut stream = pin!(engine.logs(key).chunks_timeout(PIECES, GATHERING));
        let ended = loop {
            if written >= LIMIT {
                return Ok(());
            }
            // Docker may end the stream of a container that has just ended before all of it was read: the end is
            // where there is nothing more.
            let Some(pieces) = stream.next().await else { break !grew };
            let (fresh, ended) = join(pieces, &mut skip);
            if !fresh.is_empty() {
                written += append(&mut file, &fresh, written).await?;
                grown();
                grew = true;
            }
            match ended {
                None => {}
                Some(Error::NotFound) => break true,
                Some(_) => break false,
            }
        };
        if ended {
            return Ok(());
        }
        if !grew {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What of the pieces is not in the file yet, and the error that ends them.
fn join(pieces: Vec<Result<Bytes, Error>>, skip: &mut u64) -> (Vec<u8>, Option<Error>) {
    let mut fresh = Vec::new();
    for piece in pieces {
        match piece {
            Ok(bytes) => {
                let skipped = usize::try_from(*skip).unwrap_or(usize::MAX).min(bytes.len());
                *skip -= skipped as u64;
                fresh.extend_from_slice(&bytes[skipped..]);
            }
            Err(error) => return (fresh, Some(error)),
        }
    }
    (fresh, None)
}

/// Bytes that now count as written: more than there was room for are left out.
async fn append(file: &mut File, fresh: &[u8], written: u64) -> std::io::Result<u64> {
    let room = usize::try_from(LIMIT - written).unwrap_or(usize::MAX);
    file.write_all(&fresh[..fresh.len().min(room)]).await?;
    if fresh.len() >= room {
        file.write_all(TRUNCATED).await?;
    }
    file.flush().await?;
    Ok(fresh.len() as u64)
}
