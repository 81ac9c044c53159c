use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt};
use millrace_agent::TaskKey;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::LIMIT;
use super::lines::Lines;
use super::per_stream::PerStream;
use super::position::{BegunLater, Position};
use super::turns::Turns;
use crate::container::{Error, Printed};
use crate::folders::Folders;

/// From one attempt to the next when the engine breaks the stream off.
const PAUSE: Duration = Duration::from_secs(1);
/// Pieces of the engine's log that are written at once: it makes one of each line, and a write costs as much as a thousand
/// of them.
const PIECES: usize = 8_192;
/// The same of what is attached: a piece of that has up to 32 KiB.
const ATTACHED_PIECES: usize = 128;
/// How long to wait for so many.
const GATHERING: Duration = Duration::from_millis(20);
const TRUNCATED: &[u8] = b"\n[millrace: the rest of the log is left out]\n";

/// Copies what a container prints to its log on the disk until it ends; calls `grown` after each write. First from
/// `attached`, which is there from the container's first byte on and costs the engine a fraction of what its log does.
/// Then from the engine's `log`, going on where the file ends: there is what was missed while nobody was attached, and
/// what shows that nothing was. Nothing else does: a connection that was cut looks like a container that has ended, and
/// by the time that somebody asks, the container may have ended, too. It is one look, at no more than [`LIMIT`].
pub(crate) async fn spool<'a>(
    folders: &Folders,
    key: TaskKey,
    attached: Option<BoxStream<'static, Printed>>,
    log: impl Fn() -> BoxStream<'a, Result<Printed, Error>>,
    grown: impl Fn(),
) -> std::io::Result<()> {
    let mut kept = Kept::open(folders, key).await?;
    let mut attached = attached.filter(|_| kept.length == 0);
    loop {
        let (stream, pieces, is_log) = match attached.take() {
            Some(attached) => (attached.map(Ok).boxed(), ATTACHED_PIECES, false),
            None => (log(), PIECES, true),
        };
        let mut grew = !is_log;
        let mut stream = pin!(tokio_stream::StreamExt::chunks_timeout(stream, pieces, GATHERING));
        let (mut missing, mut lines) = (kept.turns.positions().clone(), Lines::default());
        let ended = loop {
            if kept.is_over {
                return Ok(());
            }
            let (fresh, end) = match stream.next().await {
                Some(pieces) => fresh(&mut missing, pieces),
                None => (vec![], Some(End::Silence)),
            };
            let mut whole = lines.of(fresh);
            // A line that breaks off with what was attached need not be in the log of an engine that was restarted.
            if end.is_some() && is_log {
                whole.extend(lines.rest());
            }
            let is_cut = matches!(end, Some(End::BegunLater));
            if is_cut || !whole.is_empty() {
                kept.append(&whole, is_cut).await?;
                grown();
                grew = true;
            }
            match end {
                None | Some(End::BegunLater) => {}
                // Docker may end the stream of a container that has just ended before all of it was read: the end is
                // where there is nothing more.
                Some(End::Silence) => break !grew,
                Some(End::Error(Error::NotFound)) => break true,
                Some(End::Error(_)) => break false,
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

/// How a stream ends.
enum End {
    Silence,
    BegunLater,
    Error(Error),
}

/// What of the pieces, which come again from each stream's first byte on, is not in the file yet, and what ends them.
/// `missing` is how far from here the file has each stream.
fn fresh(missing: &mut PerStream<Position>, pieces: Vec<Result<Printed, Error>>) -> (Vec<Printed>, Option<End>) {
    let mut fresh = Vec::new();
    for piece in pieces {
        let Printed { stream, mut bytes } = match piece {
            Ok(piece) => piece,
            Err(error) => return (fresh, Some(End::Error(error))),
        };
        let bytes = match missing[stream].skip(&bytes) {
            Ok(known) => bytes.split_off(known),
            Err(BegunLater) => return (vec![], Some(End::BegunLater)),
        };
        if !bytes.is_empty() {
            fresh.push(Printed { stream, bytes });
        }
    }
    (fresh, None)
}

/// A log on the disk.
struct Kept {
    file: File,
    /// Bytes that count: never more than [`LIMIT`], but for those that say that something is left out.
    length: u64,
    /// Whether it says so.
    is_over: bool,
    entries: File,
    turns: Turns,
}

impl Kept {
    async fn open(folders: &Folders, key: TaskKey) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.create(true).append(true).read(true);
        let (mut file, mut entries) = (options.open(folders.log(key)).await?, options.open(folders.turns(key)).await?);
        let (mut log, mut read) = (Vec::new(), Vec::new());
        file.read_to_end(&mut log).await?;
        entries.read_to_end(&mut read).await?;
        let (turns, valid) = Turns::read(&read, &log);
        entries.set_len(valid as u64).await?;
        let length = log.len() as u64;
        Ok(Self { file, length, is_over: length >= LIMIT || log.ends_with(TRUNCATED), entries, turns })
    }

    /// Appends the pieces; what there is no room for is left out, which the file then says. It says the same where the
    /// log `is_cut` behind them.
    async fn append(&mut self, pieces: &[Printed], is_cut: bool) -> std::io::Result<()> {
        let mut room = usize::try_from(LIMIT.saturating_sub(self.length)).unwrap_or(usize::MAX);
        let (mut bytes, mut entries) = (Vec::new(), Vec::new());
        for piece in pieces {
            let part = &piece.bytes[..piece.bytes.len().min(room)];
            room -= part.len();
            bytes.extend_from_slice(part);
            entries.extend(self.turns.add(piece.stream, part).into_iter().flatten());
        }
        self.length += bytes.len() as u64;
        self.is_over = is_cut || room == 0;
        if self.is_over {
            bytes.extend_from_slice(TRUNCATED);
        }
        if !entries.is_empty() {
            self.entries.write_all(&entries).await?;
            self.entries.flush().await?;
        }
        self.file.write_all(&bytes).await?;
        self.file.flush().await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use bytes::Bytes;
    use futures_util::stream;
    use millrace_protocol::Address;

    use super::*;
    use crate::container::StandardStream::{self, Error as Stderr, Output};

    const KEY: TaskKey = TaskKey { lease: Address([1; 32]), task: 0, attempt: 1 };

    fn printed(stream: StandardStream, text: &'static str) -> Printed {
        Printed { stream, bytes: Bytes::from_static(text.as_bytes()) }
    }

    /// What is kept when nothing is attached, or `attached`, and each look at the engine's log gives the next of `looks`.
    async fn spooled(
        folders: &Folders,
        attached: Option<&[(StandardStream, &'static str)]>,
        looks: &[&[(StandardStream, &'static str)]],
    ) -> String {
        let pieces = |of: &[(StandardStream, &'static str)]| -> Vec<Printed> {
            of.iter().map(|(stream, text)| printed(*stream, text)).collect()
        };
        let attached = attached.map(|attached| stream::iter(pieces(attached)).boxed());
        let looks = RefCell::new(looks.iter().map(|look| pieces(look)).collect::<VecDeque<_>>());
        let log = || match looks.borrow_mut().pop_front() {
            Some(look) => stream::iter(look.into_iter().map(Ok)).boxed(),
            None => stream::iter([Err(Error::NotFound)]).boxed(),
        };
        spool(folders, KEY, attached, log, || {}).await.unwrap();
        std::fs::read_to_string(folders.log(KEY)).unwrap()
    }

    fn folders() -> (tempfile::TempDir, Folders) {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        (folder, folders)
    }

    #[tokio::test]
    async fn what_was_attached_is_gone_on_with_in_the_engines_log_by_stream() {
        let (_folder, folders) = folders();
        let attached = [(Stderr, "e1\n"), (Output, "o1\no"), (Stderr, "e2\n")];
        let log = [(Output, "o1\n"), (Output, "o2\n"), (Stderr, "e1\n"), (Stderr, "e2\n"), (Stderr, "e3")];
        let kept = spooled(&folders, Some(&attached), &[&log, &log]).await;
        assert_eq!(kept, "e1\no1\ne2\no2\ne3");
    }

    #[tokio::test]
    async fn a_worker_after_this_one_goes_on_where_its_log_ends() {
        let (_folder, folders) = folders();
        spooled(&folders, Some(&[(Stderr, "e1\n"), (Output, "o1\n")]), &[]).await;
        let log = [(Output, "o1\n"), (Output, "o2\n"), (Stderr, "e1\n"), (Stderr, "e2\n")];
        let kept = spooled(&folders, Some(&[(Output, "of another start")]), &[&log[..2], &log, &log]).await;
        assert_eq!(kept, "e1\no1\no2\ne2\n");
    }

    #[tokio::test]
    async fn a_byte_that_was_counted_and_not_written_is_written() {
        let (_folder, folders) = folders();
        spooled(&folders, Some(&[(Output, "o1\n"), (Stderr, "e1\n"), (Output, "o2\n")]), &[]).await;
        let file = std::fs::File::options().write(true).open(folders.log(KEY)).unwrap();
        file.set_len(4).unwrap();
        let log = [(Output, "o1\n"), (Output, "o2\n"), (Stderr, "e1\n")];
        let kept = spooled(&folders, None, &[&log, &log]).await;
        assert_eq!(kept, "o1\neo2\n1\n");
    }

    #[tokio::test]
    async fn a_log_whose_beginning_the_engine_has_thrown_away_is_not_gone_on_with_and_says_so() {
        let (_folder, folders) = folders();
        spooled(&folders, Some(&[(Output, "o1\n"), (Stderr, "e1\n")]), &[]).await;
        let log = [(Stderr, "e1\n"), (Stderr, "e5\n"), (Output, "o5\n")];
        let kept = spooled(&folders, None, &[&log, &log]).await;
        assert_eq!(kept.as_bytes(), [b"o1\ne1\n", TRUNCATED].concat());
        assert_eq!(spooled(&folders, None, &[&log]).await, kept, "nothing is added by whoever comes after");
    }

    #[tokio::test]
    async fn what_there_is_no_room_for_is_left_out_and_the_log_says_so() {
        let (_folder, folders) = folders();
        let line: &'static str = "x".repeat(1023).leak();
        let lines = vec![(Output, line); usize::try_from(LIMIT / 1023).unwrap()];
        let lines: Vec<_> = lines.into_iter().chain([(Stderr, "y\n"); 8 * 1024]).collect();
        let kept = spooled(&folders, Some(&lines), &[]).await;
        let (log, said) = kept.split_at(usize::try_from(LIMIT).unwrap());
        assert!(log.ends_with('y') || log.ends_with("y\n"));
        assert_eq!(said.as_bytes(), TRUNCATED);
        assert_eq!(spooled(&folders, None, &[&lines]).await, kept, "nothing is added by whoever comes after");
    }
}
