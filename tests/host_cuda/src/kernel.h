// What CUDA C++ has and C++ has not. It stands before the text of every kernel that the host's compiler is given.
#pragma once
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include <cuComplex.h>
#include <vector_functions.h>
#include <vector_types.h>

#undef __shared__
#undef __constant__
#undef __managed__
#undef __global__
#undef __launch_bounds__
#undef __forceinline__
#define __shared__ static
#define __constant__ __attribute__((visibility("default")))
#define __managed__
#define __global__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __CUDACC_VER_MAJOR__ 13
#define __CUDACC_VER_MINOR__ 0

// -- threads ----------------------------------------------------------------------------------------------------------
// The threads of a block run one after the other. Where one waits for the others, it is left on a stack of its own, and
// another stack goes on with the next: see fibers.h.

static struct HostIndex { unsigned x, y, z; } threadIdx, blockIdx, blockDim, gridDim;
static constexpr int warpSize = 32;

namespace host_cuda {

struct Threads {
    unsigned next, count;        // the thread to be taken next, and how many there are in a block
    void (*wait)(unsigned lanes);  // for these lanes of the warp, or for all threads of the block if 0
    char* shared;                // memory that the launch asks for
};
static Threads threads;

static inline unsigned linear(const HostIndex& index) {
    return index.x + blockDim.x * (index.y + blockDim.y * index.z);
}

static inline bool take() {
    if (threads.next == threads.count) return false;
    unsigned i = threads.next++;
    threadIdx = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
    return true;
}

static __attribute__((noinline)) void wait(unsigned lanes) {
    auto mine = threadIdx;
    threads.wait(lanes);
    threadIdx = mine;
}

template <auto kernel> struct Entry;

template <class... Arguments, void (*kernel)(Arguments...)> struct Entry<kernel> {
    static constexpr size_t sizes[] = {sizeof(Arguments)..., 0};

    template <size_t... i> static void call(void** p, std::index_sequence<i...>) {
        while (take()) kernel(*static_cast<std::remove_reference_t<Arguments>*>(p[i])...);
    }

    static void run(void** parameters) { call(parameters, std::index_sequence_for<Arguments...>()); }
};

template <class T> static T exchange(unsigned lanes, T value, int source) {
    static T slots[1024];
    unsigned me = linear(threadIdx);
    slots[me] = value;
    wait(lanes);
    T found = slots[me - me % 32 + source];
    wait(lanes);
    return found;
}

static inline unsigned vote(unsigned lanes, bool yes) {
    static bool votes[1024];
    unsigned me = linear(threadIdx), first = me - me % 32, found = 0;
    votes[me] = yes;
    wait(lanes);
    for (unsigned lane = 0; lane < 32; ++lane) found |= unsigned(votes[first + lane]) << lane;
    wait(lanes);
    votes[me] = false;
    return found & lanes;
}

static inline int lane() { return linear(threadIdx) % 32; }

}  // namespace host_cuda

// Each kernel of a text is found by these names, and nothing else of it is seen.
#define HOST_CUDA_FOUND extern "C" __attribute__((visibility("default"), used))
#define HOST_CUDA_KERNEL(name, kernel)                                                          \
    HOST_CUDA_FOUND void host_cuda_run_##name(void** p) { host_cuda::Entry<kernel>::run(p); }   \
    HOST_CUDA_FOUND const size_t* host_cuda_sizes_##name() { return host_cuda::Entry<kernel>::sizes; }
HOST_CUDA_FOUND inline void host_cuda_state(void** out) {
    out[0] = &host_cuda::threads, out[1] = &blockIdx, out[2] = &blockDim, out[3] = &gridDim;
}

static inline void __syncthreads() { host_cuda::wait(0); }
static inline int __syncthreads_or(int yes) {
    static int any;
    any = 0;
    host_cuda::wait(0);
    if (yes) any = 1;
    host_cuda::wait(0);
    return any;
}
static inline void __syncwarp(unsigned lanes = ~0u) { host_cuda::wait(lanes); }
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}
static inline unsigned __activemask() { return ~0u; }
static inline unsigned __ballot_sync(unsigned lanes, int yes) { return host_cuda::vote(lanes, yes); }
static inline int __any_sync(unsigned lanes, int yes) { return host_cuda::vote(lanes, yes) != 0; }
static inline int __all_sync(unsigned lanes, int yes) { return host_cuda::vote(lanes, !yes) == 0; }

