use std::fmt::{self, Display};

use serde::Serialize;

/// What a command has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    pub before: T,
    pub after: T,
}

impl<T: Display + PartialEq> Display for Change<T> {
    /// `before -> after`, or the value alone where it is the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.before == self.after {
            return self.after.fmt(f);
        }
        write!(f, "{} -> {}", self.before, self.after)
    }
}

const UNREAD: &str = "not read back: the chain does not answer";

/// What the chain has made of something, told also where it could not be read back: that is no failure of what has
/// landed.
pub fn read_back<T: Display>(read: Option<T>) -> String {
    read.map_or_else(|| UNREAD.to_owned(), |read| read.to_string())
}

#[cfg(test)]
mod tests {
    use millrace_protocol::MicroUsdc;

    use super::*;

    #[test]
    fn what_did_not_change_is_told_once() {
        let change = Change { before: MicroUsdc(1), after: MicroUsdc(2_000_000) };
        assert_eq!(change.to_string(), "0.000001 USDC -> 2.000000 USDC");
        assert_eq!(Change { before: MicroUsdc(5), after: MicroUsdc(5) }.to_string(), "0.000005 USDC");
    }

    #[test]
    fn what_could_not_be_read_back_says_so() {
        assert_eq!(read_back(Some(Change { before: 1, after: 2 })), "1 -> 2");
        assert_eq!(read_back(Some("in 14 d")), "in 14 d");
        assert!(read_back::<u8>(None).starts_with("not read back"));
    }
}
