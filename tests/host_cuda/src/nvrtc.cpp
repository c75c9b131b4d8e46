// NVRTC on the host: the text of a kernel goes to the host's compiler, and the "cubin" is a shared object.
#include "core.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

extern char** environ;

namespace {

enum Result { kSuccess = 0, kInvalidInput = 3, kInvalidOption = 5, kCompilation = 6, kNoName = 10 };

struct Program {
    std::string text, name, log, cubin;
    std::map<std::string, std::string> lowered;  // by name expression
};

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Runs a command whose output goes to a file; returns its exit status.
int call(const std::vector<std::string>& command, const std::string& output) {
    std::vector<char*> words;
    for (auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child;
    int status = posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0 || waitpid(child, &status, 0) < 0) return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

// The text as the host's compiler takes it, with an entry for each kernel at its end.
std::string for_host(Program* program) {
    static const std::regex dynamic(R"(extern\s+__shared__\s+((?:[\w:<>]|\s)+?)\s+(\w+)\s*\[\s*\]\s*;)");
    auto shared = "$1* $2 = reinterpret_cast<$1*>(host_cuda::threads.shared);";
    auto text = std::regex_replace(program->text, dynamic, shared);
    std::ostringstream out;
    out << text << "\n";
    static const std::regex kernels(R"(extern\s*"C"\s*(?:\{\s*)?__global__\s+void\s+)"
                                    R"((?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+))");
    for (std::sregex_iterator at(text.begin(), text.end(), kernels), end; at != end; ++at)
        out << "HOST_CUDA_KERNEL(" << (*at)[1] << ", " << (*at)[1] << ")\n";
    int number = 0;
    for (auto& [expression, name] : program->lowered) {
        name = "host_cuda_expression_" + std::to_string(number++);
        out << "HOST_CUDA_KERNEL(" << name << ", (" << expression << "))\n";
    }
    return out.str();
}

int compile(Program* program, const std::vector<std::string>& options) {
    static std::atomic<unsigned> number;
    auto temporary = std::getenv("TMPDIR");
    auto stem = std::string(temporary ? temporary : "/tmp") + "/host_cuda_" + std::to_string(getpid()) + "_text_" +
                std::to_string(number++);
    auto text = stem + ".cpp", object = stem + ".so", log = stem + ".log";
    std::ofstream(text) << for_host(program);
    // Both are compiled already, and most of the time of a small kernel is in them.
    auto before = program->text.find("#include <cupy/complex.cuh>") == 0 ? "/cupy_kernel.h" : "/kernel.h";
    std::vector<std::string> command{HOST_CUDA_COMPILER, HOST_CUDA_FLAGS, "-include"};
    command.push_back(std::string(std::getenv("NNARRAY_HOST_CUDA")) + "/include" + before);
    for (auto& option : options)
        if (!option.compare(0, 2, "-I") || !option.compare(0, 2, "-D")) command.push_back(option);
    command.insert(command.end(), {"-shared", text, "-o", object});
    int status = call(command, log);
    program->log = read(log);
    if (status == 0) {
        program->cubin = read(object);
    } else {
        // What the compiler refused is kept, for whoever is to mend it.
        auto folder = std::string(std::getenv("NNARRAY_HOST_CUDA")) + "/failed";
        mkdir(folder.c_str(), 0777);
        auto kept = folder + "/" + program->name.substr(program->name.rfind('/') + 1) + ".cpp";
        std::ofstream(kept) << read(text);
        program->log += "The host's compiler refused this kernel. Its text was kept: " + kept + "\n";
    }
    for (auto& path : {text, object, log}) unlink(path.c_str());
    return status == 0 ? kSuccess : kCompilation;
}

Program* of(void* handle) { return static_cast<Program*>(handle); }

}  // namespace

extern "C" {

const char* nvrtcGetErrorString(int error) {
    return error == kSuccess       ? "NVRTC_SUCCESS"
           : error == kCompilation ? "NVRTC_ERROR_COMPILATION"
           : error == kNoName      ? "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID"
                                   : "NVRTC_ERROR_INVALID_INPUT";
}

int nvrtcVersion(int* major, int* minor) {
    *major = 13, *minor = 0;
    return kSuccess;
}

int nvrtcGetNumSupportedArchs(int* number) {
    *number = 1;
    return kSuccess;
}

int nvrtcGetSupportedArchs(int* archs) {
    archs[0] = 90;
    return kSuccess;
}

int nvrtcCreateProgram(void** out, const char* text, const char* name, int headers, const char**, const char**) {
    if (headers || host_cuda_device() < 0) return kInvalidInput;
    *out = new Program{text, name ? name : "kernel", "", "", {}};
    return kSuccess;
}

int nvrtcDestroyProgram(void** program) {
    delete of(*program);
    return kSuccess;
}

int nvrtcCompileProgram(void* program, int number, const char** options) {
    // CuPy compiles nothing to learn which compiler it is, and keeps its kernels by that.
    if (of(program)->text.empty()) return kSuccess;
    return compile(of(program), {options, options + number});
}

static const std::string kCompilerItself = "// the host's compiler in place of NVRTC, " HOST_CUDA_BUILD "\n";

int nvrtcGetPTXSize(void*, size_t* size) {
    *size = kCompilerItself.size() + 1;
    return kSuccess;
}

int nvrtcGetPTX(void*, char* out) {
    std::strcpy(out, kCompilerItself.c_str());
    return kSuccess;
}

int nvrtcGetCUBINSize(void* program, size_t* size) {
    *size = of(program)->cubin.size() + 1;
    return kSuccess;
}

int nvrtcGetCUBIN(void* program, char* out) {
    auto& cubin = of(program)->cubin;
    std::memcpy(out, cubin.c_str(), cubin.size() + 1);
    return kSuccess;
}

int nvrtcGetProgramLogSize(void* program, size_t* size) {
    *size = of(program)->log.size() + 1;
    return kSuccess;
}

int nvrtcGetProgramLog(void* program, char* out) {
    std::strcpy(out, of(program)->log.c_str());
    return kSuccess;
}

int nvrtcAddNameExpression(void* program, const char* expression) {
    of(program)->lowered[expression] = "";
    return kSuccess;
}

int nvrtcGetLoweredName(void* program, const char* expression, const char** out) {
    auto found = of(program)->lowered.find(expression);
    if (found == of(program)->lowered.end()) return kNoName;
    *out = found->second.c_str();
    return kSuccess;
}

}  // extern "C"
