//! Columns on the device: base field values and hashes as words, secure values as four planes.
//!
//! Columns are values: a clone shares memory until one of the two is written. A column keeps the
//! single elements that were read from it; [`crate::backend::open_rows`] reads many rows of many
//! columns with one gather before they are asked for one by one.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::Pod;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::{SECURE_EXTENSION_DEGREE, SecureField};
use stwo::core::vcs::blake2_hash::Blake2sHash;
use stwo::prover::backend::Column;
use stwo::prover::secure_column::SecureColumnByCoords;

use crate::backend::CudaBackend;
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::memory::Words;

/// Something that is a fixed number of little-endian 32-bit words, on the host as on the device.
pub trait Element: Pod + Default + Debug + Send + Sync {
    /// Words of an element.
    const WORDS: usize = size_of::<Self>() / size_of::<u32>();
}

impl Element for BaseField {}
impl Element for Blake2sHash {}

#[cfg(target_endian = "big")]
compile_error!("hashes on the device are little-endian words");

/// The element in `words`.
pub(crate) fn element<T: Element>(words: &[u32]) -> T {
    bytemuck::pod_read_unaligned(bytemuck::cast_slice(words))
}

/// The words of an element.
pub(crate) fn element_words<T: Element>(value: T) -> Vec<u32> {
    bytemuck::cast_slice(&[value]).to_vec()
}

/// Elements that were read from the device, by row; a column and its aliases share them.
type Opened<T> = Arc<Mutex<HashMap<usize, T>>>;

/// Columns of at most this many words are read whole when one element is asked for.
const SMALL_WORDS: usize = 1 << 10;

/// A column of base field elements or hashes on the device.
#[derive(Debug)]
pub struct DeviceColumn<T: Element> {
    words: Words,
    opened: Opened<T>,
    /// Of a layer of a Merkle tree: the layers above it, largest first, where they are known.
    pub(crate) above: Option<Words>,
}

/// A column of base field elements on the device.
pub type BaseColumn = DeviceColumn<BaseField>;
/// A column of Blake2s hashes on the device.
pub type HashColumn = DeviceColumn<Blake2sHash>;

impl<T: Element> Clone for DeviceColumn<T> {
    fn clone(&self) -> Self {
        Self {
            words: self.words.clone(),
            opened: Opened::default(),
            above: self.above.clone(),
        }
    }
}

impl<T: Element> DeviceColumn<T> {
    /// A column of what `words` holds.
    ///
    /// # Panics
    /// Where the words are no whole number of elements.
    pub fn new(words: Words) -> Self {
        assert!(words.len().is_multiple_of(T::WORDS));
        Self {
            words,
            opened: Opened::default(),
            above: None,
        }
    }

    /// A column of `len` elements that a kernel is about to write.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`].
    pub fn allocate(context: &Arc<CudaContext>, len: usize) -> Result<Self, CudaError> {
        Words::uninitialized(context, len * T::WORDS).map(Self::new)
    }

    /// Copies host values to the device.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`] and driver errors.
    pub fn upload(context: &Arc<CudaContext>, values: Vec<T>) -> Result<Self, CudaError> {
        Words::upload(context, values).map(Self::new)
    }

    /// Copies the values to the host.
    ///
    /// # Errors
    /// Driver errors, among them failures of earlier kernels.
    pub fn download(&self) -> Result<Vec<T>, CudaError> {
        let words = self.words.download()?;
        Ok(words.chunks_exact(T::WORDS).map(element).collect())
    }

    /// The words, to read.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The words, to write: what was read of the old ones is forgotten.
    pub fn words_mut(&mut self) -> &mut Words {
        self.opened = Opened::default();
        self.above = None;
        &mut self.words
    }

    /// The words.
    pub fn into_words(self) -> Words {
        self.words
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.words.len() / T::WORDS
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The context that holds the column.
    pub fn context(&self) -> &Arc<CudaContext> {
        self.words.context()
    }

    /// The same column: what is read through one of the two, the other remembers too, until it is written.
    pub(crate) fn alias(&self) -> Self {
        Self {
            words: self.words.clone(),
            opened: Arc::clone(&self.opened),
            above: None,
        }
    }

    /// Remembers values that were read from the column with a gather.
    pub(crate) fn remember(&self, rows: impl IntoIterator<Item = (usize, T)>) {
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(rows);
    }

    /// The values of `rows`; those that [`crate::backend::open_rows`] did not read before are read
    /// one by one.
    ///
    /// # Errors
    /// Driver errors, among them failures of earlier kernels.
    pub fn read_rows(&self, rows: &[usize]) -> Result<Vec<T>, CudaError> {
        rows.iter().map(|row| self.read(*row)).collect()
    }

    fn read(&self, index: usize) -> Result<T, CudaError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&value) = opened.get(&index) {
            return Ok(value);
        }
        if self.words.len() <= SMALL_WORDS {
            opened.extend(self.download()?.into_iter().enumerate());
        } else {
            self.context().counters().host("read of a single element");
            let words = self.words.slice(index * T::WORDS..(index + 1) * T::WORDS);
            opened.insert(index, element(&words.download()?));
        }
        Ok(opened[&index])
    }
}

