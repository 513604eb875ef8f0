// See gloo/context.h; the header that includes this needs nothing of it.
#pragma once
