// The Mersenne field M31: integers modulo P = 2^31 - 1, always in canonical form 0..P.
//
// Costs in SASS instructions of sm_90: add, sub 2; mul_doubled 3; mul 5. Merkle trees hash the raw
// words, so every function returns canonical values and -0 is 0.
#pragma once
#include "device.cuh"

#define M31_P 0x7fffffffu

// Subtraction wraps above 2^31 when the sum is below P, so the smaller of the two is canonical.
DEVICE u32 m31_add(u32 a, u32 b) {
    u32 s = a + b;
    return min(s, s - M31_P);
}
DEVICE u32 m31_sub(u32 a, u32 b) {
    u32 d = a - b;
    return min(d, d + M31_P);
}
DEVICE u32 m31_neg(u32 a) { return m31_sub(0, a); }

// 2ab = hi 2^32 + lo, so ab = hi 2^31 + lo / 2 and hi + lo / 2 is congruent to ab; lo is even.
// `b2` is 2b mod 2^32 for a canonical b, as twiddle tables store it.
DEVICE u32 m31_mul_doubled(u32 a, u32 b2) {
    u64 x = (u64)a * b2;
    return m31_add((u32)(x >> 32), (u32)x >> 1);
}
DEVICE u32 m31_mul(u32 a, u32 b) { return m31_mul_doubled(a, b << 1); }
DEVICE u32 m31_square(u32 a) { return m31_mul(a, a); }

// a^(2^n).
DEVICE u32 m31_square_times(u32 a, int n) {
    for (int i = 0; i < n; i++) a = m31_square(a);
    return a;
}

// 1/a by Fermat: a^(P-2), with P - 2 = 2^31 - 3 = 0b111...101; 37 multiplications. inv(0) = 0.
DEVICE u32 m31_inverse(u32 a) {
    u32 t0 = m31_mul(m31_square_times(a, 2), a);
    u32 t1 = m31_mul(m31_square_times(t0, 1), t0);
    u32 t2 = m31_mul(m31_square_times(t1, 3), t0);
    u32 t3 = m31_mul(m31_square_times(t2, 1), t0);
    u32 t4 = m31_mul(m31_square_times(t3, 8), t3);
    u32 t5 = m31_mul(m31_square_times(t4, 8), t3);
    return m31_mul(m31_square_times(t5, 7), t2);
}
