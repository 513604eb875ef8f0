// The handle to a group. Apart from the store's, because c10d's headers of groups include all of ATen's operators.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include "Handles.h"

struct ct_group_s {
    c10::intrusive_ptr<c10d::Backend> backend;
};
