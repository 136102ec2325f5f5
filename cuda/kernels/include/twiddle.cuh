// Twiddles of the layers of a circle FFT, from the tree of `twiddles.cu`.
#pragma once
#include "m31.cuh"

// Twiddle of block h of layer i, doubled. `end` is one past the buffer of twiddles; small_y is the
// doubled y of the first point of a domain of 2 or 4 points, which has no layer to derive it from.
DEVICE u32 twiddle(const u32* end, u32 log, u32 i, u32 h, u32 small_y) {
    if (i > 0) return *(end - (1ull << (log - i)) + h);
    u32 t = small_y;
    bool negative = h & 1;
    if (log > 2) {
        // The four points (x, y), (-x, -y), (y, -x), (-y, x) of a coset: y, -y, -x, x.
        t = *(end - (1ull << (log - 1)) + (h >> 2 << 1) + (h & 2 ? 0 : 1));
        negative = (h ^ h >> 1) & 1;
    }
    // Twiddles are not zero, so the double of -t is 2P - 2t.
    return negative ? 2 * M31_P - t : t;
}
