//! Twiddle trees on the device: computed there, doubled words, in the layout of stwo's CPU backend.

use stwo::core::circle::Coset;
use stwo::core::poly::circle::CircleDomain;
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::twiddles::{TwiddleBuffer, TwiddleTree};

use super::{CudaBackend, coset_steps, doubled};
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};
use crate::memory::{Ptr, Words};

/// Twiddles of a coset and its doublings; see `cuda/kernels/twiddles.cu` for the layout.
#[derive(Clone, Debug)]
pub struct Twiddles(Option<Words>);

impl Twiddles {
    /// One past the last word: kernels find layers from the end. Without words, for domains that
    /// need none, the address is not read.
    pub(crate) fn end(&self) -> Ptr<'_, u32> {
        match &self.0 {
            Some(words) => words.ptr().offset(words.len()),
            None => Ptr::NULL,
        }
    }

    /// Copies the doubled words to the host.
    ///
    /// # Errors
    /// Driver errors.
    pub fn download(&self) -> Result<Vec<u32>, CudaError> {
        self.0
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), Words::download)
    }

    fn subdomain(&self, domain_log: u32, subdomain_log: u32) -> Result<Self, CudaError> {
        let words = self.0.as_ref().ok_or(CudaError::Unsupported {
            operation: "taking the twiddles of a subdomain",
            reason: "an empty twiddle buffer".to_owned(),
        })?;
        let log = words.len().ilog2();
        assert!(subdomain_log <= domain_log && domain_log - 1 <= log);
        let mut out = Words::uninitialized(words.context(), 1 << (subdomain_log - 1))?;
        let mut at = 0;
        // In bit-reversed order a subdomain is a prefix: of every layer its first words.
        for layer in 0..subdomain_log - 1 {
            let size = 1 << (subdomain_log - 2 - layer);
            let start = words.len() - (words.len() >> (log + 1 - domain_log + layer));
            out.copy_from(at, &words.slice(start..start + size))?;
            at += size;
        }
        out.copy_from(at, &words.slice(words.len() - 1..words.len()))?;
        Ok(Self(Some(out)))
    }
}

impl TwiddleBuffer<BitReversedOrder> for Twiddles {
    fn empty() -> Self {
        Self(None)
    }

    fn extract_subdomain_twiddles(&self, domain_log_size: u32, subdomain_log_size: u32) -> Self {
        self.subdomain(domain_log_size, subdomain_log_size)
            .or_raise()
    }
}

/// The twiddle tree of `coset`.
pub(super) fn precompute(coset: Coset) -> Result<TwiddleTree<CudaBackend>, CudaError> {
    let context = CudaContext::current()?;
    let (initial, steps) = coset_steps(&context, coset)?;
    let mut forward = Words::uninitialized(&context, coset.size())?;
    let mut inverse = Words::uninitialized(&context, coset.size())?;
    launch::twiddles(
        &context,
        Grid::linear(coset.size()),
        forward.ptr_mut()?,
        inverse.ptr_mut()?,
        initial,
        steps.ptr(),
        coset.log_size,
    )?;
    Ok(TwiddleTree {
        root_coset: coset,
        twiddles: Twiddles(Some(forward)),
        itwiddles: Twiddles(Some(inverse)),
    })
}

/// y of the first point of a domain of two or four points, doubled: the twiddle of its circle layer.
pub(super) fn small_y(domain: CircleDomain) -> u32 {
    doubled(domain.half_coset.initial.y)
}

/// 1/y of the first point of a domain of two or four points, doubled.
pub(super) fn small_inverse_y(domain: CircleDomain) -> u32 {
    doubled(domain.half_coset.initial.y.inverse())
}
