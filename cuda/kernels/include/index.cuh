// Indices and points: bit reversal, lifting, circle domains in bit-reversed order.
#pragma once
#include "m31.cuh"

// The low `log` bits of i in reverse; log may be 0.
DEVICE u32 bit_reverse(u32 i, u32 log) { return log == 0 ? 0 : __brev(i) >> (32 - log); }

// Row of a column that is 2^ratio times shorter, for row i of the longer domain: lifting keeps the
// half of the domain (the lowest bit) and repeats pairs.
DEVICE u32 lift(u32 i, u32 ratio) { return (i >> ratio >> 1 << 1) | (i & 1); }

struct point { u32 x, y; };

DEVICE point point_add(point p, point q) {
    return {m31_sub(m31_mul(p.x, q.x), m31_mul(p.y, q.y)), m31_add(m31_mul(p.x, q.y), m31_mul(p.y, q.x))};
}
// x of 2p, for p with the given x.
DEVICE u32 double_x(u32 x) {
    u32 s = m31_square(x);
    return m31_sub(m31_add(s, s), 1);
}
// initial + n step, where words 2k and 2k + 1 of `steps` are the point 2^k step.
DEVICE point coset_point(point initial, const u32* steps, u32 n) {
    point p = initial;
    for (u32 k = 0; n >> k; k++)
        if (n >> k & 1) p = point_add(p, {steps[2 * k], steps[2 * k + 1]});
    return p;
}
// Point i, in bit-reversed order, of the circle domain whose half coset has 2^(log - 1) points.
DEVICE point domain_point(point initial, const u32* steps, u32 i, u32 log) {
    point p = coset_point(initial, steps, bit_reverse(i >> 1, log - 1));
    return {p.x, i & 1 ? m31_neg(p.y) : p.y};
}
