//! What a stranger's program may leave behind, however its folder is looked into.

use millrace_agent::{Cause, Failure, Limits};

/// Bytes of all paths together: they travel in one message, together with 40 bytes for each file.
pub(super) const PATHS: usize = 1024 * 1024;
/// Deepest folder below the one that is looked into.
pub(crate) const DEPTH: usize = 32;

/// Counts what is found, and says what must not be there.
pub(crate) struct Rules<'a> {
    limits: &'a Limits,
    files: u64,
    bytes: u64,
    paths: usize,
}

impl<'a> Rules<'a> {
    pub fn new(limits: &'a Limits) -> Self {
        Self { limits, files: 0, bytes: 0, paths: 0 }
    }

    /// The path of a name in a folder, whose own path ends in `/` unless it is empty.
    ///
    /// # Errors
    /// A name that is not portable, or none at all.
    pub fn path(folder: &str, name: Option<&str>) -> Result<String, Failure> {
        let name = name.ok_or_else(|| invalid(format!("a name in `{folder}` is not UTF-8")))?;
        let path = format!("{folder}{name}");
        if name.chars().any(|letter| letter.is_control() || letter == '\\') {
            return Err(invalid(format!("{path:?} has a name that is not portable")));
        }
        Ok(path)
    }

    /// `depth` is that of the folder it lies in.
    ///
    /// # Errors
    /// One that lies too deep.
    pub fn folder(path: &str, depth: usize) -> Result<(), Failure> {
        if depth == DEPTH {
            return Err(invalid(format!("{path} lies deeper than {DEPTH} folders")));
        }
        Ok(())
    }

    /// # Errors
    /// More files, longer paths or more bytes than there may be.
    pub fn file(&mut self, path: &str, bytes: u64) -> Result<(), Failure> {
        self.files += 1;
        self.paths += path.len();
        self.bytes = self.bytes.saturating_add(bytes);
        if self.files > u64::from(self.limits.output_files) {
            return Err(invalid(format!("there are more than {} files", self.limits.output_files)));
        }
        if self.paths > PATHS {
            return Err(invalid(format!("the names of the files have more than {PATHS} bytes")));
        }
        if self.bytes > self.limits.output_bytes {
            return Err(invalid(format!("there are more than {} bytes", self.limits.output_bytes)));
        }
        Ok(())
    }

    /// Neither a file nor a folder may be there.
    pub fn other(path: &str, is_link: bool) -> Failure {
        let kind = if is_link { "a link" } else { "neither a file nor a folder" };
        invalid(format!("{path} is {kind}"))
    }
}

pub(super) fn invalid(detail: String) -> Failure {
    Failure::new(Cause::OutputInvalid, detail)
}
