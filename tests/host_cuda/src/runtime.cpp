// CUDA's runtime on the host: memory, devices, streams, events, graphs; and what was asked of them, counted.
#include "core.h"

#include <cuda_runtime_api.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace {

constexpr int kDevices = 2;
constexpr size_t kMemory = size_t(8) << 30;  // of each device
constexpr int kVersion = CUDART_VERSION;

enum Kind { kLaunch, kWait, kToDevice, kToHost, kOnDevice, kBetweenDevices, kAllocation, kFree, kPinned, kAllocationInCapture };
using Watcher = void (*)(int kind, const char* name, size_t bytes);

struct Block {
    size_t size;
    int device;
    cudaMemoryType type;
};

struct Graph {
    std::vector<std::pair<std::string, std::function<void()>>> work;
};

struct Stream {
    int device;
    unsigned flags;
    int priority;
    cudaStreamCaptureMode mode;
    std::unique_ptr<Graph> capture;
};

struct Event {
    int device;
    unsigned flags;
    std::chrono::steady_clock::time_point time;
    bool recorded;
};

std::recursive_mutex lock;
using Locked = std::lock_guard<std::recursive_mutex>;
std::map<uintptr_t, Block> blocks;
std::set<Stream*> streams;
std::set<std::pair<int, int>> peers;
size_t used[kDevices];
Watcher watcher;
thread_local int current;
thread_local cudaError_t last = cudaSuccess;

bool allowed() {
    static const bool yes = std::getenv("NNARRAY_HOST_CUDA") != nullptr;
    return yes;
}

cudaError_t result(cudaError_t error) {
    if (error != cudaSuccess) last = error;
    return error;
}

void count(Kind kind, const char* name, size_t bytes = 0) {
    Watcher watching;
    {
        Locked held(lock);
        watching = watcher;
    }
    if (watching) watching(kind, name, bytes);
}

bool is_default(cudaStream_t stream) { return reinterpret_cast<uintptr_t>(stream) <= 2; }

Stream* find(cudaStream_t stream) {
    auto found = reinterpret_cast<Stream*>(stream);
    Locked held(lock);
    return is_default(stream) || !streams.count(found) ? nullptr : found;
}

bool known(cudaStream_t stream) { return is_default(stream) || find(stream); }

const Block* find_block(const void* pointer, uintptr_t* base = nullptr) {
    auto address = reinterpret_cast<uintptr_t>(pointer);
    Locked held(lock);
    auto next = blocks.upper_bound(address);
    if (next == blocks.begin()) return nullptr;
    auto& [start, block] = *--next;
    if (base) *base = start;
    return address < start + std::max(block.size, size_t(1)) ? &block : nullptr;
}

Stream* capturing(bool strictly) {
    Locked held(lock);
    for (auto stream : streams)
        if (stream->device == current && stream->capture && !(strictly && stream->mode == cudaStreamCaptureModeRelaxed))
            return stream;
    return nullptr;
}

// What no graph can hold is an error while a stream is captured, and spoils the capture.
bool spoils_capture() {
    return capturing(true) != nullptr;
}

cudaError_t allocate(void** out, size_t size, cudaMemoryType type, const char* name) {
    if (!allowed()) return result(cudaErrorNoDevice);
    if (capturing(false)) count(kAllocationInCapture, name, size);
    if (spoils_capture()) return result(cudaErrorStreamCaptureUnsupported);
    *out = nullptr;
    if (size == 0) return cudaSuccess;
    count(type == cudaMemoryTypeHost ? kPinned : kAllocation, name, size);
    Locked held(lock);
    if (type != cudaMemoryTypeHost && used[current] + size > kMemory) return result(cudaErrorMemoryAllocation);
    void* memory = nullptr;
    if (posix_memalign(&memory, 512, size)) return result(cudaErrorMemoryAllocation);
    // Whoever reads what was never written gets NaN, or -1.
    std::memset(memory, 0xFF, size);
    blocks[reinterpret_cast<uintptr_t>(memory)] = {size, current, type};
    if (type != cudaMemoryTypeHost) used[current] += size;
    *out = memory;
    return cudaSuccess;
}

cudaError_t release(void* pointer, bool host) {
    if (!pointer) return cudaSuccess;
    if (spoils_capture()) return result(cudaErrorStreamCaptureUnsupported);
    Locked held(lock);
    auto found = blocks.find(reinterpret_cast<uintptr_t>(pointer));
    if (found == blocks.end() || (found->second.type == cudaMemoryTypeHost) != host) return result(cudaErrorInvalidValue);
    if (!host) used[found->second.device] -= found->second.size;
    blocks.erase(found);
    std::free(pointer);
    if (!host) count(kFree, "cudaFree");
    return cudaSuccess;
}

struct Side {
    bool device;
    int number;
};

