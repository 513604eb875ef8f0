#pragma once

namespace ct {
// Replaces LibTorch's CPU allocator by one that caches freed blocks and counts bytes. Call once, before any tensor exists.
void install_allocator();
}
