// The circle FFT and its inverse over many columns of one size, in place in bit-reversed order.
//
// A transform of 2^log values has layers 0 (the circle layer, twiddles y) to log - 1 (lines,
// twiddles x). A pass runs the layers first .. first + layers of one tile per block in shared
// memory: 2^layers rows at distance 2^first, each of 2^inner consecutive words.
//
// Launch: x = tiles of a column (2^(log - layers - inner)), y = columns, any number of threads;
// 4 * 2^(layers + inner) bytes of dynamic shared memory. Per value and pass: 4 bytes read, 4
// written (values beyond the input of a longer evaluation are not read), 3.5 instructions a layer.
#include "twiddle.cuh"

// Where tile `block` starts, and its number among tiles of the same inner columns.
DEVICE u64 tile_start(u32 block, u32 first, u32 layers, u32 inner, u32& high) {
    u32 chunks = first - inner;
    high = block >> chunks;
    return (u64)high << (first + layers) | (u64)(block & ((1u << chunks) - 1)) << inner;
}
DEVICE u64 tile_offset(u32 l, u32 first, u32 inner) {
    return (u64)(l >> inner) << first | (l & ((1u << inner) - 1));
}

KERNEL void circle_ifft_pass(u32* const* columns, const u32* twiddles_end, u32 log, u32 first, u32 layers, u32 inner,
                             u32 small_y, u32 scale) {
    DYNAMIC_SHARED(u32, tile);
    u32* column = columns[blockIdx.y];
    u32 high, size = 1u << (layers + inner);
    u64 start = tile_start(blockIdx.x, first, layers, inner, high);
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) tile[l] = column[start + tile_offset(l, first, inner)];
    for (u32 k = 0; k < layers; k++) {
        __syncthreads();
        for (u32 b = threadIdx.x; b < size >> 1; b += blockDim.x) {
            u32 r = b >> inner;
            u32 row = r >> k << (k + 1) | (r & ((1u << k) - 1));
            u32 l0 = row << inner | (b & ((1u << inner) - 1)), l1 = l0 + (1u << (k + inner));
            u32 t = twiddle(twiddles_end, log, first + k, high << (layers - k - 1) | r >> k, small_y);
            u32 v0 = tile[l0], v1 = tile[l1];
            tile[l0] = m31_add(v0, v1);
            tile[l1] = m31_mul_doubled(m31_sub(v0, v1), t);
        }
    }
    __syncthreads();
    // `scale`, doubled, divides by the size in the last pass; 0 in the others.
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) {
        u32 v = tile[l];
        column[start + tile_offset(l, first, inner)] = scale ? m31_mul_doubled(v, scale) : v;
    }
}

// Reads 2^log_in values of each input; the values beyond them are zero. Input and output of a
// column may be the same when log_in = log.
KERNEL void circle_fft_pass(const u32* const* inputs, u32 log_in, u32* const* outputs, const u32* twiddles_end, u32 log,
                            u32 first, u32 layers, u32 inner, u32 small_y) {
    DYNAMIC_SHARED(u32, tile);
    const u32* input = inputs[blockIdx.y];
    u32* output = outputs[blockIdx.y];
    u32 high, size = 1u << (layers + inner);
    u64 start = tile_start(blockIdx.x, first, layers, inner, high);
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) {
        u64 i = start + tile_offset(l, first, inner);
        tile[l] = i >> log_in ? 0 : input[i];
    }
    for (u32 k = layers; k-- > 0;) {
        __syncthreads();
        for (u32 b = threadIdx.x; b < size >> 1; b += blockDim.x) {
            u32 r = b >> inner;
            u32 row = r >> k << (k + 1) | (r & ((1u << k) - 1));
            u32 l0 = row << inner | (b & ((1u << inner) - 1)), l1 = l0 + (1u << (k + inner));
            u32 t = twiddle(twiddles_end, log, first + k, high << (layers - k - 1) | r >> k, small_y);
            u32 v0 = tile[l0], v1 = m31_mul_doubled(tile[l1], t);
            tile[l0] = m31_add(v0, v1);
            tile[l1] = m31_sub(v0, v1);
        }
    }
    __syncthreads();
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) output[start + tile_offset(l, first, inner)] = tile[l];
}
