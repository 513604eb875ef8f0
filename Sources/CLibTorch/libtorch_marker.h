// LibTorch reaches SwiftPM through pkg-config (libtorch.pc, written by `make setup`); only CTorch's .cpp files include its headers.
