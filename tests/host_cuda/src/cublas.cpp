// cuBLAS on the host: by OpenBLAS, whose arrays are column-major as cuBLAS's are.
#include "core.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <library_types.h>

#include <algorithm>
#include <complex>
#include <vector>

namespace {

using cfloat = std::complex<float>;
using cdouble = std::complex<double>;

enum Status { kSuccess = 0, kNotInitialized = 1, kInvalidValue = 7, kExecutionFailed = 13, kNotSupported = 15 };

struct Handle {
    void* stream;
    int scalars_on_device;
    int math_mode;
};

// CuPy calls nothing of cuBLAS for a stream that is captured: scalars of the host's may be read where the work is done.
int submit(Handle* h, const char* name, std::function<void()> work) {
    if (!h) return kNotInitialized;
    return host_cuda::submit(h->stream, name, std::move(work)) ? kExecutionFailed : kSuccess;
}

// As `submit`, for a result that the host may ask for, and then waits for.
int submit_result(Handle* h, const char* name, std::function<void()> work) {
    int status = submit(h, name, std::move(work));
    if (!status && !h->scalars_on_device) host_cuda_waited(name);
    return status;
}

const char* op(int value) { return &"NTC"[value]; }
const char* fill(int value) { return &"LU"[value]; }
const char* side(int value) { return &"LR"[value]; }
const char* diagonal(int value) { return &"NU"[value]; }

bool gemm_is_invalid(int ta, int tb, int m, int n, int k, int lda, int ldb, int ldc) {
    return std::min({m, n, k}) < 0 || lda < std::max(1, ta ? k : m) || ldb < std::max(1, tb ? n : k) ||
           ldc < std::max(1, m);
}

float conjugate(float x) { return x; }
double conjugate(double x) { return x; }
template <class R> std::complex<R> conjugate(std::complex<R> x) { return std::conj(x); }

template <class T> T at(const T* a, int lda, int transposed, size_t row, size_t column) {
    if (transposed) std::swap(row, column);
    T value = a[row + column * lda];
    return transposed == 2 ? conjugate(value) : value;
}

// By cuBLAS's definition, what a zero multiplies is not read.
template <class T>
void geam(int ta, int tb, int m, int n, T alpha, const T* a, int lda, T beta, const T* b, int ldb, T* c, int ldc) {
    for (int j = 0; j < n; ++j)
        for (int i = 0; i < m; ++i)
            c[i + size_t(j) * ldc] = (alpha == T() ? T() : alpha * at(a, lda, ta, i, j)) +
                                     (beta == T() ? T() : beta * at(b, ldb, tb, i, j));
}

template <class T>
void dgmm(int right, int m, int n, const T* a, int lda, const T* x, int incx, T* c, int ldc) {
    if (incx < 0) x += ptrdiff_t(1 - (right ? n : m)) * incx;
    for (int j = 0; j < n; ++j)
        for (int i = 0; i < m; ++i)
            c[i + size_t(j) * ldc] = a[i + size_t(j) * lda] * x[ptrdiff_t(right ? j : i) * incx];
}

}  // namespace

// -- for each dtype ---------------------------------------------------------------------------------------------------

#define FUNCTION(name, arguments, ...)                          \
    extern "C" int cublas##name arguments {                     \
        return submit(h, "cublas" #name, [=] { __VA_ARGS__; }); \
    }
#define RESULT(name, arguments, ...)                                   \
    extern "C" int cublas##name arguments {                            \
        return submit_result(h, "cublas" #name, [=] { __VA_ARGS__; }); \
    }
#define GEMM(name, arguments, ...)                                                 \
    extern "C" int cublas##name arguments {                                        \
        if (gemm_is_invalid(ta, tb, m, n, k, lda, ldb, ldc)) return kInvalidValue; \
        return submit(h, "cublas" #name, [=] { __VA_ARGS__; });                    \
    }
// Without pivots cuBLAS takes rows as they come: CuPy never asks for that.
#define PIVOTED(name, arguments, ...)                           \
    extern "C" int cublas##name arguments {                     \
        if (!pivots) return kNotSupported;                      \
        return submit(h, "cublas" #name, [=] { __VA_ARGS__; }); \
    }
#define EACH(...) for (int i = 0; i < batch; ++i) { __VA_ARGS__; }
#define BLAS(name, ...) extern "C" void scipy_##name##_(__VA_ARGS__);
#define IN const int*
#define OPTION const char*

