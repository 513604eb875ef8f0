"""Stand-ins for the classes and objects of the process at the other end of the pipe.

A stand-in's class has exactly the special methods of its original, so that `callable`, `iter` or `len` accept and refuse as they
do where the object lives. A class derived from `int`, `list` and so on is rebuilt around a copy of the data; an exception's class
has the real ancestors, so that `except` and `isinstance` find them.
"""
import operator

CONVERSIONS = {
    "__len__": len, "__bool__": bool, "__int__": int, "__float__": float, "__complex__": complex, "__index__": operator.index,
    "__str__": str, "__repr__": repr, "__hash__": hash, "__bytes__": bytes, "__abs__": abs, "__round__": round,
    "__neg__": operator.neg, "__pos__": operator.pos, "__invert__": operator.invert, "__reversed__": reversed,
    "__iter__": iter, "__format__": format, "__getitem__": operator.getitem,
    "__trunc__": lambda x: type(x).__trunc__(x), "__floor__": lambda x: type(x).__floor__(x),
    "__ceil__": lambda x: type(x).__ceil__(x),
}
COMPARISONS = {"__%s__" % name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
COMPARISONS["__contains__"] = operator.contains
ARITHMETIC = {
    "__%s__" % name: getattr(operator, "__%s__" % name)
    for name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "and", "xor", "or")
}
ARITHMETIC["__divmod__"] = divmod
CHANGES = {
    "__setitem__": operator.setitem, "__delitem__": operator.delitem,
    "__enter__": lambda x: type(x).__enter__(x), "__exit__": lambda x, *rest: type(x).__exit__(x, *rest),
}
OPERATIONS = {**CONVERSIONS, **COMPARISONS, **ARITHMETIC, **CHANGES}
READABLE = {"__name__", "__qualname__", "__doc__", "__dict__", "__wrapped__", "__annotations__", "__defaults__", "__members__"}


def special_methods(cls):
    """The special methods of a class that its stand-in forwards."""
    # Not by getattr, which finds those of the class's own class, too.
    defined = {name: value for base in reversed(cls.__mro__) for name, value in base.__dict__.items()}
    found = [name for name in [*OPERATIONS, "__call__", "__next__"] if defined.get(name) is not None]
    if defined["__eq__"] is object.__eq__:
        # Identity, which needs no question.
        found = [name for name in found if name not in ("__eq__", "__ne__", "__hash__")]
    elif defined.get("__hash__") is None:
        found.append("unhashable")
    return found


def data_base(cls):
    """The builtin type of data that a class is derived from."""
    return next((base for base in cls.__mro__ if base in DATA), None)


def plain(x, base):
    """The data of an object of a class derived from `base`, by the base's own methods."""
    if base in (int, float, str): return getattr(base, "__%s__" % base.__name__)(x)
    if base is complex: return complex.__pos__(x)
    if base in (bytes, bytearray): return base(memoryview(x))
    if base is dict: return dict(dict.items(x))
    return base(base.__iter__(x))


class StandIn(type):
    """The class of the stand-ins' classes; `exchange` is set for the originals' side."""

    def __call__(cls, *args, **kwargs):
        if not exchange.is_theirs(cls): return type.__call__(cls, *args, **kwargs)
        return exchange.call(cls, args, kwargs)

    def __getattr__(cls, name):
        if not exchange.is_theirs(cls): raise AttributeError(name)
        return get_attribute(cls, name)

    def __setattr__(cls, name, value):
        if not exchange.is_theirs(cls): return type.__setattr__(cls, name, value)
        exchange.change("set", cls, name, value)

    def __iter__(cls): return exchange.iterate(cls)
    def __len__(cls): return exchange.operate("__len__", (cls,))
    def __getitem__(cls, key): return exchange.operate("__getitem__", (cls, key))
    def __contains__(cls, key): return any(key is x or key == x for x in cls)


def get_attribute(self, name):
    if name.startswith("__") and name.endswith("__") and name not in READABLE: raise AttributeError(name)
    return exchange.get(self, name)


def set_attribute(self, name, value):
    if name.startswith("__") and name.endswith("__"): return object.__setattr__(self, name, value)
    exchange.change("set", self, name, value)


def forward(name):
    """A special method that asks for the original's answer."""
    if name == "__call__": return lambda self, *args, **kwargs: exchange.call(self, args, kwargs)
    if name == "__next__": return lambda self: exchange.next(self)
    if name == "__iter__": return lambda self: exchange.iterate(self)
    if name == "__contains__": return lambda self, x: exchange.contains(self, x)
    return lambda self, *rest: exchange.operate(name, (self, *rest))


def reflected(name):
    return lambda self, other: exchange.operate(name, (other, self))


def stand_in_class(module, qualname, bases, specials):
    """A stand-in for a class; `bases` are stand-ins, exceptions and types of data."""
    namespace = {
        "__module__": module, "__qualname__": qualname, "__slots__": (), "__getattr__": get_attribute,
    }
    if not any(issubclass(base, (BaseException, *DATA)) for base in bases):
        namespace["__setattr__"] = set_attribute
        namespace["__delattr__"] = lambda self, name: exchange.change("delete", self, name)
        for name in specials:
            if name == "unhashable":
                namespace["__hash__"] = None
            elif name in OPERATIONS or name in ("__call__", "__next__"):
                namespace[name] = forward(name)
                if name in ARITHMETIC: namespace["__r" + name[2:]] = reflected(name)
            else:
                raise ValueError
    if any(issubclass(base, BaseException) for base in bases):
        namespace["__str__"] = lambda self: self.__dict__.get("\0text") or BaseException.__str__(self)
    name = qualname.rpartition(".")[2]
    try:
        return StandIn(name, bases or (object,), namespace)
    except TypeError:
        # An order of bases that Python refuses, or layouts that do not go together.
        exception = next((base for base in bases if issubclass(base, BaseException)), object)
        return StandIn(name, (exception,), namespace)
