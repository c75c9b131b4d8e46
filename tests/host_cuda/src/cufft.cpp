// cuFFT on the host: plans are kept here, the transform is NumPy's. See fft.py.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "core.h"

#include <library_types.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

namespace {

enum Result {
    kSuccess = 0,
    kInvalidPlan = 1,
    kInvalidValue = 4,
    kExecFailed = 6,
    kSetupFailed = 7,
    kInvalidSize = 8,
    kNotSupported = 16
};
enum Type { kC2C = 0x29, kR2C = 0x2a, kC2R = 0x2c, kZ2Z = 0x69, kD2Z = 0x6a, kZ2D = 0x6c };

using Sizes = std::vector<long long>;

// Without sizes of what encloses them, a batch's elements lie side by side, and stride and distance say nothing.
struct Layout {
    Sizes embed;
    long long stride, distance;
};

struct Plan {
    void* stream;
    int type;
    Sizes shape;
    Layout in, out;
    long long batch;
};

std::mutex lock;
std::map<int, Plan> plans;

PyObject* as_tuple(const Sizes& sizes) {
    auto tuple = PyTuple_New(sizes.size());
    for (size_t i = 0; i < sizes.size(); ++i) PyTuple_SetItem(tuple, i, PyLong_FromLongLong(sizes[i]));
    return tuple;
}

PyObject* as_tuple(const Layout& layout) {
    return Py_BuildValue("NLL", as_tuple(layout.embed), layout.stride, layout.distance);
}

bool transform(const Plan& plan, void* in, void* out, int direction) {
    auto state = PyGILState_Ensure();
    auto module = PyImport_ImportModule("host_cuda_fft");
    PyObject* done = nullptr;
    if (module)
        done = PyObject_CallMethod(module, "transform", "iiNLKNKN", plan.type, direction, as_tuple(plan.shape),
                                   plan.batch, in, as_tuple(plan.in), out, as_tuple(plan.out));
    if (!done) PyErr_WriteUnraisable(module);
    Py_XDECREF(done);
    Py_XDECREF(module);
    PyGILState_Release(state);
    return done;
}

int execute(int handle, const char* name, int type, void* in, void* out, int direction) {
    Plan plan;
    {
        std::lock_guard<std::mutex> held(lock);
        auto found = plans.find(handle);
        if (found == plans.end() || found->second.shape.empty()) return kInvalidPlan;
        plan = found->second;
    }
    if (type && type != plan.type) return kInvalidValue;
    // Work that a graph keeps for later says nothing about this call.
    static thread_local bool failed;
    failed = false;
    bool refused = host_cuda::submit(plan.stream, name, [=] { failed = !transform(plan, in, out, direction); });
    return refused || failed ? kExecFailed : kSuccess;
}

template <class N> Layout layout(int rank, const N* embed, long long stride, long long distance) {
    return {Sizes(embed, embed + (embed ? rank : 0)), stride, distance};
}

template <class N>
int make(int handle, int rank, const N* n, const N* embed_in, long long stride_in, long long distance_in,
         const N* embed_out, long long stride_out, long long distance_out, int type, long long batch, size_t* size) {
    std::lock_guard<std::mutex> held(lock);
    auto found = plans.find(handle);
    if (found == plans.end() || !found->second.shape.empty()) return kInvalidPlan;
    if (rank < 1 || rank > 3 || batch < 1 || *std::min_element(n, n + rank) < 1) return kInvalidSize;
    if (!embed_in || !embed_out) embed_in = embed_out = nullptr;
    auto stream = found->second.stream;
    found->second = {stream, type, Sizes(n, n + rank), layout(rank, embed_in, stride_in, distance_in),
                     layout(rank, embed_out, stride_out, distance_out), batch};
    *size = 0;
    return kSuccess;
}

}  // namespace

extern "C" {

int cufftCreate(int* handle) {
    if (host_cuda_device() < 0) return kSetupFailed;
    std::lock_guard<std::mutex> held(lock);
    *handle = plans.empty() ? 1 : plans.rbegin()->first + 1;
    plans[*handle] = {};
    return kSuccess;
}

int cufftDestroy(int handle) {
    std::lock_guard<std::mutex> held(lock);
    return plans.erase(handle) ? kSuccess : kInvalidPlan;
}

int cufftSetStream(int handle, void* stream) {
    std::lock_guard<std::mutex> held(lock);
    auto found = plans.find(handle);
    if (found == plans.end()) return kInvalidPlan;
    found->second.stream = stream;
    return kSuccess;
}

int cufftGetVersion(int* version) {
    *version = 12000;
    return kSuccess;
}

// No transform needs room of its own.
int cufftSetAutoAllocation(int, int) { return kSuccess; }
int cufftSetWorkArea(int, void*) { return kSuccess; }

int cufftMakePlan1d(int plan, int n, int type, int batch, size_t* size) {
    return make<int>(plan, 1, &n, nullptr, 1, 1, nullptr, 1, 1, type, batch, size);
}

int cufftMakePlanMany(int plan, int rank, int* n, int* embed_in, int stride_in, int distance_in, int* embed_out,
                      int stride_out, int distance_out, int type, int batch, size_t* size) {
    return make(plan, rank, n, embed_in, stride_in, distance_in, embed_out, stride_out, distance_out, type, batch,
                size);
}

int cufftXtMakePlanMany(int plan, int rank, long long* n, long long* embed_in, long long stride_in,
                        long long distance_in, int dtype_in, long long* embed_out, long long stride_out,
                        long long distance_out, int dtype_out, long long batch, size_t* size, int) {
    static const std::map<std::pair<int, int>, int> types = {
        {{CUDA_C_32F, CUDA_C_32F}, kC2C}, {{CUDA_R_32F, CUDA_C_32F}, kR2C}, {{CUDA_C_32F, CUDA_R_32F}, kC2R},
        {{CUDA_C_64F, CUDA_C_64F}, kZ2Z}, {{CUDA_R_64F, CUDA_C_64F}, kD2Z}, {{CUDA_C_64F, CUDA_R_64F}, kZ2D},
    };
    auto type = types.find({dtype_in, dtype_out});
    if (type == types.end()) return kNotSupported;
    return make(plan, rank, n, embed_in, stride_in, distance_in, embed_out, stride_out, distance_out, type->second,
                batch, size);
}

int cufftExecC2C(int plan, void* in, void* out, int direction) {
    return execute(plan, "cufftExecC2C", kC2C, in, out, direction);
}

int cufftExecZ2Z(int plan, void* in, void* out, int direction) {
    return execute(plan, "cufftExecZ2Z", kZ2Z, in, out, direction);
}

int cufftExecR2C(int plan, void* in, void* out) { return execute(plan, "cufftExecR2C", kR2C, in, out, -1); }
int cufftExecD2Z(int plan, void* in, void* out) { return execute(plan, "cufftExecD2Z", kD2Z, in, out, -1); }
int cufftExecC2R(int plan, void* in, void* out) { return execute(plan, "cufftExecC2R", kC2R, in, out, 1); }
int cufftExecZ2D(int plan, void* in, void* out) { return execute(plan, "cufftExecZ2D", kZ2D, in, out, 1); }
int cufftXtExec(int plan, void* in, void* out, int direction) {
    return execute(plan, "cufftXtExec", 0, in, out, direction);
}

}  // extern "C"