// L and l are the letter of a dtype, V and v that of a function from its vectors to real numbers.
#define EACH_DTYPE(L, l, V, v, T, R)                                                                                  \
    BLAS(l##gemm, OPTION, OPTION, IN, IN, IN, const T*, const T*, IN, const T*, IN, const T*, T*, IN)                 \
    BLAS(l##gemv, OPTION, IN, IN, const T*, const T*, IN, const T*, IN, const T*, T*, IN)                             \
    BLAS(l##trsm, OPTION, OPTION, OPTION, OPTION, IN, IN, const T*, const T*, IN, T*, IN)                             \
    BLAS(l##syrk, OPTION, OPTION, IN, IN, const T*, const T*, IN, const T*, T*, IN)                                   \
    BLAS(l##axpy, IN, const T*, const T*, IN, T*, IN)                                                                 \
    BLAS(l##scal, IN, const T*, T*, IN)                                                                               \
    BLAS(l##getrf, IN, IN, T*, IN, int*, int*)                                                                        \
    BLAS(l##getrs, OPTION, IN, IN, const T*, IN, const int*, T*, IN, int*)                                            \
    BLAS(l##getri, IN, T*, IN, const int*, T*, IN, int*)                                                              \
    extern "C" R scipy_##v##asum_(IN, const T*, IN);                                                                  \
    extern "C" R scipy_##v##nrm2_(IN, const T*, IN);                                                                  \
    extern "C" int scipy_i##l##amax_(IN, const T*, IN);                                                               \
    extern "C" int scipy_i##l##amin_(IN, const T*, IN);                                                               \
    inline void gemm(int ta, int tb, int m, int n, int k, const T* alpha, const T* a, int lda, const T* b, int ldb,   \
                     const T* beta, T* c, int ldc) {                                                                  \
        scipy_##l##gemm_(op(ta), op(tb), &m, &n, &k, alpha, a, &lda, b, &ldb, beta, c, &ldc);                         \
    }                                                                                                                 \
    RESULT(I##l##amax_v2, (Handle* h, int n, const T* x, int incx, int* out), *out = scipy_i##l##amax_(&n, x, &incx)) \
    RESULT(I##l##amin_v2, (Handle* h, int n, const T* x, int incx, int* out), *out = scipy_i##l##amin_(&n, x, &incx)) \
    RESULT(V##asum_v2, (Handle* h, int n, const T* x, int incx, R* out), *out = scipy_##v##asum_(&n, x, &incx))       \
    RESULT(V##nrm2_v2, (Handle* h, int n, const T* x, int incx, R* out), *out = scipy_##v##nrm2_(&n, x, &incx))       \
    FUNCTION(L##axpy_v2, (Handle* h, int n, const T* alpha, const T* x, int incx, T* y, int incy),                    \
             scipy_##l##axpy_(&n, alpha, x, &incx, y, &incy))                                                         \
    FUNCTION(L##scal_v2, (Handle* h, int n, const T* alpha, T* x, int incx),                                          \
             scipy_##l##scal_(&n, alpha, x, &incx))                                                                   \
    FUNCTION(L##gemv_v2, (Handle* h, int ta, int m, int n, const T* alpha, const T* a, int lda, const T* x, int incx, \
                          const T* beta, T* y, int incy),                                                             \
             scipy_##l##gemv_(op(ta), &m, &n, alpha, a, &lda, x, &incx, beta, y, &incy))                              \
    GEMM(L##gemm_v2, (Handle* h, int ta, int tb, int m, int n, int k, const T* alpha, const T* a, int lda,            \
                      const T* b, int ldb, const T* beta, T* c, int ldc),                                             \
         gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc))                                                  \
    GEMM(L##gemmBatched, (Handle* h, int ta, int tb, int m, int n, int k, const T* alpha, const T* const* a, int lda, \
                          const T* const* b, int ldb, const T* beta, T* const* c, int ldc, int batch),                \
         EACH(gemm(ta, tb, m, n, k, alpha, a[i], lda, b[i], ldb, beta, c[i], ldc)))                                   \
    GEMM(L##gemmStridedBatched, (Handle* h, int ta, int tb, int m, int n, int k, const T* alpha, const T* a, int lda, \
                                 long long stride_a, const T* b, int ldb, long long stride_b, const T* beta, T* c,    \
                                 int ldc, long long stride_c, int batch),                                             \
         EACH(gemm(ta, tb, m, n, k, alpha, a + i * stride_a, lda, b + i * stride_b, ldb, beta, c + i * stride_c,      \
                   ldc)))                                                                                             \
    FUNCTION(L##trsm_v2, (Handle* h, int s, int uplo, int ta, int unit, int m, int n, const T* alpha, const T* a,     \
                          int lda, T* b, int ldb),                                                                    \
             scipy_##l##trsm_(side(s), fill(uplo), op(ta), diagonal(unit), &m, &n, alpha, a, &lda, b, &ldb))          \
    FUNCTION(L##trsmBatched, (Handle* h, int s, int uplo, int ta, int unit, int m, int n, const T* alpha,             \
                              const T* const* a, int lda, T* const* b, int ldb, int batch),                           \
             EACH(scipy_##l##trsm_(side(s), fill(uplo), op(ta), diagonal(unit), &m, &n, alpha, a[i], &lda, b[i],      \
                                   &ldb)))                                                                            \
    FUNCTION(L##syrk_v2, (Handle* h, int uplo, int ta, int n, int k, const T* alpha, const T* a, int lda,             \
                          const T* beta, T* c, int ldc),                                                              \
             scipy_##l##syrk_(fill(uplo), op(ta), &n, &k, alpha, a, &lda, beta, c, &ldc))                             \
    FUNCTION(L##geam, (Handle* h, int ta, int tb, int m, int n, const T* alpha, const T* a, int lda, const T* beta,   \
                       const T* b, int ldb, T* c, int ldc),                                                           \
             geam(ta, tb, m, n, *alpha, a, lda, *beta, b, ldb, c, ldc))                                               \
    FUNCTION(L##dgmm, (Handle* h, int s, int m, int n, const T* a, int lda, const T* x, int incx, T* c, int ldc),     \
             dgmm(s, m, n, a, lda, x, incx, c, ldc))                                                                  \
    PIVOTED(L##getrfBatched, (Handle* h, int n, T* const* a, int lda, int* pivots, int* info, int batch),             \
            EACH(scipy_##l##getrf_(&n, &n, a[i], &lda, pivots + size_t(i) * n, info + i)))                            \
    PIVOTED(L##getriBatched, (Handle* h, int n, const T* const* a, int lda, const int* pivots, T* const* c, int ldc,  \
                              int* info, int batch),                                                                  \
            std::vector<T> work(64 * size_t(n) + 1); int size = work.size();                                          \
            EACH(for (int j = 0; j < n; ++j) std::copy_n(a[i] + size_t(j) * lda, n, c[i] + size_t(j) * ldc);          \
                 scipy_##l##getri_(&n, c[i], &ldc, pivots + size_t(i) * n, work.data(), &size, info + i)))            \
    PIVOTED(L##getrsBatched, (Handle* h, int ta, int n, int nrhs, const T* const* a, int lda, const int* pivots,      \
                              T* const* b, int ldb, int* info, int batch),                                            \
            *info = 0;                                                                                                \
            EACH(int own; scipy_##l##getrs_(op(ta), &n, &nrhs, a[i], &lda, pivots + size_t(i) * n, b[i], &ldb, &own)))

#define EACH_REAL_DTYPE(L, l, T)                                                                                      \
    BLAS(l##ger, IN, IN, const T*, const T*, IN, const T*, IN, T*, IN)                                                \
    BLAS(l##sbmv, OPTION, IN, IN, const T*, const T*, IN, const T*, IN, const T*, T*, IN)                             \
    extern "C" T scipy_##l##dot_(IN, const T*, IN, const T*, IN);                                                     \
    RESULT(L##dot_v2, (Handle* h, int n, const T* x, int incx, const T* y, int incy, T* out),                         \
           *out = scipy_##l##dot_(&n, x, &incx, y, &incy))                                                            \
    FUNCTION(L##ger_v2, (Handle* h, int m, int n, const T* alpha, const T* x, int incx, const T* y, int incy, T* a,   \
                         int lda), scipy_##l##ger_(&m, &n, alpha, x, &incx, y, &incy, a, &lda))                       \
    FUNCTION(L##sbmv_v2, (Handle* h, int uplo, int n, int k, const T* alpha, const T* a, int lda, const T* x,         \
                          int incx, const T* beta, T* y, int incy),                                                   \
             scipy_##l##sbmv_(fill(uplo), &n, &k, alpha, a, &lda, x, &incx, beta, y, &incy))

#define EACH_COMPLEX_DTYPE(L, l, R, r, T, Real)                                                                       \
    BLAS(l##r##scal, IN, const Real*, T*, IN)                                                                         \
    BLAS(l##geru, IN, IN, const T*, const T*, IN, const T*, IN, T*, IN)                                               \
    BLAS(l##gerc, IN, IN, const T*, const T*, IN, const T*, IN, T*, IN)                                               \
    extern "C" void scipy_cblas_##l##dotu_sub(int, const T*, int, const T*, int, T*);                                 \
    extern "C" void scipy_cblas_##l##dotc_sub(int, const T*, int, const T*, int, T*);                                 \
    FUNCTION(L##r##scal_v2, (Handle* h, int n, const Real* alpha, T* x, int incx),                                    \
             scipy_##l##r##scal_(&n, alpha, x, &incx))                                                                \
    RESULT(L##dotu_v2, (Handle* h, int n, const T* x, int incx, const T* y, int incy, T* out),                        \
           scipy_cblas_##l##dotu_sub(n, x, incx, y, incy, out))                                                       \
    RESULT(L##dotc_v2, (Handle* h, int n, const T* x, int incx, const T* y, int incy, T* out),                        \
           scipy_cblas_##l##dotc_sub(n, x, incx, y, incy, out))                                                       \
    FUNCTION(L##geru_v2, (Handle* h, int m, int n, const T* alpha, const T* x, int incx, const T* y, int incy, T* a,  \
                          int lda), scipy_##l##geru_(&m, &n, alpha, x, &incx, y, &incy, a, &lda))                     \
    FUNCTION(L##gerc_v2, (Handle* h, int m, int n, const T* alpha, const T* x, int incx, const T* y, int incy, T* a,  \
                          int lda), scipy_##l##gerc_(&m, &n, alpha, x, &incx, y, &incy, a, &lda))

EACH_DTYPE(S, s, S, s, float, float)
EACH_DTYPE(D, d, D, d, double, double)
EACH_DTYPE(C, c, Sc, sc, cfloat, float)
EACH_DTYPE(Z, z, Dz, dz, cdouble, double)
EACH_REAL_DTYPE(S, s, float)
EACH_REAL_DTYPE(D, d, double)
EACH_COMPLEX_DTYPE(C, c, S, s, cfloat, float)
EACH_COMPLEX_DTYPE(Z, z, D, d, cdouble, double)

// -- by dtypes that are known when called -----------------------------------------------------------------------------

namespace {

struct Matrix {
    void* data;
    int dtype, ld;
    long long stride;
};

struct Product {
    int ta, tb, m, n, k;
    const void *alpha, *beta;
    Matrix a, b, c;
    int batch;
};

bool is_half(int dtype) { return dtype == CUDA_R_16F || dtype == CUDA_R_16BF; }

float load(const void* data, int dtype, size_t index) {
    if (dtype == CUDA_R_16F) return __half2float(static_cast<const __half*>(data)[index]);
    if (dtype == CUDA_R_16BF) return __bfloat162float(static_cast<const __nv_bfloat16*>(data)[index]);
    return static_cast<const float*>(data)[index];
}

void store(void* data, int dtype, size_t index, float value) {
    if (dtype == CUDA_R_16F) static_cast<__half*>(data)[index] = __float2half_rn(value);
    else if (dtype == CUDA_R_16BF) static_cast<__nv_bfloat16*>(data)[index] = __float2bfloat16_rn(value);
    else static_cast<float*>(data)[index] = value;
}

std::vector<float> widened(const Matrix& a, int item, int rows, int columns) {
    std::vector<float> wide(size_t(rows) * columns + 1);
    for (int j = 0; j < columns; ++j)
        for (int i = 0; i < rows; ++i)
            wide[i + size_t(j) * rows] = load(a.data, a.dtype, i + size_t(j) * a.ld + item * a.stride);
    return wide;
}

template <class T> int multiply(Handle* h, const char* name, const Product& p) {
    auto alpha = static_cast<const T*>(p.alpha), beta = static_cast<const T*>(p.beta);
    return submit(h, name, [=] {
        for (int i = 0; i < p.batch; ++i)
            gemm(p.ta, p.tb, p.m, p.n, p.k, alpha, static_cast<const T*>(p.a.data) + i * p.a.stride, p.a.ld,
                 static_cast<const T*>(p.b.data) + i * p.b.stride, p.b.ld, beta,
                 static_cast<T*>(p.c.data) + i * p.c.stride, p.c.ld);
    });
}

int multiply_halves(Handle* h, const char* name, const Product& p) {
    auto alpha = static_cast<const float*>(p.alpha), beta = static_cast<const float*>(p.beta);
    return submit(h, name, [=] {
        int rows_a = p.ta ? p.k : p.m, rows_b = p.tb ? p.n : p.k;
        const float zero = 0, scale = *beta;
        for (int item = 0; item < p.batch; ++item) {
            auto a = widened(p.a, item, rows_a, p.ta ? p.m : p.k), b = widened(p.b, item, rows_b, p.tb ? p.k : p.n);
            std::vector<float> sums(size_t(p.m) * p.n + 1);
            gemm(p.ta, p.tb, p.m, p.n, p.k, alpha, a.data(), std::max(1, rows_a), b.data(), std::max(1, rows_b),
                 &zero, sums.data(), std::max(1, p.m));
            for (int j = 0; j < p.n; ++j)
                for (int i = 0; i < p.m; ++i) {
                    size_t index = i + size_t(j) * p.c.ld + item * p.c.stride;
                    float before = scale ? scale * load(p.c.data, p.c.dtype, index) : 0;
                    store(p.c.data, p.c.dtype, index, sums[i + size_t(j) * p.m] + before);
                }
        }
    });
}

int multiply(Handle* h, const char* name, const Product& p, int compute) {
    if (gemm_is_invalid(p.ta, p.tb, p.m, p.n, p.k, p.a.ld, p.b.ld, p.c.ld)) return kInvalidValue;
    bool single = compute == 68 || compute == 69 || compute == 74 || compute == 75 || compute == 77;
    bool twice = compute == 70 || compute == 71;
    int dtype = p.a.dtype;
    if (p.b.dtype != dtype) return kNotSupported;
    if (single && is_half(dtype) && (p.c.dtype == dtype || p.c.dtype == CUDA_R_32F)) return multiply_halves(h, name, p);
    if (p.c.dtype != dtype) return kNotSupported;
    if (single && dtype == CUDA_R_32F) return multiply<float>(h, name, p);
    if (single && dtype == CUDA_C_32F) return multiply<cfloat>(h, name, p);
    if (twice && dtype == CUDA_R_64F) return multiply<double>(h, name, p);
    if (twice && dtype == CUDA_C_64F) return multiply<cdouble>(h, name, p);
    return kNotSupported;
}

}  // namespace

extern "C" {

int cublasGemmStridedBatchedEx(Handle* h, int ta, int tb, int m, int n, int k, const void* alpha, void* a, int dtype_a,
                               int lda, long long stride_a, void* b, int dtype_b, int ldb, long long stride_b,
                               const void* beta, void* c, int dtype_c, int ldc, long long stride_c, int batch,
                               int compute, int) {
    return multiply(h, "cublasGemmStridedBatchedEx",
                    {ta, tb, m, n, k, alpha, beta, {a, dtype_a, lda, stride_a}, {b, dtype_b, ldb, stride_b},
                     {c, dtype_c, ldc, stride_c}, batch}, compute);
}

int cublasGemmEx(Handle* h, int ta, int tb, int m, int n, int k, const void* alpha, void* a, int dtype_a, int lda,
                 void* b, int dtype_b, int ldb, const void* beta, void* c, int dtype_c, int ldc, int compute, int) {
    return multiply(h, "cublasGemmEx", {ta, tb, m, n, k, alpha, beta, {a, dtype_a, lda}, {b, dtype_b, ldb},
                                        {c, dtype_c, ldc}, 1}, compute);
}

int cublasSgemmEx(Handle* h, int ta, int tb, int m, int n, int k, const float* alpha, void* a, int dtype_a, int lda,
                  void* b, int dtype_b, int ldb, const float* beta, void* c, int dtype_c, int ldc) {
    return multiply(h, "cublasSgemmEx", {ta, tb, m, n, k, alpha, beta, {a, dtype_a, lda}, {b, dtype_b, ldb},
                                         {c, dtype_c, ldc}, 1}, 68);
}

// -- handles ----------------------------------------------------------------------------------------------------------

int cublasCreate_v2(Handle** out) {
    if (host_cuda_device() < 0) return kNotInitialized;
    *out = new Handle();
    return kSuccess;
}

int cublasDestroy_v2(Handle* h) {
    delete h;
    return kSuccess;
}

int cublasGetVersion_v2(Handle*, int* version) {
    *version = 130000;
    return kSuccess;
}

#define SETTING(Name, type, field)                \
    int cublasSet##Name(Handle* h, type value) {  \
        if (!h) return kNotInitialized;           \
        h->field = value;                         \
        return kSuccess;                          \
    }                                             \
    int cublasGet##Name(Handle* h, type* value) { \
        if (!h) return kNotInitialized;           \
        *value = h->field;                        \
        return kSuccess;                          \
    }
SETTING(Stream_v2, void*, stream)
SETTING(PointerMode_v2, int, scalars_on_device)
SETTING(MathMode, int, math_mode)

}  // extern "C"