template <class T> static T __shfl_sync(unsigned lanes, T value, int source, int width = 32) {
    int lane = host_cuda::lane(), first = lane / width * width;
    return host_cuda::exchange(lanes, value, first + (source & (width - 1)));
}
template <class T> static T __shfl_up_sync(unsigned lanes, T value, unsigned by, int width = 32) {
    int lane = host_cuda::lane(), source = lane - int(by);
    return host_cuda::exchange(lanes, value, source < lane / width * width ? lane : source);
}
template <class T> static T __shfl_down_sync(unsigned lanes, T value, unsigned by, int width = 32) {
    int lane = host_cuda::lane(), source = lane + int(by);
    return host_cuda::exchange(lanes, value, source >= (lane / width + 1) * width ? lane : source);
}
template <class T> static T __shfl_xor_sync(unsigned lanes, T value, int by, int width = 32) {
    int lane = host_cuda::lane(), source = lane ^ by;
    return host_cuda::exchange(lanes, value, source >= (lane / width + 1) * width ? lane : source);
}

// -- atomic operations: launches do not overlap, and a thread gives way only where it waits --------------------------

#define HOST_CUDA_ATOMIC(T, name, result)         \
    static inline T name(T* at, T value) {        \
        T old = *at;                              \
        *at = result;                             \
        return old;                               \
    }
#define HOST_CUDA_ATOMICS(T)                                  \
    HOST_CUDA_ATOMIC(T, atomicAdd, old + value)               \
    HOST_CUDA_ATOMIC(T, atomicExch, value)
#define HOST_CUDA_INTEGER_ATOMICS(T)                          \
    HOST_CUDA_ATOMICS(T)                                      \
    HOST_CUDA_ATOMIC(T, atomicSub, old - value)               \
    HOST_CUDA_ATOMIC(T, atomicMin, old < value ? old : value) \
    HOST_CUDA_ATOMIC(T, atomicMax, old > value ? old : value) \
    HOST_CUDA_ATOMIC(T, atomicAnd, old & value)               \
    HOST_CUDA_ATOMIC(T, atomicOr, old | value)                \
    HOST_CUDA_ATOMIC(T, atomicXor, old ^ value)               \
    static inline T atomicCAS(T* at, T compare, T value) {    \
        T old = *at;                                          \
        if (old == compare) *at = value;                      \
        return old;                                           \
    }
HOST_CUDA_INTEGER_ATOMICS(int)
HOST_CUDA_INTEGER_ATOMICS(unsigned)
HOST_CUDA_INTEGER_ATOMICS(unsigned long long)
HOST_CUDA_ATOMIC(long long, atomicMin, old < value ? old : value)
HOST_CUDA_ATOMIC(long long, atomicMax, old > value ? old : value)
HOST_CUDA_ATOMICS(float)
HOST_CUDA_ATOMICS(double)

// -- numbers ----------------------------------------------------------------------------------------------------------

template <class To, class From> static inline To host_cuda_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "of one size");
    To to;
    std::memcpy(&to, &from, sizeof(to));
    return to;
}
static inline int __float_as_int(float x) { return host_cuda_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return host_cuda_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return host_cuda_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return host_cuda_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return host_cuda_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return host_cuda_bits<double>(x); }
static inline int __double2hiint(double x) { return int(host_cuda_bits<uint64_t>(x) >> 32); }
static inline int __double2loint(double x) { return int(host_cuda_bits<uint64_t>(x)); }
static inline double __hiloint2double(int high, int low) {
    return host_cuda_bits<double>(uint64_t(unsigned(high)) << 32 | unsigned(low));
}

