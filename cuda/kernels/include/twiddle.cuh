// Twiddles of the layers of a circle FFT, from the tree of `twiddles.cu`.
#pragma once
#include "m31.cuh"

// The twiddles of layer i > 0, doubled, by block. `end` is one past the buffer of twiddles.
DEVICE const u32* twiddle_layer(const u32* end, u32 log, u32 i) { return end - (1ull << (log - i)); }

// Twiddle of block h of the circle layer, doubled. small_y is the doubled y of the first point of a domain of
// 2 or 4 points, which has no layer to derive it from.
DEVICE u32 circle_twiddle(const u32* end, u32 log, u32 h, u32 small_y) {
    u32 t = small_y;
    bool negative = h & 1;
    if (log > 2) {
        // The four points (x, y), (-x, -y), (y, -x), (-y, x) of a coset: y, -y, -x, x.
        t = twiddle_layer(end, log, 1)[(h >> 2 << 1) + (h & 2 ? 0 : 1)];
        negative = (h ^ h >> 1) & 1;
    }
    // Twiddles are not zero, so the double of -t is 2P - 2t.
    return negative ? 2 * M31_P - t : t;
}