impl<T: Element> FromIterator<T> for DeviceColumn<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let values: Vec<T> = values.into_iter().collect();
        CudaContext::current()
            .and_then(|context| Self::upload(&context, values))
            .or_raise()
    }
}

impl<T: Element> Column<T> for DeviceColumn<T> {
    fn zeros(len: usize) -> Self {
        CudaContext::current()
            .and_then(|context| Words::zeros(&context, len * T::WORDS))
            .map(Self::new)
            .or_raise()
    }

    // SAFETY: the trait's contract: the caller writes the column before it is read.
    unsafe fn uninitialized(len: usize) -> Self {
        CudaContext::current()
            .and_then(|context| Self::allocate(&context, len))
            .or_raise()
    }

    fn to_cpu(&self) -> Vec<T> {
        self.download().or_raise()
    }

    fn len(&self) -> usize {
        DeviceColumn::len(self)
    }

    fn at(&self, index: usize) -> T {
        assert!(index < self.len(), "row {index} of {}", self.len());
        self.read(index).or_raise()
    }

    fn set(&mut self, index: usize, value: T) {
        self.context().counters().host("write of a single element");
        let words = element_words(value);
        self.words_mut().write(index * T::WORDS, words).or_raise();
    }

    fn split_at_mid(self) -> (Self, Self) {
        let (middle, end) = (self.words.len() / 2, self.words.len());
        (
            Self::new(self.words.slice(0..middle)),
            Self::new(self.words.slice(middle..end)),
        )
    }
}

/// A column of secure field elements: one base column per coordinate.
#[derive(Clone, Debug)]
pub struct SecureColumn {
    /// The four coordinates, of the same length.
    pub planes: [BaseColumn; SECURE_EXTENSION_DEGREE],
}

impl SecureColumn {
    /// A column of `len` elements that a kernel is about to write.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`].
    pub fn allocate(context: &Arc<CudaContext>, len: usize) -> Result<Self, CudaError> {
        let plane = || BaseColumn::allocate(context, len);
        Ok(Self {
            planes: [plane()?, plane()?, plane()?, plane()?],
        })
    }

    /// Copies host values to the device.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`] and driver errors.
    pub fn upload(context: &Arc<CudaContext>, values: &[SecureField]) -> Result<Self, CudaError> {
        let plane = |coordinate: usize| {
            let words: Vec<BaseField> = values
                .iter()
                .map(|value| value.to_m31_array()[coordinate])
                .collect();
            BaseColumn::upload(context, words)
        };
        Ok(Self {
            planes: [plane(0)?, plane(1)?, plane(2)?, plane(3)?],
        })
    }

    /// Copies the values to the host.
    ///
    /// # Errors
    /// Driver errors, among them failures of earlier kernels.
    pub fn download(&self) -> Result<Vec<SecureField>, CudaError> {
        let [a, b, c, d] = [0, 1, 2, 3].map(|coordinate| self.planes[coordinate].download());
        let (a, b, c, d) = (a?, b?, c?, d?);
        Ok((0..a.len())
            .map(|row| SecureField::from_m31_array([a[row], b[row], c[row], d[row]]))
            .collect())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.planes[0].len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.planes[0].is_empty()
    }

    /// The context that holds the column.
    pub fn context(&self) -> &Arc<CudaContext> {
        self.planes[0].context()
    }
}

impl From<SecureColumn> for SecureColumnByCoords<CudaBackend> {
    fn from(column: SecureColumn) -> Self {
        let columns = column.planes;
        Self { columns }
    }
}

impl FromIterator<SecureField> for SecureColumn {
    fn from_iter<I: IntoIterator<Item = SecureField>>(values: I) -> Self {
        let values: Vec<_> = values.into_iter().collect();
        CudaContext::current()
            .and_then(|context| Self::upload(&context, &values))
            .or_raise()
    }
}

impl Column<SecureField> for SecureColumn {
    fn zeros(len: usize) -> Self {
        Self {
            planes: std::array::from_fn(|_| BaseColumn::zeros(len)),
        }
    }

    // SAFETY: the trait's contract: the caller writes the column before it is read.
    unsafe fn uninitialized(len: usize) -> Self {
        CudaContext::current()
            .and_then(|context| Self::allocate(&context, len))
            .or_raise()
    }

    fn to_cpu(&self) -> Vec<SecureField> {
        self.download().or_raise()
    }

    fn len(&self) -> usize {
        SecureColumn::len(self)
    }

    fn at(&self, index: usize) -> SecureField {
        SecureField::from_m31_array(std::array::from_fn(|i| self.planes[i].at(index)))
    }

    fn set(&mut self, index: usize, value: SecureField) {
        for (plane, coordinate) in self.planes.iter_mut().zip(value.to_m31_array()) {
            plane.set(index, coordinate);
        }
    }

    fn split_at_mid(self) -> (Self, Self) {
        let [a, b, c, d] = self.planes.map(Column::split_at_mid);
        (
            Self {
                planes: [a.0, b.0, c.0, d.0],
            },
            Self {
                planes: [a.1, b.1, c.1, d.1],
            },
        )
    }
}
