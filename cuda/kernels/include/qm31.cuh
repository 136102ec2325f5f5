// The secure field QM31 = CM31[u] / (u^2 - 2 - i): (a + bi) + (c + di)u, canonical coordinates.
//
// Costs in SASS instructions of sm_90: add, sub 8; mul 84; mul by M31 20, doubled 12.
// Columns of QM31 are four planes of M31; single elements lie as four consecutive words.
#pragma once
#include "cm31.cuh"

struct qm31 { u32 a, b, c, d; };

DEVICE qm31 qm31_zero() { return {0, 0, 0, 0}; }
DEVICE qm31 qm31_one() { return {1, 0, 0, 0}; }
DEVICE qm31 qm31_from(u32 x) { return {x, 0, 0, 0}; }
DEVICE cm31 qm31_low(qm31 x) { return {x.a, x.b}; }
DEVICE cm31 qm31_high(qm31 x) { return {x.c, x.d}; }
DEVICE qm31 qm31_of(cm31 low, cm31 high) { return {low.re, low.im, high.re, high.im}; }

DEVICE qm31 qm31_add(qm31 x, qm31 y) {
    return {m31_add(x.a, y.a), m31_add(x.b, y.b), m31_add(x.c, y.c), m31_add(x.d, y.d)};
}
DEVICE qm31 qm31_sub(qm31 x, qm31 y) {
    return {m31_sub(x.a, y.a), m31_sub(x.b, y.b), m31_sub(x.c, y.c), m31_sub(x.d, y.d)};
}
DEVICE qm31 qm31_neg(qm31 x) { return qm31_sub(qm31_zero(), x); }
DEVICE qm31 qm31_add_m31(qm31 x, u32 f) { return {m31_add(x.a, f), x.b, x.c, x.d}; }
DEVICE qm31 qm31_mul_m31(qm31 x, u32 f) {
    return {m31_mul(x.a, f), m31_mul(x.b, f), m31_mul(x.c, f), m31_mul(x.d, f)};
}
DEVICE qm31 qm31_mul_doubled(qm31 x, u32 f2) {
    return {m31_mul_doubled(x.a, f2), m31_mul_doubled(x.b, f2), m31_mul_doubled(x.c, f2), m31_mul_doubled(x.d, f2)};
}
DEVICE qm31 qm31_mul_cm31(qm31 x, cm31 f) { return qm31_of(cm31_mul(qm31_low(x), f), cm31_mul(qm31_high(x), f)); }
DEVICE qm31 qm31_mul(qm31 x, qm31 y) {
    cm31 xl = qm31_low(x), xh = qm31_high(x), yl = qm31_low(y), yh = qm31_high(y);
    return qm31_of(cm31_add(cm31_mul(xl, yl), cm31_mul_residue(cm31_mul(xh, yh))),
                   cm31_add(cm31_mul(xl, yh), cm31_mul(xh, yl)));
}
// (l - hu) / (l^2 - (2 + i) h^2); inverse(0) = 0.
DEVICE qm31 qm31_inverse(qm31 x) {
    cm31 l = qm31_low(x), h = qm31_high(x);
    cm31 norm = cm31_inverse(cm31_sub(cm31_mul(l, l), cm31_mul_residue(cm31_mul(h, h))));
    return qm31_of(cm31_mul(l, norm), cm31_mul(cm31_sub({0, 0}, h), norm));
}

// Element `i` of an array of four-word elements.
DEVICE qm31 qm31_load(const u32* words, u64 i) {
    return {words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]};
}
DEVICE void qm31_store(u32* words, u64 i, qm31 x) {
    words[4 * i] = x.a;
    words[4 * i + 1] = x.b;
    words[4 * i + 2] = x.c;
    words[4 * i + 3] = x.d;
}

// Four planes, read or written.
struct planes { const u32* p[4]; };
struct planes_mut { u32* p[4]; };
DEVICE qm31 planes_load(planes x, u64 i) { return {x.p[0][i], x.p[1][i], x.p[2][i], x.p[3][i]}; }
DEVICE void planes_store(planes_mut x, u64 i, qm31 v) {
    x.p[0][i] = v.a;
    x.p[1][i] = v.b;
    x.p[2][i] = v.c;
    x.p[3][i] = v.d;
}
