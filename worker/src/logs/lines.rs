use bytes::BytesMut;

use super::per_stream::PerStream;
use crate::container::{Printed, StandardStream};

/// Bytes of a line that are handed on before its end is there: as many as Docker waits for.
const LONGEST: usize = 16 * 1024;

/// Keeps lines whole where both streams print at once: a program that writes by blocks ends them anywhere.
#[derive(Default)]
pub(super) struct Lines(PerStream<BytesMut>);

impl Lines {
    /// The lines that these pieces end, and those that are too long to be waited for.
    pub fn of(&mut self, pieces: Vec<Printed>) -> Vec<Printed> {
        let whole = pieces.into_iter().filter_map(|Printed { stream, mut bytes }| {
            let begun = &mut self.0[stream];
            let (end, waiting) = match bytes.iter().rposition(|byte| *byte == b'\n') {
                Some(last) => (last + 1, 0),
                None => (0, begun.len()),
            };
            let is_long = waiting + bytes.len() - end >= LONGEST;
            let mut ended = bytes.split_to(if is_long { bytes.len() } else { end });
            if !ended.is_empty() && !begun.is_empty() {
                begun.extend_from_slice(&ended);
                ended = begun.split().freeze();
            }
            begun.extend_from_slice(&bytes);
            (!ended.is_empty()).then_some(Printed { stream, bytes: ended })
        });
        whole.collect()
    }

    /// What has no end, when nothing more comes.
    pub fn rest(&mut self) -> Vec<Printed> {
        let streams = [StandardStream::Output, StandardStream::Error];
        let begun = streams.map(|stream| Printed { stream, bytes: self.0[stream].split().freeze() });
        begun.into_iter().filter(|begun| !begun.bytes.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::container::StandardStream::{Error, Output};

    fn printed(stream: StandardStream, text: &str) -> Printed {
        Printed { stream, bytes: Bytes::copy_from_slice(text.as_bytes()) }
    }

    #[test]
    fn a_line_is_not_broken_by_the_other_streams() {
        let mut lines = Lines::default();
        let pieces = [(Output, "one\ntw"), (Error, "fault"), (Output, "o\nthr"), (Error, "!\n")];
        let whole = lines.of(pieces.map(|(stream, text)| printed(stream, text)).into());
        assert_eq!(
            whole,
            [(Output, "one\n"), (Output, "two\n"), (Error, "fault!\n")].map(|(s, text)| printed(s, text))
        );
        assert_eq!(lines.rest(), [printed(Output, "thr")]);
        assert!(lines.rest().is_empty());
    }

    #[test]
    fn a_line_without_an_end_is_handed_on() {
        let mut lines = Lines::default();
        assert!(lines.of(vec![printed(Error, &"x".repeat(LONGEST - 1))]).is_empty());
        let whole = lines.of(vec![printed(Output, "other\n"), printed(Error, "x")]);
        assert_eq!(whole, [printed(Output, "other\n"), printed(Error, &"x".repeat(LONGEST))]);
        let behind_another = printed(Output, &format!("one\n{}", "x".repeat(LONGEST)));
        assert_eq!(lines.of(vec![behind_another.clone()]), [behind_another]);
        assert!(lines.rest().is_empty());
    }

    proptest! {
        #[test]
        fn each_stream_stays_what_it_is(
            pieces in prop::collection::vec((any::<bool>(), "[a\n]{1,9}"), 0..40),
            batch in 1..9usize,
        ) {
            let pieces: Vec<_> = pieces
                .iter()
                .map(|(error, text)| printed(if *error { Error } else { Output }, text))
                .collect();
            let mut lines = Lines::default();
            let mut whole: Vec<_> = pieces.chunks(batch).flat_map(|batch| lines.of(batch.to_vec())).collect();
            prop_assert!(whole.iter().all(|piece| piece.bytes.ends_with(b"\n")));
            whole.extend(lines.rest());
            let of = |all: &[Printed], stream| {
                let of_stream = all.iter().filter(|piece| piece.stream == stream);
                of_stream.flat_map(|piece| piece.bytes.to_vec()).collect::<Vec<u8>>()
            };
            for stream in [Output, Error] {
                prop_assert_eq!(of(&whole, stream), of(&pieces, stream));
            }
        }
    }
}
