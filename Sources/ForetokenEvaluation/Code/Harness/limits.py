"""Starts every process of the harness: drops root privileges and sets the resource limits."""
import json, os, resource, sys

limits = json.loads(sys.argv[1])
if limits["uid"]:
    os.setgroups([])
    os.setresgid(limits["uid"], limits["uid"], limits["uid"])
    os.setresuid(limits["uid"], limits["uid"], limits["uid"])
for kind, value in limits["resources"].items():
    hard = resource.getrlimit(getattr(resource, "RLIMIT_" + kind))[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # SIGKILL a second later; SIGXCPU comes first and shows that the limit was the CPU time.
    resource.setrlimit(getattr(resource, "RLIMIT_" + kind), (value, value + 1 if kind == "CPU" else value))
# Python refuses to write or read integers of more than 4,300 digits unless told otherwise (since 3.10.7).
getattr(sys, "set_int_max_str_digits", int)(0)
# Python is started without `site`, which would take three times as long as the rest of its start. It is loaded when a
# module is not found in the standard library.
import _sitebuiltins, builtins

builtins.exit = builtins.quit = _sitebuiltins.Quitter("exit", "end of input")


class Site:
    @staticmethod
    def find_spec(name, path=None, target=None):
        sys.meta_path.remove(Site)
        import site

        site.main()
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name, path, target)


sys.meta_path.append(Site)
os.closerange(5 if limits["tests"] else 3, 1 << 16)


def null(*numbers):
    """Connects descriptors to /dev/null."""
    for number in numbers:
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
