# Language, warnings, sanitizers, compiler cache: what every target shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # Paths count relative to the checkout, so that every checkout on a machine shares the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${CMAKE_SOURCE_DIR};CCACHE_NOHASHDIR=1\
;CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime;${CCACHE}")
  # ccache can serve files that use a precompiled header only with this flag.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

option(ARTHAM_ASAN "address and undefined-behaviour sanitizers" OFF)
option(ARTHAM_TSAN "thread sanitizer" OFF)

# For all, as files that share a precompiled header must be compiled with the same options.
add_compile_options(-pthread)

# Of g++, which every file is written for; clang++ builds the fuzzers only.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                      -Wconversion -Wno-sign-conversion -Werror -fno-omit-frame-pointer)
  # g++ 12 finds overflows inside std::string that are none (its bug 105651), seen once it comes precompiled.
  add_compile_options(-Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
endif()
# Analytics must give the same bits everywhere: no fused multiply-add, no reassociation.
add_compile_options(-ffp-contract=off)

if(ARTHAM_ASAN)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
                      # Only recoverable checks can be suppressed (tests/ubsan.supp); halt_on_error makes them fatal.
                      -fsanitize-recover=null)
  add_link_options(-fsanitize=address,undefined)
endif()
option(ARTHAM_LIBFUZZER "libFuzzer's harnesses in tests/fuzz; needs clang++" OFF)
if(ARTHAM_LIBFUZZER)
  add_compile_options(-fsanitize=fuzzer-no-link -fno-omit-frame-pointer)
endif()
if(ARTHAM_TSAN)
  add_compile_options(-fsanitize=thread)
  # The sanitizer does not know fences, and Asio needs none beside its locks.
  add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  add_link_options(-fsanitize=thread)
endif()
