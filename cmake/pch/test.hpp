#pragma once

// What every test includes: compiled once.
#include "cmake/pch/std.hpp"

#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
