"""Reads LibTorch's wheels for scripts/setup.sh. Needs only the standard library of Python 3.6 or newer.

    wheels.py requirements WHEEL cpu|gpu     prints the pip requirements with libraries that LibTorch loads
    wheels.py unpack WHEEL FOLDER cpu|gpu    unpacks libraries, headers and licences, and nothing else

With `cpu` only libtorch_cpu.so has to load. A wheel built for CUDA links it with the CUDA runtime and with CUPTI, which
need no driver; the GPU libraries themselves are left out.
"""

import fnmatch
import re
import sys
import zipfile
import zlib

WANTED = ["torch/lib/*.so*", "torch/include/*", "torch.libs/*", "nvidia/*/lib/*.so*", "*.dist-info/*"]
# Python bindings and tests of torch, and metadata that lists files which are not unpacked.
UNWANTED = [
    "*/libtorch_python.so", "*/libshm*", "*/libjitbackend_test.so", "*/libtorchbind_test.so",
    "*/libbackend_with_compiler.so", "*/libaoti_custom_ops.so", "*.dist-info/RECORD", "*.dist-info/entry_points.txt",
]
# libtorch.so only links the other libraries, including CUDA's.
GPU_ONLY = ["torch/lib/libtorch.so", "torch/lib/*cuda*", "torch/lib/*nvrtc*", "torch/lib/*nvshmem*"]


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def requirements(wheel, parts):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode("utf-8")
    found = []
    for line in re.findall(r"^Requires-Dist: *([^;\r\n]+)", metadata, re.MULTILINE):
        requirement = line.replace(" ", "")
        if not re.match(r"(cuda-toolkit|nvidia-)", requirement):
            continue
        if parts == "cpu":
            requirement = re.sub(r"^cuda-toolkit\[[^]]*\]", "cuda-toolkit[cudart,cupti]", requirement)
            if not re.match(r"(cuda-toolkit|nvidia-cuda-(runtime|cupti))", requirement):
                continue
        found.append(requirement)
    return found


def unpack(wheel, folder, parts):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not matches(name, WANTED) or matches(name, UNWANTED) or name.endswith("/"):
                continue
            if parts == "cpu" and matches(name, GPU_ONLY):
                continue
            archive.extract(name, folder)


def main(command, wheel, *rest):
    try:
        if command == "unpack":
            unpack(wheel, *rest)
        else:
            for requirement in requirements(wheel, *rest):
                print(requirement)
    except (OSError, EOFError, StopIteration, zipfile.BadZipFile, zlib.error) as error:
        sys.exit("{}: {}".format(wheel, error or "no METADATA in it"))


if __name__ == "__main__":
    main(*sys.argv[1:])
