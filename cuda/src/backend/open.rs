//! Openings: many rows of many columns with one gather, before they are read one by one.

use std::sync::Arc;

use crate::column::{DeviceColumn, Element};
use crate::error::CudaError;
use crate::launch::{self, Grid};
use crate::memory::{Pointers, Words};

/// Reads the given rows of every column in one launch and one copy; the columns remember them, so
/// that `Column::at` of those rows needs no device.
///
/// # Errors
/// Driver errors, among them failures of earlier kernels.
///
/// # Panics
/// Where a row lies outside of its column.
pub fn open_rows<T: Element>(columns: &[(&DeviceColumn<T>, Vec<usize>)]) -> Result<(), CudaError> {
    let Some((first, _)) = columns.first() else {
        return Ok(());
    };
    let context = Arc::clone(first.context());
    let mut column_of = Vec::new();
    let mut rows = Vec::new();
    for (index, (column, wanted)) in columns.iter().enumerate() {
        assert!(wanted.iter().all(|&row| row < column.len()));
        column_of.extend(std::iter::repeat_n(index as u32, wanted.len()));
        rows.extend(wanted.iter().map(|&row| row as u32));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let pointers = Pointers::new(&context, columns.iter().map(|(column, _)| column.words()))?;
    let device_columns = Words::upload(&context, &column_of)?;
    let device_rows = Words::upload(&context, &rows)?;
    let mut out = Words::uninitialized(&context, rows.len() * T::WORDS)?;
    launch::gather(
        &context,
        Grid::linear(rows.len() * T::WORDS),
        pointers.ptr(),
        device_columns.ptr(),
        device_rows.ptr(),
        rows.len() as u64,
        T::WORDS as u32,
        out.ptr_mut()?,
    )?;
    let words = out.download()?;
    let mut values = words.chunks_exact(T::WORDS).map(T::from_words);
    for (column, wanted) in columns {
        column.remember(wanted.iter().copied().zip(values.by_ref()));
    }
    Ok(())
}
