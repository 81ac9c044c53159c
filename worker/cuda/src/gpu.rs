use std::ffi::{CStr, c_int, c_uint, c_void};
use std::ptr;
use std::rc::Rc;

use millrace_challenge::stream::Key;
use millrace_challenge::{Device, Digest, Kind, Tiles, tile};

use crate::Error;
use crate::buffer::Buffer;
use crate::error::check;
use crate::symbols::{Context, Function, Module, Symbols};

const PTX: &CStr = match CStr::from_bytes_with_nul(concat!(include_str!("../kernels/challenge.ptx"), "\0").as_bytes()) {
    Ok(ptx) => ptx,
    Err(_) => panic!("PTX is text"),
};

const WORDS: u64 = tile::WORDS as u64;
/// Threads of a block, and blocks of one product, as the kernels count on.
const THREADS: u32 = 256;
const BLOCKS_PER_PRODUCT: u32 = 4;
/// Products under way at the same time: 32 MiB beside the tiles.
const PRODUCTS: u64 = 512;

/// A GPU with the kernels loaded.
pub struct Gpu {
    // Fields are dropped in this order: memory before the context it belongs to.
    state: Option<State>,
    fill: Function,
    multiply: Function,
    digest: Function,
    module: Module,
    context: PrimaryContext,
}

/// A challenge's memory.
struct State {
    count: Tiles,
    tiles: Buffer,
    products: Buffer,
    partners: Buffer,
    digests: Buffer,
}

struct PrimaryContext {
    symbols: Rc<Symbols>,
    device: c_int,
    context: Context,
}

impl PrimaryContext {
    #[allow(unsafe_code, reason = "calls of the driver")]
    fn retain(symbols: Rc<Symbols>, device: c_int) -> Result<Self, Error> {
        let mut context = ptr::null_mut();
        // SAFETY: `context` outlives the call, `device` is one the driver named.
        check("cuDevicePrimaryCtxRetain", unsafe { (symbols.retain_context)(&raw mut context, device) })?;
        Ok(Self { symbols, device, context })
    }

    /// Makes it the thread's own: another GPU's may have been before.
    #[allow(unsafe_code, reason = "a call of the driver")]
    fn enter(&self) -> Result<(), Error> {
        // SAFETY: the context is retained until `self` is dropped.
        check("cuCtxSetCurrent", unsafe { (self.symbols.set_current)(self.context) })
    }

    /// Waits for everything under way, and says what went wrong in it.
    #[allow(unsafe_code, reason = "a call of the driver")]
    fn finish(&self) -> Result<(), Error> {
        // SAFETY: it takes nothing.
        check("cuCtxSynchronize", unsafe { (self.symbols.synchronize)() })
    }

    /// Starts a kernel of `blocks` blocks.
    #[allow(unsafe_code, reason = "a call of the driver")]
    fn launch(&self, function: Function, blocks: u64, arguments: &mut [*mut c_void]) -> Result<(), Error> {
        let blocks = c_uint::try_from(blocks).unwrap_or(c_uint::MAX);
        // SAFETY: the function is of a loaded module; its arguments' types are those of `challenge.cu`, and
        // the driver copies them before it returns.
        check("cuLaunchKernel", unsafe {
            (self.symbols.launch)(
                function,
                blocks,
                1,
                1,
                THREADS,
                1,
                1,
                0,
                ptr::null_mut(),
                arguments.as_mut_ptr(),
                ptr::null_mut(),
            )
        })
    }
}

impl Drop for PrimaryContext {
    #[allow(unsafe_code, reason = "a call of the driver")]
    fn drop(&mut self) {
        // SAFETY: it was retained once. An error has nobody left to hear it.
        let _ = unsafe { (self.symbols.release_context)(self.device) };
    }
}

impl Gpu {
    #[allow(unsafe_code, reason = "calls of the driver")]
    pub(crate) fn open(symbols: Rc<Symbols>, device: c_int) -> Result<Self, Error> {
        let context = PrimaryContext::retain(symbols.clone(), device)?;
        context.enter()?;
        let mut module = ptr::null_mut();
        // SAFETY: the image ends with a zero byte and outlives the call, as `module` does.
        check("cuModuleLoadData", unsafe { (symbols.load_module)(&raw mut module, PTX.as_ptr().cast()) })?;
        let null = ptr::null_mut();
        let mut gpu = Self { state: None, fill: null, multiply: null, digest: null, module, context };
        let functions = [(&mut gpu.fill, c"fill"), (&mut gpu.multiply, c"multiply"), (&mut gpu.digest, c"digest")];
        for (function, name) in functions {
            // SAFETY: the module is loaded, the name ends with a zero byte, `function` outlives the call.
            check("cuModuleGetFunction", unsafe { (symbols.function)(function, module, name.as_ptr()) })?;
        }
        Ok(gpu)
    }
}

