#include "Platform.h"

#include <algorithm>
#include <thread>

#if defined(__linux__)
#include <sched.h>

#include <cerrno>
#include <cmath>
#include <exception>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#endif

namespace ck {
namespace {

int32_t hardware_threads() { return std::max(1, static_cast<int32_t>(std::thread::hardware_concurrency())); }

#if defined(__linux__)

// Number of processors in the affinity mask.
int32_t affinity() {
    // The kernel rejects a mask smaller than its own.
    for (int processors = 1024; processors <= 1 << 20; processors *= 2) {
        cpu_set_t *const mask = CPU_ALLOC(processors);
        if (mask == nullptr) break;
        const size_t bytes = CPU_ALLOC_SIZE(processors);
        const int status = sched_getaffinity(0, bytes, mask);
        const int error = errno, count = status == 0 ? CPU_COUNT_S(bytes, mask) : 0;
        CPU_FREE(mask);
        if (status == 0) return std::max(1, count);
        if (error != EINVAL) break;
    }
    return hardware_threads();
}

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

// The CPU quota of one control group: from cpu.max in version 2, from two files in version 1.
double quota_in(const std::string &folder) {
    double quota = 0, period = 0;
    if (std::ifstream file(folder + "/cpu.max"); file >> quota >> period && quota > 0 && period > 0) return quota / period;
    std::ifstream quotas(folder + "/cpu.cfs_quota_us"), periods(folder + "/cpu.cfs_period_us");
    if (quotas >> quota && periods >> period && quota > 0 && period > 0) return quota / period;
    return kUnlimited;
}

// The minimum quota of a control group and its ancestors.
double quota_of(const std::string &root, std::string path) {
    // The path is outside the visible hierarchy, as in a container, where the root is the process's own group.
    if (path.find("..") != std::string::npos) path.clear();
    double least = quota_in(root);
    while (path.size() > 1) {
        least = std::min(least, quota_in(root + path));
        path.resize(path.find_last_of('/'));
    }
    return least;
}

// The CPU quota of this process.
double quota() {
    const std::string mount = "/sys/fs/cgroup";
    double least = kUnlimited;
    std::ifstream groups("/proc/self/cgroup");
    // Lines are number:controllers:/path, without controllers in version 2.
    for (std::string line; std::getline(groups, line);) {
        const size_t first = line.find(':'), second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos || line.find('/', second) != second + 1) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
        if (controllers.empty()) {
            for (const char *root : {"", "/unified"}) least = std::min(least, quota_of(mount + root, path));
            continue;
        }
        std::istringstream names(controllers);
        for (std::string name; std::getline(names, name, ',');)
            if (name == "cpu")
                for (const auto &root : {name, controllers}) least = std::min(least, quota_of(mount + "/" + root, path));
    }
    return least;
}

#endif

}  // namespace

int32_t usable_processors() {
#if defined(__linux__)
    // If memory for the strings runs out, only the affinity mask counts.
    const int32_t processors = affinity();
    try {
        const double limit = quota();
        return limit < processors ? std::max(1, static_cast<int32_t>(std::ceil(limit))) : processors;
    } catch (const std::exception &) {
        return processors;
    }
#else
    return hardware_threads();
#endif
}

}  // namespace ck
