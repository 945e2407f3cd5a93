// A library that is opened when one of its functions is first called. Linked in place of NVIDIA's libraries, which a
// machine without a GPU lacks; each function answers MISSING there. gpu/toolkit lists the functions.
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define NAMES(...) static const char *const names[] = {__VA_ARGS__};
#define FUNCTION(library, idx, name)
#include "functions.h"
#undef NAMES
#undef FUNCTION

static const char *const files[] = {FILES, 0};

// Found functions; 0 until the first call.
__attribute__((visibility("hidden"))) void *JOIN(LIBRARY, _functions)[sizeof names / sizeof *names];

static intptr_t missing(void) { return MISSING; }

__attribute__((visibility("hidden"), used)) void *JOIN(LIBRARY, _find)(size_t idx) {
  void *function = 0;
  for (size_t file = 0; files[file] && !function; file++) {
    void *library = dlopen(files[file], RTLD_LAZY | RTLD_GLOBAL);
    function = library ? dlsym(library, names[idx]) : 0;
  }
  if (!function) function = (void *)missing;
  // Two threads find the same.
  __atomic_store_n(&JOIN(LIBRARY, _functions)[idx], function, __ATOMIC_RELEASE);
  return function;
}

// Goes on in the function found, with the arguments as they came (System V ABI, x86-64).
__asm__(".text\n"
        TEXT(LIBRARY) "_go:\n"
        "  push %rdi; push %rsi; push %rdx; push %rcx; push %r8; push %r9; push %rax\n"
        "  sub $128, %rsp\n"
        "  movups %xmm0, (%rsp); movups %xmm1, 16(%rsp); movups %xmm2, 32(%rsp); movups %xmm3, 48(%rsp)\n"
        "  movups %xmm4, 64(%rsp); movups %xmm5, 80(%rsp); movups %xmm6, 96(%rsp); movups %xmm7, 112(%rsp)\n"
        "  mov %r11, %rdi\n"
        "  call " TEXT(LIBRARY) "_find\n"
        "  mov %rax, %r11\n"
        "  movups (%rsp), %xmm0; movups 16(%rsp), %xmm1; movups 32(%rsp), %xmm2; movups 48(%rsp), %xmm3\n"
        "  movups 64(%rsp), %xmm4; movups 80(%rsp), %xmm5; movups 96(%rsp), %xmm6; movups 112(%rsp), %xmm7\n"
        "  add $128, %rsp\n"
        "  pop %rax; pop %r9; pop %r8; pop %rcx; pop %rdx; pop %rsi; pop %rdi\n"
        "  jmp *%r11\n");

#define NAMES(...)
#define FUNCTION(library, idx, name)                            \
  __asm__(".globl " #name "\n.type " #name ", @function\n"      \
          #name ":\n"                                           \
          "  mov " #library "_functions+8*" #idx "(%rip), %r11\n" \
          "  test %r11, %r11\n"                                 \
          "  jz 1f\n"                                           \
          "  jmp *%r11\n"                                       \
          "1: mov $" #idx ", %r11d\n"                           \
          "  jmp " #library "_go\n");
#include "functions.h"
