#pragma once

namespace ct {
// Replaces LibTorch's CPU allocator by one that keeps freed blocks and counts bytes. Call once, before any tensor.
void install_allocator();
}