static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned(uint64_t(a) * b >> 32); }
static inline int __mulhi(int a, int b) { return int(int64_t(a) * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline long long __mul64hi(long long a, long long b) { return (long long)((__int128)a * b >> 64); }
template <class T> static inline T __ldg(const T* at) { return *at; }
[[noreturn]] static inline void __trap() { __builtin_trap(); }

// As CUDA has them: for two types, which may differ.
template <class A, class B, class = std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>>>
static inline auto min(A a, B b) -> std::common_type_t<A, B> {
    using T = std::common_type_t<A, B>;
    if constexpr (std::is_floating_point_v<T>) return std::fmin(T(a), T(b));
    else return T(a) < T(b) ? T(a) : T(b);
}
template <class A, class B, class = std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>>>
static inline auto max(A a, B b) -> std::common_type_t<A, B> {
    using T = std::common_type_t<A, B>;
    if constexpr (std::is_floating_point_v<T>) return std::fmax(T(a), T(b));
    else return T(a) < T(b) ? T(b) : T(a);
}

using std::abs; using std::fmod; using std::isfinite; using std::isinf; using std::isnan; using std::signbit;

#define HOST_CUDA_MATH(T, suffix)                                                                        \
    static inline T rsqrt##suffix(T x) { return 1 / std::sqrt(x); }                                      \
    static inline T rcbrt##suffix(T x) { return 1 / std::cbrt(x); }                                      \
    static inline T sinpi##suffix(T x) { return std::sin(T(M_PI) * std::remainder(x, T(2))); }           \
    static inline T cospi##suffix(T x) { return std::cos(T(M_PI) * std::remainder(x, T(2))); }           \
    static inline T normcdf##suffix(T x) { return std::erfc(-x * T(M_SQRT1_2)) / 2; }
HOST_CUDA_MATH(double, )
HOST_CUDA_MATH(float, f)
static inline float rsqrt(float x) { return rsqrtf(x); }
static inline float rcbrt(float x) { return rcbrtf(x); }
static inline float sinpi(float x) { return sinpif(x); }
static inline float cospi(float x) { return cospif(x); }
static inline float normcdf(float x) { return normcdff(x); }
// glibc has functions of these names.
#define __expf(x) std::exp(float(x))
#define __logf(x) std::log(float(x))
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __saturatef(float x) { return std::fmin(std::fmax(x, 0.0f), 1.0f); }
static inline float __frcp_rn(float x) { return 1 / x; }
static inline float __fsqrt_rn(float x) { return std::sqrt(x); }
static inline double erfcx(double x) {
    // The square leaves the range of long double near 106; from there on, three terms give every digit.
    if (x < 100) return double(std::exp((long double)x * x) * std::erfc((long double)x));
    double u = 0.5 / x / x;
    return (1 - u * (1 - 3 * u)) * 0.5641895835477563 / x;
}
static inline float erfcxf(float x) { return float(erfcx(double(x))); }
static inline double erfcinv(double y) {
    // By Newton's method on erfc, from the leading term of its tail, or of its slope at 1.
    if (!(y >= 0 && y <= 2)) return std::numeric_limits<double>::quiet_NaN();
    if (y > 1) return -erfcinv(2 - y);
    if (y == 0) return std::numeric_limits<double>::infinity();
    double x = y > 0.5 ? (1 - y) * 0.886226925452758 : std::sqrt(std::max(0.0, -std::log(y * 1.7724538509)));
    for (int i = 0; i < 40; ++i) {
        double step = (std::erfc(x) - y) / (-1.1283791670955126 * std::exp(-x * x));
        step /= 1 + x * step;
        x -= step;
        if (std::fabs(step) <= 1e-16 * std::fabs(x)) break;
    }
    return x;
}
static inline double erfinv(double y) {
    if (std::fabs(y) > 0.5) return y > 0 ? erfcinv(1 - y) : -erfcinv(1 + y);
    double x = y * 0.886226925452758;
    for (int i = 0; i < 40; ++i) {
        double step = (std::erf(x) - y) / (1.1283791670955126 * std::exp(-x * x));
        step /= 1 + x * step;
        x -= step;
        if (std::fabs(step) <= 1e-16 * std::fabs(x)) break;
    }
    return x;
}
static inline float erfinv(float y) { return float(erfinv(double(y))); }
static inline float erfcinv(float y) { return float(erfcinv(double(y))); }
static inline double normcdfinv(double y) { return -M_SQRT2 * erfcinv(2 * y); }
static inline float normcdfinv(float y) { return float(normcdfinv(double(y))); }
