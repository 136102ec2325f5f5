//! Device memory: reference-counted words with views, and the pointers that kernels take.
//!
//! Memory belongs to the stream of kernels, which uses and frees it in order. [`Words::upload`] fills
//! it on a stream of its own first; the stream of kernels waits for that when it first uses the words.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::result::memcpy_dtoh_sync;
use cudarc::driver::sys::CUresult;
use cudarc::driver::{
    CudaEvent, CudaSlice, CudaStream, CudaView, DevicePtr, DevicePtrMut, DeviceRepr, DriverError,
};

use crate::context::CudaContext;
use crate::error::CudaError;

/// A device address of constant `T`s, valid while what it was taken from is borrowed.
#[repr(transparent)]
#[derive(Debug)]
pub struct Ptr<'a, T>(u64, PhantomData<&'a T>);

/// A device address of `T`s that a kernel may write, valid while what it was taken from is borrowed.
#[repr(transparent)]
#[derive(Debug)]
pub struct PtrMut<'a, T>(u64, PhantomData<&'a mut T>);

macro_rules! pointer {
    ($name:ident) => {
        impl<T> Clone for $name<'_, T> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<T> Copy for $name<'_, T> {}
        impl<'a, T> $name<'a, T> {
            /// The address `count` elements further.
            pub fn offset(self, count: usize) -> Self {
                Self(self.0 + (count * size_of::<T>()) as u64, PhantomData)
            }
            /// The address as a number, for arrays of pointers.
            pub fn address(self) -> u64 {
                self.0
            }
            /// The same address of elements of another type.
            pub fn cast<U>(self) -> $name<'a, U> {
                $name(self.0, PhantomData)
            }
        }
        // SAFETY: a transparent wrapper of a 64-bit device address, as kernels take it.
        unsafe impl<T> DeviceRepr for $name<'_, T> {}
    };
}
pointer!(Ptr);
pointer!(PtrMut);

impl<T> Ptr<'static, T> {
    /// The null pointer, where a kernel documents that it does not read an argument.
    pub const NULL: Self = Self(0, PhantomData);
}

impl<'a, T> From<PtrMut<'a, T>> for Ptr<'a, T> {
    fn from(pointer: PtrMut<'a, T>) -> Self {
        Self(pointer.0, PhantomData)
    }
}

/// An allocation and the context that owns it.
struct Buffer {
    slice: CudaSlice<u32>,
    /// The end of an upload that the stream of kernels has not waited for yet.
    arrival: Mutex<Option<CudaEvent>>,
    context: Arc<CudaContext>,
}

impl Buffer {
    /// The memory, for the stream of kernels.
    fn slice(&self) -> &CudaSlice<u32> {
        self.await_arrival();
        &self.slice
    }

    /// The memory, for the stream of kernels to write, and that stream.
    fn slice_mut(&mut self) -> (&mut CudaSlice<u32>, &Arc<CudaStream>) {
        self.await_arrival();
        (&mut self.slice, self.context.stream())
    }

    /// Puts the wait for an upload on the stream of kernels, once.
    fn await_arrival(&self) {
        // Locked until the wait is on the stream: another thread may launch a kernel right after.
        let mut arrival = self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = arrival.take() {
            let wait = self.context.stream().wait(&event);
            // The driver's context returns an error with its next call.
            self.context.driver().record_err(wait);
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // The stream of kernels frees the memory: not before the upload is over.
        self.await_arrival();
        // That stream is the default one of the context that is current on the thread.
        self.context.make_current();
    }
}

/// A view of 32-bit words on the device. Clones share memory; writers copy what is shared first.
#[derive(Clone)]
pub struct Words {
    buffer: Arc<Buffer>,
    start: usize,
    len: usize,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Words({} on {})", self.len, self.buffer.context.name())
    }
}

impl Words {
    /// Memory for `len` words whose values are not set: a kernel writes all before any is read.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`] with what was asked and what is free.
    pub fn uninitialized(context: &Arc<CudaContext>, len: usize) -> Result<Self, CudaError> {
        let slice = allocate(context, context.stream(), len)?;
        Ok(Self::new(context, slice, None, len))
    }

    fn new(
        context: &Arc<CudaContext>,
        slice: CudaSlice<u32>,
        arrival: Option<CudaEvent>,
        len: usize,
    ) -> Self {
        Self {
            buffer: Arc::new(Buffer {
                slice,
                arrival: Mutex::new(arrival),
                context: Arc::clone(context),
            }),
            start: 0,
            len,
        }
    }

    /// `len` words of value zero.
    ///
    /// # Errors
    /// As [`Words::uninitialized`]; driver errors.
    pub fn zeros(context: &Arc<CudaContext>, len: usize) -> Result<Self, CudaError> {
        let mut words = Self::uninitialized(context, len)?;
        if len > 0 {
            let (slice, stream) = words.unique()?.slice_mut();
            stream
                .memset_zeros(slice)
                .map_err(CudaError::driver("clearing device memory"))?;
        }
        Ok(words)
    }

