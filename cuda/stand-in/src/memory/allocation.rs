//! One allocation: its bytes, which of them were written, and the last accesses of each word.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::shadow::Cell;

/// Bytes of device memory. Several launches may touch them at once: every access is atomic and relaxed.
#[derive(Debug)]
pub(crate) struct Allocation {
    base: u64,
    bytes: usize,
    content: Content,
    /// Last accesses, by 32-bit word.
    shadow: Box<[Cell]>,
    /// The last operation of each stream that touched it, for `cuMemFreeAsync`.
    uses: Mutex<Vec<(u16, u32)>>,
}

impl Allocation {
    pub(super) fn new(base: u64, bytes: usize) -> Self {
        Self {
            base,
            bytes,
            content: Content::new(bytes),
            shadow: zeroed_cells(bytes.div_ceil(4)),
            uses: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    pub(crate) fn shadow(&self) -> &[Cell] {
        &self.shadow
    }

    /// Notes an operation, by its stream and position in it, as the last of the stream that touched this.
    pub(crate) fn note_use(&self, stream: u16, position: u32) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        match uses.iter_mut().find(|(user, _)| *user == stream) {
            Some((_, last)) => *last = (*last).max(position),
            None => uses.push((stream, position)),
        }
    }

    /// The last operation of each stream that touched this.
    pub(crate) fn uses(&self) -> Vec<(u16, u32)> {
        self.uses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The offset of an address, if `bytes` bytes from it lie inside.
    #[inline]
    pub(crate) fn offset(&self, address: u64, bytes: usize) -> Option<usize> {
        let offset = usize::try_from(address.wrapping_sub(self.base)).ok()?;
        (offset.checked_add(bytes)? <= self.bytes).then_some(offset)
    }
}

/// Bytes with a bit each that says whether they were written.
#[derive(Debug)]
pub(crate) struct Content {
    words: Box<[AtomicU64]>,
    written: Box<[AtomicU64]>,
}

impl Content {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            words: zeroed(bytes.div_ceil(8)),
            written: zeroed(bytes.div_ceil(64)),
        }
    }

    /// Forgets what was written.
    pub(crate) fn clear(&mut self) {
        self.written.iter_mut().for_each(|word| *word.get_mut() = 0);
    }

    /// Whether all of `bytes` (at most 16) bytes at an offset aligned to them were written.
    #[inline]
    pub(crate) fn is_written(&self, offset: usize, bytes: usize) -> bool {
        let mask = (1u64 << bytes) - 1;
        self.written[offset / 64].load(Relaxed) >> (offset % 64) & mask == mask
    }

    /// The first of `bytes` bytes from any offset that was not written.
    pub(crate) fn first_unwritten(&self, offset: usize, bytes: usize) -> Option<usize> {
        let mut at = offset;
        while at < offset + bytes {
            let ones = (self.written[at / 64].load(Relaxed) >> (at % 64)).trailing_ones() as usize;
            let step = ones.min(64 - at % 64);
            if step < 64 - at % 64 && at + step < offset + bytes {
                return Some(at + step);
            }
            at += step;
        }
        None
    }

    /// Marks `bytes` (at most 16) bytes at an offset aligned to them as written.
    #[inline]
    pub(crate) fn mark(&self, offset: usize, bytes: usize) {
        let mask = ((1u64 << bytes) - 1) << (offset % 64);
        let word = &self.written[offset / 64];
        if word.load(Relaxed) & mask != mask {
            word.fetch_or(mask, Relaxed);
        }
    }

    /// A value of 1, 2, 4 or 8 bytes at an offset aligned to them.
    #[inline]
    pub(crate) fn load(&self, offset: usize, bytes: usize) -> u64 {
        match bytes {
            1 => u64::from(self.narrow::<AtomicU8>(offset).load(Relaxed)),
            2 => u64::from(self.narrow::<AtomicU16>(offset).load(Relaxed)),
            4 => u64::from(self.narrow::<AtomicU32>(offset).load(Relaxed)),
            _ => self.words[offset / 8].load(Relaxed),
        }
    }

