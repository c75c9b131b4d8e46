// What the parts of the runtime share: what there is, and what was asked of it.
#pragma once
#include "core.h"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace host_cuda {

constexpr int kDevices = 2;
constexpr size_t kMemory = size_t(8) << 30;  // of each device

// In the order of KINDS in counts.py.
enum Kind {
    kLaunch, kWait, kToDevice, kToHost, kOnDevice, kBetweenDevices, kAllocation, kFree, kPinned, kAllocationInCapture
};
using Watcher = void (*)(int kind, const char* name, size_t bytes);

struct Block {
    size_t size;
    int device;
    cudaMemoryType type;
};

struct Graph {
    std::vector<std::function<void()>> work;
};

struct Capture {
    Graph graph;
    cudaStreamCaptureMode mode;
    std::thread::id thread;
    bool spoiled;
};

struct Stream {
    int device;
    unsigned flags;
    int priority;
    std::unique_ptr<Capture> capture;
};

// Nobody is called while it is held: who watches waits for Python.
extern std::recursive_mutex lock;
using Locked = std::lock_guard<std::recursive_mutex>;
extern std::map<uintptr_t, Block> blocks;
extern std::set<Stream*> streams;
extern thread_local int current;

bool allowed();
cudaError_t result(cudaError_t error);
void count(Kind kind, const char* name, size_t bytes = 0);

// None for the default stream, and for what is no stream.
Stream* find(cudaStream_t stream);
bool is_default(cudaStream_t stream);
bool known(cudaStream_t stream);

// What no graph can hold is an error while a stream is captured, and spoils the capture.
bool spoils_capture();

}  // namespace host_cuda