    /// Copies the values of a column or table to the device, on the stream of uploads: kernels that
    /// do not use these words go on meanwhile.
    ///
    /// # Errors
    /// As [`Words::zeros`].
    pub fn upload(context: &Arc<CudaContext>, values: &[u32]) -> Result<Self, CudaError> {
        let uploads = context.uploads();
        let copying = CudaError::driver("copying to the device");
        // Memory of the stream of kernels would be there only after the kernels before it.
        let mut slice = allocate(context, uploads, values.len())?;
        if !values.is_empty() {
            context.counters().to_device(size_of_val(values));
            uploads.memcpy_htod(values, &mut slice).map_err(&copying)?;
        }
        let arrival = uploads.record_event(None).map_err(&copying)?;
        let stored = slice.len();
        // SAFETY: the address and length are the slice's, which gives them up. The stream of
        // kernels waits for the event before it uses or frees the memory.
        let slice = unsafe { context.stream().upgrade_device_ptr(slice.leak(), stored) };
        Ok(Self::new(context, slice, Some(arrival), values.len()))
    }

    /// Copies a list that launches take beside their columns, on the stream of kernels.
    ///
    /// # Errors
    /// As [`Words::zeros`].
    pub(crate) fn list(context: &Arc<CudaContext>, values: &[u32]) -> Result<Self, CudaError> {
        let mut words = Self::uninitialized(context, values.len())?;
        words.write(0, values)?;
        Ok(words)
    }

    /// Overwrites the words from `at` on with `values`.
    ///
    /// # Errors
    /// Driver errors; [`CudaError::OutOfMemory`] where shared memory has to be copied first.
    ///
    /// # Panics
    /// Where `values` does not fit.
    pub fn write(&mut self, at: usize, values: &[u32]) -> Result<(), CudaError> {
        assert!(at + values.len() <= self.len, "the values do not fit");
        if values.is_empty() {
            return Ok(());
        }
        let start = self.unique_start()? + at;
        self.context().counters().to_device(size_of_val(values));
        let (slice, stream) = self.unique()?.slice_mut();
        stream
            .memcpy_htod(values, &mut slice.slice_mut(start..start + values.len()))
            .map_err(CudaError::driver("copying to the device"))
    }

    /// Copies the words to the host, after all work asked for before.
    ///
    /// # Errors
    /// Driver errors, among them failures of earlier kernels.
    pub fn download(&self) -> Result<Vec<u32>, CudaError> {
        if self.len == 0 {
            return Ok(Vec::new());
        }
        let context = &self.buffer.context;
        context.counters().to_host(self.len * size_of::<u32>());
        let mut values = vec![0; self.len];
        let view = self.view();
        let (address, _used) = view.device_ptr(context.stream());
        // Not the copy that cudarc offers: CUDA calls it asynchronous, and does not say that it is over
        // when it returns. This one is on the default stream, as kernels are.
        let copy = |()| {
            // SAFETY: as many words are at the address as on the host.
            unsafe { memcpy_dtoh_sync(&mut values, address) }
        };
        let copied = context.driver().bind_to_thread().and_then(copy);
        copied.map_err(CudaError::driver("copying to the host"))?;
        Ok(values)
    }

    /// A copy in memory of its own.
    ///
    /// # Errors
    /// As [`Words::zeros`].
    pub fn duplicate(&self) -> Result<Self, CudaError> {
        let mut copy = Self::uninitialized(&self.buffer.context, self.len)?;
        if self.len > 0 {
            let (slice, stream) = copy.unique()?.slice_mut();
            stream
                .memcpy_dtod(&self.view(), slice)
                .map_err(CudaError::driver("copying on the device"))?;
        }
        Ok(copy)
    }

