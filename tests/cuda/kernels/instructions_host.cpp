// The instruction kernel under a host compiler: all threads of a grid, one after the other.
#include "host.hpp"
#include "instructions.cu"

extern "C" void instructions_on_host(u64* out, const u64* in, u32 n) {
    blockDim = {1, 1, 1};
    gridDim = {n, 1, 1};
    for (u32 block = 0; block < n; block++) {
        blockIdx = {block, 0, 0};
        instructions(out, in, n);
    }
}