impl Drop for Gpu {
    #[allow(unsafe_code, reason = "a call of the driver")]
    fn drop(&mut self) {
        // Memory and module are given back to the context they are of.
        let _ = self.context.enter();
        self.state = None;
        // SAFETY: it was loaded once, and none of its functions runs any more. An error has nobody left to
        // hear it.
        let _ = unsafe { (self.context.symbols.unload_module)(self.module) };
    }
}

fn argument<T>(value: &mut T) -> *mut c_void {
    ptr::from_mut(value).cast()
}

impl State {
    fn new(symbols: &Rc<Symbols>, count: Tiles) -> Result<Self, Error> {
        let (all, half) = (u64::from(count.count()), u64::from(count.half()));
        Ok(Self {
            count,
            tiles: Buffer::new(symbols, all * WORDS)?,
            products: Buffer::new(symbols, half.min(PRODUCTS) * WORDS)?,
            partners: Buffer::new(symbols, half)?,
            digests: Buffer::new(symbols, all * 8)?,
        })
    }
}

impl Device for Gpu {
    type Error = Error;

    fn kind(&self) -> Kind {
        Kind::Cuda
    }

    fn fill(&mut self, key: &Key, tiles: Tiles) -> Result<(), Error> {
        self.context.enter()?;
        // What an earlier challenge had goes first: there is no room for both.
        self.state = None;
        let state = self.state.insert(State::new(&self.context.symbols, tiles)?);
        let mut blocks = u64::from(tiles.count()) * WORDS / 16;
        let (mut start, mut key) = (state.tiles.at(0), key.words());
        let grid = blocks.div_ceil(THREADS.into());
        let arguments = &mut [argument(&mut start), argument(&mut key), argument(&mut blocks)];
        self.context.launch(self.fill, grid, arguments)?;
        self.context.finish()
    }

    fn multiply(&mut self, first: u32, partners: &[u32]) -> Result<(), Error> {
        self.context.enter()?;
        let Some(state) = &mut self.state else { return Ok(()) };
        let count = state.count.count();
        let fits = u64::from(first) + partners.len() as u64 <= u64::from(count);
        assert!(fits && partners.iter().all(|partner| *partner < count), "a tile that does not exist");
        state.partners.upload(partners)?;
        let (all, step) = (partners.len() as u64, u64::from(state.count.half()).min(PRODUCTS));
        for begun in (0..all).step_by(step as usize) {
            let tiles = step.min(all - begun);
            let (mut start, mut chosen, mut products) =
                (state.tiles.at(0), state.partners.at(begun), state.products.at(0));
            let number = u64::from(first) + begun;
            let mut first = number as u32;
            let arguments =
                &mut [argument(&mut start), argument(&mut chosen), argument(&mut products), argument(&mut first)];
            self.context.launch(self.multiply, tiles * u64::from(BLOCKS_PER_PRODUCT), arguments)?;
            state.tiles.copy(number * WORDS, &state.products, tiles * WORDS)?;
        }
        self.context.finish()
    }

    fn digests(&mut self) -> Result<Vec<Digest>, Error> {
        self.context.enter()?;
        let Some(state) = &self.state else { return Ok(vec![]) };
        let mut count = state.count.count();
        let (mut start, mut digests) = (state.tiles.at(0), state.digests.at(0));
        let grid = u64::from(count).div_ceil(THREADS.into());
        let arguments = &mut [argument(&mut start), argument(&mut digests), argument(&mut count)];
        self.context.launch(self.digest, grid, arguments)?;
        self.context.finish()?;
        let mut words = vec![0; state.count.count() as usize * 8];
        state.digests.download(0, &mut words)?;
        let digest = |words: &[u32]| std::array::from_fn(|byte| words[byte / 4].to_be_bytes()[byte % 4]);
        Ok(words.chunks_exact(8).map(digest).collect())
    }

    fn read(&mut self, tile: u32) -> Result<Vec<u32>, Error> {
        self.context.enter()?;
        let Some(state) = &self.state else { return Ok(vec![]) };
        let mut words = vec![0; tile::WORDS];
        state.tiles.download(u64::from(tile) * WORDS, &mut words)?;
        Ok(words)
    }
}
