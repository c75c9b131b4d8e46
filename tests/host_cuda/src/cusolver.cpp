// cuSOLVER on the host: by LAPACK, whose arrays are column-major as cuSOLVER's are.
#include "core.h"

#include <library_types.h>

#include <algorithm>
#include <complex>
#include <vector>

#define lapack_complex_float std::complex<float>
#define lapack_complex_double std::complex<double>
#include <lapacke.h>

namespace {

using cfloat = std::complex<float>;
using cdouble = std::complex<double>;

enum Status { kSuccess = 0, kNotInitialized = 1, kInvalidValue = 3, kExecutionFailed = 6, kNotSupported = 9 };

struct Handle {
    void* stream;
};

int submit(Handle* h, const char* name, std::function<void()> work) {
    if (!h) return kNotInitialized;
    return host_cuda::submit(h->stream, name, std::move(work)) ? kExecutionFailed : kSuccess;
}

constexpr int kColumns = LAPACK_COL_MAJOR;

char fill(int value) { return "LU"[value]; }
char side(int value) { return "LR"[value]; }
char op(int value) { return "NTC"[value]; }

float conjugate(float x) { return x; }
double conjugate(double x) { return x; }
template <class R> std::complex<R> conjugate(std::complex<R> x) { return std::conj(x); }

}  // namespace

