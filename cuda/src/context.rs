//! A device in use: its streams, its modules of kernels, what it did, and the scope of a proof.
//!
//! Kernels and copies to the host are put on one stream, so they run in the order in which they were
//! asked for and freed memory is reused only after the kernels before it. Columns and tables come from
//! the host on a second stream, beside the kernels; [`crate::memory`] orders the two by events.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::result::{device, mem_pool};
use cudarc::driver::sys::{CUmemPool_attribute, CUresult};
use cudarc::driver::{CudaFunction, CudaModule, CudaStream, DriverError, LaunchArgs};
use cudarc::nvrtc::Ptx;

use crate::backend::{FftBasis, Openings};
use crate::constraints::{Compiler, Nvrtc};
use crate::counters::Counters;
use crate::error::CudaError;
use crate::launch::{Grid, MODULES};

/// The name by which the interpreter of PTX, made for tests, presents itself as a device.
pub const STAND_IN_DEVICE: &str = "ptx-interpreter";

thread_local! {
    static CURRENT: RefCell<Option<Arc<CudaContext>>> = const { RefCell::new(None) };
}

/// A CUDA device in use by this process.
pub struct CudaContext {
    driver: Arc<cudarc::driver::CudaContext>,
    stream: Arc<CudaStream>,
    uploads: Arc<CudaStream>,
    name: String,
    modules: Mutex<HashMap<&'static str, Arc<CudaModule>>>,
    functions: Mutex<HashMap<&'static str, CudaFunction>>,
    compiled: Mutex<HashMap<String, CudaFunction>>,
    compiler: Mutex<Arc<dyn Compiler>>,
    bases: Mutex<Vec<Arc<FftBasis>>>,
    openings: Mutex<Option<Openings>>,
    sources: Mutex<Vec<Source>>,
    counters: Counters,
}

/// Values on the host that a copy to the device reads.
pub(crate) type Source = Box<dyn Send>;

impl std::fmt::Debug for CudaContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CudaContext")
            .field("name", &self.name)
            .field("ordinal", &self.driver.ordinal())
            .finish_non_exhaustive()
    }
}

impl CudaContext {
    /// Opens device `ordinal`.
    ///
    /// # Errors
    /// [`CudaError::NoDriver`] and [`CudaError::NoDevice`] where there is none; other driver errors.
    pub fn new(ordinal: usize) -> Result<Arc<Self>, CudaError> {
        let found = Self::device_count()?;
        if ordinal >= found {
            return Err(CudaError::NoDevice { ordinal, found });
        }
        let driver = cudarc::driver::CudaContext::new(ordinal)
            .map_err(CudaError::driver("opening the device"))?;
        // SAFETY: `Words` orders the two streams; what else uses memory is on the one of kernels.
        unsafe { driver.disable_event_tracking() };
        if driver.has_async_alloc() {
            keep_freed_memory(&driver)
                .map_err(CudaError::driver("setting up the pool of device memory"))?;
        }
        let name = driver
            .name()
            .map_err(CudaError::driver("asking for the device's name"))?;
        Ok(Arc::new(Self {
            stream: driver.default_stream(),
            uploads: driver
                .new_stream()
                .map_err(CudaError::driver("opening the stream of uploads"))?,
            driver,
            name,
            modules: Mutex::default(),
            functions: Mutex::default(),
            compiled: Mutex::default(),
            compiler: Mutex::new(Arc::new(Nvrtc)),
            bases: Mutex::default(),
            openings: Mutex::default(),
            sources: Mutex::default(),
            counters: Counters::default(),
        }))
    }

