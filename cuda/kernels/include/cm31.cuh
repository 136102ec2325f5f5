// The complex extension CM31 = M31[i] / (i^2 + 1), canonical coordinates.
//
// Costs in SASS instructions of sm_90: add 4; mul 24; inverse about 210.
#pragma once
#include "m31.cuh"

struct cm31 { u32 re, im; };

DEVICE cm31 cm31_add(cm31 x, cm31 y) { return {m31_add(x.re, y.re), m31_add(x.im, y.im)}; }
DEVICE cm31 cm31_sub(cm31 x, cm31 y) { return {m31_sub(x.re, y.re), m31_sub(x.im, y.im)}; }
DEVICE cm31 cm31_mul(cm31 x, cm31 y) {
    return {m31_sub(m31_mul(x.re, y.re), m31_mul(x.im, y.im)), m31_add(m31_mul(x.re, y.im), m31_mul(x.im, y.re))};
}
DEVICE cm31 cm31_mul_m31(cm31 x, u32 f) { return {m31_mul(x.re, f), m31_mul(x.im, f)}; }
// (2 + i) x, where 2 + i is the square that extends CM31 to QM31.
DEVICE cm31 cm31_mul_residue(cm31 x) {
    return {m31_sub(m31_add(x.re, x.re), x.im), m31_add(m31_add(x.im, x.im), x.re)};
}
// Conjugate over norm; inverse(0) = 0.
DEVICE cm31 cm31_inverse(cm31 x) {
    u32 norm = m31_inverse(m31_add(m31_square(x.re), m31_square(x.im)));
    return {m31_mul(x.re, norm), m31_mul(m31_neg(x.im), norm)};
}