#define LAPACK(name) extern "C" decltype(LAPACKE_##name) scipy_LAPACKE_##name;
// L and l are the letter of a dtype; sy and un what LAPACK calls its symmetric and its unitary matrices.
#define OVERLOADS(l, sy, un, T, R)                                                                                    \
    LAPACK(l##potrf) LAPACK(l##potrs) LAPACK(l##getrf) LAPACK(l##getrs) LAPACK(l##geqrf) LAPACK(l##un##gqr)           \
    LAPACK(l##un##mqr) LAPACK(l##gesvd) LAPACK(l##sy##evd) LAPACK(l##geev)                                            \
    inline int eigh(int jobz, int uplo, int n, T* a, int lda, R* w) {                                                 \
        return scipy_LAPACKE_##l##sy##evd(kColumns, "NV"[jobz], fill(uplo), n, a, lda, w);                            \
    }                                                                                                                 \
    inline int gesvd(char job_u, char job_v, int m, int n, T* a, int lda, R* s, T* u, int ldu, T* v, int ldv) {       \
        std::vector<R> rest(std::min(m, n) + 1);                                                                      \
        return scipy_LAPACKE_##l##gesvd(kColumns, job_u, job_v, m, n, a, lda, s, u, ldu, v, ldv, rest.data());        \
    }
OVERLOADS(s, sy, or, float, float)
OVERLOADS(d, sy, or, double, double)
OVERLOADS(c, he, un, cfloat, float)
OVERLOADS(z, he, un, cdouble, double)
LAPACK(set_nancheck)

namespace {

// What LAPACK finds with NaN is for the caller to see: it is not refused.
const int no_check = (scipy_LAPACKE_set_nancheck(0), 0);

template <class T, class R>
int jacobi_svd(int jobz, int economic, int m, int n, T* a, int lda, R* s, T* u, int ldu, T* v, int ldv) {
    char wanted = !jobz ? 'N' : economic ? 'S' : 'A';
    int rows = std::max(1, economic ? std::min(m, n) : n);
    std::vector<T> adjoint(size_t(rows) * std::max(1, n));
    int info = gesvd(wanted, wanted, m, n, a, lda, s, u, ldu, adjoint.data(), rows);
    if (jobz)
        for (int j = 0; j < rows; ++j)
            for (int i = 0; i < n; ++i) v[i + size_t(j) * ldv] = conjugate(adjoint[j + size_t(i) * rows]);
    return info;
}

template <class T> constexpr auto real_geev = scipy_LAPACKE_sgeev;
template <> constexpr auto real_geev<double> = scipy_LAPACKE_dgeev;

template <class R> int geev(int jobz, int n, R* a, int lda, std::complex<R>* w, R* v, int ldv) {
    std::vector<R> real(n + 1), imaginary(n + 1);
    R none;
    int info = real_geev<R>(kColumns, 'N', "NV"[jobz], n, a, lda, real.data(), imaginary.data(), &none, 1, v, ldv);
    for (int i = 0; i < n; ++i) w[i] = {real[i], imaginary[i]};
    return info;
}

int geev(int jobz, int n, cfloat* a, int lda, cfloat* w, cfloat* v, int ldv) {
    return scipy_LAPACKE_cgeev(kColumns, 'N', "NV"[jobz], n, a, lda, w, nullptr, 1, v, ldv);
}

int geev(int jobz, int n, cdouble* a, int lda, cdouble* w, cdouble* v, int ldv) {
    return scipy_LAPACKE_zgeev(kColumns, 'N', "NV"[jobz], n, a, lda, w, nullptr, 1, v, ldv);
}

}  // namespace

// -- for each dtype ---------------------------------------------------------------------------------------------------

// The workspace is LAPACK's own: what CuPy brings may be as small as it likes.
#define WORKSPACE(name, arguments)                           \
    extern "C" int cusolverDn##name##_bufferSize arguments { \
        *size = 1;                                           \
        return kSuccess;                                     \
    }
#define FUNCTION(name, invalid, arguments, ...)                     \
    extern "C" int cusolverDn##name arguments {                     \
        if (invalid) return kInvalidValue;                          \
        return submit(h, "cusolverDn" #name, [=] { __VA_ARGS__; }); \
    }
#define EACH(...) for (int i = 0; i < batch; ++i) { __VA_ARGS__; }
#define EACH_DTYPE(L, l, sy, un, T, R)                                                                                \
    WORKSPACE(L##potrf, (Handle*, int, int, T*, int, int* size))                                                      \
    WORKSPACE(L##getrf, (Handle*, int, int, T*, int, int* size))                                                      \
    WORKSPACE(L##geqrf, (Handle*, int, int, T*, int, int* size))                                                      \
    WORKSPACE(L##un##gqr, (Handle*, int, int, int, const T*, int, const T*, int* size))                               \
    WORKSPACE(L##un##mqr, (Handle*, int, int, int, int, int, const T*, int, const T*, const T*, int, int* size))      \
    WORKSPACE(L##gesvd, (Handle*, int, int, int* size))                                                               \
    WORKSPACE(L##gesvdj, (Handle*, int, int, int, int, const T*, int, const R*, const T*, int, const T*, int,         \
                          int* size, void*))                                                                          \
    WORKSPACE(L##gesvdjBatched, (Handle*, int, int, int, const T*, int, const R*, const T*, int, const T*, int,       \
                                 int* size, void*, int))                                                              \
    WORKSPACE(L##sy##evd, (Handle*, int, int, int, const T*, int, const R*, int* size))                               \
    WORKSPACE(L##sy##evj, (Handle*, int, int, int, const T*, int, const R*, int* size, void*))                        \
    WORKSPACE(L##sy##evjBatched, (Handle*, int, int, int, const T*, int, const R*, int* size, void*, int))            \
    FUNCTION(L##potrf, n < 0 || lda < std::max(1, n),                                                                 \
             (Handle* h, int uplo, int n, T* a, int lda, T*, int, int* info),                                         \
             *info = scipy_LAPACKE_##l##potrf(kColumns, fill(uplo), n, a, lda))                                       \
    FUNCTION(L##potrfBatched, n < 0 || lda < std::max(1, n),                                                          \
             (Handle* h, int uplo, int n, T* const* a, int lda, int* info, int batch),                                \
             EACH(info[i] = scipy_LAPACKE_##l##potrf(kColumns, fill(uplo), n, a[i], lda)))                            \
    FUNCTION(L##potrs, n < 0 || lda < std::max(1, n),                                                                 \
             (Handle* h, int uplo, int n, int nrhs, const T* a, int lda, T* b, int ldb, int* info),                   \
             *info = scipy_LAPACKE_##l##potrs(kColumns, fill(uplo), n, nrhs, a, lda, b, ldb))                         \
    FUNCTION(L##potrsBatched, n < 0 || nrhs != 1 || lda < std::max(1, n),                                             \
             (Handle* h, int uplo, int n, int nrhs, T* const* a, int lda, T* const* b, int ldb, int* info,            \
              int batch),                                                                                             \
             *info = 0; EACH(scipy_LAPACKE_##l##potrs(kColumns, fill(uplo), n, nrhs, a[i], lda, b[i], ldb)))          \
    FUNCTION(L##getrf, m < 0 || n < 0 || lda < std::max(1, m) || !pivots,                                             \
             (Handle* h, int m, int n, T* a, int lda, T*, int* pivots, int* info),                                    \
             *info = scipy_LAPACKE_##l##getrf(kColumns, m, n, a, lda, pivots))                                        \
    FUNCTION(L##getrs, n < 0 || lda < std::max(1, n) || !pivots,                                                      \
             (Handle* h, int trans, int n, int nrhs, const T* a, int lda, const int* pivots, T* b, int ldb,           \
              int* info),                                                                                             \
             *info = scipy_LAPACKE_##l##getrs(kColumns, op(trans), n, nrhs, a, lda, pivots, b, ldb))                  \
    FUNCTION(L##geqrf, m < 0 || n < 0 || lda < std::max(1, m),                                                        \
             (Handle* h, int m, int n, T* a, int lda, T* tau, T*, int, int* info),                                    \
             *info = scipy_LAPACKE_##l##geqrf(kColumns, m, n, a, lda, tau))                                           \
    FUNCTION(L##un##gqr, k < 0 || n < k || m < n || lda < std::max(1, m),                                             \
             (Handle* h, int m, int n, int k, T* a, int lda, const T* tau, T*, int, int* info),                       \
             *info = scipy_LAPACKE_##l##un##gqr(kColumns, m, n, k, a, lda, tau))                                      \
    FUNCTION(L##un##mqr, m < 0 || n < 0 || k < 0,                                                                     \
             (Handle* h, int s, int trans, int m, int n, int k, const T* a, int lda, const T* tau, T* c, int ldc,     \
              T*, int, int* info),                                                                                    \
             *info = scipy_LAPACKE_##l##un##mqr(kColumns, side(s), op(trans), m, n, k, a, lda, tau, c, ldc))          \
    FUNCTION(L##gesvd, n < 0 || m < n || lda < std::max(1, m),                                                        \
             (Handle* h, signed char job_u, signed char job_v, int m, int n, T* a, int lda, R* s, T* u, int ldu,      \
              T* v, int ldv, T*, int, R*, int* info),                                                                 \
             *info = gesvd(job_u, job_v, m, n, a, lda, s, u, ldu, v, ldv))                                            \
    FUNCTION(L##gesvdj, m < 0 || n < 0 || lda < std::max(1, m),                                                       \
             (Handle* h, int jobz, int economic, int m, int n, T* a, int lda, R* s, T* u, int ldu, T* v, int ldv, T*, \
              int, int* info, void*),                                                                                 \
             *info = jacobi_svd(jobz, economic, m, n, a, lda, s, u, ldu, v, ldv))                                     \
    FUNCTION(L##gesvdjBatched, m < 0 || n < 0 || std::max(m, n) > 32 || lda < std::max(1, m),                         \
             (Handle* h, int jobz, int m, int n, T* a, int lda, R* s, T* u, int ldu, T* v, int ldv, T*, int,          \
              int* info, void*, int batch),                                                                           \
             EACH(info[i] = jacobi_svd(jobz, false, m, n, a + size_t(i) * lda * n, lda, s + i * std::min(m, n),       \
                                       u + size_t(i) * ldu * m, ldu, v + size_t(i) * ldv * n, ldv)))                  \
    FUNCTION(L##sy##evd, n < 0 || lda < std::max(1, n),                                                               \
             (Handle* h, int jobz, int uplo, int n, T* a, int lda, R* w, T*, int, int* info),                         \
             *info = eigh(jobz, uplo, n, a, lda, w))                                                                  \
    FUNCTION(L##sy##evj, n < 0 || lda < std::max(1, n),                                                               \
             (Handle* h, int jobz, int uplo, int n, T* a, int lda, R* w, T*, int, int* info, void*),                  \
             *info = eigh(jobz, uplo, n, a, lda, w))                                                                  \
    FUNCTION(L##sy##evjBatched, n < 0 || lda < std::max(1, n),                                                        \
             (Handle* h, int jobz, int uplo, int n, T* a, int lda, R* w, T*, int, int* info, void*, int batch),       \
             EACH(info[i] = eigh(jobz, uplo, n, a + size_t(i) * lda * n, lda, w + size_t(i) * n)))

EACH_DTYPE(S, s, sy, or, float, float)
EACH_DTYPE(D, d, sy, or, double, double)
EACH_DTYPE(C, c, he, un, cfloat, float)
EACH_DTYPE(Z, z, he, un, cdouble, double)

// -- by dtypes that are known when called -----------------------------------------------------------------------------

namespace {

template <class T, class R>
int eigh_by_dtype(Handle* h, int jobz, int uplo, int n, void* a, int lda, void* w, int* info) {
    return submit(h, "cusolverDnXsyevd",
                  [=] { *info = eigh(jobz, uplo, n, static_cast<T*>(a), lda, static_cast<R*>(w)); });
}

template <class T, class C>
int geev_by_dtype(Handle* h, int jobz, int n, void* a, int lda, void* w, void* v, int ldv, int* info) {
    return submit(h, "cusolverDnXgeev", [=] {
        *info = geev(jobz, n, static_cast<T*>(a), lda, static_cast<C*>(w), static_cast<T*>(v), ldv);
    });
}

}  // namespace

extern "C" {

int cusolverDnXsyevd_bufferSize(Handle*, void*, int, int, int64_t, int, const void*, int64_t, int, const void*, int,
                                size_t* on_device, size_t* on_host) {
    *on_device = *on_host = 1;
    return kSuccess;
}

int cusolverDnXsyevd(Handle* h, void*, int jobz, int uplo, int64_t n, int dtype, void* a, int64_t lda, int dtype_w,
                     void* w, int dtype_compute, void*, size_t, void*, size_t, int* info) {
    if (n < 0 || lda < std::max<int64_t>(1, n)) return kInvalidValue;
    if (dtype_compute != dtype) return kNotSupported;
    if (dtype == CUDA_R_32F && dtype_w == CUDA_R_32F)
        return eigh_by_dtype<float, float>(h, jobz, uplo, n, a, lda, w, info);
    if (dtype == CUDA_R_64F && dtype_w == CUDA_R_64F)
        return eigh_by_dtype<double, double>(h, jobz, uplo, n, a, lda, w, info);
    if (dtype == CUDA_C_32F && dtype_w == CUDA_R_32F)
        return eigh_by_dtype<cfloat, float>(h, jobz, uplo, n, a, lda, w, info);
    if (dtype == CUDA_C_64F && dtype_w == CUDA_R_64F)
        return eigh_by_dtype<cdouble, double>(h, jobz, uplo, n, a, lda, w, info);
    return kNotSupported;
}

int cusolverDnXgeev_bufferSize(Handle*, void*, int, int, int64_t, int, const void*, int64_t, int, const void*, int,
                               const void*, int64_t, int, const void*, int64_t, int, size_t* on_device,
                               size_t* on_host) {
    *on_device = *on_host = 1;
    return kSuccess;
}

int cusolverDnXgeev(Handle* h, void*, int job_left, int jobz, int64_t n, int dtype, void* a, int64_t lda, int dtype_w,
                    void* w, int, void*, int64_t, int dtype_v, void* v, int64_t ldv, int dtype_compute, void*, size_t,
                    void*, size_t, int* info) {
    if (n < 0 || lda < std::max<int64_t>(1, n) || job_left) return kInvalidValue;
    if (dtype_compute != dtype || dtype_v != dtype) return kNotSupported;
    bool single = dtype_w == CUDA_C_32F, twice = dtype_w == CUDA_C_64F;
    if (single && dtype == CUDA_R_32F) return geev_by_dtype<float, cfloat>(h, jobz, n, a, lda, w, v, ldv, info);
    if (single && dtype == CUDA_C_32F) return geev_by_dtype<cfloat, cfloat>(h, jobz, n, a, lda, w, v, ldv, info);
    if (twice && dtype == CUDA_R_64F) return geev_by_dtype<double, cdouble>(h, jobz, n, a, lda, w, v, ldv, info);
    if (twice && dtype == CUDA_C_64F) return geev_by_dtype<cdouble, cdouble>(h, jobz, n, a, lda, w, v, ldv, info);
    return kNotSupported;
}

// -- handles ----------------------------------------------------------------------------------------------------------

int cusolverDnCreate(Handle** out) {
    if (host_cuda_device() < 0) return kNotInitialized;
    *out = new Handle();
    return kSuccess;
}

int cusolverDnDestroy(Handle* h) {
    delete h;
    return kSuccess;
}

int cusolverDnSetStream(Handle* h, void* stream) {
    if (!h) return kNotInitialized;
    h->stream = stream;
    return kSuccess;
}

int cusolverDnGetStream(Handle* h, void** stream) {
    if (!h) return kNotInitialized;
    *stream = h->stream;
    return kSuccess;
}

int cusolverGetProperty(int part, int* value) {
    constexpr int version[] = {12, 0, 4};
    if (part < 0 || part > 2) return kInvalidValue;
    *value = version[part];
    return kSuccess;
}

// Nothing is chosen by these, and none is looked into.
#define SETTINGS(Name)                            \
    int cusolverDnCreate##Name(void** out) {      \
        *out = new char();                        \
        return kSuccess;                          \
    }                                             \
    int cusolverDnDestroy##Name(void* settings) { \
        delete static_cast<char*>(settings);      \
        return kSuccess;                          \
    }
SETTINGS(Params)
SETTINGS(GesvdjInfo)
SETTINGS(SyevjInfo)

}  // extern "C"