    /// How many devices the driver sees.
    ///
    /// # Errors
    /// [`CudaError::NoDriver`] where no driver is installed.
    pub fn device_count() -> Result<usize, CudaError> {
        // SAFETY: looks for the library and loads it; its initialisers are NVIDIA's.
        if !unsafe { cudarc::driver::sys::is_culib_present() } {
            return Err(CudaError::NoDriver);
        }
        match cudarc::driver::result::init()
            .and_then(|()| cudarc::driver::CudaContext::device_count())
        {
            Ok(count) => Ok(usize::try_from(count).unwrap_or(0)),
            Err(DriverError(CUresult::CUDA_ERROR_NO_DEVICE)) => Ok(0),
            Err(error) => Err(CudaError::driver("starting the driver")(error)),
        }
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the device is the interpreter made for tests.
    pub fn is_stand_in(&self) -> bool {
        self.name == STAND_IN_DEVICE
    }

    /// The driver's handle of the device, for questions about it.
    pub fn driver(&self) -> &Arc<cudarc::driver::CudaContext> {
        &self.driver
    }

    /// The stream of kernels and of all copies but uploads.
    pub fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    /// The stream on which [`crate::memory::Words::upload`] copies.
    pub(crate) fn uploads(&self) -> &Arc<CudaStream> {
        &self.uploads
    }

    /// Makes this the current context of the thread, for the calls before which cudarc does not: freeing
    /// memory and finding a kernel would fail on a thread without a context, or go to another device.
    pub(crate) fn make_current(&self) {
        // An error that is kept for the next call that can return one is kept on.
        let kept = self.driver.check_err();
        self.driver
            .record_err(kept.and(self.driver.bind_to_thread()));
    }

    /// Keeps what a copy reads that is on the stream of kernels, or that this stream waits for: a call
    /// for a copy may return before the driver has taken all values over.
    pub(crate) fn keep(&self, source: Source) {
        lock(&self.sources).push(source);
    }

    /// Runs `wait`, which waits for the stream of kernels. What copies put there before read is let go.
    pub(crate) fn waiting<R>(
        &self,
        wait: impl FnOnce() -> Result<R, DriverError>,
    ) -> Result<R, DriverError> {
        let sources = std::mem::take(&mut *lock(&self.sources));
        let result = wait();
        if result.is_err() {
            lock(&self.sources).extend(sources);
        }
        result
    }

    /// What this context did so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Runs `f`, for example a proof with [`crate::CudaBackend`], on this device.
    ///
    /// `f` runs on a pool of threads of its own, all bound to this device, so that the parallel
    /// iterators of stwo stay on it and several devices can prove at once.
    ///
    /// # Errors
    /// Any [`CudaError`] that a backend operation met inside `f`; it ends `f` at once.
    ///
    /// # Panics
    /// Panics of `f` that are no device errors go on.
    pub fn scope<R: Send>(self: &Arc<Self>, f: impl FnOnce() -> R + Send) -> Result<R, CudaError> {
        let context = Arc::clone(self);
        let pool = rayon::ThreadPoolBuilder::new()
            .thread_name(|index| format!("cuda-scope-{index}"))
            .start_handler(move |_| {
                CURRENT.with(|current| *current.borrow_mut() = Some(Arc::clone(&context)));
            })
            .build()
            .map_err(|error| CudaError::Driver {
                call: "starting the scope's threads",
                reason: error.to_string(),
            })?;
        let result = catch_unwind(AssertUnwindSafe(|| pool.install(f)));
        // What is kept on the device refers to this context: letting go of it here ends the cycle.
        lock(&self.bases).clear();
        lock(&self.openings).take();
        result.or_else(|payload| match payload.downcast::<CudaError>() {
            Ok(error) => Err(*error),
            Err(payload) => resume_unwind(payload),
        })
    }

    /// Runs `f`, some backend operations of stwo without parallel iterators, on this thread.
    ///
    /// # Errors
    /// As [`CudaContext::scope`].
    ///
    /// # Panics
    /// As [`CudaContext::scope`].
    pub fn enter<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> Result<R, CudaError> {
        let before = CURRENT.with(|current| current.replace(Some(Arc::clone(self))));
        let result = catch_unwind(AssertUnwindSafe(f));
        CURRENT.with(|current| *current.borrow_mut() = before);
        result.or_else(|payload| match payload.downcast::<CudaError>() {
            Ok(error) => Err(*error),
            Err(payload) => resume_unwind(payload),
        })
    }

    /// The context of the enclosing [`CudaContext::scope`].
    ///
    /// # Errors
    /// [`CudaError::NoContext`] outside of a scope.
    pub fn current() -> Result<Arc<Self>, CudaError> {
        CURRENT
            .with(|current| current.borrow().clone())
            .ok_or(CudaError::NoContext)
    }

    /// Bases of out-of-domain points, kept until the scope ends.
    pub(crate) fn bases(&self) -> &Mutex<Vec<Arc<FftBasis>>> {
        &self.bases
    }

    /// What the proof in the making will open, if one is.
    pub(crate) fn openings<R>(&self, f: impl FnOnce(&mut Option<Openings>) -> R) -> R {
        f(&mut lock(&self.openings))
    }

    /// Waits until the device has done all it was asked.
    ///
    /// # Errors
    /// The first failure of a kernel that nobody has waited for yet.
    pub fn synchronize(&self) -> Result<(), CudaError> {
        self.waiting(|| self.stream.synchronize())
            .map_err(CudaError::driver("waiting for the device"))
    }

    /// The kernel `name` of the module `module`, loaded at its first use.
    pub(crate) fn function(
        &self,
        module: &'static str,
        name: &'static str,
    ) -> Result<CudaFunction, CudaError> {
        if let Some(function) = lock(&self.functions).get(name) {
            return Ok(function.clone());
        }
        let loaded = self.module(module)?;
        self.make_current();
        let function = loaded
            .load_function(name)
            .map_err(|error| CudaError::launch(name, error))?;
        lock(&self.functions).insert(name, function.clone());
        Ok(function)
    }

    pub(crate) fn module(&self, name: &'static str) -> Result<Arc<CudaModule>, CudaError> {
        let mut modules = lock(&self.modules);
        if let Some(module) = modules.get(name) {
            return Ok(Arc::clone(module));
        }
        let (_, ptx) =
            MODULES
                .iter()
                .find(|(module, _)| *module == name)
                .ok_or(CudaError::Unsupported {
                    operation: "loading kernels",
                    reason: format!("the module {name}"),
                })?;
        let module = self.load(name, ptx)?;
        modules.insert(name, Arc::clone(&module));
        Ok(module)
    }

    /// Chooses the compiler of constraints; [`Nvrtc`] unless this is called.
    pub fn set_compiler(&self, compiler: Arc<dyn Compiler>) {
        *lock(&self.compiler) = compiler;
    }

    /// The kernel `kernel` of a source made at run time; the same source is compiled once.
    ///
    /// # Errors
    /// [`CudaError::Compile`]; [`CudaError::UnsupportedPtx`] where the driver refuses the outcome.
    pub(crate) fn compiled(&self, source: &str, kernel: &str) -> Result<CudaFunction, CudaError> {
        if let Some(function) = lock(&self.compiled).get(source) {
            return Ok(function.clone());
        }
        let compiler = Arc::clone(&lock(&self.compiler));
        let ptx = compiler.compile(source)?;
        let function = self
            .load(kernel, &ptx)?
            .load_function(kernel)
            .map_err(|error| CudaError::launch(kernel, error))?;
        lock(&self.compiled).insert(source.to_owned(), function.clone());
        Ok(function)
    }

    fn load(&self, name: &str, ptx: &str) -> Result<Arc<CudaModule>, CudaError> {
        self.driver
            .load_module(Ptx::from_src(ptx))
            .map_err(|error| {
                let version = ptx
                    .lines()
                    .find_map(|line| line.strip_prefix(".version "))
                    .unwrap_or("of an unknown version");
                CudaError::UnsupportedPtx {
                    module: name.to_owned(),
                    version: version.to_owned(),
                    reason: error.to_string(),
                }
            })
    }

    /// Launches `function`, whose arguments `push` adds in the order of its parameters.
    pub(crate) fn launch<'a>(
        &'a self,
        kernel: &str,
        function: &'a CudaFunction,
        grid: Grid,
        push: impl FnOnce(&mut LaunchArgs<'a>),
    ) -> Result<(), CudaError> {
        let mut arguments = self.stream.launch_builder(function);
        push(&mut arguments);
        self.counters.device(kernel);
        // SAFETY: the wrapper that calls this passes the arguments that the kernel's parameter
        // list asks for; kernels touch device memory only, within the lengths they are given.
        unsafe { arguments.launch(grid.into()) }
            .map(drop)
            .map_err(|error| CudaError::launch(kernel, error))
    }
}

impl Drop for CudaContext {
    fn drop(&mut self) {
        // Copies may still read what is let go with the context. Nobody is left to hear of an error.
        let _ = self.synchronize();
    }
}

/// Lets the driver keep freed memory for later allocations. Else it returns all to the system whenever
/// the host waits, which is in every round of a sumcheck.
fn keep_freed_memory(driver: &cudarc::driver::CudaContext) -> Result<(), DriverError> {
    let mut most = u64::MAX;
    let threshold = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the device exists, and the attribute is a number of 64 bits.
    unsafe {
        let pool = device::get_default_mem_pool(driver.cu_device())?;
        mem_pool::set_attribute(pool, threshold, (&raw mut most).cast())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