    /// Writes 1, 2, 4 or 8 bytes at an offset aligned to them.
    #[inline]
    pub(crate) fn store(&self, offset: usize, bytes: usize, value: u64) {
        match bytes {
            1 => self.narrow::<AtomicU8>(offset).store(value as u8, Relaxed),
            2 => self
                .narrow::<AtomicU16>(offset)
                .store(value as u16, Relaxed),
            4 => self
                .narrow::<AtomicU32>(offset)
                .store(value as u32, Relaxed),
            _ => self.words[offset / 8].store(value, Relaxed),
        }
    }

    /// Replaces the 4 or 8 bytes at an offset aligned to them by a function of them; returns the old value.
    pub(crate) fn update(&self, offset: usize, bytes: usize, change: impl Fn(u64) -> u64) -> u64 {
        if bytes == 4 {
            let word = self.narrow::<AtomicU32>(offset);
            let old =
                word.fetch_update(Relaxed, Relaxed, |old| Some(change(u64::from(old)) as u32));
            u64::from(old.unwrap_or_else(|old| old))
        } else {
            let old =
                self.words[offset / 8].fetch_update(Relaxed, Relaxed, |old| Some(change(old)));
            old.unwrap_or_else(|old| old)
        }
    }

    /// Copies bytes from the host and marks them as written.
    pub(crate) fn write(&self, offset: usize, source: &[u8]) {
        for (position, byte) in source.iter().enumerate() {
            self.narrow::<AtomicU8>(offset + position)
                .store(*byte, Relaxed);
        }
        self.mark_range(offset, source.len());
    }

    /// Copies bytes to the host.
    pub(crate) fn read(&self, offset: usize, target: &mut [u8]) {
        for (position, byte) in target.iter_mut().enumerate() {
            *byte = self.narrow::<AtomicU8>(offset + position).load(Relaxed);
        }
    }

    fn mark_range(&self, offset: usize, bytes: usize) {
        let mut at = offset;
        while at < offset + bytes {
            let step = (64 - at % 64).min(offset + bytes - at);
            self.written[at / 64].fetch_or((u64::MAX >> (64 - step)) << (at % 64), Relaxed);
            at += step;
        }
    }

    #[inline]
    fn narrow<T>(&self, offset: usize) -> &T {
        assert!(
            offset + size_of::<T>() <= 8 * self.words.len()
                && offset.is_multiple_of(size_of::<T>())
        );
        // SAFETY: the words are atomics, inside of them lie `T` (an atomic integer) at this aligned
        // offset, and every byte pattern is one; all accesses of the memory are atomic.
        unsafe { &*self.words.as_ptr().cast::<u8>().add(offset).cast::<T>() }
    }
}

fn zeroed(length: usize) -> Box<[AtomicU64]> {
    // SAFETY: zero bytes are an `AtomicU64` of value 0.
    unsafe { Box::new_zeroed_slice(length).assume_init() }
}

fn zeroed_cells(length: usize) -> Box<[Cell]> {
    // SAFETY: a cell is two `AtomicU64`, for which zero bytes are the value 0: no access yet.
    unsafe { Box::new_zeroed_slice(length).assume_init() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_which_bytes_were_written() {
        let content = Content::new(200);
        content.write(3, &[7; 130]);
        assert_eq!(content.first_unwritten(3, 130), None);
        assert_eq!(content.first_unwritten(0, 4), Some(0));
        assert_eq!(content.first_unwritten(60, 100), Some(133));
        assert!(
            content.is_written(4, 4) && !content.is_written(0, 4) && !content.is_written(132, 2)
        );
        content.mark(192, 8);
        assert_eq!(content.first_unwritten(192, 8), None);
    }

    #[test]
    fn values_are_little_endian_at_every_width() {
        let content = Content::new(16);
        content.store(8, 8, 0x0807_0605_0403_0201);
        let mut bytes = [0; 8];
        content.read(8, &mut bytes);
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(
            (content.load(9, 1), content.load(10, 2), content.load(12, 4)),
            (2, 0x0403, 0x0807_0605)
        );
        assert_eq!(content.update(12, 4, |old| old + 1), 0x0807_0605);
        assert_eq!(content.load(8, 8), 0x0807_0606_0403_0201);
    }

    #[test]
    fn an_address_past_the_end_has_no_offset() {
        let allocation = Allocation::new(1 << 20, 10);
        assert_eq!(allocation.offset(allocation.base() + 6, 4), Some(6));
        assert_eq!(allocation.offset(allocation.base() + 8, 4), None);
        assert_eq!(allocation.offset(allocation.base() - 4, 4), None);
    }
}
