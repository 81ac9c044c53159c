use std::io;
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

/// From one attempt to the next when the engine breaks the stream off, or the disk takes nothing.
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
///
/// What the disk does not take is left in the engine's log and tried again: nobody stays attached meanwhile, because
/// the container would have to wait.
///
/// # Errors
/// Those that do not pass.
pub(crate) async fn spool<'a>(
    folders: &Folders,
    key: TaskKey,
    mut attached: Option<BoxStream<'static, Printed>>,
    log: impl Fn() -> BoxStream<'a, Result<Printed, Error>>,
    grown: impl Fn(),
) -> io::Result<()> {
    let mut told = None;
    while let Err(error) = keep(folders, key, attached.take(), &log, &grown).await {
        if !is_passing(&error) {
            return Err(error);
        }
        if told.replace(error.kind()) != Some(error.kind()) {
            tracing::warn!(task = %key, %error, "the task's log cannot be kept; it is tried again");
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// A disk that is full is cleared; who may not write to its own folder waits for the rig's owner.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, PermissionDenied, ReadOnlyFilesystem};
    !matches!(error.kind(), IsADirectory | NotADirectory | PermissionDenied | ReadOnlyFilesystem)
}

async fn keep<'a>(
    folders: &Folders,
    key: TaskKey,
    attached: Option<BoxStream<'static, Printed>>,
    log: &impl Fn() -> BoxStream<'a, Result<Printed, Error>>,
    grown: &impl Fn(),
) -> io::Result<()> {
    let mut kept = Kept::open(folders, key).await?;
    if kept.is_over {
        grown();
        return Ok(());
    }
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
    async fn open(folders: &Folders, key: TaskKey) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.create(true).append(true).read(true);
        let (mut file, mut entries) = (options.open(folders.log(key)).await?, options.open(folders.turns(key)).await?);
        let (mut log, mut read) = (Vec::new(), Vec::new());
        file.read_to_end(&mut log).await?;
        entries.read_to_end(&mut read).await?;
        let (turns, valid) = Turns::read(&read, &log);
        entries.set_len(valid as u64).await?;
        let is_over = log.ends_with(TRUNCATED);
        let mut kept = Self { file, length: log.len() as u64, is_over, entries, turns };
        if !is_over && kept.length >= LIMIT {
            kept.end().await?;
        }
        Ok(kept)
    }

    /// Appends the pieces; what there is no room for is left out, which the file then says. It says the same where the
    /// log `is_cut` behind them.
    async fn append(&mut self, pieces: &[Printed], is_cut: bool) -> io::Result<()> {
        let mut room = usize::try_from(LIMIT.saturating_sub(self.length)).unwrap_or(usize::MAX);
        let (mut bytes, mut entries) = (Vec::new(), Vec::new());
        for piece in pieces {
            let part = &piece.bytes[..piece.bytes.len().min(room)];
            room -= part.len();
            bytes.extend_from_slice(part);
            entries.extend(self.turns.add(piece.stream, part).into_iter().flatten());
        }
        self.length += bytes.len() as u64;
        if !entries.is_empty() {
            self.entries.write_all(&entries).await?;
            self.entries.flush().await?;
        }
        self.file.write_all(&bytes).await?;
        self.file.flush().await?;
        if is_cut || room == 0 { self.end().await } else { Ok(()) }
    }

    /// Says that the rest is left out.
    async fn end(&mut self) -> io::Result<()> {
        self.is_over = true;
        let said = async {
            self.file.write_all(TRUNCATED).await?;
            self.file.flush().await
        };
        let said = said.await;
        if said.is_err() {
            // Half of it would count as the program's own words.
            self.file.set_len(self.length).await?;
        }
        said
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

    /// A disk of a size as tmpfs(5) has it, on which the logs lie.
    struct SmallDisk(std::path::PathBuf);

    impl SmallDisk {
        /// `None` where this user may not mount one.
        fn mount(folders: &Folders, size: &str) -> Option<Self> {
            let disk = Self(folders.log(KEY).parent().unwrap().to_owned());
            disk.set("size", size).then_some(disk)
        }

        fn set(&self, how: &str, size: &str) -> bool {
            let options = format!("{how}={size}");
            let mut mount = std::process::Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&self.0).status().is_ok_and(|done| done.success())
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
        }
    }

    /// What is kept of `attached` and then `log` on a disk of `size`, which has more room once nothing has been written
    /// for a while; `None` where this user may not mount one.
    async fn spooled_on_a_full_disk(
        size: &str,
        attached: &[(StandardStream, &'static str)],
        log: &[(StandardStream, &'static str)],
    ) -> Option<String> {
        let (_folder, folders) = folders();
        let Some(disk) = SmallDisk::mount(&folders, size) else {
            eprintln!("SKIPPED: this user may not mount a tmpfs");
            return None;
        };
        let clear = async {
            tokio::time::sleep(2 * PAUSE).await;
            assert!(std::fs::metadata(folders.log(KEY)).unwrap().len() <= LIMIT, "the disk is not full");
            assert!(disk.set("remount,size", "64m"));
        };
        let looks = [log; 8];
        let (kept, ()) = tokio::join!(spooled(&folders, Some(attached), &looks), clear);
        Some(kept)
    }

    #[tokio::test]
    async fn a_disk_that_was_full_for_a_while_ends_no_log() {
        let line: &'static str = format!("{}\n", "x".repeat(1_499)).leak();
        let all =
            [(Output, line), (Stderr, "e1\n"), (Output, line), (Stderr, "e2\n"), (Output, line), (Output, "end\n")];
        let Some(kept) = spooled_on_a_full_disk("4k", &all, &all).await else { return };
        let of = |byte: char| kept.matches(byte).count();
        assert_eq!((of('x'), of('\n')), (3 * 1_499, 6), "no more and no less than was printed");
        assert!(kept.starts_with(line) && kept.ends_with("end\n"), "{kept}");
    }

    #[tokio::test]
    async fn a_log_whose_rest_is_left_out_says_so_once_the_disk_takes_it() {
        let line: &'static str = "x".repeat(1_023).leak();
        let all = vec![(Output, line); 9 * 1_024];
        let Some(kept) = spooled_on_a_full_disk("8m", &all, &all).await else { return };
        let (log, said) = kept.split_at(usize::try_from(LIMIT).unwrap());
        assert!(log.bytes().all(|byte| byte == b'x'));
        assert_eq!(said.as_bytes(), TRUNCATED);
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_written_without_the_rigs_owner_is_given_up() {
        let (_folder, folders) = folders();
        std::fs::create_dir(folders.log(KEY)).unwrap();
        let log = || stream::iter([Err(Error::NotFound)]).boxed();
        let given_up = spool(&folders, KEY, None, log, || {}).await.unwrap_err();
        assert_eq!(given_up.kind(), io::ErrorKind::IsADirectory);
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
