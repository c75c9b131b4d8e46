// Stacks that a thread of a block is left on while it waits, and the order in which they go on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>
#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace host_cuda {

struct Threads {  // as in kernel.h
    unsigned next, count;
    void (*wait)(unsigned lanes);
    char* shared;
};

enum class State { ready, waiting, done };

struct Fiber {
    static constexpr size_t kStack = 128 << 10;
    std::unique_ptr<char[]> stack{new char[kStack]};
    State state = State::done;
    unsigned thread = 0, lanes = 0;
#ifdef __x86_64__
    void* pointer = nullptr;
#else
    ucontext_t context;
#endif
};

#ifdef __x86_64__
extern "C" void host_cuda_switch(void** from, void* to);
// What a call must preserve is left on the stack that is left, and taken from the one that is entered.
asm(R"(
.text
.globl host_cuda_switch
.hidden host_cuda_switch
host_cuda_switch:
    pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
    ret
)");
#endif

class Scheduler {
public:
    // Runs the threads of one block: `body` takes one after the other, as far as it gets on one stack.
    void run(void (*body)(void**), void** parameters, Threads* threads) {
        body_ = body, parameters_ = parameters;
        threads->next = 0;
        live_.clear();
        while (threads->next < threads->count) {
            if (fibers_.size() == live_.size()) fibers_.push_back(std::make_unique<Fiber>());
            Fiber* fiber = fibers_[live_.size()].get();
            start(fiber);
            resume(fiber);
            if (fiber->state == State::done) break;
            fiber->thread = threads->next - 1;
            live_.push_back(fiber);
        }
        while (!live_.empty()) {
            release();
            size_t kept = 0;
            for (Fiber* fiber : live_) {
                if (fiber->state == State::ready) resume(fiber);
                if (fiber->state != State::done) live_[kept++] = fiber;
            }
            live_.resize(kept);
        }
    }

    void wait(unsigned lanes) {
        Fiber* fiber = current_;
        fiber->lanes = lanes;
        fiber->state = State::waiting;
        leave(fiber);
    }

private:
    // Lets those go on that have all arrived: the whole block, or the lanes of a warp that wait for each other.
    void release() {
        bool block = true, any = false;
        for (Fiber* fiber : live_) block &= fiber->lanes == 0;
        for (size_t first = 0, last; first < live_.size(); first = last) {
            unsigned warp = live_[first]->thread / 32, present = 0, arrived = 0;
            for (last = first; last < live_.size() && live_[last]->thread / 32 == warp; ++last) {
                unsigned lane = 1u << live_[last]->thread % 32;
                present |= lane;
                if (live_[last]->lanes) arrived |= lane;
            }
            for (size_t i = first; i < last; ++i) {
                Fiber* fiber = live_[i];
                bool on = fiber->lanes ? (fiber->lanes & present & ~arrived) == 0 : block;
                if (on) fiber->state = State::ready, any = true;
            }
        }
        if (!any) {
            std::fputs("A kernel on the host's stand-in for CUDA waits for threads that never arrive.\n", stderr);
            std::abort();
        }
    }

#ifdef __x86_64__
    void start(Fiber* fiber) {
        // Tops of stacks that lie alike in their pages would drive each other out of the cache.
        size_t apart = live_.size() * 320 % 16384;
        auto top = reinterpret_cast<uintptr_t>(fiber->stack.get() + Fiber::kStack - apart) & ~uintptr_t(15);
        auto at = reinterpret_cast<void**>(top);
        *--at = nullptr;                            // where a function finds its caller
        *--at = reinterpret_cast<void*>(&entered);  // where the switch returns to
        for (int i = 0; i < 6; ++i) *--at = nullptr;
        fiber->pointer = at;
    }
    void resume(Fiber* fiber) { current_ = fiber, active_ = this, host_cuda_switch(&pointer_, fiber->pointer); }
    void leave(Fiber* fiber) { host_cuda_switch(&fiber->pointer, pointer_); }
    void* pointer_ = nullptr;
#else
    void start(Fiber* fiber) {
        getcontext(&fiber->context);
        fiber->context.uc_stack = {fiber->stack.get(), 0, Fiber::kStack};
        makecontext(&fiber->context, &entered, 0);
    }
    void resume(Fiber* fiber) { current_ = fiber, active_ = this, swapcontext(&context_, &fiber->context); }
    void leave(Fiber* fiber) { swapcontext(&fiber->context, &context_); }
    ucontext_t context_;
#endif

    static void entered() {
        Scheduler* self = active_;
        self->body_(self->parameters_);
        Fiber* fiber = self->current_;
        fiber->state = State::done;
        self->leave(fiber);
    }

    static inline Scheduler* active_;
    void (*body_)(void**) = nullptr;
    void** parameters_ = nullptr;
    Fiber* current_ = nullptr;
    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<Fiber*> live_;
};

}  // namespace host_cuda
