// The GPU challenge's three kernels: what millrace_challenge::{stream, tile} do, in the same order.
//
// Built for the GPU by kernels/build into challenge.ptx, which is committed; a test builds it again and
// compares. The tests' stand-in for the driver compiles the same file for the processor: no kernel uses
// shared memory or a barrier, so that its threads may run one after the other.

typedef unsigned int u32;
typedef unsigned long long u64;

#ifdef __CUDA__
#define KERNEL extern "C" __attribute__((global))
#define DEVICE static inline __attribute__((device, always_inline))
#define BLOCK __nvvm_read_ptx_sreg_ctaid_x()
#define THREADS __nvvm_read_ptx_sreg_ntid_x()
#define THREAD __nvvm_read_ptx_sreg_tid_x()
#define UNROLL _Pragma("unroll")
#else
#define KERNEL
#define DEVICE static inline
#define UNROLL
extern _Thread_local u32 BLOCK, THREADS, THREAD;
#endif

#define SIDE 128u
#define WORDS (SIDE * SIDE)
#define MODULUS 0x7fffffffu

struct key {
  u32 words[8];
};

struct quad {
  u32 at[4];
} __attribute__((aligned(16)));

DEVICE u32 rotate(u32 word, u32 by) { return word << by | word >> (32 - by); }

DEVICE void quarter(u32 *a, u32 *b, u32 *c, u32 *d) {
  *a += *b, *d = rotate(*d ^ *a, 16);
  *c += *d, *b = rotate(*b ^ *c, 12);
  *a += *b, *d = rotate(*d ^ *a, 8);
  *c += *d, *b = rotate(*b ^ *c, 7);
}

// One thread, one block of ChaCha8: sixteen words of the seed tiles.
KERNEL void fill(u32 *tiles, struct key key, u64 blocks) {
  u64 block = (u64)BLOCK * THREADS + THREAD;
  if (block >= blocks) return;
  u32 start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574,
                   key.words[0], key.words[1], key.words[2], key.words[3],
                   key.words[4], key.words[5], key.words[6], key.words[7],
                   (u32)block, (u32)(block >> 32), 0, 0};
  u32 s[16];
  UNROLL for (u32 i = 0; i < 16; i++) s[i] = start[i];
  for (u32 round = 0; round < 4; round++) {
    UNROLL for (u32 i = 0; i < 4; i++) quarter(&s[i], &s[i + 4], &s[i + 8], &s[i + 12]);
    UNROLL for (u32 i = 0; i < 4; i++)
      quarter(&s[i], &s[(i + 1) % 4 + 4], &s[(i + 2) % 4 + 8], &s[(i + 3) % 4 + 12]);
  }
  UNROLL for (u32 i = 0; i < 16; i++) {
    u32 low = (s[i] + start[i]) & MODULUS;
    tiles[block * 16 + i] = low == MODULUS ? 0 : low;
  }
}

DEVICE u64 fold(u64 wide) { return (wide & MODULUS) + (wide >> 31); }

DEVICE u32 reduce(u64 wide) {
  u64 folded = fold(fold(wide));
  return (u32)(folded >= MODULUS ? folded - MODULUS : folded);
}

// Four blocks of 256 threads, one tile of `products`: a thread has four rows by four columns. A warp
// reads one line of the right tile at once, and of the left one word for all.
KERNEL void multiply(const u32 *tiles, const u32 *partners, u32 *products, u32 first) {
  u32 number = BLOCK / 4;
  const u32 *left = tiles + (u64)(first + number) * WORDS;
  const u32 *right = tiles + (u64)partners[number] * WORDS;
  u32 *product = products + (u64)number * WORDS;
  u32 row = BLOCK % 4 * 32 + THREAD / 32 * 4, column = THREAD % 32 * 4;
  u64 sums[4][4] = {{0}};
  for (u32 k = 0; k < SIDE; k += 4) {
    struct quad words[4];
    UNROLL for (u32 r = 0; r < 4; r++) words[r] = *(const struct quad *)(left + (row + r) * SIDE + k);
    UNROLL for (u32 i = 0; i < 4; i++) {
      struct quad line = *(const struct quad *)(right + (k + i) * SIDE + column);
      UNROLL for (u32 r = 0; r < 4; r++)
        UNROLL for (u32 c = 0; c < 4; c++) sums[r][c] += (u64)words[r].at[i] * line.at[c];
    }
    // Four products at most between two folds: millrace_challenge::field::PRODUCTS.
    UNROLL for (u32 r = 0; r < 4; r++)
      UNROLL for (u32 c = 0; c < 4; c++) sums[r][c] = fold(sums[r][c]);
  }
  UNROLL for (u32 r = 0; r < 4; r++) {
    struct quad line;
    UNROLL for (u32 c = 0; c < 4; c++) line.at[c] = reduce(sums[r][c]);
    *(struct quad *)(product + (row + r) * SIDE + column) = line;
  }
}

DEVICE u32 round_constant(u32 i) {
  // Fractions of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
  const u32 constants[64] = {
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
      0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
      0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
      0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
      0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
      0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
  return constants[i];
}

// One block of SHA-256 (FIPS 180-4, 6.2.2).
DEVICE void compress(u32 state[8], u32 message[16]) {
  u32 v[8];
  UNROLL for (u32 i = 0; i < 8; i++) v[i] = state[i];
  UNROLL for (u32 i = 0; i < 64; i++) {
    u32 word = message[i % 16];
    if (i >= 16) {
      u32 near = message[(i - 2) % 16], far = message[(i - 15) % 16];
      u32 low = rotate(far, 25) ^ rotate(far, 14) ^ far >> 3;
      u32 high = rotate(near, 15) ^ rotate(near, 13) ^ near >> 10;
      word += low + message[(i - 7) % 16] + high;
      message[i % 16] = word;
    }
    u32 sum = rotate(v[4], 26) ^ rotate(v[4], 21) ^ rotate(v[4], 7);
    u32 choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    u32 one = v[7] + sum + choice + round_constant(i) + word;
    u32 majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    u32 two = (rotate(v[0], 30) ^ rotate(v[0], 19) ^ rotate(v[0], 10)) + majority;
    v[7] = v[6], v[6] = v[5], v[5] = v[4], v[4] = v[3] + one;
    v[3] = v[2], v[2] = v[1], v[1] = v[0], v[0] = one + two;
  }
  UNROLL for (u32 i = 0; i < 8; i++) state[i] += v[i];
}

// One thread, one tile: SHA-256 of its words, highest byte first.
KERNEL void digest(const u32 *tiles, u32 *digests, u32 count) {
  u32 number = BLOCK * THREADS + THREAD;
  if (number >= count) return;
  const u32 *words = tiles + (u64)number * WORDS;
  u32 state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  u32 message[16];
  for (u32 block = 0; block <= WORDS / 16; block++) {
    if (block < WORDS / 16) {
      UNROLL for (u32 i = 0; i < 16; i++) message[i] = words[block * 16 + i];
    } else {
      // The padding: one bit, and the length in bits.
      UNROLL for (u32 i = 0; i < 16; i++) message[i] = i == 0 ? 0x80000000 : i == 15 ? WORDS * 32 : 0;
    }
    compress(state, message);
  }
  UNROLL for (u32 i = 0; i < 8; i++) digests[(u64)number * 8 + i] = state[i];
}
