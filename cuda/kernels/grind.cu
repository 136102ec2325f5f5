// Proof of work: the smallest nonce of a window whose Blake2s hash ends in enough zero bits.
//
// Every nonce of the window is tried, so that the minimum does not depend on the order of threads.
// Launch: one-dimensional, blocks of at most 256 threads, of which two fit on a multiprocessor: registers would
// else allow one. Per nonce: 988 instructions, no memory.
#include "blake2s.cuh"

#define GRIND_THREADS 256

// best: the minimum is taken with what it holds. prefix: eight words. The hash is of the prefix
// and the nonce's eight bytes; its first word, modulo P if `reduce`, has `bits` <= 32 trailing
// zeros.
KERNEL __launch_bounds__(GRIND_THREADS, 2) void grind(u64* best, const u32* prefix, u64 start, u64 count, u32 bits,
                                                      u32 reduce) {
    u32 mask = bits >= 32 ? 0xffffffffu : (1u << bits) - 1;
    u32 p[8];
    hash_load(prefix, 0, p);
    for (u64 k = grid_thread(); k < count; k += grid_threads()) {
        u64 nonce = start + k;
        u32 m[16] = {p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], (u32)nonce, (u32)(nonce >> 32), 0, 0, 0, 0, 0, 0};
        blake2s state = blake2s_start();
        blake2s_compress(state, m, 40, true);
        u32 word = reduce ? blake2s_reduce(state.h[0]) : state.h[0];
        if ((word & mask) == 0) atomicMin(best, nonce);
    }
}
