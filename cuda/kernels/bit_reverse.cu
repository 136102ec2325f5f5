// Bit reversal of the rows of columns, in place.
//
// Launch: x covers the 2^log rows, y the columns. Per row: words * 4 bytes read and written, about
// 10 instructions; half of the accesses are scattered.
#include "index.cuh"

// Elements of `words` consecutive words each.
KERNEL void bit_reverse_rows(u32* const* columns, u32 log, u32 words) {
    u32* column = columns[blockIdx.y];
    for (u64 i = grid_thread(); i < 1ull << log; i += grid_threads()) {
        u64 j = bit_reverse((u32)i, log);
        if (i < j) {
            for (u32 w = 0; w < words; w++) {
                u32 value = column[i * words + w];
                column[i * words + w] = column[j * words + w];
                column[j * words + w] = value;
            }
        }
    }
}
