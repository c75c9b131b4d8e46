// CUDA's driver on the host: modules are shared objects that the host's compiler made, kernels are run at once.
#include "core.h"
#include "fibers.h"

#include <cuda.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>

namespace {

struct Index {
    unsigned x, y, z;
};

struct Module {
    void* library;
    int device;
    void* state[4];  // threads, blockIdx, blockDim, gridDim of kernel.h
};

struct Function {
    Module* module;
    std::string name;
    void (*run)(void**);
    const size_t* sizes;
};

std::mutex launching;
host_cuda::Scheduler scheduler;

void wait_for(unsigned lanes) { scheduler.wait(lanes); }

void run(Function* function, void** parameters, Index grid, Index block, size_t shared) {
    std::lock_guard<std::mutex> held(launching);
    auto state = function->module->state;
    auto threads = static_cast<host_cuda::Threads*>(state[0]);
    auto& at = *static_cast<Index*>(state[1]);
    *static_cast<Index*>(state[2]) = block;
    *static_cast<Index*>(state[3]) = grid;
    std::unique_ptr<char[]> memory(new char[shared + 1]);
    *threads = {0, block.x * block.y * block.z, wait_for, memory.get()};
    for (at.z = 0; at.z < grid.z; ++at.z)
        for (at.y = 0; at.y < grid.y; ++at.y)
            for (at.x = 0; at.x < grid.x; ++at.x) scheduler.run(function->run, parameters, threads);
}

// The arguments of a launch as they are now, for a graph that is launched later.
std::shared_ptr<std::vector<std::vector<char>>> kept(Function* function, void** parameters) {
    auto copies = std::make_shared<std::vector<std::vector<char>>>();
    for (size_t i = 0; function->sizes[i]; ++i) {
        auto from = static_cast<char*>(parameters[i]);
        copies->emplace_back(from, from + function->sizes[i]);
    }
    return copies;
}

CUresult load(CUmodule* out, const char* path) {
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        std::fprintf(stderr, "%s\n", dlerror());
        return CUDA_ERROR_INVALID_IMAGE;
    }
    auto module = new Module{library, host_cuda_device(), {}};
    if (auto state = reinterpret_cast<void (*)(void**)>(dlsym(library, "host_cuda_state"))) state(module->state);
    *out = reinterpret_cast<CUmodule>(module);
    return CUDA_SUCCESS;
}

template <class Value> Value symbol(Module* module, const std::string& name) {
    return reinterpret_cast<Value>(dlsym(module->library, name.c_str()));
}

}  // namespace

