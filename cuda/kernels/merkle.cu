// Lifted Blake2s Merkle trees: leaves over any number of columns of mixed sizes, and subtrees.
//
// A leaf is Blake2s-256 of its row's words, columns by ascending size; a column that is shorter
// than the tree repeats as `lift` says. A node is Blake2s-256 of its two children.
// Costs: 988 instructions a compression; a leaf has one per 16 columns, a node one.
#include "blake2s.cuh"
#include "index.cuh"

// Absorbs the blocks first_block .. end_block of 16 columns each into 2^log states. The states
// start fresh at block 0, else from the 2^states_log states of an earlier launch. `finish` ends
// the hash with the last block, which may be partial (or empty, of no columns); `reduce` takes the
// words of finished hashes modulo P.
//
// Launch: one-dimensional, any grid. Per leaf: 4 bytes read a column, 32 written, 32 read if
// states are.
KERNEL void merkle_leaves(const u32* const* columns, const u32* column_logs, u32 n_columns, u32 first_block,
                          u32 end_block, u32 log, const u32* states, u32 states_log, u32 finish, u32 reduce, u32* out) {
    for (u64 at = grid_thread(); at < 1ull << log; at += grid_threads()) {
        u32 i = (u32)at;
        blake2s state = blake2s_start();
        if (first_block > 0) hash_load(states, lift(i, log - states_log), state.h);
        for (u32 block = first_block; block < end_block; block++) {
            u32 m[16];
#pragma unroll
            for (u32 j = 0; j < 16; j++) {
                u32 c = 16 * block + j;
                m[j] = c < n_columns ? columns[c][lift(i, log - column_logs[c])] : 0;
            }
            bool last = finish && block + 1 == end_block;
            blake2s_compress(state, m, last ? 4ull * n_columns : 64ull * (block + 1), last);
        }
        hash_store(out, i, state, finish && reduce);
    }
}

#define SUBTREE_THREADS 256

// `levels` levels of nodes over 2^(log_parents + 1) children, written one after the other: first
// 2^log_parents nodes, then half as many. levels <= min(log_parents + 1, 9).
//
// Launch: 256 threads, one block per 256 nodes of the first level (one block if fewer). Per child:
// 32 bytes read, 32 written (all levels).
KERNEL __launch_bounds__(SUBTREE_THREADS) void merkle_subtree(const u32* children, u32* out, u32 log_parents,
                                                             u32 levels, u32 reduce) {
    __shared__ uint4 tile[2 * SUBTREE_THREADS];
    u32* nodes = (u32*)tile;
    u64 first = (u64)blockIdx.x * SUBTREE_THREADS, count = 1ull << log_parents;
    u32 t = threadIdx.x, width = SUBTREE_THREADS;
    for (u32 level = 0; level < levels; level++) {
        bool active = t < width && first + t < count;
        u32 m[16];
        if (active) {
            if (level == 0) {
                hash_load(children, 2 * (first + t), m);
                hash_load(children, 2 * (first + t) + 1, m + 8);
            } else {
                hash_load(nodes, 2 * t, m);
                hash_load(nodes, 2 * t + 1, m + 8);
            }
        }
        __syncthreads();
        if (active) {
            blake2s state = blake2s_start();
            blake2s_compress(state, m, 64, true);
            hash_store(out, first + t, state, reduce);
            hash_store(nodes, t, state, reduce);
        }
        __syncthreads();
        out += 8 * count;
        count >>= 1;
        first >>= 1;
        width >>= 1;
    }
}

// Rows of four secure values as one row of 16 columns: value o of row r is value 4r + o, and its
// coordinate k is column 4o + k.
//
// Launch: x covers the rows, y the 4 planes. Per value: 16 bytes read, 16 written.
KERNEL void pack_leaves(const u32* const* planes, u32* const* columns, u64 rows) {
    const u32* plane = planes[blockIdx.y];
    for (u64 r = grid_thread(); r < rows; r += grid_threads())
        for (u32 o = 0; o < 4; o++) columns[4 * o + blockIdx.y][r] = plane[4 * r + o];
}
