// Streams, events and graphs: all work is done when it is submitted, or when the graph that holds it is launched.
#include "state.h"

#include <chrono>

namespace host_cuda {

std::set<Stream*> streams;

bool is_default(cudaStream_t stream) { return reinterpret_cast<uintptr_t>(stream) <= 2; }

Stream* find(cudaStream_t stream) {
    auto found = reinterpret_cast<Stream*>(stream);
    Locked held(lock);
    return is_default(stream) || !streams.count(found) ? nullptr : found;
}

bool known(cudaStream_t stream) { return is_default(stream) || find(stream); }

bool spoils_capture() {
    Locked held(lock);
    bool any = false;
    for (auto stream : streams) {
        auto capture = stream->capture.get();
        if (!capture || stream->device != current || capture->mode == cudaStreamCaptureModeRelaxed) continue;
        bool others = capture->thread != std::this_thread::get_id();
        if (capture->mode == cudaStreamCaptureModeThreadLocal && others) continue;
        any = capture->spoiled = true;
    }
    return any;
}

int submit(void* handle, const char* name, std::function<void()> work) {
    auto stream = static_cast<cudaStream_t>(handle);
    if (!known(stream)) return result(cudaErrorInvalidResourceHandle);
    auto found = find(stream);
    if (found && found->device != current) return result(cudaErrorInvalidResourceHandle);
    if (found && found->capture) {
        found->capture->graph.work.push_back(std::move(work));
        return cudaSuccess;
    }
    // The default stream waits for all others: it cannot be used beside a capture.
    if (is_default(stream) && spoils_capture()) return result(cudaErrorStreamCaptureImplicit);
    if (name) host_cuda_launched(name);
    work();
    return cudaSuccess;
}

namespace {

struct Event {
    int device;
    unsigned flags;
    std::chrono::steady_clock::time_point time;
    bool recorded;
};

cudaError_t waited(const char* name) {
    if (spoils_capture()) return result(cudaErrorStreamCaptureUnsupported);
    count(kWait, name);
    return cudaSuccess;
}

}  // namespace
}  // namespace host_cuda

using namespace host_cuda;

extern "C" {

int host_cuda_capturing(void) {
    Locked held(lock);
    for (auto stream : streams)
        if (stream->device == current && stream->capture) return true;
    return false;
}

// -- streams and events -----------------------------------------------------------------------------------------------

cudaError_t cudaDeviceSynchronize() { return waited("cudaDeviceSynchronize"); }

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* out, unsigned flags, int priority) {
    if (!allowed()) return result(cudaErrorNoDevice);
    auto stream = new Stream{current, flags, priority, nullptr};
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
    if (find(stream) && find(stream)->capture && spoils_capture()) return result(cudaErrorStreamCaptureUnsupported);
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
    found->capture.reset(new Capture{{}, mode, std::this_thread::get_id(), false});
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* out) {
    auto found = find(stream);
    if (!found || !found->capture) return result(cudaErrorIllegalState);
    Locked held(lock);
    auto capture = std::move(found->capture);
    *out = nullptr;
    if (capture->spoiled) return result(cudaErrorStreamCaptureInvalidated);
    *out = reinterpret_cast<cudaGraph_t>(new Graph(std::move(capture->graph)));
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    auto found = find(stream);
    *status = !found || !found->capture    ? cudaStreamCaptureStatusNone
              : found->capture->spoiled ? cudaStreamCaptureStatusInvalidated
                                        : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* out, cudaGraph_t graph, unsigned long long) {
    *out = reinterpret_cast<cudaGraphExec_t>(new Graph(*reinterpret_cast<Graph*>(graph)));
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
    return static_cast<cudaError_t>(host_cuda::submit(stream, "cudaGraphLaunch", [=] {
        for (auto& work : reinterpret_cast<Graph*>(graph)->work) work();
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
