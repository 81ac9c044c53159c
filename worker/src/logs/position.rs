use std::collections::VecDeque;

/// How many of a stream's first bytes are compared when it comes again.
const BEGINNING: usize = 4 * 1024;

/// How far a stream has come in a log. Ends of lines count only behind its last other byte: from the log that Docker
/// 20.10 keeps by the driver `local`, those of lines that are longer than 16 KiB are lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Those that end no line.
    bytes: u64,
    /// Ends of lines behind them.
    ends: u64,
    /// The first of those that end no line.
    beginning: VecDeque<u8>,
}

/// What comes again does not begin as the stream did: the engine has thrown its log's beginning away.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BegunLater;

impl Position {
    pub fn advance(&mut self, bytes: &[u8]) {
        let room = BEGINNING - self.beginning.len();
        self.beginning.extend(bytes.iter().filter(|byte| !is_end(byte)).take(room));
        let ends = bytes.iter().rev().take_while(|byte| is_end(byte)).count() as u64;
        match bytes.iter().filter(|byte| !is_end(byte)).count() as u64 {
            0 => self.ends += ends,
            others => (self.bytes, self.ends) = (self.bytes + others, ends),
        }
    }

    /// How many of these bytes, which come again from the stream's first one on, are before it.
    ///
    /// # Errors
    /// [`BegunLater`].
    pub fn skip(&mut self, bytes: &[u8]) -> Result<usize, BegunLater> {
        for (skipped, byte) in bytes.iter().enumerate() {
            let is_known = match (is_end(byte), self.bytes) {
                (true, 0) => &mut self.ends,
                (true, _) => continue,
                (false, _) => &mut self.bytes,
            };
            let Some(left) = is_known.checked_sub(1) else {
                *self = Self::default();
                return Ok(skipped);
            };
            *is_known = left;
            if !is_end(byte) && self.beginning.pop_front().is_some_and(|begun| begun != *byte) {
                return Err(BegunLater);
            }
        }
        Ok(bytes.len())
    }
}

fn is_end(byte: &u8) -> bool {
    *byte == b'\n'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is fresh of `log` to whoever has `known` already.
    fn fresh(known: &[&[u8]], log: &[&[u8]]) -> Vec<u8> {
        let mut position = Position::default();
        known.iter().for_each(|piece| position.advance(piece));
        log.iter().flat_map(|piece| piece[position.skip(piece).unwrap()..].to_vec()).collect()
    }

    #[test]
    fn a_log_that_lost_ends_of_lines_is_gone_on_with_at_the_right_place() {
        assert_eq!(fresh(&[b"long\nlong\n"], &[b"longlongnext\n"]), b"next\n");
        assert_eq!(fresh(&[b"long\nlo"], &[b"longlong\nnext"]), b"ng\nnext");
        assert_eq!(fresh(&[b"long\n", b"\n"], &[b"long\n\n", b"\nnext"]), b"\nnext");
        assert_eq!(fresh(&[b"\n\n"], &[b"\n", b"\n\n", b"next"]), b"\nnext");
    }

    #[test]
    fn a_log_whose_beginning_is_gone_is_not_gone_on_with() {
        let mut position = Position::default();
        position.advance(b"one\n");
        position.advance(b"two\n");
        assert_eq!(position.clone().skip(b"one\ntwo\nthree\n"), Ok(8));
        assert_eq!(position.clone().skip(b"two\nthree\n"), Err(BegunLater));
        assert_eq!(position.skip(b"on"), Ok(2));
        assert_eq!(position.skip(b"o"), Err(BegunLater));
        let mut position = Position::default();
        position.advance(&[b'x'; BEGINNING + 1]);
        assert_eq!(position.clone().skip(&[b'x'; BEGINNING - 1]), Ok(BEGINNING - 1));
        assert_eq!(position.clone().skip(&[&[b'x'; BEGINNING - 1][..], b"y"].concat()), Err(BegunLater));
        // What is missing further on, an engine that was killed has lost: the log is gone on with all the same.
        assert_eq!(position.skip(&[&[b'x'; BEGINNING][..], b"yz"].concat()), Ok(BEGINNING + 1));
    }

    proptest! {
        #[test]
        fn only_what_is_behind_it_is_fresh(
            known in prop::collection::vec("[a\n]{0,5}", 0..8),
            more in "[a\n]{0,9}",
            cut in 0..40usize,
        ) {
            let known: Vec<&[u8]> = known.iter().map(String::as_bytes).collect();
            let log = [known.concat(), more.as_bytes().to_vec()].concat();
            let (head, tail) = log.split_at(cut.min(log.len()));
            prop_assert_eq!(fresh(&known, &[head, tail]), more.as_bytes());
        }
    }
}
