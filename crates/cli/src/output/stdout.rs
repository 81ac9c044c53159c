use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use millrace_protocol::Diagnostic;
use thiserror::Error;

use crate::errors::Failure;

/// A result that did not arrive.
#[derive(Debug, Error)]
#[error("stdout cannot be written")]
struct Unwritable {
    source: io::Error,
}

impl Diagnostic for Unwritable {
    fn code(&self) -> &'static str {
        "output-unwritable"
    }

    fn hint(&self) -> String {
        "what the command did stands, and only what it said of that is lost: check the disk that it was written to"
            .to_owned()
    }
}

/// Stdout, and the first failure to write it.
#[derive(Debug, Default)]
pub struct Stdout {
    failure: OnceLock<Failure>,
}

impl Stdout {
    pub fn write(&self, bytes: &[u8]) {
        self.write_to(&mut io::stdout().lock(), bytes);
    }

    fn write_to(&self, out: &mut impl Write, bytes: &[u8]) {
        match out.write_all(bytes).and_then(|()| out.flush()) {
            // A closed pipe (`| head`) is the reader's decision, not a failure.
            Err(source) if source.kind() != ErrorKind::BrokenPipe => {
                let _ = self.failure.set(Failure::refused(&Unwritable { source }));
            }
            _ => {}
        }
    }

    /// Whether all of it has arrived, or nobody wanted it.
    ///
    /// # Errors
    /// `output-unwritable`.
    pub fn finish(&self) -> Result<(), Failure> {
        self.failure.get().map_or(Ok(()), |failure| Err(failure.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says no with one kind of error.
    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_first_failure_is_kept_and_a_reader_who_leaves_is_none() {
        let stdout = Stdout::default();
        stdout.write_to(&mut Refusing(ErrorKind::BrokenPipe), b"a");
        stdout.write_to(&mut Vec::new(), b"b");
        assert_eq!(stdout.finish(), Ok(()));
        stdout.write_to(&mut Refusing(ErrorKind::StorageFull), b"c");
        stdout.write_to(&mut Refusing(ErrorKind::PermissionDenied), b"d");
        let failure = stdout.finish().unwrap_err();
        assert_eq!((failure.code.as_ref(), failure.causes), ("output-unwritable", vec!["no storage space".to_owned()]));
    }
}
