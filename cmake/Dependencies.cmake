# Debian 12 packages only; README.md lists each with its reason.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(CAF REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS system url)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(doctest REQUIRED)
find_package(benchmark REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
# Its -D_FILE_OFFSET_BITS=64 says nothing on 64 bits, and keeps the precompiled headers from being used.
set_target_properties(PkgConfig::HIREDIS PROPERTIES INTERFACE_COMPILE_OPTIONS "")
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(LIBPQXX REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(TOMLPP REQUIRED IMPORTED_TARGET tomlplusplus)
find_library(SQLITECPP_LIBRARY SQLiteCpp REQUIRED)
find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
find_library(PROMETHEUS_CORE_LIBRARY prometheus-cpp-core REQUIRED)

# Memory that one thread allocates and another frees is what the actors do all day; sanitizers bring an allocator of
# their own. The package has no link for developers.
add_library(artham_allocator INTERFACE)
if(NOT ARTHAM_ASAN AND NOT ARTHAM_TSAN)
  find_library(TCMALLOC_LIBRARY NAMES libtcmalloc_minimal.so.4 REQUIRED)
  target_link_libraries(artham_allocator INTERFACE "${TCMALLOC_LIBRARY}")
endif()

# Only tests and benchmarks compare with QuantLib. script/quantlib unpacks its headers; the package has no link for
# developers.
find_path(QUANTLIB_HEADERS ql/version.hpp
  HINTS "$ENV{XDG_CACHE_HOME}/artham/quantlib-1.29" "$ENV{HOME}/.cache/artham/quantlib-1.29")
find_library(QUANTLIB_LIBRARY NAMES libQuantLib.so.0)
if(QUANTLIB_HEADERS AND QUANTLIB_LIBRARY)
  add_library(artham_quantlib INTERFACE)
  target_include_directories(artham_quantlib SYSTEM INTERFACE "${QUANTLIB_HEADERS}")
  target_link_libraries(artham_quantlib INTERFACE "${QUANTLIB_LIBRARY}" Boost::boost)
else()
  message(WARNING "no QuantLib: test_option_oracle and option_peer_bench are left out; script/bootstrap gets it")
endif()
