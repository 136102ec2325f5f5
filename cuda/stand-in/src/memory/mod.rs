//! Device memory: allocations, what of them was written, and who touched each word last.
//!
//! An address is the number of its allocation and an offset, so that finding the allocation costs one
//! index, and no address is ever used twice: an access after free or far past the end cannot hit
//! another allocation. Addresses are no addresses of the host: a host that follows one faults.

pub(crate) mod allocation;
pub(crate) mod clocks;
pub(crate) mod shadow;

use std::sync::{Arc, RwLock};

use crate::ptx::operation::Space;
use allocation::Allocation;

/// Bits of the offset in an address. Allocations start in the middle of their window, so that a
/// negative index stays in it.
const WINDOW_BITS: u32 = 33;
const MIDDLE: u64 = 1 << (WINDOW_BITS - 1);

/// Where the generic addresses of a space start; global memory and parameters have no window of their own.
pub(crate) fn window(space: Space) -> u64 {
    match space {
        Space::Shared => 1 << 62,
        Space::Local => 2 << 62,
        Space::Constant => 3 << 62,
        Space::Generic | Space::Global | Space::Parameter => 0,
    }
}

/// The space and the address in it of a generic address.
pub(crate) fn resolve(address: u64) -> (Space, u64) {
    let within = address & (u64::MAX >> 2);
    match address >> 62 {
        1 => (Space::Shared, within),
        2 => (Space::Local, within),
        3 => (Space::Constant, within),
        _ => (Space::Global, within),
    }
}

/// The global memory of one device.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Put above the allocation's number, so that two devices share no address.
    device: u64,
    slots: RwLock<Vec<Option<Arc<Allocation>>>>,
}

impl Memory {
    pub(crate) fn new(device: u32) -> Self {
        // Slot 0 stays empty: small integers are no addresses.
        Self {
            device: u64::from(device) << 58,
            slots: RwLock::new(vec![None]),
        }
    }

    /// Reserves `bytes` bytes of undefined content; returns their address.
    pub(crate) fn allocate(&self, bytes: usize) -> Arc<Allocation> {
        let mut slots = self
            .slots
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let base = self.device | (slots.len() as u64) << WINDOW_BITS | MIDDLE;
        let allocation = Arc::new(Allocation::new(base, bytes));
        slots.push(Some(Arc::clone(&allocation)));
        allocation
    }

    /// The allocation whose window an address lies in, if it is still alive; the address may be outside of its bytes.
    pub(crate) fn find(&self, address: u64) -> Option<Arc<Allocation>> {
        let slot = Self::slot(address ^ self.device)?;
        let slots = self
            .slots
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        slots.get(slot)?.clone()
    }

    /// Forgets the allocation that starts at `address` and returns it.
    pub(crate) fn free(&self, address: u64) -> Option<Arc<Allocation>> {
        let slot = Self::slot(address ^ self.device)?;
        let mut slots = self
            .slots
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let entry = slots.get_mut(slot)?;
        if entry.as_ref()?.base() != address {
            return None;
        }
        entry.take()
    }

    /// Forgets everything, as a device reset does.
    pub(crate) fn clear(&self) {
        self.slots
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .fill(None);
    }

    /// Bytes of all living allocations.
    pub(crate) fn used(&self) -> usize {
        let slots = self
            .slots
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        slots
            .iter()
            .flatten()
            .map(|allocation| allocation.bytes())
            .sum()
    }

    fn slot(address: u64) -> Option<usize> {
        usize::try_from(address >> WINDOW_BITS).ok()
    }
}

/// Whether two addresses lie in the window of one allocation.
pub(crate) fn same_window(a: u64, b: u64) -> bool {
    a >> WINDOW_BITS == b >> WINDOW_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_any_address_near_an_allocation_and_frees_by_its_start_only() {
        let memory = Memory::new(1);
        let (a, b) = (memory.allocate(12), memory.allocate(100));
        assert_eq!(memory.used(), 112);
        for near in [a.base() - 4, a.base(), a.base() + 11, a.base() + 4096] {
            assert_eq!(memory.find(near).map(|found| found.base()), Some(a.base()));
        }
        assert!(memory.free(a.base() + 4).is_none());
        assert!(memory.free(a.base()).is_some());
        assert!(memory.free(a.base()).is_none() && memory.find(a.base()).is_none());
        assert_eq!(memory.find(b.base()).map(|found| found.bytes()), Some(100));
        assert!(memory.find(0).is_none() && memory.find(64).is_none());
        assert!(
            Memory::new(0).find(b.base()).is_none(),
            "another device's address"
        );
        assert_ne!(memory.allocate(12).base(), a.base());
    }

    #[test]
    fn generic_addresses_keep_their_space() {
        for space in [Space::Shared, Space::Local, Space::Constant, Space::Global] {
            assert_eq!(resolve(window(space) + 0x1234), (space, 0x1234));
        }
    }
}
