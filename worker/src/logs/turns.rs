use super::per_stream::PerStream;
use super::position::Position;
use crate::container::StandardStream::{self, Error, Output};

/// Bytes of an entry: the length of a turn that is over, little-endian.
const ENTRY: usize = size_of::<u32>();

/// How the two streams take turns in a log. On the disk are the lengths of the turns that are over, standard output's
/// and standard error's by turns, the first one's also where it is nothing; the last turn lasts to the log's end. An
/// entry is written before the bytes that follow its turn, so a log never holds a byte whose stream nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turns {
    stream: StandardStream,
    /// Bytes of the turn that is not over.
    turn: usize,
    positions: PerStream<Position>,
}

impl Turns {
    pub fn new() -> Self {
        Self { stream: Output, turn: 0, positions: PerStream::default() }
    }

    /// What `entries` say of a log, and how many of their bytes speak of it: a worker that died may have written an entry
    /// and not the log.
    pub fn read(entries: &[u8], mut log: &[u8]) -> (Self, usize) {
        let (mut turns, mut valid) = (Self::new(), 0);
        for entry in entries.as_chunks::<ENTRY>().0 {
            let turn = usize::try_from(u32::from_le_bytes(*entry)).unwrap_or(usize::MAX);
            let Some((turn, left)) = log.split_at_checked(turn) else { break };
            turns.grow(turn);
            turns.pass();
            log = left;
            valid += ENTRY;
        }
        turns.grow(log);
        (turns, valid)
    }

    /// Counts bytes that are appended to the log; the entry for it, if that ends a turn.
    pub fn add(&mut self, stream: StandardStream, bytes: &[u8]) -> Option<[u8; ENTRY]> {
        let ended = (stream != self.stream).then(|| self.pass());
        self.grow(bytes);
        ended
    }

    /// How far the log has each stream.
    pub fn positions(&self) -> &PerStream<Position> {
        &self.positions
    }

    fn grow(&mut self, bytes: &[u8]) {
        self.turn += bytes.len();
        self.positions[self.stream].advance(bytes);
    }

    fn pass(&mut self) -> [u8; ENTRY] {
        self.stream = match self.stream {
            Output => Error,
            Error => Output,
        };
        let turn = u32::try_from(std::mem::take(&mut self.turn));
        turn.expect("a log is shorter than `LIMIT`").to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(pieces: &[(StandardStream, String)]) -> (Turns, Vec<u8>) {
        let mut turns = Turns::new();
        let added = pieces.iter().filter_map(|(stream, text)| turns.add(*stream, text.as_bytes()));
        let entries = added.flatten().collect();
        (turns, entries)
    }

    /// Where a stream is of which these bytes were printed.
    fn at(bytes: impl IntoIterator<Item = u8>) -> Position {
        let mut position = Position::default();
        position.advance(&bytes.into_iter().collect::<Vec<_>>());
        position
    }

    #[test]
    fn one_stream_alone_costs_nothing() {
        let (turns, entries) = written(&[(Output, "one".into()), (Output, "two".into())]);
        assert!(entries.is_empty());
        assert_eq!((&turns.positions()[Output], &turns.positions()[Error]), (&at(*b"onetwo"), &at([])));
        assert_eq!(Turns::read(&[], b"onetwo"), (turns, 0));
    }

    #[test]
    fn half_an_entry_is_none() {
        let (_, entries) = written(&[(Output, "one".into()), (Error, "two".into()), (Output, "three".into())]);
        let (turns, valid) = Turns::read(&entries[..ENTRY + 3], b"onetw");
        assert_eq!((&turns.positions()[Output], &turns.positions()[Error]), (&at(*b"one"), &at(*b"tw")));
        assert_eq!(valid, ENTRY);
    }

    fn pieces() -> impl Strategy<Value = Vec<(StandardStream, String)>> {
        let stream = prop_oneof![Just(Output), Just(Error)];
        prop::collection::vec((stream, "[a\n]{1,9}"), 0..40)
    }

    /// Each byte and whose it is.
    fn bytes(pieces: &[(StandardStream, String)]) -> Vec<(StandardStream, u8)> {
        pieces.iter().flat_map(|(stream, text)| text.bytes().map(|byte| (*stream, byte))).collect()
    }

    proptest! {
        /// Entries come first: at any length that the log had when its worker died, they say whose each byte is.
        #[test]
        fn a_worker_that_dies_leaves_no_byte_without_its_stream(before in pieces(), after in pieces(), cut in 0..400usize) {
            let (_, mut entries) = written(&before);
            let mut log = bytes(&before);
            log.truncate(cut);
            let plain = |log: &[(StandardStream, u8)]| log.iter().map(|(_, byte)| *byte).collect::<Vec<_>>();
            let of = |log: &[(StandardStream, u8)], wanted| {
                at(log.iter().filter(|(stream, _)| *stream == wanted).map(|(_, byte)| *byte).collect::<Vec<_>>())
            };
            let (mut turns, valid) = Turns::read(&entries, &plain(&log));
            for stream in [Output, Error] {
                prop_assert_eq!(&turns.positions()[stream], &of(&log, stream));
            }

            entries.truncate(valid);
            entries.extend(after.iter().filter_map(|(stream, text)| turns.add(*stream, text.as_bytes())).flatten());
            log.extend(bytes(&after));
            let (read, valid) = Turns::read(&entries, &plain(&log));
            prop_assert_eq!(valid, entries.len());
            for stream in [Output, Error] {
                prop_assert_eq!(&read.positions()[stream], &of(&log, stream));
            }
        }
    }
}
