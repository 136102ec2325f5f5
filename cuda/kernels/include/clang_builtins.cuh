// CUDA's builtin names for clang's NVPTX target, with no NVIDIA header. Included by device.cuh.
#pragma once

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __host__ __attribute__((host))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __forceinline__ inline __attribute__((always_inline))
#define BUILTIN static __device__ __forceinline__

typedef __SIZE_TYPE__ size_t;

struct uint2 { unsigned x, y; } __attribute__((aligned(8)));
struct uint4 { unsigned x, y, z, w; } __attribute__((aligned(16)));
struct ulonglong2 { unsigned long long x, y; } __attribute__((aligned(16)));
BUILTIN uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
BUILTIN uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
BUILTIN ulonglong2 make_ulonglong2(unsigned long long x, unsigned long long y) { return {x, y}; }

// threadIdx and its kin: a property per axis reads the special register.
#define SPECIAL_REGISTER(type, sreg)                                                    \
    struct type {                                                                       \
        __declspec(property(get = get_x)) unsigned x;                                   \
        __declspec(property(get = get_y)) unsigned y;                                   \
        __declspec(property(get = get_z)) unsigned z;                                   \
        BUILTIN unsigned get_x() { return __nvvm_read_ptx_sreg_##sreg##_x(); }          \
        BUILTIN unsigned get_y() { return __nvvm_read_ptx_sreg_##sreg##_y(); }          \
        BUILTIN unsigned get_z() { return __nvvm_read_ptx_sreg_##sreg##_z(); }          \
    };
SPECIAL_REGISTER(sreg_tid, tid)
SPECIAL_REGISTER(sreg_ctaid, ctaid)
SPECIAL_REGISTER(sreg_ntid, ntid)
SPECIAL_REGISTER(sreg_nctaid, nctaid)
#define threadIdx (sreg_tid{})
#define blockIdx (sreg_ctaid{})
#define blockDim (sreg_ntid{})
#define gridDim (sreg_nctaid{})

BUILTIN void __syncwarp(unsigned mask = 0xffffffffu) { __nvvm_bar_warp_sync(mask); }
BUILTIN void __threadfence() { __nvvm_membar_gl(); }
BUILTIN void __threadfence_block() { __nvvm_membar_cta(); }

// Shuffles: the last operand of the PTX instruction packs the segment mask and the clamp.
#define SHUFFLE(name, builtin, clamp)                                                             \
    BUILTIN unsigned name(unsigned mask, unsigned value, int lane, int width = 32) {              \
        return (unsigned)builtin(mask, (int)value, lane, ((32 - width) << 8) | clamp);            \
    }                                                                                             \
    BUILTIN unsigned long long name(unsigned mask, unsigned long long value, int lane, int width = 32) { \
        return (unsigned long long)name(mask, (unsigned)(value >> 32), lane, width) << 32         \
            | name(mask, (unsigned)value, lane, width);                                           \
    }
SHUFFLE(__shfl_sync, __nvvm_shfl_sync_idx_i32, 0x1f)
SHUFFLE(__shfl_down_sync, __nvvm_shfl_sync_down_i32, 0x1f)
SHUFFLE(__shfl_xor_sync, __nvvm_shfl_sync_bfly_i32, 0x1f)
SHUFFLE(__shfl_up_sync, __nvvm_shfl_sync_up_i32, 0)

BUILTIN unsigned __ballot_sync(unsigned mask, int p) { return __nvvm_vote_ballot_sync(mask, p); }
BUILTIN int __any_sync(unsigned mask, int p) { return __nvvm_vote_any_sync(mask, p); }
BUILTIN int __all_sync(unsigned mask, int p) { return __nvvm_vote_all_sync(mask, p); }

BUILTIN int __popc(unsigned x) { return __builtin_popcount(x); }
BUILTIN int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
BUILTIN int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
BUILTIN int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
BUILTIN int __ffs(int x) { return __builtin_ffs(x); }
BUILTIN unsigned __brev(unsigned x) { return __builtin_bitreverse32(x); }
BUILTIN unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a * b) >> 32); }
BUILTIN unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned s) {
    return (unsigned)((((unsigned long long)hi << 32 | lo) << (s & 31)) >> 32);
}
BUILTIN unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned s) {
    return (unsigned)(((unsigned long long)hi << 32 | lo) >> (s & 31));
}
BUILTIN unsigned __byte_perm(unsigned a, unsigned b, unsigned s) { return __nvvm_prmt(a, b, s); }
BUILTIN unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
BUILTIN unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
BUILTIN unsigned __ldg(const unsigned* p) { return *p; }
BUILTIN uint4 __ldg(const uint4* p) { return *p; }

// Relaxed, as CUDA's: they order nothing but themselves.
#define ATOMIC(name, op, type) \
    BUILTIN type name(type* p, type v) { return __atomic_##op(p, v, __ATOMIC_RELAXED); }
ATOMIC(atomicAdd, fetch_add, unsigned)
ATOMIC(atomicAdd, fetch_add, unsigned long long)
ATOMIC(atomicMin, fetch_min, unsigned)
ATOMIC(atomicMin, fetch_min, unsigned long long)
ATOMIC(atomicMax, fetch_max, unsigned)
ATOMIC(atomicMax, fetch_max, unsigned long long)
ATOMIC(atomicOr, fetch_or, unsigned)
ATOMIC(atomicAnd, fetch_and, unsigned)
ATOMIC(atomicXor, fetch_xor, unsigned)
BUILTIN unsigned atomicExch(unsigned* p, unsigned v) { return __atomic_exchange_n(p, v, __ATOMIC_RELAXED); }
BUILTIN unsigned atomicCAS(unsigned* p, unsigned expected, unsigned v) {
    __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return expected;
}
