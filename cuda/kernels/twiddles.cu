// Twiddles of a coset and of its repeated doublings, and their inverses, as doubled words.
//
// Layer l holds the x coordinates of the first half of the coset doubled l times, bit-reversed;
// layers follow each other from the largest to size 1, then one padding word for the value 1.
//
// Launch: one-dimensional, any grid. Per word: 8 bytes written, up to 30 log + 200 instructions.
#include "index.cuh"

// steps: 2^k times the coset's step for every k < log. The coset has 2^log points.
KERNEL void twiddles(u32* forward, u32* inverse, point initial, const u32* steps, u32 log) {
    u32 size = 1u << log;
    for (u64 at = grid_thread(); at < size; at += grid_threads()) {
        u32 i = (u32)at;
        u32 value = 1;
        if (i + 1 < size) {
            // Layers of 2^s and fewer words end the buffer: find the layer of 2^(s - 1) words.
            u32 s = 32 - __clz((int)(size - i - 1));
            u32 position = i - (size - (1u << s));
            value = coset_point(initial, steps, bit_reverse(position, s - 1)).x;
            for (u32 l = s; l < log; l++) value = double_x(value);
        }
        forward[i] = value << 1;
        inverse[i] = m31_inverse(value) << 1;
    }
}
