// The circle FFT and its inverse over many columns of one size, in place in bit-reversed order.
//
// A transform of 2^log values has layers 0 (the circle layer, twiddles y) to log - 1 (lines,
// twiddles x). A pass runs the layers first .. first + layers of one tile per block in shared
// memory: 2^layers rows at distance 2^first, each of 2^inner consecutive words.
//
// Launch: x = tiles of a column (2^(log - layers - inner)), y = columns, any number of threads;
// 4 * 2^(layers + inner) bytes of dynamic shared memory. Per value and pass: 4 bytes read, 4
// written (values beyond the input of a longer evaluation are not read), 12 machine instructions a
// layer, of which 3.5 are the butterfly's.
#include "twiddle.cuh"

// A tile: where it starts in its column, and its number among tiles of the same inner columns.
struct tile_place { u64 start; u32 high; };
DEVICE tile_place place_tile(u32 block, u32 first, u32 layers, u32 inner) {
    u32 chunks = first - inner, high = block >> chunks;
    return {(u64)high << (first + layers) | (u64)(block & ((1u << chunks) - 1)) << inner, high};
}
// Where value l of a tile lies from the tile's start on.
DEVICE u32 tile_offset(u32 l, u32 first, u32 inner) { return l >> inner << first | (l & ((1u << inner) - 1)); }

// What the butterflies of one layer of a tile share. Butterfly b pairs the values l0, which is b with a zero bit put
// in at `position`, and l0 + distance; the tile's blocks of the layer are those from `block` on.
struct tile_layer {
    u32 position, distance, above, block;
    const u32* twiddles;
};
DEVICE tile_layer place_layer(const u32* end, u32 log, u32 first, u32 layers, u32 inner, u32 high, u32 k) {
    u32 position = k + inner;
    return {position, 1u << position, ~((1u << position) - 1), high << (layers - k - 1),
            twiddle_layer(end, log, first + k)};
}
// The circle layer derives its twiddles from the layer after it.
template <bool CIRCLE> DEVICE u32 tile_twiddle(tile_layer at, u32 b, const u32* end, u32 log, u32 small_y) {
    u32 h = at.block + (b >> at.position);
    return CIRCLE ? circle_twiddle(end, log, h, small_y) : at.twiddles[h];
}

template <bool CIRCLE>
DEVICE void inverse_butterflies(u32* tile, u32 half, tile_layer at, const u32* end, u32 log, u32 small_y) {
    for (u32 b = threadIdx.x; b < half; b += blockDim.x) {
        u32* v = tile + (b + (b & at.above));
        u32 v0 = v[0], v1 = v[at.distance];
        v[0] = m31_add(v0, v1);
        v[at.distance] = m31_mul_doubled(m31_sub(v0, v1), tile_twiddle<CIRCLE>(at, b, end, log, small_y));
    }
}
template <bool CIRCLE>
DEVICE void butterflies(u32* tile, u32 half, tile_layer at, const u32* end, u32 log, u32 small_y) {
    for (u32 b = threadIdx.x; b < half; b += blockDim.x) {
        u32* v = tile + (b + (b & at.above));
        u32 v0 = v[0], v1 = m31_mul_doubled(v[at.distance], tile_twiddle<CIRCLE>(at, b, end, log, small_y));
        v[0] = m31_add(v0, v1);
        v[at.distance] = m31_sub(v0, v1);
    }
}

KERNEL void circle_ifft_pass(u32* const* columns, const u32* twiddles_end, u32 log, u32 first, u32 layers, u32 inner,
                             u32 small_y, u32 scale) {
    DYNAMIC_SHARED(u32, tile);
    tile_place place = place_tile(blockIdx.x, first, layers, inner);
    u32 *values = columns[blockIdx.y] + place.start, size = 1u << (layers + inner);
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) tile[l] = values[tile_offset(l, first, inner)];
    for (u32 k = 0; k < layers; k++) {
        __syncthreads();
        tile_layer at = place_layer(twiddles_end, log, first, layers, inner, place.high, k);
        if (first + k == 0)
            inverse_butterflies<true>(tile, size >> 1, at, twiddles_end, log, small_y);
        else
            inverse_butterflies<false>(tile, size >> 1, at, twiddles_end, log, small_y);
    }
    __syncthreads();
    // `scale`, doubled, divides by the size in the last pass; 0 in the others.
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) {
        u32 v = tile[l];
        values[tile_offset(l, first, inner)] = scale ? m31_mul_doubled(v, scale) : v;
    }
}

// Reads 2^log_in values of each input; the values beyond them are zero. Input and output of a
// column may be the same when log_in = log.
KERNEL void circle_fft_pass(const u32* const* inputs, u32 log_in, u32* const* outputs, const u32* twiddles_end, u32 log,
                            u32 first, u32 layers, u32 inner, u32 small_y) {
    DYNAMIC_SHARED(u32, tile);
    tile_place place = place_tile(blockIdx.x, first, layers, inner);
    const u32* input = inputs[blockIdx.y] + place.start;
    u32 *output = outputs[blockIdx.y] + place.start, size = 1u << (layers + inner);
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) {
        u32 offset = tile_offset(l, first, inner);
        tile[l] = (place.start + offset) >> log_in ? 0 : input[offset];
    }
    for (u32 k = layers; k-- > 0;) {
        __syncthreads();
        tile_layer at = place_layer(twiddles_end, log, first, layers, inner, place.high, k);
        if (first + k == 0)
            butterflies<true>(tile, size >> 1, at, twiddles_end, log, small_y);
        else
            butterflies<false>(tile, size >> 1, at, twiddles_end, log, small_y);
    }
    __syncthreads();
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) output[tile_offset(l, first, inner)] = tile[l];
}
