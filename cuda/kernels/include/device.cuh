// The one set of spellings every kernel uses, for nvcc, NVRTC and clang's NVPTX target.
//
// nvcc and NVRTC bring their own builtins. Debian's clang compiles with no NVIDIA file at all
// (`-nocudainc -nocudalib`), so for it the builtins below map CUDA's names to LLVM's.
#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;

#if defined(__CUDA__) && defined(__clang__) && !defined(__CUDACC__)
#include "clang_builtins.cuh"
#endif

// A kernel: its name appears unmangled in the PTX.
#define KERNEL extern "C" __global__
// A function inlined into the kernels that call it: PTX without calls needs no ABI.
#define DEVICE static __device__ __forceinline__
// The dynamic shared memory of the launch, as an array of T.
#define DYNAMIC_SHARED(T, name) extern __shared__ T name[]
// All lanes of a warp, for the `_sync` operations.
#define FULL_WARP 0xffffffffu

// Index of this thread in a one-dimensional grid, and the number of threads of that grid: a
// kernel covers any length with `for (u64 i = grid_thread(); i < n; i += grid_threads())`.
DEVICE u64 grid_thread() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
DEVICE u64 grid_threads() { return (u64)gridDim.x * blockDim.x; }