    /// Copies `source` over the words from `at` on, on the device.
    ///
    /// # Errors
    /// As [`Words::write`].
    ///
    /// # Panics
    /// Where `source` does not fit.
    pub fn copy_from(&mut self, at: usize, source: &Self) -> Result<(), CudaError> {
        assert!(at + source.len <= self.len, "the source does not fit");
        if source.len == 0 {
            return Ok(());
        }
        let start = self.unique_start()? + at;
        let (slice, stream) = self.unique()?.slice_mut();
        let mut target = slice.slice_mut(start..start + source.len);
        stream
            .memcpy_dtod(&source.view(), &mut target)
            .map_err(CudaError::driver("copying on the device"))
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The context that owns the memory.
    pub fn context(&self) -> &Arc<CudaContext> {
        &self.buffer.context
    }

    /// A view of a part, sharing memory.
    ///
    /// # Panics
    /// Where the range goes beyond the words.
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len);
        Self {
            buffer: Arc::clone(&self.buffer),
            start: self.start + range.start,
            len: range.end - range.start,
        }
    }

    /// The address of the first word, to read.
    pub fn ptr(&self) -> Ptr<'_, u32> {
        let (address, _) = self.buffer.slice().device_ptr(self.context().stream());
        Ptr(address, PhantomData).offset(self.start)
    }

    /// The address of the first word, to write; words that others share are copied first.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`] and driver errors of that copy.
    pub fn ptr_mut(&mut self) -> Result<PtrMut<'_, u32>, CudaError> {
        let start = self.unique_start()?;
        let (slice, stream) = self.unique()?.slice_mut();
        let (address, guard) = slice.device_ptr_mut(stream);
        drop(guard);
        Ok(PtrMut(address, PhantomData).offset(start))
    }

    fn view(&self) -> CudaView<'_, u32> {
        self.buffer.slice().slice(self.start..self.start + self.len)
    }

    /// Where the words start in their buffer, once no other view shares it.
    fn unique_start(&mut self) -> Result<usize, CudaError> {
        if Arc::get_mut(&mut self.buffer).is_none() {
            *self = self.duplicate()?;
        }
        Ok(self.start)
    }

    fn unique(&mut self) -> Result<&mut Buffer, CudaError> {
        self.unique_start()?;
        Ok(Arc::get_mut(&mut self.buffer).expect("the buffer was just made unique"))
    }
}

/// An array of device addresses on the device.
#[derive(Debug)]
pub struct Pointers<'a> {
    words: Words,
    borrowed: PhantomData<&'a Words>,
}

impl<'a> Pointers<'a> {
    /// The addresses of `views`, to read.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`] and driver errors.
    pub fn new(
        context: &Arc<CudaContext>,
        views: impl IntoIterator<Item = &'a Words>,
    ) -> Result<Self, CudaError> {
        let addresses = views.into_iter().map(|view| view.ptr().address());
        Self::from_addresses(context, addresses.collect())
    }

    /// The addresses of `views`, to write.
    ///
    /// # Errors
    /// As [`Words::ptr_mut`].
    pub fn new_mut(
        context: &Arc<CudaContext>,
        views: impl IntoIterator<Item = &'a mut Words>,
    ) -> Result<Self, CudaError> {
        let addresses: Result<_, _> = views
            .into_iter()
            .map(|view| view.ptr_mut().map(PtrMut::address))
            .collect();
        Self::from_addresses(context, addresses?)
    }

    /// The addresses of the columns of `rows` words that `words` holds one after the other, to write.
    ///
    /// # Errors
    /// As [`Words::ptr_mut`].
    pub fn columns_mut(words: &'a mut Words, rows: usize) -> Result<Self, CudaError> {
        let context = Arc::clone(words.context());
        let starts = (0..words.len()).step_by(rows);
        let first = words.ptr_mut()?;
        let addresses = starts.map(|start| first.offset(start).address());
        Self::from_addresses(&context, addresses.collect())
    }

    /// The array's address, for kernels that read through the pointers.
    pub fn ptr(&self) -> Ptr<'_, Ptr<'static, u32>> {
        Ptr(self.words.ptr().address(), PhantomData)
    }

    /// The array's address, for kernels that write through the pointers.
    pub fn ptr_mut(&self) -> Ptr<'_, PtrMut<'static, u32>> {
        Ptr(self.words.ptr().address(), PhantomData)
    }

    fn from_addresses(context: &Arc<CudaContext>, addresses: Vec<u64>) -> Result<Self, CudaError> {
        let words: Vec<u32> = addresses
            .iter()
            .flat_map(|&address| [address as u32, (address >> 32) as u32])
            .collect();
        Ok(Self {
            words: Words::list(context, &words)?,
            borrowed: PhantomData,
        })
    }
}

/// Memory for `len` words, in the order of `stream`. The driver has no allocations of zero bytes.
fn allocate(
    context: &CudaContext,
    stream: &Arc<CudaStream>,
    len: usize,
) -> Result<CudaSlice<u32>, CudaError> {
    let stored = len.max(1);
    // SAFETY: a copy or a kernel writes the words before they are read.
    unsafe { stream.alloc::<u32>(stored) }
        .map_err(|error| allocation_error(context, stored * size_of::<u32>(), error))
}

fn allocation_error(context: &CudaContext, requested: usize, error: DriverError) -> CudaError {
    if error.0 != CUresult::CUDA_ERROR_OUT_OF_MEMORY {
        return CudaError::driver("allocating device memory")(error);
    }
    let (free, total) = context.driver().mem_get_info().unwrap_or((0, 0));
    CudaError::OutOfMemory {
        requested,
        free,
        total,
    }
}
