// Blake2s-256 (RFC 7693), unkeyed: the compression function on words in registers.
//
// Costs about 988 SASS instructions of sm_90 per 64-byte block.
#pragma once
#include "m31.cuh"

#define BLAKE2S_IV0 0x6a09e667u
#define BLAKE2S_IV1 0xbb67ae85u
#define BLAKE2S_IV2 0x3c6ef372u
#define BLAKE2S_IV3 0xa54ff53au
#define BLAKE2S_IV4 0x510e527fu
#define BLAKE2S_IV5 0x9b05688cu
#define BLAKE2S_IV6 0x1f83d9abu
#define BLAKE2S_IV7 0x5be0cd19u
// Digest of 32 bytes, no key, fan-out and depth 1.
#define BLAKE2S_PARAMETERS 0x01010020u

struct blake2s { u32 h[8]; };

DEVICE blake2s blake2s_start() {
    return {{BLAKE2S_IV0 ^ BLAKE2S_PARAMETERS, BLAKE2S_IV1, BLAKE2S_IV2, BLAKE2S_IV3, BLAKE2S_IV4, BLAKE2S_IV5,
             BLAKE2S_IV6, BLAKE2S_IV7}};
}

DEVICE u32 rotate_right(u32 x, u32 n) { return x >> n | x << (32 - n); }

DEVICE void blake2s_mix(u32& a, u32& b, u32& c, u32& d, u32 x, u32 y) {
    a = a + b + x;
    d = rotate_right(d ^ a, 16);
    c = c + d;
    b = rotate_right(b ^ c, 12);
    a = a + b + y;
    d = rotate_right(d ^ a, 8);
    c = c + d;
    b = rotate_right(b ^ c, 7);
}

#define BLAKE2S_ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
    blake2s_mix(v0, v4, v8, v12, m[s0], m[s1]);                                             \
    blake2s_mix(v1, v5, v9, v13, m[s2], m[s3]);                                             \
    blake2s_mix(v2, v6, v10, v14, m[s4], m[s5]);                                            \
    blake2s_mix(v3, v7, v11, v15, m[s6], m[s7]);                                            \
    blake2s_mix(v0, v5, v10, v15, m[s8], m[s9]);                                            \
    blake2s_mix(v1, v6, v11, v12, m[s10], m[s11]);                                          \
    blake2s_mix(v2, v7, v8, v13, m[s12], m[s13]);                                           \
    blake2s_mix(v3, v4, v9, v14, m[s14], m[s15]);

// Absorbs a block; `bytes` counts the message up to its end, `last` marks the final block.
DEVICE void blake2s_compress(blake2s& state, const u32 m[16], u64 bytes, bool last) {
    u32* h = state.h;
    u32 v0 = h[0], v1 = h[1], v2 = h[2], v3 = h[3], v4 = h[4], v5 = h[5], v6 = h[6], v7 = h[7];
    u32 v8 = BLAKE2S_IV0, v9 = BLAKE2S_IV1, v10 = BLAKE2S_IV2, v11 = BLAKE2S_IV3;
    u32 v12 = BLAKE2S_IV4 ^ (u32)bytes, v13 = BLAKE2S_IV5 ^ (u32)(bytes >> 32);
    u32 v14 = last ? ~BLAKE2S_IV6 : BLAKE2S_IV6, v15 = BLAKE2S_IV7;
    BLAKE2S_ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    BLAKE2S_ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3)
    BLAKE2S_ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4)
    BLAKE2S_ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8)
    BLAKE2S_ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13)
    BLAKE2S_ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9)
    BLAKE2S_ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11)
    BLAKE2S_ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10)
    BLAKE2S_ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5)
    BLAKE2S_ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0)
    h[0] ^= v0 ^ v8;
    h[1] ^= v1 ^ v9;
    h[2] ^= v2 ^ v10;
    h[3] ^= v3 ^ v11;
    h[4] ^= v4 ^ v12;
    h[5] ^= v5 ^ v13;
    h[6] ^= v6 ^ v14;
    h[7] ^= v7 ^ v15;
}

// The word modulo P, as the hasher with M31 output returns it.
DEVICE u32 blake2s_reduce(u32 x) { return m31_add(x & M31_P, x >> 31); }

// Hash i of an array of eight-word hashes, which the driver aligns to 16 bytes.
DEVICE void hash_load(const u32* hashes, u64 i, u32* words) {
    const uint4* p = (const uint4*)(hashes + 8 * i);
    uint4 a = p[0], b = p[1];
    words[0] = a.x;
    words[1] = a.y;
    words[2] = a.z;
    words[3] = a.w;
    words[4] = b.x;
    words[5] = b.y;
    words[6] = b.z;
    words[7] = b.w;
}
DEVICE void hash_store(u32* hashes, u64 i, const blake2s& state, u32 reduce) {
    u32 w[8];
    for (int k = 0; k < 8; k++) w[k] = reduce ? blake2s_reduce(state.h[k]) : state.h[k];
    uint4* p = (uint4*)(hashes + 8 * i);
    p[0] = make_uint4(w[0], w[1], w[2], w[3]);
    p[1] = make_uint4(w[4], w[5], w[6], w[7]);
}
