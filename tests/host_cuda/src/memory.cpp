// Memory of the host in place of a device's, and copies, which are told apart by where they go.
#include "state.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace host_cuda {

std::map<uintptr_t, Block> blocks;

namespace {

size_t used[kDevices];

const Block* find_block(const void* pointer) {
    auto address = reinterpret_cast<uintptr_t>(pointer);
    Locked held(lock);
    auto next = blocks.upper_bound(address);
    if (next == blocks.begin()) return nullptr;
    auto& [start, block] = *--next;
    return address < start + std::max(block.size, size_t(1)) ? &block : nullptr;
}

cudaError_t allocate(void** out, size_t size, cudaMemoryType type, const char* name) {
    if (!allowed()) return result(cudaErrorNoDevice);
    if (host_cuda_capturing()) count(kAllocationInCapture, name, size);
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
    {
        Locked held(lock);
        auto found = blocks.find(reinterpret_cast<uintptr_t>(pointer));
        bool wrong = found == blocks.end() || (found->second.type == cudaMemoryTypeHost) != host;
        if (wrong) return result(cudaErrorInvalidValue);
        if (!host) used[found->second.device] -= found->second.size;
        blocks.erase(found);
        std::free(pointer);
    }
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
    bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (kind != cudaMemcpyDefault && (to_device != target.device || from_device != source.device))
        return result(cudaErrorInvalidValue);
    Kind counted = !target.device  ? kToHost
                   : !source.device ? kToDevice
                   : target.number == source.number ? kOnDevice : kBetweenDevices;
    bool pageable = (!target.device && !find_block(to)) || (!source.device && !find_block(from));
    if (pageable && find(stream) && find(stream)->capture && spoils_capture())
        return result(cudaErrorStreamCaptureUnsupported);
    count(counted, name, size);
    // A copy to memory that is not page-locked returns when it is done.
    if (waits || (pageable && counted == kToHost)) count(kWait, name, size);
    return static_cast<cudaError_t>(host_cuda::submit(stream, nullptr, [=] { std::memmove(to, from, size); }));
}

}  // namespace
}  // namespace host_cuda

using namespace host_cuda;

extern "C" {

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
    for (size_t row = 0; row < height; ++row) {
        auto row_to = static_cast<char*>(to) + row * to_pitch;
        auto row_from = static_cast<const char*>(from) + row * from_pitch;
        if (auto error = copy(row_to, row_from, width, kind, stream, "cudaMemcpy2DAsync", false)) return error;
    }
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* pointer, int value, size_t size, cudaStream_t stream) {
    if (size && !side(pointer).device) return result(cudaErrorInvalidValue);
    return static_cast<cudaError_t>(
        host_cuda::submit(stream, "cudaMemsetAsync", [=] { std::memset(pointer, value, size); }));
}

cudaError_t cudaMemset(void* pointer, int value, size_t size) { return cudaMemsetAsync(pointer, value, size, nullptr); }

}  // extern "C"
