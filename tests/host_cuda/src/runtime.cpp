// CUDA's runtime on the host: errors, versions and devices; and what was asked of it, counted.
#include "state.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace host_cuda {

std::recursive_mutex lock;
thread_local int current;

namespace {
Watcher watcher;
std::set<std::pair<int, int>> peers;
thread_local cudaError_t last = cudaSuccess;
}  // namespace

bool allowed() {
    static const bool yes = std::getenv("NNARRAY_HOST_CUDA") != nullptr;
    return yes;
}

cudaError_t result(cudaError_t error) {
    if (error != cudaSuccess) last = error;
    return error;
}

void count(Kind kind, const char* name, size_t bytes) {
    Watcher watching;
    {
        Locked held(lock);
        watching = watcher;
    }
    if (watching) watching(kind, name, bytes);
}

}  // namespace host_cuda

using namespace host_cuda;

extern "C" {

void host_cuda_launched(const char* name) { count(kLaunch, name); }
void host_cuda_waited(const char* name) { count(kWait, name); }
int host_cuda_device(void) { return allowed() ? current : -1; }

// What Python reads: see counts.py.
void host_cuda_watch(Watcher watching) {
    Locked held(lock);
    watcher = watching;
}

// -- errors and versions ----------------------------------------------------------------------------------------------

const char* cudaGetErrorName(cudaError_t error) {
    switch (error) {
#define NAME(error) case error: return #error
        NAME(cudaSuccess);
        NAME(cudaErrorInvalidValue);
        NAME(cudaErrorMemoryAllocation);
        NAME(cudaErrorNoDevice);
        NAME(cudaErrorInvalidDevice);
        NAME(cudaErrorInvalidResourceHandle);
        NAME(cudaErrorNotSupported);
        NAME(cudaErrorPeerAccessAlreadyEnabled);
        NAME(cudaErrorPeerAccessNotEnabled);
        NAME(cudaErrorPeerAccessUnsupported);
        NAME(cudaErrorStreamCaptureUnsupported);
        NAME(cudaErrorStreamCaptureInvalidated);
        NAME(cudaErrorStreamCaptureImplicit);
        NAME(cudaErrorIllegalState);
        NAME(cudaErrorNotReady);
        NAME(cudaErrorUnknown);
#undef NAME
        default: return "cudaErrorUnknown";
    }
}

const char* cudaGetErrorString(cudaError_t error) {
    switch (error) {
        case cudaSuccess: return "no error";
        case cudaErrorMemoryAllocation: return "out of memory";
        case cudaErrorNoDevice: return "no CUDA-capable device is detected";
        case cudaErrorInvalidDevice: return "invalid device ordinal";
        case cudaErrorInvalidResourceHandle: return "invalid resource handle";
        case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
        case cudaErrorNotSupported: return "the host's stand-in for CUDA does not have this function";
        default: return "an error of the host's stand-in for CUDA";
    }
}

cudaError_t cudaGetLastError() {
    auto error = last;
    last = cudaSuccess;
    return error;
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = allowed() ? CUDART_VERSION : 0;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

// -- devices ----------------------------------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int* number) {
    *number = allowed() ? kDevices : 0;
    return allowed() ? cudaSuccess : result(cudaErrorNoDevice);
}

cudaError_t cudaGetDevice(int* device) {
    *device = current;
    return allowed() ? cudaSuccess : result(cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device) {
    if (!allowed()) return result(cudaErrorNoDevice);
    if (device < 0 || device >= kDevices) return result(cudaErrorInvalidDevice);
    current = device;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    if (device < 0 || device >= kDevices) return result(cudaErrorInvalidDevice);
    switch (attribute) {
        case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
        case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
        case cudaDevAttrWarpSize: *value = 32; break;
        case cudaDevAttrMaxThreadsPerBlock: *value = 1024; break;
        case cudaDevAttrMaxBlockDimX: case cudaDevAttrMaxBlockDimY: *value = 1024; break;
        case cudaDevAttrMaxBlockDimZ: *value = 64; break;
        case cudaDevAttrMaxGridDimX: *value = 0x7FFFFFFF; break;
        case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ: *value = 65535; break;
        case cudaDevAttrMaxSharedMemoryPerBlock: *value = 48 << 10; break;
        case cudaDevAttrMultiProcessorCount: *value = 2; break;
        case cudaDevAttrMemoryPoolsSupported: *value = 0; break;
        default: *value = 0;
    }
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    if (device < 0 || device >= kDevices || !allowed()) return result(cudaErrorInvalidDevice);
    *properties = {};
    std::strcpy(properties->name, "the host's CPU in place of a GPU (nnarray's stand-in for CUDA)");
    properties->totalGlobalMem = kMemory;
    properties->sharedMemPerBlock = 48 << 10;
    properties->sharedMemPerMultiprocessor = 64 << 10;
    properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = 1024;
    properties->maxThreadsPerMultiProcessor = 2048;
    for (int axis = 0; axis < 3; ++axis) {
        properties->maxThreadsDim[axis] = axis == 2 ? 64 : 1024;
        properties->maxGridSize[axis] = axis == 0 ? 0x7FFFFFFF : 65535;
    }
    properties->major = 9;
    properties->multiProcessorCount = 2;
    properties->unifiedAddressing = properties->canMapHostMemory = 1;
    properties->pciBusID = device + 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
    std::snprintf(id, length, "0000:%02x:00.0", device + 1);
    return cudaSuccess;
}

cudaError_t cudaDeviceGetByPCIBusId(int* device, const char* id) {
    unsigned domain, bus;
    if (std::sscanf(id, "%x:%x", &domain, &bus) != 2 || bus < 1 || bus > kDevices) return result(cudaErrorInvalidValue);
    *device = bus - 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
    *can = device != peer;
    return cudaSuccess;
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned) {
    Locked held(lock);
    if (peer == current || peer < 0 || peer >= kDevices) return result(cudaErrorInvalidDevice);
    return peers.insert({current, peer}).second ? cudaSuccess : result(cudaErrorPeerAccessAlreadyEnabled);
}

cudaError_t cudaDeviceDisablePeerAccess(int peer) {
    Locked held(lock);
    return peers.erase({current, peer}) ? cudaSuccess : result(cudaErrorPeerAccessNotEnabled);
}

cudaError_t cudaDeviceGetLimit(size_t* value, cudaLimit) {
    *value = 1 << 20;
    return cudaSuccess;
}

}  // extern "C"