Side side(const void* pointer) {
    auto block = find_block(pointer);
    bool device = block && block->type != cudaMemoryTypeHost;
    return {device, device ? block->device : -1};
}

cudaError_t copy(void* to, const void* from, size_t size, cudaMemcpyKind kind, cudaStream_t stream, const char* name,
                 bool waits) {
    if (!known(stream)) return result(cudaErrorInvalidResourceHandle);
    if (size == 0) return cudaSuccess;
    if (waits && spoils_capture()) return result(cudaErrorStreamCaptureUnsupported);
    auto target = side(to), source = side(from);
    bool wrong = kind != cudaMemcpyDefault && ((kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) != target.device ||
                                               (kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice) != source.device);
    if (wrong) return result(cudaErrorInvalidValue);
    Kind counted = !target.device  ? kToHost
                   : !source.device ? kToDevice
                   : target.number == source.number ? kOnDevice : kBetweenDevices;
    bool pageable = (!target.device && !find_block(to)) || (!source.device && !find_block(from));
    if (pageable && find(stream) && find(stream)->capture) return result(cudaErrorStreamCaptureUnsupported);
    count(counted, name, size);
    // A copy to memory that is not page-locked returns when it is done.
    if (waits || (pageable && counted == kToHost)) count(kWait, name, size);
    return static_cast<cudaError_t>(host_cuda::submit(stream, nullptr, [=] { std::memmove(to, from, size); }));
}

cudaError_t waited(const char* name) {
    if (spoils_capture()) return result(cudaErrorStreamCaptureUnsupported);
    count(kWait, name);
    return cudaSuccess;
}

}  // namespace

namespace host_cuda {

int submit(void* handle, const char* name, std::function<void()> work) {
    auto stream = static_cast<cudaStream_t>(handle);
    if (!known(stream)) return result(cudaErrorInvalidResourceHandle);
    auto found = find(stream);
    if (found && found->device != current) return result(cudaErrorInvalidResourceHandle);
    if (found && found->capture) {
        found->capture->work.emplace_back(name ? name : "", std::move(work));
        return cudaSuccess;
    }
    // The default stream waits for all others: it cannot be used beside a capture.
    if (is_default(stream) && spoils_capture()) return result(cudaErrorStreamCaptureImplicit);
    if (name) host_cuda_launched(name);
    work();
    return cudaSuccess;
}

}  // namespace host_cuda

extern "C" {

void host_cuda_launched(const char* name) { count(kLaunch, name); }
void host_cuda_waited(const char* name) { count(kWait, name); }
int host_cuda_capturing(void) { return capturing(false) != nullptr; }
int host_cuda_device(void) { return allowed() ? current : -1; }

// -- what Python reads: see counts.py ---------------------------------------------------------------------------------

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
    *version = allowed() ? kVersion : 0;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = kVersion;
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

cudaError_t cudaDeviceSynchronize() { return waited("cudaDeviceSynchronize"); }

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

// -- memory -----------------------------------------------------------------------------------------------------------

cudaError_t cudaMalloc(void** out, size_t size) { return allocate(out, size, cudaMemoryTypeDevice, "cudaMalloc"); }
cudaError_t cudaFree(void* pointer) { return release(pointer, false); }
cudaError_t cudaFreeHost(void* pointer) { return release(pointer, true); }

cudaError_t cudaMallocManaged(void** out, size_t size, unsigned) {
    return allocate(out, size, cudaMemoryTypeManaged, "cudaMallocManaged");
}

cudaError_t cudaHostAlloc(void** out, size_t size, unsigned) {
    return allocate(out, size, cudaMemoryTypeHost, "cudaHostAlloc");
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
    Locked held(lock);
    *free = kMemory - used[current];
    *total = kMemory;
    return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
    *attributes = {};
    auto block = find_block(pointer);
    attributes->type = block ? block->type : cudaMemoryTypeUnregistered;
    attributes->device = block ? block->device : -1;
    attributes->devicePointer = block ? const_cast<void*>(pointer) : nullptr;
    attributes->hostPointer = block && block->type == cudaMemoryTypeDevice ? nullptr : const_cast<void*>(pointer);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t size, cudaMemcpyKind kind) {
    return copy(to, from, size, kind, nullptr, "cudaMemcpy", kind != cudaMemcpyDeviceToDevice);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t size, cudaMemcpyKind kind, cudaStream_t stream) {
    return copy(to, from, size, kind, stream, "cudaMemcpyAsync", false);
}

cudaError_t cudaMemcpyPeer(void* to, int, const void* from, int, size_t size) {
    return copy(to, from, size, cudaMemcpyDeviceToDevice, nullptr, "cudaMemcpyPeer", false);
}

cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, size_t size, cudaStream_t stream) {
    return copy(to, from, size, cudaMemcpyDeviceToDevice, stream, "cudaMemcpyPeerAsync", false);
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
    for (size_t row = 0; row < height; ++row)
        if (auto error = copy(static_cast<char*>(to) + row * to_pitch, static_cast<const char*>(from) + row * from_pitch,
                              width, kind, stream, "cudaMemcpy2DAsync", false))
            return error;
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* pointer, int value, size_t size, cudaStream_t stream) {
    if (size && !side(pointer).device) return result(cudaErrorInvalidValue);
    return static_cast<cudaError_t>(
        host_cuda::submit(stream, "cudaMemsetAsync", [=] { std::memset(pointer, value, size); }));
}

