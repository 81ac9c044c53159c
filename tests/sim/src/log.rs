//! What happened, for whoever replays a seed.

use std::fmt::Write;

/// A log that costs nothing while nobody reads it. It always counts, and sums what it was told up to a
/// number by which two runs can be compared.
pub struct Log {
    lines: Option<String>,
    digest: u64,
    pub events: u64,
}

/// The offset basis and the prime of FNV-1a, 64 bits.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Log {
    pub fn new(keep: bool) -> Self {
        Self { lines: keep.then(String::new), digest: BASIS, events: 0 }
    }

    pub fn is_kept(&self) -> bool {
        self.lines.is_some()
    }

    /// Notes a line, made only where it is kept.
    pub fn note(&mut self, millis: u64, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            let (hours, rest) = (millis / 3_600_000, millis % 3_600_000);
            let (minutes, seconds) = (rest / 60_000, rest % 60_000);
            let _ = writeln!(
                lines,
                "{hours}:{minutes:02}:{:02}.{:03}  {}",
                seconds / 1_000,
                seconds % 1_000,
                line()
            );
        }
    }

    pub fn count(&mut self, at: u64, kind: u64) {
        self.events += 1;
        for value in [at, kind] {
            self.digest = (self.digest ^ value).wrapping_mul(PRIME);
        }
    }

    /// The same for the same run.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    pub fn text(&self) -> &str {
        self.lines.as_deref().unwrap_or_default()
    }
}
