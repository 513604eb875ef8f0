"""Classes and functions that both sides know by name, and what the program may do with the tests' objects."""

SHARED_TYPES = {
    object, type, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, map, filter,
    zip, enumerate, reversed, type(None),
}
SHARED_LIBRARY = {
    "collections": ("OrderedDict", "Counter", "defaultdict", "deque"), "decimal": ("Decimal",), "fractions": ("Fraction",),
    "datetime": ("date", "time", "datetime", "timedelta", "timezone"),
}
# Objects whose attributes lead into the interpreter.
CLOSED = (
    types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.GeneratorType, types.CoroutineType,
    types.AsyncGeneratorType, types.FrameType, types.CodeType, types.TracebackType, types.ModuleType, type,
)


def is_shared_class(cls):
    """Whether a class is the same on both sides: types of data and the builtin exceptions."""
    if cls in SHARED_TYPES: return True
    if cls.__module__ == "builtins": return issubclass(cls, BaseException) and getattr(builtins, cls.__name__, None) is cls
    names = SHARED_LIBRARY.get(cls.__module__, ())
    return cls.__name__ in names and getattr(sys.modules.get(cls.__module__), cls.__name__, None) is cls


def find(module, qualname, imports):
    if imports:
        import importlib

        importlib.import_module(module)
    found = sys.modules[module]
    for part in qualname.split("."): found = getattr(found, part)
    return found


def find_class(module, qualname, imports):
    if (module, qualname) == ("builtins", "NoneType"): return type(None)
    found = find(module, qualname, imports or module in SHARED_LIBRARY)
    if not isinstance(found, type): raise Invalid("not a class")
    return found


def library_exception(module, qualname):
    """The standard library's exception of this name, if its module has been imported here."""
    if str(module).partition(".")[0] not in sys.stdlib_module_names or module not in sys.modules: return None
    try:
        found = find(module, qualname, False)
    except AttributeError:
        return None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def is_named(x):
    """Whether a class or function can be found by its name in an interpreter that does not run the tests."""
    module, qualname = getattr(x, "__module__", None), getattr(x, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str) or module in ("tests", "__main__"): return False
    try:
        return find(module, qualname, False) is x
    except (KeyError, AttributeError):
        return False


def encode_by_name(x, t, encode):
    """What the tests pass by name or by its recipe, because the program has the same libraries; None for all else."""
    if t is types.ModuleType: return {"module": x.__name__}
    if is_named(x): return {"named": [x.__module__, x.__qualname__]}
    owner = getattr(x, "__objclass__", None)
    if isinstance(owner, type) and is_named(owner): return {"named": [owner.__module__, owner.__qualname__ + "." + x.__name__]}
    import functools

    if t is functools.partial: return {"partial": [encode(x.func), encode(x.args), encode(x.keywords)]}
    if t in CLOSED or not is_named(t) or hasattr(t, "__next__"): return None
    import pickle

    try:
        return {"pickle": pickle.dumps(x).hex()}
    except Exception:
        return None


def decode_by_name(tag, v, decode):
    if tag == "named": return find(*v, imports=True)
    if tag == "module":
        import importlib

        return importlib.import_module(v)
    if tag == "partial":
        import functools

        return functools.partial(decode(v[0]), *decode(v[1]), **decode(v[2]))
    import pickle

    return pickle.loads(bytes.fromhex(v))


def is_exported(exchange, x):
    return id(x) in exchange.our_numbers


def require_exported(exchange, x):
    if not is_exported(exchange, x): raise Invalid("not an object of the tests")


def require_attribute(x, name):
    """The program reads and sets public attributes of the tests' instances; those of functions lead to their globals."""
    if type(name) is not str or name.startswith("_") or isinstance(x, CLOSED): raise AttributeError(name)
