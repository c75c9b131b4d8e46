// What the host's libraries share: they stand in for CUDA's, and all work is done at once, on ordinary memory.
#pragma once
#include <cstddef>
#include <functional>

extern "C" {
// To be called once for each kernel, or call of a library, that a GPU would be given; and where the host would wait.
void host_cuda_launched(const char* name);
void host_cuda_waited(const char* name);
// Whether a stream of the calling thread's device is being captured.
int host_cuda_capturing(void);
// The current device of the calling thread, or -1 if the process may not use the stand-in at all.
int host_cuda_device(void);
}

namespace host_cuda {
// Runs `work` now, or when the graph is launched if `stream` is being captured. Returns a cudaError_t.
int submit(void* stream, const char* name, std::function<void()> work);
}
