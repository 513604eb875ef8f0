/// The Python of a grading: the program runs in one process, the tests in another that shares nothing with it but a pipe.
///
/// What the program does to its interpreter it does to itself: the tests see plain values that come over the pipe (numbers,
/// texts, lists and so on, rebuilt from JSON), and handles for everything else. So no program can print, patch or
/// `exit` its way to a verdict, and an object that claims to equal everything equals nothing.
enum Harness {
    /// Gives up root and takes on the limits; the first lines of both sides.
    private static let limits = #"""
        import json, os, resource, sys
        limits = json.loads(sys.argv[1])
        if limits["uid"]:
            os.setgroups([])
            os.setresgid(limits["uid"], limits["uid"], limits["uid"])
            os.setresuid(limits["uid"], limits["uid"], limits["uid"])
        for kind, value in limits["resources"].items():
            hard = resource.getrlimit(getattr(resource, "RLIMIT_" + kind))[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            # A second more until SIGKILL: SIGXCPU tells what it was.
            resource.setrlimit(getattr(resource, "RLIMIT_" + kind), (value, value + 1 if kind == "CPU" else value))
        # Python starts without `site`, which takes three times as long as all the rest: installed packages are looked for
        # when a module is not found elsewhere.
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
            for number in numbers:
                os.dup2(os.open(os.devnull, os.O_RDWR), number)

        """#

    /// Values on the pipe. What is no plain value goes as a handle, if `handle` makes one of it.
    private static let values = #"""
        def encode(x, handle):
            t = type(x)
            if x is None or t is bool or t is str or t is float:
                return x
            if isinstance(x, bool) or t.__module__ == "numpy" and t.__name__ in ("bool_", "bool"):
                return bool(x)
            if isinstance(x, int):
                x = int(x)
                return x if -2**63 <= x < 2**63 else {"i": hex(x)}
            if t.__module__ == "numpy" and hasattr(x, "item") and getattr(x, "ndim", 1) == 0:
                return encode(x.item(), handle)
            if isinstance(x, float): return float(x)
            if isinstance(x, str): return str.__str__(x)
            if isinstance(x, list): return {"l": [encode(y, handle) for y in x]}
            if isinstance(x, tuple): return {"t": [encode(y, handle) for y in x]}
            if isinstance(x, frozenset): return {"f": [encode(y, handle) for y in x]}
            if isinstance(x, set): return {"s": [encode(y, handle) for y in x]}
            if isinstance(x, dict): return {"d": [[encode(k, handle), encode(v, handle)] for k, v in x.items()]}
            if isinstance(x, complex): return {"c": [x.real, x.imag]}
            if isinstance(x, (bytes, bytearray)): return {"b": bytes(x).hex()}
            if t.__module__ in ("decimal", "_decimal", "fractions") and t.__name__ in ("Decimal", "Fraction"):
                return {"n": [t.__name__, str(x)]}
            return {"h": handle(x)}
        def decode(x, handle):
            if type(x) is not dict:
                return x
            (tag, v), = x.items()
            if tag == "l": return [decode(y, handle) for y in v]
            if tag == "t": return tuple(decode(y, handle) for y in v)
            if tag == "s": return {decode(y, handle) for y in v}
            if tag == "f": return frozenset(decode(y, handle) for y in v)
            if tag == "d": return {decode(k, handle): decode(y, handle) for k, y in v}
            if tag == "i": return int(v, 16)
            if tag == "c": return complex(*v)
            if tag == "b": return bytes.fromhex(v)
            if tag == "n":
                if v[0] == "Decimal":
                    from decimal import Decimal
                    return Decimal(v[1])
                from fractions import Fraction
                return Fraction(v[1])
            return handle(v)

        """#

    /// The program's side: runs it and answers the tests' questions. Nothing in here is believed.
    static let program =
        limits + values + #"""
            import types
            questions, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
            null(0, 1, 2)
            def say(value):
                data = json.dumps(value).encode("ascii") + b"\n"
                while data:
                    data = data[os.write(answers, data):]
            say("ready")
            module = types.ModuleType("solution")
            sys.modules["solution"] = module
            objects, places = [], {}
            def handle(x):
                if id(x) not in places:
                    places[id(x)] = len(objects)
                    objects.append(x)
                return places[id(x)]
            def known(number):
                return objects[number]
            def answer(kind, *rest):
                if kind == "run":
                    exec(compile(rest[0], "solution.py", "exec"), module.__dict__)
                    return [[n, x.__name__ if isinstance(x, types.ModuleType) else ""]
                            for n, x in module.__dict__.items() if isinstance(n, str) and not n.startswith("__")]
                if kind == "name": return encode(module.__dict__[rest[0]], handle)
                if kind == "call":
                    return encode(known(rest[0])(*decode(rest[1], known), **decode(rest[2], known)), handle)
                if kind == "get": return encode(getattr(known(rest[0]), rest[1]), handle)
                if kind == "set": return encode(setattr(known(rest[0]), rest[1], decode(rest[2], known)), handle)
                if kind == "list":
                    found = []
                    for x in known(rest[0]):
                        found.append(x)
                        if len(found) > 10**6: raise MemoryError
                    return encode(found, handle)
                if kind == "len": return len(known(rest[0]))
                if kind == "item": return encode(known(rest[0])[decode(rest[1], known)], handle)
                if kind == "as": return encode({"str": str, "repr": repr, "int": int, "float": float,
                                                "bool": bool}[rest[1]](known(rest[0])), handle)
            for line in questions:
                try:
                    reply = {"value": answer(*json.loads(line))}
                except BaseException as error:
                    reply = {"error": [type(error).__name__, str(error)[:300]]}
                say(reply)

            """#

    /// The tests' side: reads what to do from standard input and writes the verdict to standard output.
    static let tests =
        limits + values + #"""
            import builtins, importlib, re, select, time
            job = json.loads(sys.stdin.buffer.read())
            verdicts = os.dup(1)
            def verdict(kind, reason=""):
                os.write(verdicts, json.dumps({"verdict": kind, "reason": ascii(reason[:300])[1:-1],
                                               "seconds": time.monotonic() - began}).encode("ascii"))
                os._exit(0)
            began = time.monotonic()
            end = began + 60
            replies = b""
            def receive():
                global replies
                chunks = [replies]
                size = len(replies)
                while b"\n" not in chunks[-1]:
                    left = end - time.monotonic()
                    if left <= 0 or not select.select([4], [], [], left)[0]:
                        verdict("timeout" if started else "fault", "time limit")
                    chunk = os.read(4, 1 << 20)
                    if not chunk:
                        verdict("failed" if started else "fault", "the program's process ended")
                    size += len(chunk)
                    if size > 1 << 26:
                        verdict("failed", "a value is larger than 64 MiB")
                    chunks.append(chunk)
                line, _, replies = b"".join(chunks).partition(b"\n")
                return json.loads(line)
            def ask(*question):
                data = json.dumps(question).encode("ascii") + b"\n"
                while data:
                    left = end - time.monotonic()
                    if left <= 0 or not select.select([], [3], [], left)[1]:
                        verdict("timeout", "time limit")
                    try:
                        data = data[os.write(3, data):]
                    except BlockingIOError:
                        pass
                    except BrokenPipeError:
                        verdict("failed", "the program's process ended")
                try:
                    reply = receive()
                    value = decode(reply["value"], handle) if "value" in reply else None
                    error = None if "value" in reply else (str(reply["error"][0]), str(reply["error"][1]))
                except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, MemoryError):
                    verdict("failed", "the program's process does not answer as it should")
                if error is None:
                    return value
                kind = getattr(builtins, error[0], None)
                if isinstance(kind, type) and issubclass(kind, Exception):
                    try:
                        raised = kind(error[1])
                    except TypeError:
                        raised = RuntimeError(error[1])
                    raise raised
                raise RuntimeError(": ".join(error))
            class Handle:
                __slots__ = ("_number",)
                def __init__(self, number): object.__setattr__(self, "_number", number)
                def __call__(self, *a, **k): return ask("call", self._number, encode(a, number), encode(k, number))
                def __getattr__(self, name):
                    if name.startswith("__"): raise AttributeError(name)
                    return ask("get", self._number, name)
                def __setattr__(self, name, value): ask("set", self._number, name, encode(value, number))
                def __iter__(self): return iter(ask("list", self._number))
                def __len__(self): return ask("len", self._number)
                def __getitem__(self, key): return ask("item", self._number, encode(key, number))
                def __str__(self): return str(ask("as", self._number, "str"))
                def __repr__(self): return str(ask("as", self._number, "repr"))
                def __int__(self): return int(ask("as", self._number, "int"))
                def __float__(self): return float(ask("as", self._number, "float"))
                def __bool__(self): return bool(ask("as", self._number, "bool"))
            handles = {}
            def handle(place):
                if type(place) is not int: raise ValueError
                if place not in handles: handles[place] = Handle(place)
                return handles[place]
            def number(x):
                if type(x) is Handle: return x._number
                verdict("fault", "the tests pass a value that cannot be sent: " + type(x).__name__)
            null(0, 1, 2)
            os.set_blocking(3, False)
            started = False
            if receive() != "ready":
                verdict("fault", "the program's process did not start")
            started = True
            space = {"__name__": "tests", "__builtins__": builtins}
            try:
                exec(compile(job["setup"], "setup.py", "exec"), space)
                code = compile(job["code"], "tests.py", "exec")
            except BaseException as error:
                verdict("fault", "the problem's own code fails: %s: %s" % (type(error).__name__, error))
            began = time.monotonic()
            end = began + job["limit"]
            # What the program answers may take C code for ever, such as a Fraction of "1e999999999": from here on running
            # out of processor time is the program's fault.
            os.write(verdicts, b"started\n")
            used = resource.getrusage(resource.RUSAGE_SELF)
            used = int(used.ru_utime + used.ru_stime + job["limit"]) + 2
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (min(used, hard), hard))
            try:
                words = set(re.findall(r"\w+", job["code"]))
                names = ask("run", job["program"])
                for name, origin in names if type(names) is list else []:
                    if name not in words:
                        continue
                    if name == job["entry"] or name not in space and not hasattr(builtins, name):
                        if origin and origin.split(".")[0] in sys.stdlib_module_names:
                            space[name] = importlib.import_module(origin)
                        else:
                            space[name] = ask("name", name)
                if job["entry"] and (not names or job["entry"] not in [n for n, _ in names]):
                    verdict("failed", "the program does not define " + job["entry"])
                exec(code, space)
            except BaseException as error:
                verdict("failed", "%s: %s" % (type(error).__name__, error))
            verdict("passed")

            """#

    /// A program that reads standard input and writes standard output: its own text comes first, after its length.
    static let standardInput =
        limits + #"""
            size = b""
            while not size.endswith(b"\n"):
                size += os.read(0, 1)
            source = b""
            while len(source) < int(size):
                source += os.read(0, int(size) - len(source))
            os.write(2, b"ready")
            null(2)
            sys.argv = ["solution.py"]
            exec(compile(source, "solution.py", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})

            """#
}
