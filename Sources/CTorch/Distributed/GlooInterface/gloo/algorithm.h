// Empty; see gloo/context.h.
#pragma once
