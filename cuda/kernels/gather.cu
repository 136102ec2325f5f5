// Rows of many columns in one launch, for openings.
//
// Launch: one-dimensional over n * words, any grid. Per word: 4 bytes read where the row lies, 8 to
// find it, 4 written.
#include "device.cuh"

// Item i is row rows[i] of column columns[column_of[i]]; rows have `words` words.
KERNEL void gather(const u32* const* columns, const u32* column_of, const u32* rows, u64 n, u32 words, u32* out) {
    for (u64 at = grid_thread(); at < n * words; at += grid_threads()) {
        u64 i = at / words, w = at % words;
        out[at] = columns[column_of[i]][(u64)rows[i] * words + w];
    }
}