extern "C" {

CUresult cuGetErrorName(CUresult error, const char** out) {
    switch (error) {
        case CUDA_SUCCESS: *out = "CUDA_SUCCESS"; break;
        case CUDA_ERROR_INVALID_VALUE: *out = "CUDA_ERROR_INVALID_VALUE"; break;
        case CUDA_ERROR_NO_DEVICE: *out = "CUDA_ERROR_NO_DEVICE"; break;
        case CUDA_ERROR_INVALID_IMAGE: *out = "CUDA_ERROR_INVALID_IMAGE"; break;
        case CUDA_ERROR_INVALID_HANDLE: *out = "CUDA_ERROR_INVALID_HANDLE"; break;
        case CUDA_ERROR_NOT_FOUND: *out = "CUDA_ERROR_NOT_FOUND"; break;
        case CUDA_ERROR_NOT_SUPPORTED: *out = "CUDA_ERROR_NOT_SUPPORTED"; break;
        default: *out = "CUDA_ERROR_UNKNOWN";
    }
    return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult error, const char** out) {
    *out = error == CUDA_ERROR_INVALID_HANDLE ? "a stream or a module of another device, or none"
           : error == CUDA_ERROR_NOT_FOUND    ? "named symbol not found"
                                              : "an error of the host's stand-in for CUDA";
    return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int* version) {
    *version = host_cuda_device() < 0 ? 0 : CUDA_VERSION;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext* out) {
    *out = reinterpret_cast<CUcontext>(static_cast<intptr_t>(host_cuda_device() + 1));
    return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice* out) {
    *out = host_cuda_device();
    return *out < 0 ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule* out, const void* image) {
    // The size of an image is in its header, as with a cubin.
    auto header = static_cast<const ElfW(Ehdr)*>(image);
    if (host_cuda_device() < 0 || std::memcmp(header->e_ident, ELFMAG, SELFMAG)) return CUDA_ERROR_INVALID_IMAGE;
    size_t size = header->e_shoff + size_t(header->e_shentsize) * header->e_shnum;
    // A library is known by the name of its file, so that no name may come twice.
    static std::atomic<unsigned> number;
    auto folder = std::getenv("TMPDIR");
    auto path = std::string(folder ? folder : "/tmp") + "/host_cuda_" + std::to_string(getpid()) + "_" +
                std::to_string(number++) + ".so";
    std::ofstream(path, std::ios::binary).write(static_cast<const char*>(image), size);
    auto error = load(out, path.c_str());
    unlink(path.c_str());
    return error;
}

CUresult cuModuleLoad(CUmodule* out, const char* path) { return load(out, path); }

CUresult cuModuleUnload(CUmodule handle) {
    auto module = reinterpret_cast<Module*>(handle);
    dlclose(module->library);
    delete module;
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* out, CUmodule handle, const char* name) {
    auto module = reinterpret_cast<Module*>(handle);
    auto entry = symbol<void (*)(void**)>(module, std::string("host_cuda_run_") + name);
    auto sizes = symbol<const size_t* (*)()>(module, std::string("host_cuda_sizes_") + name);
    if (!entry) return CUDA_ERROR_NOT_FOUND;
    *out = reinterpret_cast<CUfunction>(new Function{module, name, entry, sizes()});
    return CUDA_SUCCESS;
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr* out, size_t* size, CUmodule handle, const char* name) {
    auto found = symbol<void*>(reinterpret_cast<Module*>(handle), name);
    if (!found) return CUDA_ERROR_NOT_FOUND;
    Dl_info info;
    ElfW(Sym)* entry;
    dladdr1(found, &info, reinterpret_cast<void**>(&entry), RTLD_DL_SYMENT);
    *out = reinterpret_cast<CUdeviceptr>(found);
    *size = entry->st_size;
    return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction handle, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                        unsigned shared, CUstream stream, void** parameters, void** extra) {
    auto function = reinterpret_cast<Function*>(handle);
    bool fits = gx && gy && gz && bx && by && bz && gx < 1u << 31 && gy < 65536 && gz < 65536 && bz <= 64 &&
                size_t(bx) * by * bz <= 1024 && shared <= 48 << 10;
    if (!fits || extra) return CUDA_ERROR_INVALID_VALUE;
    if (function->module->device != host_cuda_device()) return CUDA_ERROR_INVALID_HANDLE;
    Index grid{gx, gy, gz}, block{bx, by, bz};
    auto name = function->name.c_str();
    int error;
    if (!host_cuda_capturing())
        error = host_cuda::submit(stream, name, [=] { run(function, parameters, grid, block, shared); });
    else
        error = host_cuda::submit(stream, name, [=, copies = kept(function, parameters)] {
            std::vector<void*> pointers;
            for (auto& copy : *copies) pointers.push_back(copy.data());
            run(function, pointers.data(), grid, block, shared);
        });
    return error ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}

CUresult cuLaunchCooperativeKernel(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                                   CUstream, void**) {
    // A grid whose blocks meet would need all of its threads at once.
    return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction) {
    *value = attribute == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 0;
    return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction, CUfunction_attribute, int) { return CUDA_SUCCESS; }

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction, int size, size_t) {
    *blocks = 2048 / size;
    return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxPotentialBlockSize(int* grid, int* block, CUfunction, CUoccupancyB2DSize, size_t, int limit) {
    *block = limit > 0 && limit < 1024 ? limit : 1024;
    *grid = 4;
    return CUDA_SUCCESS;
}

}  // extern "C"