cudaError_t cudaMemset(void* pointer, int value, size_t size) { return cudaMemsetAsync(pointer, value, size, nullptr); }

// -- streams and events -----------------------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* out, unsigned flags, int priority) {
    if (!allowed()) return result(cudaErrorNoDevice);
    auto stream = new Stream{current, flags, priority, cudaStreamCaptureModeGlobal, nullptr};
    Locked held(lock);
    streams.insert(stream);
    *out = reinterpret_cast<cudaStream_t>(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* out, unsigned flags) {
    return cudaStreamCreateWithPriority(out, flags, 0);
}

cudaError_t cudaStreamCreate(cudaStream_t* out) { return cudaStreamCreateWithFlags(out, cudaStreamDefault); }

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    auto found = find(stream);
    if (!found) return result(cudaErrorInvalidResourceHandle);
    Locked held(lock);
    streams.erase(found);
    delete found;
    return cudaSuccess;
}

cudaError_t cudaStreamGetFlags(cudaStream_t stream, unsigned* flags) {
    auto found = find(stream);
    *flags = found ? found->flags : 0;
    return cudaSuccess;
}

cudaError_t cudaStreamGetPriority(cudaStream_t stream, int* priority) {
    auto found = find(stream);
    *priority = found ? found->priority : 0;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    return known(stream) ? waited("cudaStreamSynchronize") : result(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
    return known(stream) ? cudaSuccess : result(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t, unsigned) { return cudaStreamQuery(stream); }

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
    return static_cast<cudaError_t>(host_cuda::submit(stream, nullptr, [=] { function(data); }));
}

cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t callback, void* data, unsigned) {
    if (find(stream) && find(stream)->capture) return result(cudaErrorStreamCaptureUnsupported);
    callback(stream, cudaSuccess, data);
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* out, unsigned flags) {
    if (!allowed()) return result(cudaErrorNoDevice);
    *out = reinterpret_cast<cudaEvent_t>(new Event{current, flags, {}, false});
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* out) { return cudaEventCreateWithFlags(out, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete reinterpret_cast<Event*>(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    auto recorded = reinterpret_cast<Event*>(event);
    if (!known(stream) || recorded->device != current) return result(cudaErrorInvalidResourceHandle);
    return static_cast<cudaError_t>(host_cuda::submit(stream, nullptr, [=] {
        recorded->time = std::chrono::steady_clock::now();
        recorded->recorded = true;
    }));
}

cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return waited("cudaEventSynchronize"); }

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t first, cudaEvent_t second) {
    auto a = reinterpret_cast<Event*>(first), b = reinterpret_cast<Event*>(second);
    if (!a->recorded || !b->recorded || ((a->flags | b->flags) & cudaEventDisableTiming))
        return result(cudaErrorInvalidResourceHandle);
    *milliseconds = std::chrono::duration<float, std::milli>(b->time - a->time).count();
    return cudaSuccess;
}

// -- graphs -----------------------------------------------------------------------------------------------------------

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    auto found = find(stream);
    if (!found) return result(cudaErrorStreamCaptureUnsupported);
    if (found->capture) return result(cudaErrorIllegalState);
    Locked held(lock);
    found->mode = mode;
    found->capture = std::make_unique<Graph>();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* out) {
    auto found = find(stream);
    if (!found || !found->capture) return result(cudaErrorIllegalState);
    Locked held(lock);
    *out = reinterpret_cast<cudaGraph_t>(found->capture.release());
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    auto found = find(stream);
    *status = found && found->capture ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* out, cudaGraph_t graph, unsigned long long) {
    *out = reinterpret_cast<cudaGraphExec_t>(new Graph(*reinterpret_cast<Graph*>(graph)));
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
    return static_cast<cudaError_t>(host_cuda::submit(stream, "cudaGraphLaunch", [=] {
        for (auto& [name, work] : reinterpret_cast<Graph*>(graph)->work) work();
    }));
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete reinterpret_cast<Graph*>(graph);
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
    delete reinterpret_cast<Graph*>(graph);
    return cudaSuccess;
}

}  // extern "C"
