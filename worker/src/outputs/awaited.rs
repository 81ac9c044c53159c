use std::io::{self, Read};
use std::sync::Weak;

/// Reads only while somebody waits for what becomes of it: where it is read, nothing else can break that off.
pub(super) struct Awaited<R> {
    source: R,
    waiter: Weak<()>,
}

impl<R: Read> Awaited<R> {
    /// `waiter` is alive as long as somebody waits.
    pub fn new(source: R, waiter: Weak<()>) -> Self {
        Self { source, waiter }
    }
}

impl<R: Read> Read for Awaited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.waiter.strong_count() {
            0 => Err(io::Error::other("nobody waits for it any more")),
            _ => self.source.read(buffer),
        }
    }
}
