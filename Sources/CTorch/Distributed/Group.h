// The handle to a process group. Separate from Handles.h because c10d's headers for groups include all ATen operators.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include "Handles.h"

struct ct_group_s {
    c10::intrusive_ptr<c10d::Backend> backend;
};
