use std::ffi::c_void;
use std::rc::Rc;

use crate::Error;
use crate::error::{check, check_memory};
use crate::symbols::{Pointer, Symbols};

/// Words in a GPU's memory, of the context that was current when they were taken.
pub(crate) struct Buffer {
    symbols: Rc<Symbols>,
    start: Pointer,
    words: u64,
}

impl Buffer {
    #[allow(unsafe_code, reason = "a call of the driver")]
    pub fn new(symbols: &Rc<Symbols>, words: u64) -> Result<Self, Error> {
        let (mut start, bytes) = (0, words * 4);
        // SAFETY: `start` outlives the call; a size that does not fit the machine is not asked for.
        let status = unsafe { (symbols.allocate)(&raw mut start, usize::try_from(bytes).unwrap_or(usize::MAX)) };
        check_memory("cuMemAlloc", status, bytes)?;
        Ok(Self { symbols: symbols.clone(), start, words })
    }

    /// Address of a word, which need not be read or written before it exists.
    pub fn at(&self, word: u64) -> Pointer {
        self.start + word * 4
    }

    #[allow(unsafe_code, reason = "a call of the driver")]
    pub fn upload(&mut self, words: &[u32]) -> Result<(), Error> {
        assert!(words.len() as u64 <= self.words, "more words than the buffer has");
        // SAFETY: both sides have as many bytes, as was just asserted of the GPU's.
        check("cuMemcpyHtoD", unsafe {
            (self.symbols.upload)(self.start, words.as_ptr().cast::<c_void>(), size_of_val(words))
        })
    }

    /// Words from `first` on, as many as `into` takes.
    #[allow(unsafe_code, reason = "a call of the driver")]
    pub fn download(&self, first: u64, into: &mut [u32]) -> Result<(), Error> {
        assert!(first + into.len() as u64 <= self.words, "more words than the buffer has");
        // SAFETY: both sides have as many bytes, as was just asserted of the GPU's.
        check("cuMemcpyDtoH", unsafe {
            (self.symbols.download)(into.as_mut_ptr().cast::<c_void>(), self.at(first), size_of_val(into))
        })
    }

    /// Copies the first `words` of another buffer to `first` and behind.
    #[allow(unsafe_code, reason = "a call of the driver")]
    pub fn copy(&mut self, first: u64, from: &Self, words: u64) -> Result<(), Error> {
        assert!(first + words <= self.words && words <= from.words, "more words than a buffer has");
        // SAFETY: both buffers have the bytes, as was just asserted, and two buffers never overlap.
        check("cuMemcpyDtoD", unsafe { (self.symbols.copy)(self.at(first), from.start, (words * 4) as usize) })
    }
}

impl Drop for Buffer {
    #[allow(unsafe_code, reason = "a call of the driver")]
    fn drop(&mut self) {
        // SAFETY: it was taken in `new` and is given back once. An error has nobody left to hear it.
        let _ = unsafe { (self.symbols.free)(self.start) };
    }
}
