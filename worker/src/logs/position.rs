/// How far a stream has come in a log. Ends of lines count only behind its last other byte: from the log that Docker
/// 20.10 keeps by the driver `local`, those of lines that are longer than 16 KiB are lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Those that end no line.
    bytes: u64,
    /// Ends of lines behind them.
    ends: u64,
}

impl Position {
    pub fn advance(&mut self, bytes: &[u8]) {
        let ends = bytes.iter().rev().take_while(|byte| is_end(byte)).count() as u64;
        match bytes.iter().filter(|byte| !is_end(byte)).count() as u64 {
            0 => self.ends += ends,
            others => (self.bytes, self.ends) = (self.bytes + others, ends),
        }
    }

    /// How many of these bytes, which come again from the stream's first one on, are before it.
    pub fn skip(&mut self, bytes: &[u8]) -> usize {
        for (skipped, byte) in bytes.iter().enumerate() {
            let is_known = match (is_end(byte), self.bytes) {
                (true, 0) => &mut self.ends,
                (true, _) => continue,
                (false, _) => &mut self.bytes,
            };
            let Some(left) = is_known.checked_sub(1) else {
                *self = Self::default();
                return skipped;
            };
            *is_known = left;
        }
        bytes.len()
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
        log.iter().flat_map(|piece| piece[position.skip(piece)..].to_vec()).collect()
    }

    #[test]
    fn a_log_that_lost_ends_of_lines_is_gone_on_with_at_the_right_place() {
        assert_eq!(fresh(&[b"long\nlong\n"], &[b"longlongnext\n"]), b"next\n");
        assert_eq!(fresh(&[b"long\nlo"], &[b"longlong\nnext"]), b"ng\nnext");
        assert_eq!(fresh(&[b"long\n", b"\n"], &[b"long\n\n", b"\nnext"]), b"\nnext");
        assert_eq!(fresh(&[b"\n\n"], &[b"\n", b"\n\n", b"next"]), b"\nnext");
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
