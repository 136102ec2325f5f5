// Every family of integer instructions that clang emits, one result a row: the interpreter's are compared
// with those of the same source under a host compiler.
//
// Launch: one-dimensional, any grid. `out` holds ROWS rows of n words of 64 bits.
#include "device.cuh"

typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef short i16;

#define ROW(value) out[(u64)(row++) * n + i] = (u64)(value)

// Not inlined into constants: what a compiler knows it does not compute on the device.
DEVICE u32 walk(u32 x, u32 y, u32 z) {
    u32 t = 0;
    for (u32 j = 0; j < (x & 15); j++) {
        t = t * 31 + (y >> j);
        if (t & 1) t ^= z;
        else if (t & 2) continue;
        if (t % 13 == 5) break;
        t++;
    }
    return t;
}

DEVICE u32 choose(u32 x, u32 y, u32 t) {
    switch (x % 9) {
    case 0: return t + 7;
    case 1: return t * 3;
    case 2: return t ^ y;
    case 3: return t - y;
    case 4: return ~t;
    case 5: return t >> 3;
    case 6: return y * y + t;
    case 7: return y << 5 | t;
    default: return 0;
    }
}

KERNEL void instructions(u64* out, const u64* in, u32 n) {
    for (u32 i = (u32)grid_thread(); i < n; i += (u32)grid_threads()) {
        u64 a = in[i], b = in[(i + 1) % n], c = in[(i + 2) % n];
        u32 x = (u32)a, y = (u32)b, z = (u32)c;
        bool q = b != 0 && !(a == 1ull << 63 && b == ~0ull), w = y != 0 && !(x == 1u << 31 && y == ~0u);
        u32 row = 0;
        // 64 bits.
        ROW(a + b); ROW(a - b); ROW(a * b); ROW(0 - a); ROW(~a); ROW(a & b); ROW(a | b); ROW(a ^ b); ROW((a | b) & ~c);
        ROW(b ? a / b : 0); ROW(b ? a % b : 0); ROW(q ? (i64)a / (i64)b : 0); ROW(q ? (i64)a % (i64)b : 0);
        ROW(a % 1000003); ROW(a / 7); ROW((i64)a / 16); ROW((i64)a < 0 ? 0 - a : a);
        ROW(a << (y & 63)); ROW(a >> (y & 63)); ROW((i64)a >> (y & 63)); ROW(a << 13 | a >> 51);
        ROW(a < b ? a : b); ROW(a > b ? a : b); ROW((i64)a < (i64)b ? a : b); ROW((i64)a > (i64)b ? a : b);
        ROW(a * b + c); ROW(a >> 31 & 1 ? b : c);
        // 128 bits: carries, high products.
        unsigned __int128 s = ((unsigned __int128)a << 64 | b) + ((unsigned __int128)c << 64 | a);
        unsigned __int128 d = ((unsigned __int128)a << 64 | b) - ((unsigned __int128)b << 64 | c);
        unsigned __int128 p = ((unsigned __int128)a << 64 | b) * c;
        ROW(s); ROW(s >> 64); ROW(d); ROW(d >> 64); ROW(p); ROW(p >> 64);
        ROW((unsigned __int128)a * b >> 64); ROW((__int128)(i64)a * (i64)b >> 64);
        // 32 bits.
        ROW(x + y); ROW(x - y); ROW(x * y); ROW(0 - x); ROW(~x); ROW(x & y); ROW(x | y); ROW(x ^ y); ROW(x & y ^ z);
        ROW((x & y) | (~x & z)); ROW((x & y) ^ (x & z) ^ (y & z)); ROW(x * y + z); ROW(x * 9 + 5);
        ROW(y ? x / y : 0); ROW(y ? x % y : 0); ROW(w ? (i32)x / (i32)y : 0); ROW(w ? (i32)x % (i32)y : 0);
        ROW(x % 31); ROW(y / 7); ROW((i32)y / 7); ROW((i32)x / 8); ROW((i32)x < 0 ? 0 - x : x);
        ROW(x << (y & 31)); ROW(x >> (y & 31)); ROW((u32)((i32)x >> (y & 31))); ROW(x >> 7 | x << 25);
        ROW(x << (y & 31) | x >> (32 - y & 31)); ROW(__funnelshift_l(x, y, z)); ROW(__funnelshift_r(x, y, z));
        ROW(min(x, y)); ROW(max(x, y)); ROW((i32)x < (i32)y ? x : y); ROW((i32)x > (i32)y ? x : y);
        ROW((x >> 5) & 0x3ff); ROW((u32)((i32)(x << 9) >> 20)); ROW((x & 255) << 8 | y >> 24);
        ROW((0 - (x & 7)) ^ z); ROW((0 - (y >> 20)) / 3); ROW((0 - (u64)(x & 1)) & b);
        // Wide and high products.
        ROW((u64)x * y); ROW((i64)(i32)x * (i32)y); ROW((u64)x * y + c); ROW((i64)(i32)x * (i32)y + (i64)c);
        ROW(__umulhi(x, y)); ROW((u32)((i64)(i32)x * (i32)y >> 32)); ROW(__umulhi(x, y) + z);
        ROW((x & 0xffff) * (y >> 16));
        // Bits and bytes.
        ROW(__popc(x)); ROW(__popcll(a)); ROW(__clz((i32)x)); ROW(__clzll((i64)a)); ROW(__ffs((i32)x)); ROW(__brev(x));
        ROW(__byte_perm(x, y, z)); ROW(__byte_perm(x, y, 0x1032)); ROW(__byte_perm(x, 0, 0x4321));
        // Narrow integers.
        ROW((u8)x); ROW((i64)(i8)x); ROW((u16)x); ROW((i64)(i16)x); ROW((u8)x * (u16)y); ROW((i64)((i16)x * (i16)y));
        ROW((u8)(x + y)); ROW((i8)(x >> 3) < (i8)y); ROW((u16)x >= (u16)y); ROW((u16)((u16)x << (y & 7)));
        ROW((u16)((u16)x >> (y & 15))); ROW((i64)(i16)((i16)x >> (y & 15))); ROW((u16)((u16)x ^ (u16)y | (u16)z));
        ROW((i64)(i32)x); ROW((u64)(i64)(i8)a); ROW((u16)((u16)x / ((u16)y | 1))); ROW((i64)(i16)((i16)x % ((i16)y | 1)));
        // Comparisons and predicates.
        ROW(x == y); ROW(x != y); ROW((x < y) + 2 * (y <= z) + 4 * ((i32)x < (i32)z) + 8 * ((i32)x >= (i32)y));
        ROW((a < b && b < c) || (i64)a > (i64)c); ROW(((x < y) ^ (a < c)) && !(b == c)); ROW(a <= b ? x : y);
        ROW((x & 1) == (y & 1) ? a : c); ROW(a < b ? 5 : y); ROW(a > c ? z : 9); ROW((i64)a >= (i64)b ? 3 : x); ROW((i32)x <= (i32)z ? a : 1); ROW(x <= z ? b : 2);
        ROW((a == b) + 2 * (a != c) + 4 * ((i64)a <= (i64)b) + 8 * (a >= c));
        // Divergence, jump tables, local memory.
        u32 t = walk(x, y, z);
        ROW(t); ROW(choose(x, y, t));
        u32 local[8];
        for (u32 j = 0; j < 8; j++) local[j] = x >> j;
        local[y & 7] += z;
        ROW(local[z & 7]);
        u8 bytes[16];
        for (u32 j = 0; j < 16; j++) bytes[j] = (u8)(a >> (j & 7) * 8);
        bytes[y & 15] ^= (u8)z;
        ROW(bytes[z & 15]);
        // Vectors in memory.
        ((uint4*)out)[((u64)row * n) / 2 + i] = uint4{x, y, x + y, z};
        row += 2;
        ((ulonglong2*)out)[((u64)row * n) / 2 + i] = ulonglong2{a, b ^ c};
        row += 2;
        uint4 v = ((const uint4*)in)[i / 2];
        ROW(v.x ^ v.w); ROW(v.y + v.z);
        ulonglong2 m = ((const ulonglong2*)in)[i / 2];
        ROW(m.x - m.y);
        ROW(((const u8*)in)[i]); ROW((i64)((const i8*)in)[i]); ROW(((const u16*)in)[i]); ROW((i64)((const i16*)in)[i]);
        ROW((i64)((const i32*)in)[i]); ROW(((const u32*)in)[i]);
    }
}
