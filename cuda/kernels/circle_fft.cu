// The circle FFT and its inverse over many columns of one size, in place in bit-reversed order.
//
// A transform of 2^log values has layers 0 (the circle layer, twiddles y) to log - 1 (lines,
// twiddles x). A pass runs the layers first .. first + layers of one tile per block in shared
// memory, two at a time: 2^layers rows at distance 2^first, each of 2^inner consecutive words.
//
// Launch: x = tiles of a column (2^(log - layers - inner)), y = columns, any number of threads;
// 4 * 2^(layers + inner) bytes of dynamic shared memory. Per value and pass: 4 bytes read, 4
// written (values beyond the input of a longer evaluation are not read), 3.5 instructions a layer
// for the butterflies and about as many to move the values.
#include "twiddle.cuh"

// A tile: where it starts in its column, and its number among tiles of the same inner columns.
struct tile_place { u64 start; u32 high; };
DEVICE tile_place place_tile(u32 block, u32 first, u32 layers, u32 inner) {
    u32 chunks = first - inner, high = block >> chunks;
    return {(u64)high << (first + layers) | (u64)(block & ((1u << chunks) - 1)) << inner, high};
}
// Where value l of a tile lies from the tile's start on.
DEVICE u32 tile_offset(u32 l, u32 first, u32 inner) { return l >> inner << first | (l & ((1u << inner) - 1)); }

DEVICE void butterfly(u32& v0, u32& v1, u32 t) {
    u32 product = m31_mul_doubled(v1, t);
    v1 = m31_sub(v0, product);
    v0 = m31_add(v0, product);
}
DEVICE void inverse_butterfly(u32& v0, u32& v1, u32 t) {
    u32 difference = m31_sub(v0, v1);
    v0 = m31_add(v0, v1);
    v1 = m31_mul_doubled(difference, t);
}

// Twiddles of four values in two layers: of both pairs in the first, of both in the second.
struct two_twiddles { u32 low, high, next; };
// Of block h of layer i + 1, whose twiddles `next` holds, and of its two blocks in layer i.
DEVICE two_twiddles twiddles_of_two(const u32* next, u32 h, u32 log, u32 i, u32 small_y) {
    if (i > 0) {
        uint2 both = ((const uint2*)(next - (1ull << (log - i - 1))))[h];
        return {both.x, both.y, next[h]};
    }
    // Those of the circle layer are y, -y, -x, x for the points (x, y), (-x, -y), (y, -x), (-y, x) of a coset.
    // Twiddles are not zero, so the double of -t is 2P - 2t.
    u32 t = log > 2 ? next[h ^ 1] : small_y, minus = 2 * M31_P - t;
    return {h & 1 ? minus : t, h & 1 ? t : minus, next[h]};
}

// The layers k and k + 1 of a tile: the values in four are numbers q with two bits put in at `position`.
template <bool INVERSE>
DEVICE void two_layers(u32* tile, u32 size, u32 position, u32 block, const u32* next, u32 log, u32 i, u32 small_y) {
    u32 above = ~((1u << position) - 1), distance = 1u << position;
    for (u32 q = threadIdx.x; q < size >> 2; q += blockDim.x) {
        two_twiddles t = twiddles_of_two(next, block + (q >> position), log, i, small_y);
        u32* v = tile + (q + 3 * (q & above));
        u32 a = v[0], b = v[distance], c = v[2 * distance], d = v[3 * distance];
        if (INVERSE) {
            inverse_butterfly(a, b, t.low);
            inverse_butterfly(c, d, t.high);
            inverse_butterfly(a, c, t.next);
            inverse_butterfly(b, d, t.next);
        } else {
            butterfly(a, c, t.next);
            butterfly(b, d, t.next);
            butterfly(a, b, t.low);
            butterfly(c, d, t.high);
        }
        v[0] = a;
        v[distance] = b;
        v[2 * distance] = c;
        v[3 * distance] = d;
    }
}
// The last layer of an odd number, alone. It is the circle layer only of a transform of two values.
template <bool INVERSE>
DEVICE void one_layer(u32* tile, u32 size, u32 position, u32 block, const u32* layer, bool circle, u32 small_y) {
    u32 above = ~((1u << position) - 1), distance = 1u << position;
    for (u32 b = threadIdx.x; b < size >> 1; b += blockDim.x) {
        u32* v = tile + (b + (b & above));
        u32 v0 = v[0], v1 = v[distance], t = circle ? small_y : layer[block + (b >> position)];
        if (INVERSE)
            inverse_butterfly(v0, v1, t);
        else
            butterfly(v0, v1, t);
        v[0] = v0;
        v[distance] = v1;
    }
}

KERNEL void circle_ifft_pass(u32* const* columns, const u32* twiddles_end, u32 log, u32 first, u32 layers, u32 inner,
                             u32 small_y, u32 scale) {
    DYNAMIC_SHARED(u32, tile);
    tile_place place = place_tile(blockIdx.x, first, layers, inner);
    u32 *values = columns[blockIdx.y] + place.start, size = 1u << (layers + inner);
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) tile[l] = values[tile_offset(l, first, inner)];
    for (u32 k = 0; k + 1 < layers; k += 2) {
        __syncthreads();
        two_layers<true>(tile, size, k + inner, place.high << (layers - k - 2),
                         twiddle_layer(twiddles_end, log, first + k + 1), log, first + k, small_y);
    }
    if (layers & 1) {
        __syncthreads();
        u32 i = first + layers - 1;
        one_layer<true>(tile, size, layers - 1 + inner, place.high, twiddle_layer(twiddles_end, log, i), i == 0, small_y);
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
    if (layers & 1) {
        __syncthreads();
        u32 i = first + layers - 1;
        one_layer<false>(tile, size, layers - 1 + inner, place.high, twiddle_layer(twiddles_end, log, i), i == 0, small_y);
    }
    for (u32 k = layers & ~1u; k > 0;) {
        k -= 2;
        __syncthreads();
        two_layers<false>(tile, size, k + inner, place.high << (layers - k - 2),
                          twiddle_layer(twiddles_end, log, first + k + 1), log, first + k, small_y);
    }
    __syncthreads();
    for (u32 l = threadIdx.x; l < size; l += blockDim.x) output[tile_offset(l, first, inner)] = tile[l];
}
